"""Measuring all cases of a benchmark: each is printed, and saved with those before it."""

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import Case, CaseError, Job, machine, measure
from table import as_lines, as_markdown

RESULTS = Path(__file__).parent / "results"


def take_all(
    name: str,
    cases: Iterable[Case],
    common: Job,
    options: argparse.Namespace,
    texts: dict[str, Any],
    load: float,
) -> None:
    """Measure cases, print them, and write ``name-DATE.json`` and ``.md``.

    Args:
        name: Of the benchmark.
        cases: What is measured.
        common: What every job gets beside its own.
        options: The command line: ``quick``, ``runs``, ``out``.
        texts: What is known of the texts.
        load: The load average before.

    Raises:
        SystemExit: Some cases failed; or none did, and all is done.
    """
    record = {
        **machine(),
        "load_average": load,
        "runs": 1 if options.quick else options.runs,
        "texts": texts,
        "cases": [],
        "failed": [],
    }
    path = options.out / f"{name}-{'quick' if options.quick else record['date'][:10]}"
    for case in cases:
        jobs = {peer: {**common, **job} for peer, job in case.jobs.items()}
        _take(replace(case, jobs=jobs), record)
        _save(record, path)
    print(f"saved as {path}.json and .md")
    raise SystemExit(f"{len(record['failed'])} failed" if record["failed"] else None)


def _take(case: Case, record: dict[str, Any]) -> None:
    """Measure a case, print it, and add it to the record; what fails is noted there too."""
    try:
        found = measure(case, record["runs"])
    except CaseError as error:
        record["failed"].append(f"{case.what}: {error}")
        print(record["failed"][-1], flush=True)
        return
    record["cases"].append(found)
    print("\n".join(as_lines(found)), flush=True)


def _save(record: dict[str, Any], path: Path) -> None:
    """Write the record as JSON and as a markdown table; after every case, so that none is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n")
    path.with_suffix(".md").write_text(as_markdown(record))
