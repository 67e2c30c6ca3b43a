"""GPT-2, Llama 3, Qwen, tiktoken and nanochat, read and written, against their own encoders."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
import tokenizers

from conftest import cygnet
from cygnet.tokenizer import formats
from cygnet.tokenizer.formats.byte_level import spell
from cygnet.tokenizer.formats.dialects import LLAMA3, read_pattern
from cygnet.tokenizer.formats.tiktoken import to_encoding
from cygnet.tokenizer.formats.tokenizer_json import to_tokenizer_json
from cygnet.tokenizer.patterns import PATTERNS, SPECIAL_TOKENS
from cygnet.tokenizer.tokenizer import Tokenizer
from format_oracles import (
    STORIES,
    TEXTS,
    added,
    assert_same,
    hf_ids,
    load,
    ranks_of,
    real_texts,
)


@pytest.fixture(scope="module")
def chat() -> Tokenizer:
    names = SPECIAL_TOKENS["nanochat"]
    return Tokenizer.train(STORIES * 3, 400, pattern="nanochat", special_tokens=names)


def test_llama_3_of_hugging_face(data: Path, tmp_path: Path) -> None:
    """Its shape: every split of a token is a merge, words are looked up whole, specials inside."""
    ranks = ranks_of(data / "tokenizers" / "cl100k_base.tiktoken", 6000)
    del ranks[max(ranks, key=len)]
    names = dict(zip(spell([*ranks]), ranks.values(), strict=True))
    merges = []
    for name in names:
        splits = [(name[:i], name[i:]) for i in range(1, len(name))]
        known = [pair for pair in splits if pair[0] in names and pair[1] in names]
        merges += sorted(known, key=lambda pair: (names[pair[0]], names[pair[1]]))
    content = to_tokenizer_json(Tokenizer([], LLAMA3, []))
    content["model"] |= {"vocab": names, "ignore_merges": True}
    content["model"]["merges"] = [" ".join(pair) for pair in merges]
    specials = ["<|begin_of_text|>", "<|end_of_text|>"]
    content["added_tokens"] = [added(name, 6000 + i) for i, name in enumerate(specials)]
    content["model"]["vocab"] |= {name: 6000 + i for i, name in enumerate(specials)}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|end_of_text|>"}')
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.vocabulary.whole_words
    assert tokenizer.boundary_id == 6001
    assert_same(tokenizer, hf_ids(path), real_texts(data))
    tokenizer.save(tmp_path / "again")
    assert_same(tokenizer, hf_ids(tmp_path / "again" / "tokenizer.json"), real_texts(data))


# GPT-2's two files


def test_gpt2(data: Path, tmp_path: Path) -> None:
    folder = data / "tokenizers" / "gpt2"
    tokenizer = load(folder)
    assert tokenizer.special_tokens == {"<|endoftext|>": 50256}
    assert tokenizer.pattern == PATTERNS["gpt2"]
    files = str(folder / "encoder.json"), str(folder / "vocab.bpe")
    theirs = tokenizers.ByteLevelBPETokenizer(*files)
    assert_same(tokenizer, lambda text: theirs.encode(text).ids, real_texts(data))
    tokenizer.save(tmp_path)
    assert_same(tokenizer, hf_ids(tmp_path / "tokenizer.json"), real_texts(data))
    assert load(tmp_path).sha256 == tokenizer.sha256
    encoding = to_encoding(tokenizer)
    assert_same(tokenizer, encoding.encode_ordinary, real_texts(data))


def test_gpt2_ids_of_somebody_elses_pipeline(data: Path) -> None:
    ids = np.fromfile(data / "tinystories" / "czhou578_val.gpt2.uint16.bin", np.uint16)[:20_000]
    ids = ids[: np.flatnonzero(ids == 50256)[-1] + 1]
    tokenizer = load(data / "tokenizers" / "gpt2")
    text = tokenizer.decode(ids.tolist())
    assert tokenizer.encode(text, allowed_special=["<|endoftext|>"]) == ids.tolist()


def test_gpt2_tokenizer_json_as_it_is_published(data: Path, tmp_path: Path) -> None:
    """ByteLevel with its own regex, and the end of text inside the vocabulary."""
    folder = data / "tokenizers" / "gpt2"
    theirs = tokenizers.ByteLevelBPETokenizer(
        str(folder / "encoder.json"), str(folder / "vocab.bpe")
    )
    theirs.add_special_tokens(["<|endoftext|>"])
    theirs.save(str(tmp_path / "tokenizer.json"))
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    content["normalizer"] = None  # this class of `tokenizers` insists on one
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert load(tmp_path).sha256 == load(folder).sha256


def test_qwen(data: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = data / "tokenizers" / "qwen2.5"
    files = {"vocab": str(folder / "vocab.json"), "merges": str(folder / "merges.txt")}
    theirs = transformers.Qwen2Tokenizer(**files)
    pair = load(folder / "merges.txt", "qwen2")
    assert pair.special_tokens == {}
    assert_same(
        pair, lambda text: theirs(text, split_special_tokens=True)["input_ids"], real_texts(data)
    )
    parts = json.loads((folder / "special_tokens_and_pretokenizer.json").read_text())
    content = to_tokenizer_json(pair)
    for token in parts["added_tokens"]:
        content["added_tokens"].append(added(token["content"], token["id"], token["special"]))
    content |= {key: parts[key] for key in ("pre_tokenizer", "normalizer")}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    tokenizer = load(path)
    assert tokenizer.special_tokens["<|im_end|>"] == 151645
    assert tokenizer.pattern == PATTERNS["qwen2"]
    assert tokenizer.normalizer == "nfc"
    assert_same(tokenizer, hf_ids(path), real_texts(data))
    tokenizer.save(tmp_path / "again")
    assert_same(tokenizer, hf_ids(tmp_path / "again" / "tokenizer.json"), real_texts(data))


# tiktoken


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_files_of_openai(data: Path, name: str, tmp_path: Path) -> None:
    import tiktoken_ext.openai_public as openai

    path = data / "tokenizers" / f"{name}.tiktoken"
    arguments = official(getattr(openai, name), ranks_of(path))
    encoding = tiktoken.Encoding(**arguments)
    tokenizer = load(path)
    assert tokenizer.special_tokens == arguments["special_tokens"]
    assert tokenizer.boundary_id == encoding.eot_token
    assert tokenizer.vocab_size == encoding.n_vocab
    assert_same(tokenizer, encoding.encode_ordinary, real_texts(data))
    tokenizer.save(tmp_path)
    assert_same(tokenizer, hf_ids(tmp_path / "tokenizer.json"), real_texts(data))
    assert load(tmp_path).sha256 == tokenizer.sha256


def official(constructor: Callable[[], dict[str, Any]], ranks: dict[bytes, int]) -> dict[str, Any]:
    """What tiktoken builds an encoding from, with ranks that are already here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiktoken_ext.openai_public.load_tiktoken_bpe", lambda *_, **__: ranks)
        return constructor()


