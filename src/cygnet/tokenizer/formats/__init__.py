"""Tokenizers on disk: what others wrote, what cygnet writes, and what others can read.

=================================  ====  ===  ==========================================
format                             read  out  module
=================================  ====  ===  ==========================================
``tokenizer.json``                 yes   hf   ``tokenizer_json``: Hugging Face
``NAME.tiktoken``                  yes   yes  ``tiktoken``: OpenAI, Qwen
``encoder.json``, ``vocab.bpe``    yes        ``gpt2``
``vocab.json``, ``merges.txt``     yes        ``gpt2``
``tokenizer.pkl``                  yes   yes  ``nanochat``: a pickle, which is not executed
``tok512.bin``                     yes   hf   ``llama2c``: a ``SentencePieceTokenizer``
``token_mapping.json``             yes        ``token_mapping``: a ``CompactTokenizer``
``vocab.txt``                            hf   ``vocab_txt``: for people
=================================  ====  ===  ==========================================
"""

from pathlib import Path
from typing import Literal

from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.formats import (
    gpt2,
    llama2c,
    nanochat,
    sentencepiece,
    tiktoken,
    token_mapping,
    tokenizer_json,
)
from cygnet.tokenizer.sentencepiece import SentencePieceTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer

Target = Literal["hf", "tiktoken", "nanochat"]

SEARCHED = (token_mapping.NAME, "tokenizer.json", "tokenizer.pkl", *gpt2.PAIRS)
"""The files that make a folder a tokenizer, in the order in which they are looked for; after them
comes a ``.tiktoken`` file that is the only one."""


def find(path: Path) -> Path:
    """The file that a file, a folder or a run folder stands for.

    Raises:
        InputError: There is none.
    """
    if path.is_file():
        return path
    for folder in (path, path / "tokenizer"):
        for name in SEARCHED:
            if (folder / name).is_file():
                return folder / name
        ranks = sorted(folder.glob("*.tiktoken"))
        if len(ranks) == 1:
            return ranks[0]
    raise InputError(
        f"{path} holds no tokenizer: expected {', '.join(SEARCHED)} or one .tiktoken file, or a"
        " folder with one of them"
    )


def load(path: Path, pattern: str | None = None) -> BaseTokenizer:
    """Read a tokenizer in any of the formats: see ``Tokenizer.load``."""
    found = find(path)
    if pattern is None and found.name == token_mapping.NAME:
        return token_mapping.read(found)
    if pattern is None and found.suffix == ".bin":
        return llama2c.read_llama2c(found)
    if pattern is None and found.suffix == ".json" and found.name not in gpt2.NAMES:
        content = read_json(found)
        if sentencepiece.describes(content):
            return sentencepiece.read(content, found)
        return tokenizer_json.read_content(content, found)
    return _load_bpe(found, pattern)


def load_bpe(path: Path, pattern: str | None = None) -> Tokenizer:
    """Read a byte-level BPE in any of the formats.

    Raises:
        InputError, DamagedError: As ``Tokenizer.load``; or it is a compact vocabulary.
    """
    return _load_bpe(find(path), pattern)


def _load_bpe(found: Path, pattern: str | None) -> Tokenizer:
    if found.suffix == ".tiktoken":
        return tiktoken.read_tiktoken(found, pattern)
    if found.name in gpt2.NAMES:
        return gpt2.read_gpt2(found, pattern)
    if found.name == token_mapping.NAME:
        raise InputError(f"{found} is a compact vocabulary: a byte-level BPE was expected")
    if pattern is not None:
        raise InputError(f"{found} says itself how text is split: leave out the pattern")
    if found.suffix == ".pkl":
        return nanochat.read_nanochat(found)
    return tokenizer_json.read_tokenizer_json(found)


def save(tokenizer: BaseTokenizer, out: Path, to: Target = "hf") -> None:
    """Write a tokenizer for others.

    Args:
        tokenizer: Any.
        out: A folder; for ``tiktoken`` a file whose name ends in ``.tiktoken``.
        to: ``hf`` writes ``tokenizer.json``, ``tokenizer_config.json`` and ``vocab.txt``;
            ``tiktoken`` a rank file and a JSON file with pattern and special tokens; ``nanochat``
            ``tokenizer.pkl`` and ``token_bytes.pt``.

    Raises:
        InputError: The other side would give other ids; the message says why.
    """
    if isinstance(tokenizer, SentencePieceTokenizer):
        if to != "hf":
            raise InputError(f"{to} cannot hold a SentencePiece vocabulary: write it as hf")
        tokenizer.save(out)
        return
    if not isinstance(tokenizer, Tokenizer):
        raise InputError("a compact vocabulary is no BPE: no tokenizer of others gives its ids")
    writers = {
        "hf": tokenizer_json.write_folder,
        "tiktoken": tiktoken.write_tiktoken,
        "nanochat": nanochat.write_nanochat,
    }
    writers[to](tokenizer, out)
