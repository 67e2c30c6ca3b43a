"""The tokenizer beside its peers, as ratios of one run.

python bench/tokenizer.py DATA, with DATA the folder of real texts and tokenizers. Prints a table,
and writes it with every single time to bench/results. Needs Linux and the peers of
``bench/peers.txt``.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from measure import OURS, DisagreementError, machine, measure, run, wait_for_quiet
from rows import ROWS, make_cases
from table import as_lines, as_markdown
from texts import SOURCES, make_texts

HERE = Path(__file__).parent
PEERS = (OURS, "gigatoken", "tiktoken", "tokenizers", "rustbpe", "gigabpe")
FULL_BYTES, QUICK_BYTES = 100_000_000, 10_000_000


def main() -> None:
    """Make the texts, measure, print, save."""
    options = parse()
    n_bytes = QUICK_BYTES if options.quick else FULL_BYTES
    folder = options.texts / f"{n_bytes // 1_000_000}MB"
    texts = make_texts(options.only, options.data, folder, n_bytes)
    gpt2 = {"gpt2": str(options.data / "tokenizers" / "gpt2"), "made": str(folder)}
    run({"job": "convert", **gpt2})
    load = wait_for_quiet(options.busy or options.quick)
    runs = 1 if options.quick else options.runs
    record = {**machine(), "load_average": load, "runs": runs, "texts": texts, "cases": []}
    failed = []
    for case in make_cases(options.rows, options.only, folder, options.peers):
        case.jobs.update({peer: {**job, **gpt2} for peer, job in case.jobs.items()})
        if not options.slow and case.row == 4:
            case.jobs.pop("tokenizers", None)
        try:
            record["cases"].append(measure(case, runs))
        except DisagreementError as error:
            failed.append(str(error))
            print(error, flush=True)
            continue
        print("\n".join(as_lines(record["cases"][-1])), flush=True)
    save(record, options.out, "quick" if options.quick else record["date"][:10])
    raise SystemExit("\n".join(failed) or None)


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


def save(record: dict[str, Any], folder: Path, name: str) -> None:
    """Write the record as JSON and as a markdown table."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    (folder / f"tokenizer-{name}.json").write_text(text + "\n")
    (folder / f"tokenizer-{name}.md").write_text(as_markdown(record))
    print(f"saved as {folder / f'tokenizer-{name}'}.json and .md")


if __name__ == "__main__":
    main()
