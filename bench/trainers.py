"""Each trainer of the benchmark, used in the way that is fastest for it.

``TRAINERS[name](text, vocab_size, threads)`` makes ready and returns two calls: the one that is
timed, and one that brings what it gave to the learned tokens as bytes, in the order learned. Every
trainer is asked for ``vocab_size`` tokens, the 256 bytes among them, and no special ones.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import byte_characters, split_strings

NANOCHAT = (  # karpathy/nanochat, nanochat/tokenizer.py
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)

Trainer = tuple[Callable[[], Any], Callable[[Any], list[bytes]]]


def cygnet_nanochat(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From the strings that rustbpe gets."""
    given = split_strings(text.read_bytes())
    return _cygnet(lambda: given, vocab_size, threads, "nanochat")


def cygnet_gpt2(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From a file, as its peers."""
    from cygnet.text.sources import read_files

    return _cygnet(lambda: read_files([text], "", "strict"), vocab_size, threads, "gpt2")


def _cygnet(source: Callable[[], Any], vocab_size: int, threads: int, pattern: str) -> Trainer:
    from cygnet import Tokenizer

    def train(source: Any, vocab_size: int) -> Tokenizer:
        return Tokenizer.train(
            source, vocab_size, pattern=pattern, special_tokens=(), threads=threads
        )

    def tokens(tokenizer: Tokenizer) -> list[bytes]:
        return [tokenizer.token_bytes(token) for token in range(256, tokenizer.vocab_size)]

    train(["Once upon a time"], 260)
    return lambda: train(source(), vocab_size), tokens


def rustbpe(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From strings in memory, as in nanochat."""
    import rustbpe as library

    given = split_strings(text.read_bytes())

    def train() -> Any:
        tokenizer = library.Tokenizer()
        tokenizer.train_from_iterator(iter(given), vocab_size=vocab_size, pattern=NANOCHAT)
        return tokenizer

    return train, lambda found: [bytes(token) for token, _ in found.get_mergeable_ranks()[256:]]


def gigatoken(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From a file."""
    import gigatoken as library

    return lambda: library.train_bpe(text, vocab_size, []), _joined


def gigabpe(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From a file; it leaves out bytes that the text lacks, so that many rows fewer are asked."""
    import gigabpe as library

    rows = vocab_size - 256 + len(set(text.read_bytes()))
    options = {"special_tokens": [], "pretokenizer": "bytelevel", "threads": threads}
    return lambda: library.train_bpe([str(text)], rows, **options), _joined_characters


def tokenizers(text: Path, vocab_size: int, threads: int) -> Trainer:
    """From the text as one string."""
    import tokenizers as library

    given = [text.read_bytes().decode()]

    def train() -> Any:
        model = library.ByteLevelBPETokenizer()
        model.train_from_iterator(given, vocab_size=vocab_size, show_progress=False)
        return model

    def tokens(model: Any) -> list[bytes]:
        return _joined_characters((None, json.loads(model.to_str())["model"]["merges"]))

    return train, tokens


def _joined(found: Any) -> list[bytes]:
    return [left + right for left, right in found[1]]


def _joined_characters(found: Any) -> list[bytes]:
    of_character = {character: byte for byte, character in enumerate(byte_characters())}
    return [bytes(of_character[letter] for letter in left + right) for left, right in found[1]]


TRAINERS: dict[str, dict[str, Callable[[Path, int, int], Trainer]]] = {
    "nanochat": {"cygnet": cygnet_nanochat, "rustbpe": rustbpe},
    "gpt2": {
        "cygnet": cygnet_gpt2,
        "gigatoken": gigatoken,
        "gigabpe": gigabpe,
        "tokenizers": tokenizers,
    },
}
