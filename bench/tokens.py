"""Token files and batches beside what engineers script today, as ratios of one run.

python bench/tokens.py DATA, with DATA the folder of real texts and tokenizers. Prints a table, and
writes it with every single time to bench/results. Needs Linux and the peers of ``bench/peers.txt``.
"""

import argparse
import shutil
from pathlib import Path

from measure import run, wait_for_quiet
from record import RESULTS, take_all
from texts import SOURCES, make_parquet, make_texts
from token_rows import ROWS, make_cases

PEERS = ("cygnet", "datasets", "datatrove", "nanoGPT")
TEXTS = ["stories", "mixed"]
FULL = {"whole": 100_000_000, "rehearsed": 5_000_000}
QUICK = dict.fromkeys(FULL, 2_000_000)
STEPS, QUICK_STEPS = 300, 20


def main() -> None:
    """Make the texts and the token files, measure, print, save."""
    options = parse()
    names = options.only or (TEXTS[:1] if options.quick else TEXTS)
    wanted = QUICK if options.quick else FULL
    folder = options.texts / f"tokens-{wanted['whole'] // 1_000_000}MB"
    texts = make_texts(names, options.data, folder, wanted["whole"])
    sizes = {
        text: {
            size: make_parquet(folder / f"{text}.txt", folder / text / size, n_bytes)
            for size, n_bytes in wanted.items()
        }
        for text in names
    }
    common = {"gpt2": str(options.data / "tokenizers" / "gpt2"), "made": str(folder)}
    run({"job": "convert", **common})
    for text in names if 3 in options.rows else ():
        for made in ("tokens", "blocks"):
            shutil.rmtree(folder / text / made, ignore_errors=True)
        given = {"texts": str(folder / text / "whole"), "folder": str(folder / text)}
        run({"job": "prepare", **given, **common})
    load = wait_for_quiet(options.busy or options.quick)
    steps = QUICK_STEPS if options.quick else STEPS
    cases = make_cases(options.rows, sizes, folder, options.peers, steps)
    take_all("tokens", cases, common, options, texts, load)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("data", type=Path, help="folder of real data")
    add("--rows", type=int, nargs="+", choices=ROWS, default=list(ROWS), help="rows to measure")
    add("--only", nargs="+", choices=SOURCES, help="texts to measure")
    add("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="who takes part")
    add("--runs", type=int, default=3, help="times of each, whose median counts")
    add("--quick", action="store_true", help="2 MB of stories, one run: does it work?")
    add("--busy", action="store_true", help="measure though something else is at work")
    add("--texts", type=Path, default=Path("runs/bench"), help="folder for the made texts")
    add("--out", type=Path, default=RESULTS, help="folder for the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
