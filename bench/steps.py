"""What each step from the readable twin to the kernels wins, as ratios of one run.

python bench/steps.py DATA prints the table of docs/tokenizer.md. DATA holds ``tinystories``,
``novels`` and ``tokenizers/gpt2``. Cost: about a minute, one thread.
"""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cygnet import TextBatch, Tokenizer
from cygnet.kernels import blocks, one_word
from cygnet.kernels.bits import inline
from cygnet.machine_code import Kernel, compile_kernel, link
from cygnet.tokenizer import reference
from cygnet.tokenizer.counting import WordCounts
from cygnet.tokenizer.encoding import WORDS_AT_ONCE, MergeTable, split_tokens
from cygnet.tokenizer.patterns import PATTERNS, Splitter
from cygnet.tokenizer.training import learn_merges
from cygnet.tokenizer.unicode_classes import character_classes

TEXTS = {
    "stories": "tinystories/tinystories_train.txt",
    "novel": "novels/Thackeray_Virginians_1859.txt",
}
MAX_BYTES, N_MERGES = 2_000_000, 100
WORDS_APART = 20  # the twin encodes every 20th distinct word
SPLIT = "u8* i64 i64 u8* i64* i64"
Rows = Iterator[tuple[str, float, float, str]]
"""What a step is, seconds without it and with it, and a note."""


@inline
def by_word(text, size, buffer_end, classes, borders, capacity):
    """Count the words, one at a time."""
    n = position = 0
    while position < size:
        position = one_word.word_end(text, position, size, one_word.GPT2, classes)
        n += 1
    return n


@inline
def by_block(text, size, buffer_end, classes, borders, capacity):
    """Count the words, 64 bytes at a time."""
    n = position = 0
    while position < size:
        n_more = blocks.split(
            text, position, size, buffer_end, one_word.GPT2, classes, borders, capacity
        )
        position = borders[n_more - 1]
        n += n_more
    return n


def kernel_of(function: Any) -> Kernel:
    """One of the above as machine code."""
    return link(compile_kernel(function.py_func.__name__, function, SPLIT))


def seconds(job: Callable[[], Any], runs: int = 3) -> float:
    """The least of some runs."""
    times = []
    for _ in range(runs):
        begin = time.perf_counter()
        job()
        times.append(time.perf_counter() - begin)
    return min(times)


def rate(text: str, taken: float) -> str:
    """A speed over the whole text."""
    return f"{len(text.encode()) / taken / 1e6:,.0f} MB/s"


def steps_of_splitting(text: str, kernels: list[Kernel]) -> Rows:
    """From ``regex`` to one word at a time to masks."""
    data = np.frombuffer(text.encode(), np.uint8)
    given = (data, len(data), len(data), character_classes())
    borders, split = np.empty(WORDS_AT_ONCE, np.int64), Splitter(PATTERNS["gpt2"])
    assert {len(split(text))} == {kernel(*given, borders, WORDS_AT_ONCE) for kernel in kernels}
    slow = seconds(lambda: split(text), runs=1)
    plain, fast = (
        seconds(lambda k=kernel: k(*given, borders, WORDS_AT_ONCE)) for kernel in kernels
    )
    yield "words by a kernel, one at a time; not by `regex`", slow, plain, rate(text, plain)
    yield "words by masks; not one at a time", plain, fast, rate(text, fast)


def steps_of_encoding(text: str, tokenizer: Tokenizer) -> Rows:
    """From the twin to the kernel for a word, and from that to tables of words."""
    words = [word.encode() for word in Splitter(PATTERNS["gpt2"])(text)]
    distinct = sorted(set(words))
    some = distinct[::WORDS_APART]
    merges = MergeTable(tokenizer.vocabulary)
    triples = enumerate(tokenizer.vocabulary.merges.tolist())
    ranks = {(left, right): (rank, joined) for rank, (left, right, joined) in triples}
    byte_ids = tokenizer.vocabulary.byte_ids.tolist()
    slow = seconds(lambda: [reference.encode(word, ranks, byte_ids) for word in some], runs=1)
    fast = seconds(lambda: split_tokens(distinct, merges, learn=False))
    each, each_fast = slow / len(some), fast / len(distinct)
    name = "a word by the kernel; not by `reference.encode`"
    yield name, each, each_fast, f"{each_fast * 1e6:.2f} us a word"
    batch = TextBatch.from_strings([text])
    anew = seconds(lambda: split_tokens(words, merges, learn=False))
    remembered = seconds(lambda: tokenizer.encode_batch(batch, threads=1))
    yield "tables of words; not every word anew", anew, remembered, rate(text, remembered)


def steps_of_learning(text: str) -> Rows:
    """From counting all pairs for each merge to changing what the merge changes."""
    words = [word.encode() for word in Splitter(PATTERNS["gpt2"])(text)]
    values, occurs = np.unique(np.array(words, object), return_counts=True)
    mapping = dict(zip(values.tolist(), occurs.tolist(), strict=True))
    counts = WordCounts.from_mapping(mapping)
    assert learn_merges(counts, N_MERGES) == reference.train(mapping, N_MERGES)
    slow = seconds(lambda: reference.train(mapping, N_MERGES), runs=1)
    fast = seconds(lambda: learn_merges(counts, N_MERGES))
    name = f"{N_MERGES} merges by the kernel; not by `reference.train`"
    yield name, slow, fast, f"{fast * 1e3:.1f} ms"


def steps_of(text: str, tokenizer: Tokenizer, kernels: list[Kernel]) -> Rows:
    """All steps on one text."""
    yield from steps_of_splitting(text, kernels)
    yield from steps_of_encoding(text, tokenizer)
    yield from steps_of_learning(text)


def main(data: Path) -> None:
    """Print the table."""
    tokenizer = Tokenizer.load(data / "tokenizers" / "gpt2")
    kernels = [kernel_of(by_word), kernel_of(by_block)]
    beginnings = [(data / path).read_bytes()[:MAX_BYTES] for path in TEXTS.values()]
    texts = [beginning.decode(errors="ignore") for beginning in beginnings]
    print(f"| what, and instead of what | {' | '.join(TEXTS)} |")
    print("| --- |" + " --- |" * len(TEXTS))
    for found in zip(*(steps_of(text, tokenizer, kernels) for text in texts), strict=True):
        cells = [f"{slow / fast:,.0f} times, {note}" for _, slow, fast, note in found]
        print(f"| {found[0][0]} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
