"""The rows of the token file benchmark as cases."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import Case
from token_peers import BLOCK_BUILDERS, BLOCK_SIZE, BUILDERS, LOADERS, PROCESSES

BATCH_SIZE = 64
COMPARED_BLOCKS = 16


def make_cases(rows: list[int], sizes: dict[str, dict[str, int]], folder: Path, peers: list[str],
               steps: int) -> list[Case]:  # fmt: skip
    """The cases of some rows, for the contestants wanted.

    Args:
        rows: Their numbers.
        sizes: For each text the bytes that are ``whole`` and ``rehearsed``.
        folder: Where the texts are: a folder of each of these names in one of the text's.
        peers: Who takes part.
        steps: How many batches are read.
    """
    cases = []
    for case in (case for row in rows for case in ROWS[row](sizes, folder, steps)):
        jobs = {name: job for name, job in case.jobs.items() if name in peers}
        cases.append(replace(case, jobs=jobs))
    return cases


def token_files(sizes: dict[str, dict[str, int]], folder: Path, steps: int) -> Iterator[Case]:
    """Parquet files to ids with a boundary behind each document."""
    for text, found in sizes.items():
        what = f"parquet files of {text} to a file of ids"
        yield _build(1, what, "token_files", list(BUILDERS), folder / text, found)


def blocks(sizes: dict[str, dict[str, int]], folder: Path, steps: int) -> Iterator[Case]:
    """Parquet files to an Arrow data set, as ``load_from_disk`` and ``Trainer`` take it."""
    for text, found in sizes.items():
        what = f"parquet files of {text} to Arrow blocks of {BLOCK_SIZE:,} ids"
        yield _build(2, what, "blocks", list(BLOCK_BUILDERS), folder / text, found)


def _build(
    row: int, what: str, job: str, peers: list[str], folder: Path, sizes: dict[str, int]
) -> Case:
    def given(size: str) -> dict[str, Any]:
        return {"texts": str(folder / size), "bytes": sizes[size]}

    common = {"job": job, "threads": PROCESSES, "compared": COMPARED_BLOCKS}
    jobs = {name: {**common, "peer": name, **given("whole")} for name in peers}
    return Case(row, what, jobs, rehearsal=given("rehearsed"), alike=tuple(peers))


def batches(sizes: dict[str, dict[str, int]], folder: Path, steps: int) -> Iterator[Case]:
    """Ids on disk to tensors, at random places of the text, from the page cache."""
    for text in sizes:
        for workers, by in ((0, "one core"), (2, "DataLoader of two workers")):
            job = {"job": "batches", "folder": str(folder / text), "threads": max(1, workers)}
            job |= {"batch_size": BATCH_SIZE, "block_size": BLOCK_SIZE}
            job |= {"workers": workers, "steps": steps}
            names = [name for name in LOADERS if not workers or name != "nanoGPT"]
            jobs = {name: {**job, "peer": name} for name in names}
            what = f"batches of ({BATCH_SIZE}, {BLOCK_SIZE:,}) of {text}, {by}"
            yield Case(3, what, jobs, work="tokens", rehearsal={}, alike=tuple(names))


ROWS = {1: token_files, 2: blocks, 3: batches}
