"""The tokenizer beside its peers, as ratios of one run.

python bench/tokenizer.py DATA, with DATA the folder of real texts and tokenizers. Prints a table,
and writes it with every single time to bench/results. Needs Linux and the peers of
``bench/peers.txt``.
"""

import argparse
from pathlib import Path

from measure import OURS, run, wait_for_quiet
from record import RESULTS, take_all
from rows import ROWS, make_cases
from texts import SOURCES, make_texts

PEERS = (OURS, "gigatoken", "tiktoken", "tokenizers", "rustbpe", "gigabpe")
FULL_BYTES, QUICK_BYTES = 100_000_000, 10_000_000
TOUCHED_TIMES = 10
"""Memory touched before each job, in sizes of the text: no contestant uses more, save for lists."""


def main() -> None:
    """Make the texts, measure, print, save."""
    options = parse()
    n_bytes = QUICK_BYTES if options.quick else FULL_BYTES
    folder = options.texts / f"{n_bytes // 1_000_000}MB"
    texts = make_texts(options.only, options.data, folder, n_bytes)
    common = {
        "gpt2": str(options.data / "tokenizers" / "gpt2"),
        "made": str(folder),
        "touch": TOUCHED_TIMES * n_bytes,
    }
    run({"job": "convert", **common})
    load = wait_for_quiet(options.busy or options.quick)
    cases = make_cases(options.rows, options.only, folder, options.peers, options.slow)
    take_all("tokenizer", cases, common, options, texts, load)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("data", type=Path, help="folder of real data")
    add("--rows", type=int, nargs="+", choices=ROWS, default=list(ROWS), help="rows to measure")
    add("--only", nargs="+", choices=SOURCES, default=list(SOURCES), help="texts to measure")
    add("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="who takes part")
    add("--runs", type=int, default=5, help="times of each, whose median counts")
    add("--quick", action="store_true", help="10 MB and one run: does it work?")
    add("--slow", action="store_true", help="tokenizers learns as well, which takes minutes")
    add("--busy", action="store_true", help="measure though something else is at work")
    add("--texts", type=Path, default=Path("runs/bench"), help="folder for the made texts")
    add("--out", type=Path, default=RESULTS, help="folder for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
