"""The rows of the tokenizer benchmark as cases, with what cygnet is to reach in each."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from measure import BARE, OURS, Case
from peers import BUILDERS, ENCODERS
from trainers import TRAINERS

FORMS = {"string": "one string", "documents": "documents", "list": "list of strings"}
SLICES = {"tiktoken": 20_000_000, "tokenizers": 5_000_000}
"""Slow contestants get this much of a text. They remember no words, so the rate is the same."""
SEEN_OF_UNIQUE = 1_000_000
REHEARSED_BYTES = 5_000_000
SLOW_TRAINERS = {"tokenizers"}
MULTILINGUAL = ("chinese", "hindi")
TRAINED = ("stories", "mixed")
NANOCHAT_TARGETS = {"stories": 10.0, "mixed": 4.0}
ALIKE = {"nanochat": (OURS, "rustbpe"), "gpt2": ("gigatoken", "tokenizers")}
"""Ties between pairs fall alike in these; gigabpe reads line by line, others the whole text."""


def make_cases(
    rows: list[int], texts: list[str], folder: Path, peers: list[str], slow: bool = False
) -> list[Case]:
    """The cases of some rows, for the contestants wanted; ``slow`` ones learn as well."""
    cases = []
    for case in (case for row in rows for case in ROWS[row](texts, folder)):
        wanted = {BARE, *peers} - (set() if slow or case.row != 4 else SLOW_TRAINERS)
        jobs = {name: job for name, job in case.jobs.items() if name in wanted}
        if jobs.keys() - {BARE}:
            cases.append(replace(case, jobs=jobs))
    return cases


def encode_warm(texts: list[str], folder: Path) -> Iterator[Case]:
    """Text in memory to ids, one thread. Its words have been met, but those that never repeat."""
    for text in texts:
        targets = {"gigatoken": 1.0} if text in MULTILINGUAL else {"gigatoken": 1.3, "tiktoken": 25}
        for form, name in FORMS.items():
            path = folder / (f"{text}.plain.txt" if form == "string" else f"{text}.txt")
            seen = SEEN_OF_UNIQUE if text == "unique" else None
            job = {"job": "encode", "form": form, "text": str(path), "seen_bytes": seen}
            jobs = {peer: {**job, "peer": peer, "bytes": SLICES.get(peer)} for peer in ENCODERS}
            rehearsal = {"bytes": REHEARSED_BYTES}
            what = f"encode {text}, {name}"
            yield Case(1, what, jobs, rehearsal=rehearsal, alike=tuple(jobs), targets=targets)


def encode_cold(texts: list[str], folder: Path) -> Iterator[Case]:
    """A text file to ids, one thread, from the start of the process to its end."""
    for text in texts:
        job = {"job": "cold", "text": str(folder / f"{text}.plain.txt")}
        jobs = {peer: {**job, "peer": peer} for peer in (OURS, "gigatoken")}
        targets = {"gigatoken": 1.0 if text in MULTILINGUAL else 1.3}
        what = f"fresh process, file of {text} to ids"
        yield Case(2, what, jobs, "wall", rehearsal={}, alike=tuple(jobs), targets=targets)


def build(texts: list[str], folder: Path) -> Iterator[Case]:
    """A text file to a file of ids, two threads."""
    for text in texts:
        job = {"job": "build", "text": str(folder / f"{text}.txt"), "threads": 2}
        yield Case(
            3,
            f"file of {text} to .bin, two threads",
            {peer: {**job, "peer": peer} for peer in BUILDERS},
            rehearsal={},
            alike=tuple(BUILDERS),
            targets={"gigatoken": 1.2},
            limits={"peak_bytes": 250e6},
        )


def train(texts: list[str], folder: Path) -> Iterator[Case]:
    """Text to a vocabulary."""
    for pattern, trainers in TRAINERS.items():
        for text in (text for text in texts if text in TRAINED):
            path = folder / (f"{text}.txt" if pattern == "nanochat" else f"{text}.plain.txt")
            for vocab_size in (4096, 8192):
                for threads in (2, 1):
                    job = {"job": "train", "pattern": pattern, "text": str(path)}
                    job |= {"vocab_size": vocab_size, "threads": threads}
                    yield _train_case(job, text, list(trainers))


def _train_case(job: dict[str, Any], text: str, peers: list[str]) -> Case:
    count = "one thread" if job["threads"] == 1 else "two threads"
    if job["pattern"] == "nanochat":
        targets = {"rustbpe": NANOCHAT_TARGETS[text]}
    else:
        targets = {"gigatoken": 1.0, "gigabpe": 1.0}
    return Case(
        4,
        f"learn {job['vocab_size']:,} tokens from {text}, pattern {job['pattern']}, {count}",
        {peer: {**job, "peer": peer} for peer in peers},
        alike=ALIKE[job["pattern"]],
        targets=targets,
    )


def start(texts: list[str], folder: Path) -> Iterator[Case]:
    """What a fresh process waits for."""
    imports = {peer: {"code": f"import {peer}"} for peer in ENCODERS}
    yield Case(
        5,
        "import, without the interpreter's own start",
        {BARE: {"code": "pass"}, **imports},
        "wall",
        limits={"median": 0.1},
    )
    yield Case(
        5,
        "import, load GPT-2 and encode four words",
        {peer: {"job": "first_ids", "peer": peer} for peer in ENCODERS},
        rehearsal={},
        alike=tuple(ENCODERS),
        limits={"median": 0.6},
    )


ROWS = {1: encode_warm, 2: encode_cold, 3: build, 4: train, 5: start}
