"""The public encoders with their real vocabularies, and cygnet's tokenizers of the same."""

import base64
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import tiktoken
import tokenizers
from tiktoken.load import data_gym_to_mergeable_bpe_ranks
from tiktoken_ext import openai_public
from tokenizers import Regex, pre_tokenizers

from cygnet.text.batch import TextBatch
from cygnet.tokenizer.patterns import PATTERNS
from cygnet.tokenizer.tokenizer import Tokenizer

Ids = Sequence[int]
Ranks = Mapping[bytes, int]
NAMES = ("gpt2", "cl100k", "o200k", "nanochat", "qwen2")
OPENAI = {"gpt2": "gpt2", "cl100k": "cl100k_base", "o200k": "o200k_base"}
NANOCHAT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
"""SPLIT_PATTERN of karpathy/nanochat, nanochat/tokenizer.py."""


@dataclass(frozen=True)
class Oracle:
    """An encoder by other people, and the tokenizer that must give the same ids.

    ``encode`` takes documents, ``encode_word`` a single word, which it does not split.
    """

    name: str
    tokenizer: Tokenizer
    encode: Callable[[list[str]], Sequence[Ids]]
    encode_word: Callable[[bytes], Ids]


@cache
def oracle(name: str, folder: Path) -> Oracle:
    """The encoder with the files in ``folder``: gpt2, cl100k, o200k, nanochat, qwen2, qwen2-nfc.

    nanochat publishes no vocabulary; its pattern runs over that of cl100k, which has words of
    blanks, digits and contractions enough to show every border.
    """
    if name.startswith("qwen2"):
        return _qwen(name, folder / "qwen2.5")
    encoding = _tiktoken(name, folder)
    tokenizer = _load(name, folder)
    one_thread = partial(encoding.encode_ordinary_batch, num_threads=1)
    return Oracle(name, tokenizer, one_thread, encoding._core_bpe.encode_single_piece)


def _load(name: str, folder: Path) -> Tokenizer:
    if name == "nanochat":
        return Tokenizer(_load("cl100k", folder).vocabulary, name, ["<|bos|>"])
    return Tokenizer.load(
        folder / "gpt2" if name == "gpt2" else folder / f"{OPENAI[name]}.tiktoken"
    )


@cache
def _tiktoken(name: str, folder: Path) -> tiktoken.Encoding:
    if name == "nanochat":
        ranks = _tiktoken("cl100k", folder)._mergeable_ranks
        special = {"<|bos|>": len(ranks)}
        return tiktoken.Encoding(
            name, pat_str=NANOCHAT, mergeable_ranks=ranks, special_tokens=special
        )
    with _local_files(folder):
        return tiktoken.Encoding(**openai_public.ENCODING_CONSTRUCTORS[OPENAI[name]]())


@contextmanager
def _local_files(folder: Path | None) -> Iterator[None]:
    """Let tiktoken's own definitions find their files in ``folder``; None leaves them empty."""

    def rank_file(url: str, expected_hash: str) -> dict[bytes, int]:
        lines = (folder / Path(url).name).read_bytes().splitlines() if folder else []
        return {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}

    def gpt2_files(**_: str) -> dict[bytes, int]:
        if folder is None:
            return {}
        files = (folder / "gpt2" / "vocab.bpe", folder / "gpt2" / "encoder.json")
        return data_gym_to_mergeable_bpe_ranks(*map(str, files))

    loaders = {"load_tiktoken_bpe": rank_file, "data_gym_to_mergeable_bpe_ranks": gpt2_files}
    with (
        mock.patch.multiple(openai_public, **loaders),
        mock.patch.dict(os.environ, TIKTOKEN_CACHE_DIR=""),
    ):
        yield


