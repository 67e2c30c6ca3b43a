"""The figures of the README, beside a peer where there is one, as ratios of one run.

python bench/bench.py FOLDER, with TinyStories in FOLDER as ``tinystories_train.txt`` and
``tinystories_valid.txt``. ``--runs`` also trains the recipes demo and tiny-llm, about 15 minutes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one thread each

import tokenizers

from cygnet import Tokenizer
from cygnet.text.sources import read_files

BOUNDARY = "<|endoftext|>"
ROUNDS = 5


def main() -> None:
    """Print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", action="store_true")
    arguments = parser.parse_args()
    train, valid = (arguments.folder / f"tinystories_{split}.txt" for split in ("train", "valid"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as scratch:
        start_up()
        tokenizer = vocabulary(train)
        encoding(tokenizer, train, Path(scratch))
        if arguments.runs:
            recipes(train, valid, Path(scratch))


def start_up() -> None:
    """Time until the program answers."""
    report("cygnet --help", seconds(lambda: run("-m", "cygnet", "--help")), "s")
    report("import cygnet", seconds(lambda: run("-c", "import cygnet")), "s")
    report("python -c pass", seconds(lambda: run("-c", "pass")), "s")


def vocabulary(train: Path) -> Tokenizer:
    """Learning 4,096 tokens, beside ``tokenizers``."""
    batches = list(read_files([train], BOUNDARY, "strict"))
    documents = [text for batch in batches for text in batch]

    def peer() -> None:
        model = tokenizers.ByteLevelBPETokenizer()
        model.train_from_iterator(documents, vocab_size=4096, show_progress=False)

    ours = seconds(lambda: Tokenizer.train(batches, 4096), rounds=3)
    theirs = seconds(peer, rounds=3)
    report("learn 4,096 tokens from TinyStories", ours, "s", theirs / ours, "tokenizers")
    return Tokenizer.train(batches, 4096)


def encoding(tokenizer: Tokenizer, train: Path, scratch: Path) -> None:
    """Text in memory to ids, beside ``tokenizers``."""
    batches = list(read_files([train], BOUNDARY, "strict"))
    documents = [text for batch in batches for text in batch]
    megabytes = sum(batch.text_bytes for batch in batches) / 1e6
    tokenizer.save(scratch / "tokenizer")
    other = tokenizers.Tokenizer.from_file(str(scratch / "tokenizer" / "tokenizer.json"))
    ours = seconds(lambda: tokenizer.encode_batch(batches))
    theirs = seconds(lambda: other.encode_batch_fast(documents), rounds=3)
    report("encode TinyStories", megabytes / ours, "MB/s", theirs / ours, "tokenizers, one thread")


def recipes(train: Path, valid: Path, scratch: Path) -> None:
    """The two recipes, whole."""
    texts = ("--text.train", str(train), "--text.valid", str(valid))
    for name, options in (("demo", ()), ("tiny-llm", texts)):
        folder = scratch / name
        taken = seconds(
            lambda n=name, o=options, f=folder: run("-m", "cygnet", "run", n, *o, "--out", str(f)),
            rounds=1,
        )
        record = json.loads((folder / "transformer" / "stage.json").read_text())
        report(f"cygnet run {name}", taken, "s")
        report("  of which training", record["seconds"], "s")
        report("  valid", record["results"]["valid_bits_per_byte"], "bits per byte")
        report("  valid", record["results"]["valid_nats_per_token"], "nats per token")
        again = seconds(
            lambda n=name, o=options, f=folder: run("-m", "cygnet", "run", n, *o, "--out", str(f))
        )
        report("  run again", again, "s")


def run(*arguments: str) -> None:
    """Run Python in a process of its own."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)


def seconds(job: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Median time of a job, after one round that does not count (where there is more than one)."""
    if rounds > 1:
        job()
    times = []
    for _ in range(rounds):
        watch = time.perf_counter()
        job()
        times.append(time.perf_counter() - watch)
    return statistics.median(times)


def report(what: str, value: float, unit: str, ratio: float | None = None, peer: str = "") -> None:
    """One line."""
    beside = "" if ratio is None else f"   {ratio:.2f} times {peer}"
    print(f"{what:38} {value:10.3f} {unit}{beside}", flush=True)


if __name__ == "__main__":
    main()
