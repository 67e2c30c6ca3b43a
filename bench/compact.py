"""What a compact vocabulary costs: the figures of docs/compact-vocabulary.md.

python bench/compact.py DATA, with ``tinystories`` and ``tokenizers`` in DATA. Bytes per token are
those of two ways to choose the tokens of a lossless vocabulary; times are CPU seconds of one core,
the least of five.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from cygnet import TextBatch, Tokenizer
from cygnet.text.sources import read_files
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.base_source import load_base
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.frequencies import Frequencies, count_tokens
from cygnet.tokenizer.lossless import cut_lossless, find_parents

LIVE, DEAD, ROUNDS = 6144, 2048, 5
SIZES = (6144, 3072, 1024)
BASES = {
    "GPT-2": ("gpt2", None),
    "cl100k": ("cl100k_base.tiktoken", None),
    "Qwen2.5": ("qwen2.5", "qwen2"),
}


def main() -> None:
    """Print the tables as they stand in the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    train, valid = (
        list(read_files([data / "tinystories" / f"tinystories_{split}.txt"], "<|endoftext|>"))
        for split in ("train", "valid")
    )
    bases = {
        name: load_base(str(data / "tokenizers" / path), pattern)
        for name, (path, pattern) in BASES.items()
    }
    compression(bases["GPT-2"], train, valid)
    for name, base in bases.items():
        speed(name, base, train)


def compression(base: Tokenizer, train: list[TextBatch], valid: list[TextBatch]) -> None:
    """Bytes per token of two choices, on the text they were made from and on other text."""
    counted = count_tokens(base, train)
    print("live   by frequency, train and other text   by leaves, train and other text")
    for live in SIZES:
        by_frequency = np.zeros_like(counted.counts)
        by_frequency[choose_by_frequency(base, counted, live - 2)] = 1
        row = f"{live:5}"
        for counts in (by_frequency, counted.counts):
            cut = cut_lossless(base, counts, live, DEAD)
            row += "".join(f"{bytes_per_token(cut, text):10.4f}" for text in (train, valid))
        print(row)
    print("base ", *(f"{bytes_per_token(base, text):.4f}" for text in (train, valid)))


def choose_by_frequency(base: Tokenizer, counted: Frequencies, n_wanted: int) -> list[int]:
    """The other way: the most frequent tokens, each with its ancestors, as long as they fit."""
    parents = find_parents(base.vocabulary)
    kept = set(base.vocabulary.byte_ids.tolist())
    for token in counted.ranked.tolist():
        family, above = set(), [token]
        while above:
            member = above.pop()
            if member not in kept and member not in family:
                family.add(member)
                above += [parent for parent in parents[member].tolist() if parent >= 0]
        if len(kept) + len(family) <= n_wanted:
            kept |= family
    return sorted(kept)


def bytes_per_token(tokenizer: BaseTokenizer, text: list[TextBatch]) -> float:
    """UTF-8 bytes of the text for each token."""
    found = count_tokens(tokenizer, text)
    return found.n_bytes / found.n_tokens


def speed(name: str, base: Tokenizer, text: list[TextBatch]) -> None:
    """The rate of the base, and of a vocabulary of each kind that was cut from it."""
    counted = count_tokens(base, text)
    faithful = CompactTokenizer.from_counts(base, counted, LIVE, DEAD)
    lossless = cut_lossless(base, counted.counts, LIVE, DEAD)
    megabytes = counted.n_bytes / 1e6
    seconds = [cpu_seconds(tokenizer, text) for tokenizer in (base, faithful, lossless)]
    rates = "".join(f"{megabytes / found:8.0f}" for found in seconds)
    print(f"{name:8} base, faithful, lossless, MB/s: {rates}")


def cpu_seconds(tokenizer: BaseTokenizer, text: list[TextBatch]) -> float:
    """CPU seconds of encoding a text whose words have been met."""
    found = []
    for _ in range(1 + ROUNDS):
        start = time.thread_time()
        for batch in text:
            tokenizer.encode_batch(batch, threads=1)
        found.append(time.thread_time() - start)
    return min(found)


if __name__ == "__main__":
    main()