def _qwen(name: str, folder: Path) -> Oracle:
    """Qwen2.5 in ``tokenizers``, built by ``transformers``; without its normalizer, if so named."""
    from transformers import Qwen2Tokenizer

    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    lines = (folder / "merges.txt").read_text("utf-8").split("\n")
    merges = [(a, b) for a, b in (line.split(" ") for line in lines[1:] if line)]
    hf = Qwen2Tokenizer(vocab=vocab, merges=merges).backend_tokenizer
    hf.encode_special_tokens = True
    if name == "qwen2":
        # There is no way to say None: an empty sequence does nothing.
        hf.normalizer = tokenizers.normalizers.Sequence([])

    tokenizer = Tokenizer(
        Tokenizer.load(folder / "vocab.json", "qwen2").vocabulary,
        "qwen2",
        {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645},
        normalizer="nfc" if name == "qwen2-nfc" else None,
    )
    return Oracle(
        name,
        tokenizer,
        lambda texts: [found.ids for found in hf.encode_batch(texts)],
        lambda word: hf.encode(word.decode()).ids,
    )


def assert_same_ids(found: Oracle, text: Iterable[str] | TextBatch) -> int:
    """Encode documents in one batch with both, and say where they part; returns the tokens."""
    documents = list(text)
    expected = found.encode(documents)
    ids, offsets = found.tokenizer.encode_batch(text if isinstance(text, TextBatch) else documents)
    flat = np.fromiter(chain.from_iterable(expected), np.int64)
    ends = np.cumsum([len(document) for document in expected])
    if not (np.array_equal(ids, flat) and np.array_equal(offsets[1:], ends)):
        bounds = pairwise(offsets.tolist())
        for document, (start, end), right in zip(documents, bounds, expected, strict=True):
            got = ids[start:end].tolist()
            assert got == list(right), describe(found, document, got, right)
        raise AssertionError(f"{found.name}: the offsets are wrong, the ids are right")
    return len(ids)


def describe(found: Oracle, text: str, got: Ids, right: Ids) -> str:
    """The first token that differs, with the characters around it."""
    same = zip(got, right, strict=False)
    first = next((i for i, (a, b) in enumerate(same) if a != b), min(len(got), len(right)))
    before = found.tokenizer.decode_bytes(right[:first])
    place = len(before.decode(errors="ignore"))
    around = text[max(0, place - 12) : place + 12]
    names = [found.tokenizer.token_bytes(token) for token in got[first : first + 4]]
    wanted = [found.tokenizer.token_bytes(token) for token in right[first : first + 4]]
    return (
        f"{found.name}: token {first} at byte {len(before)} of {len(text.encode())}: "
        f"got {names}, not {wanted}, in {around!r} = {show(around)}"
    )


def show(text: str) -> str:
    return " ".join(f"{ord(character):04X}" for character in text)


def tiktoken_patterns() -> dict[str, str]:
    """The patterns of the installed tiktoken, and nanochat's."""
    with _local_files(None):
        of_openai = {
            name: openai_public.ENCODING_CONSTRUCTORS[full]()["pat_str"]
            for name, full in OPENAI.items()
        }
    return {**of_openai, "nanochat": NANOCHAT, "qwen2": PATTERNS["qwen2"]}


def tiktoken_words(pattern: str, texts: Sequence[str]) -> list[list[str]]:
    """The words that tiktoken's own engine cuts texts into.

    It does not tell; but with every substring of the texts as a token each word is one id.
    """
    parts = {
        text[start:end].encode()
        for text in texts
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
    }
    ranks = {bytes([byte]): byte for byte in range(256)}
    ranks |= {part: 256 + i for i, part in enumerate(parts)}
    encoding = tiktoken.Encoding("words", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    found = encoding.encode_ordinary_batch(list(texts), num_threads=1)
    return [[encoding.decode([word]) for word in words] for words in found]


def tokenizers_words(pattern: str, text: str) -> list[str]:
    """The words that ``tokenizers`` cuts a text into."""
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    return [word for word, _ in split.pre_tokenize_str(text)]