def test_openai_hashes_are_those_of_tiktoken() -> None:
    import inspect

    import tiktoken_ext.openai_public as openai

    for name in ("r50k_base", "p50k_base", "cl100k_base", "o200k_base"):
        constructor = getattr(openai, name)
        known = [key for key in formats.tiktoken.OPENAI if key in inspect.getsource(constructor)]
        assert len(known) == 1
        pattern, special_tokens = formats.tiktoken.OPENAI[known[0]]
        arguments = official(constructor, {})
        assert arguments["special_tokens"] == special_tokens
        assert read_pattern(arguments["pat_str"], "rust") == PATTERNS[pattern]


def test_other_rank_files(data: Path, tmp_path: Path) -> None:
    path = data / "tokenizers" / "qwen2.5" / "qwen2.5.tiktoken"
    pair = load(path.with_name("merges.txt"), "qwen2")
    assert_same(load(path, "qwen2"), pair.encode, real_texts(data))


def test_special_tokens_between_the_ranks(data: Path, tmp_path: Path) -> None:
    """As in p50k_base, whose ranks leave out 50256."""
    ranks = ranks_of(data / "tokenizers" / "cl100k_base.tiktoken", 2000)
    ranks = {token: rank + (rank >= 1500) for token, rank in ranks.items()}
    special_tokens = {"<|endoftext|>": 1500, "<|fim|>": 2001}
    arguments = {"pat_str": PATTERNS["cl100k"], "special_tokens": special_tokens}
    encoding = tiktoken.Encoding("x", mergeable_ranks=ranks, **arguments)
    (tmp_path / "tokenizer.pkl").write_bytes(pickle.dumps(encoding))
    tokenizer = Tokenizer.load(tmp_path)
    assert_same(tokenizer, encoding.encode_ordinary, real_texts(data))
    formats.save(tokenizer, tmp_path / "out.tiktoken", "tiktoken")
    assert ranks_of(tmp_path / "out.tiktoken") == ranks
    again = Tokenizer.load(tmp_path / "out.tiktoken")
    assert again.special_tokens == special_tokens
    assert again.sha256 == tokenizer.sha256


