"""A base, vocabularies cut from it, and what they should be, counted by brute force."""

import collections
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cygnet.text.batch import TextBatch
from cygnet.text.stories import story
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.compaction import compact
from cygnet.tokenizer.frequencies import Sample
from cygnet.tokenizer.tokenizer import Tokenizer
from oracles import Oracle

STORIES = [story(5, number) for number in range(400)]
BASE = Tokenizer.train(STORIES, vocab_size=700)
SAMPLE, SEED = 150, 42
NAMES = ("gpt2", "cl100k", "qwen2")


def stories(data: Path, n: int) -> list[str]:
    text = (data / "tinystories" / "tinystories_train.txt").read_text()
    return [part.strip("\r\n") for part in text.split("<|endoftext|>")[:n]]


def cut(kind: str, base: Tokenizer = BASE, text: Sequence[str] = STORIES, **rows: int) -> Any:
    rows = rows or {"live": 400, "dead": 100}
    sample = Sample.of(lambda: [TextBatch.from_strings(text)], None, SEED)
    return compact(base, sample, **rows, lossless=kind == "lossless").tokenizer


FAITHFUL, LOSSLESS = cut("faithful"), cut("lossless")


def flat(tokenizer: BaseTokenizer, text: Sequence[str]) -> list[int]:
    return [token for document in text for token in tokenizer.encode(document)]


def brute_force(
    encode: Callable[[str], list[int]], text: Sequence[str], live: int
) -> tuple[dict[int, int], list[list[int]]]:
    """The new id of each of the most frequent tokens, and the new ids of each document."""
    counts = collections.Counter(token for document in text for token in encode(document))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    new = {token: number for number, token in enumerate(ranked[:live])}
    return new, [[new.get(token, 0) for token in encode(document)] for document in text]


def one_by_one(found: Oracle) -> Callable[[str], list[int]]:
    return functools.cache(lambda text: list(found.encode([text])[0]))


ROWS = ("--tokenizer.vocab-size", "400", "--tokenizer.live", "350", "--tokenizer.dead", "50")
TEXT = ("--text.train", "stories:1:300", "--text.valid", "stories:2:20")
