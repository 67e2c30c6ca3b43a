"""The tokenizer beside its peers, as ratios of one run.

python bench/tokenizer.py DATA, with DATA the folder of real texts and tokenizers. Prints a table,
and writes it with every single time to bench/results. Needs Linux and the peers of
``bench/peers.txt``.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import OURS, Case, CaseError, machine, measure, run, wait_for_quiet
from rows import ROWS, make_cases
from table import as_lines, as_markdown
from texts import SOURCES, make_texts

HERE = Path(__file__).parent
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
    record = {
        **machine(),
        "load_average": wait_for_quiet(options.busy or options.quick),
        "runs": 1 if options.quick else options.runs,
        "texts": texts,
        "cases": [],
        "failed": [],
    }
    path = options.out / f"tokenizer-{'quick' if options.quick else record['date'][:10]}"
    for case in make_cases(options.rows, options.only, folder, options.peers, options.slow):
        jobs = {peer: {**job, **common} for peer, job in case.jobs.items()}
        take(replace(case, jobs=jobs), record)
        save(record, path)
    print(f"saved as {path}.json and .md")
    raise SystemExit(f"{len(record['failed'])} failed" if record["failed"] else None)


def take(case: Case, record: dict[str, Any]) -> None:
    """Measure a case, print it, and add it to the record; what fails is noted there too."""
    try:
        found = measure(case, record["runs"])
    except CaseError as error:
        record["failed"].append(f"{case.what}: {error}")
        print(record["failed"][-1], flush=True)
        return
    record["cases"].append(found)
    print("\n".join(as_lines(found)), flush=True)


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
    add("--out", type=Path, default=HERE / "results", help="folder for the results")
    return parser.parse_args()


def save(record: dict[str, Any], path: Path) -> None:
    """Write the record as JSON and as a markdown table; after every case, so that none is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n")
    path.with_suffix(".md").write_text(as_markdown(record))


if __name__ == "__main__":
    main()
