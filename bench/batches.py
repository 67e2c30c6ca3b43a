"""What packing wastes on real text, and how fast batches are: for docs/tokens.md.

python bench/batches.py DATA, with ``tinystories``, ``novels``, ``parquet`` and ``tokenizers/gpt2``
in DATA. Times are CPU seconds of one core, medians of five.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from cygnet import TextBatch, Tokenizer, TokenStore, build_tokens
from cygnet.text.sources import read_files
from cygnet.tokens.packing import best_fit
from cygnet.tokens.policies import compare_policies

BLOCK_SIZES = {"tinystories": 512, "novels": 2048, "parquet": 2048}
ROUNDS, STEPS = 5, 100


def main() -> None:
    """Print the tables as they stand in the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    tokenizer = Tokenizer.load(data / "tokenizers" / "gpt2")
    texts: dict[str, Callable[[Path], Iterator[TextBatch]]] = {
        "tinystories": tinystories,
        "novels": novels,
        "parquet": web,
    }
    with tempfile.TemporaryDirectory() as scratch:
        for name, read in texts.items():
            build_tokens(Path(scratch) / name, tokenizer, {"train": read(data)})
            store = TokenStore.open(Path(scratch) / name)
            waste(name, store, BLOCK_SIZES[name])
        planning()
        for name in ("parquet", "tinystories"):
            for order in ("random", "epoch", "packed"):
                speed(name, TokenStore.open(Path(scratch) / name), order)


def tinystories(data: Path) -> Iterator[TextBatch]:
    """Real stories."""
    return read_files([data / "tinystories" / "tinystories_train.txt"], "<|endoftext|>", "strict")


def novels(data: Path) -> Iterator[TextBatch]:
    """Whole novels, one a file."""
    return read_files(sorted((data / "novels").glob("*.txt")), "<|endoftext|>", "strict")


def web(data: Path) -> Iterator[TextBatch]:
    """Documents as nanochat's corpora hold them."""
    for path in sorted((data / "parquet").glob("*.parquet")):
        for group in parquet.ParquetFile(path).iter_batches(columns=["text"]):
            yield TextBatch.from_strings(group.column("text").to_pylist())


def waste(name: str, store: TokenStore, block_size: int) -> None:
    """Four policies on the same documents."""
    lengths = store.document_lengths("train")
    print(f"\n{name}: {len(lengths):,} documents, median {int(np.median(lengths)):,} tokens,"
          f" rows of {block_size:,}\n")  # fmt: skip
    for found in compare_policies(lengths, block_size):
        places = found.padding + found.n_tokens - found.discarded
        print(
            f"| {name} | {found.policy} | {found.rows:,} | {found.utilisation:.2%}"
            f" | {found.padding / places:.2%} | {found.cut / found.n_tokens:.2%}"
            f" | {found.cut_documents:,} | {found.discarded / found.n_tokens:.2%} |"
        )


def planning() -> None:
    """A million documents, in lengths as text of the web has them."""
    lengths = np.random.default_rng(1).lognormal(6.3, 1, 1_000_000).astype(np.int64) % 2048
    lengths = lengths[lengths > 0]
    print(
        f"\nplan {len(lengths):,} documents: {cpu_seconds(lambda: best_fit(lengths, 2048)):.3f} s"
    )


def speed(name: str, store: TokenStore, order: str) -> None:
    """Batches of (64, 1024) from the page cache."""

    def read() -> None:
        for step in range(STEPS):
            store.get_batch("train", step=step, batch_size=64, block_size=1024, seed=1, order=order)

    rate = STEPS * 64 * 1024 / cpu_seconds(read) / 1e6
    print(f"batches of (64, 1024), {name}, {order}: {rate:.0f} M tokens/s")


def cpu_seconds(job: Callable[[], object]) -> float:
    """Median CPU time of a job, after one round that does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        begin = time.process_time()
        job()
        times.append(time.process_time() - begin)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