@pytest.mark.parametrize("pattern", [*PATTERNS, LLAMA3, r"[a-z]+$|[A-Z]|\s+\Z|^\w{2}"])
def test_a_trained_tokenizer_in_tiktoken(pattern: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(STORIES * 3, 420, pattern=pattern, special_tokens=["<|a|>", "<b>"])
    path = tmp_path / "x.tiktoken"
    formats.save(tokenizer, path, "tiktoken")
    beside = json.loads((tmp_path / "x.tiktoken.json").read_text())
    encoding = tiktoken.Encoding(
        "x",
        pat_str=beside["pattern"],
        mergeable_ranks=ranks_of(path),
        special_tokens=beside["special_tokens"],
    )
    assert_same(tokenizer, encoding.encode_ordinary, TEXTS)
    assert Tokenizer.load(tmp_path).sha256 == tokenizer.sha256
    assert encoding.encode("a<|a|>", allowed_special="all") == tokenizer.encode(
        "a<|a|>", allowed_special=["<|a|>"]
    )


# nanochat


def test_what_nanochat_writes_is_read(chat: Tokenizer, tmp_path: Path) -> None:
    encoding = to_encoding(chat, "rustbpe")
    (tmp_path / "token_bytes.pt").write_bytes(b"not looked at")
    for protocol in (4, 5):
        (tmp_path / "tokenizer.pkl").write_bytes(pickle.dumps(encoding, protocol))
        tokenizer = Tokenizer.load(tmp_path)
        assert [*tokenizer.special_tokens] == [*SPECIAL_TOKENS["nanochat"]]
        assert tokenizer.pattern == PATTERNS["nanochat"]
        assert_same(tokenizer, encoding.encode_ordinary, TEXTS)


def test_what_nanochat_reads_is_written(chat: Tokenizer, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    formats.save(chat, tmp_path, "nanochat")
    encoding = pickle.loads((tmp_path / "tokenizer.pkl").read_bytes())
    assert_same(chat, encoding.encode_ordinary, TEXTS)
    assert encoding.encode_single_token("<|bos|>") == chat.boundary_id
    n_bytes = torch.load(tmp_path / "token_bytes.pt", weights_only=True)
    assert n_bytes.dtype == torch.int32
    # The rule of nanochat's tok_train.py, with its own calls.
    texts = [encoding.decode([token]) for token in range(encoding.n_vocab)]
    special = encoding.special_tokens_set
    expected = [0 if text in special else len(text.encode()) for text in texts]
    assert n_bytes.tolist() == expected
    assert Tokenizer.load(tmp_path).sha256 == chat.sha256


def test_the_named_set_of_special_tokens(tmp_path: Path) -> None:
    options = ("--tokenizer.special-tokens", "nanochat", "--tokenizer.vocab-size", "300")
    texts = ("--text.train", "stories:1:50", "--text.valid", "stories:2:5")
    result = cygnet("tokenizer", "train", "demo", *texts, *options, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    tokenizer = Tokenizer.load(tmp_path / "run")
    assert tokenizer.special_tokens == {
        name: 291 + i for i, name in enumerate(SPECIAL_TOKENS["nanochat"])
    }
