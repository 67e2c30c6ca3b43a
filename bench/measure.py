"""How the benchmarks beside peers measure: a fresh process for every figure, contestants in turn.

A case is one job done by several contestants. First all do it once for nothing but the ids, which
must agree; then they take turns, A B A B ..., so that a machine that becomes slower meets all of
them. Medians are compared.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("worker.py")
OURS = "cygnet"
BARE = "bare interpreter"
QUIET, PATIENCE = 0.5, 300
PACKAGES = (OURS, "numpy", "numba", "pyarrow", "gigatoken", "tiktoken", "tokenizers", "rustbpe",
            "gigabpe", "datasets", "datatrove", "torch")  # fmt: skip

Job = dict[str, Any]
Result = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One line of the benchmark's table for each contestant.

    Attributes:
        row: The number of the row it belongs to.
        what: What is done, in words.
        jobs: What the worker gets, by contestant.
        clock: ``seconds`` as the worker took them, or ``wall`` for the whole process.
        work: What has been done by then: ``bytes`` of text or ``tokens``; rates are of that.
        rehearsal: How the jobs differ where ids are compared and nothing is timed; None compares
            those of the timed jobs.
        alike: Contestants whose ids must be the same; of the others only the number.
        targets: How many times as fast as a contestant cygnet is to be.
        limits: What cygnet's median of a figure is to stay under.
    """

    row: int
    what: str
    jobs: dict[str, Job]
    clock: str = "seconds"
    work: str = "bytes"
    rehearsal: Job | None = None
    alike: tuple[str, ...] = ()
    targets: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)


class CaseError(Exception):
    """A contestant failed, or gave other ids than the rest: the case has no figures."""


def measure(case: Case, runs: int) -> dict[str, Any]:
    """The figures of a case, ready for JSON.

    Raises:
        CaseError: A job failed, or the contestants' ids differ.
    """
    if case.rehearsal is not None:
        change = {"check": True, **case.rehearsal}
        agree(case, {name: run({**job, **change}) for name, job in case.jobs.items()})
    results: dict[str, list[Result]] = {name: [] for name in case.jobs}
    for _ in range(runs):
        for name, job in case.jobs.items():
            results[name].append(run(job))
    agree(case, {name: found[-1] for name, found in results.items()})
    bare = statistics.median(found["wall"] for found in results.pop(BARE, [{"wall": 0.0}]))
    figures = {name: figure(found, case.clock, bare) for name, found in results.items()}
    return {
        "row": case.row,
        "what": case.what,
        "clock": case.clock,
        "work": case.work,
        "figures": figures,
        "ratios": ratios(figures, case.work),
        "targets": case.targets,
        "limits": case.limits,
    }


def run(job: Job) -> Result:
    """Do a job in a fresh process, on the last processors of this one's.

    Raises:
        CaseError: It failed; the message holds the command and the last line of what it printed.
    """
    touch_memory(job.get("touch", 0))
    threads = job.get("threads", 1)
    processors = sorted(os.sched_getaffinity(0))[-threads:]
    if len(processors) < threads:
        raise CaseError(f"a job wants {threads} processors, there are {len(processors)}")
    environment = {
        **os.environ,
        "RAYON_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": str(threads > 1).lower(),
    }
    line = json.dumps({"check": False, **job, "processors": processors})
    arguments = ["-c", job["code"]] if "code" in job else [str(WORKER), line]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment
    )
    wall = time.perf_counter() - start
    if done.returncode:
        raise CaseError(f"worker.py '{line}' ended with: {done.stderr.strip().splitlines()[-1]}")
    printed = done.stdout.splitlines()
    return {**(json.loads(printed[-1]) if printed else {}), "wall": wall}


def touch_memory(n_bytes: int) -> None:
    """Write to memory and free it: on a shared machine its first touch in a while is slow."""
    subprocess.run([sys.executable, "-c", f"b'x' * {n_bytes}"], check=True)


def agree(case: Case, results: dict[str, Result]) -> None:
    """Hold the ids of one round together, among those who had equally many bytes of text.

    Raises:
        CaseError: They differ.
    """
    known: dict[tuple[str, Any], tuple[str, Any]] = {}
    for name, result in results.items():
        for key in ("tokens", "sha256") if name in case.alike else ("tokens",):
            if key not in result:
                continue
            other, value = known.setdefault((key, result.get("bytes")), (name, result[key]))
            if value != result[key]:
                raise CaseError(
                    f"{case.what}: {key} of {name} is {result[key]}, of {other} {value}"
                )


def figure(results: Sequence[Result], clock: str, bare: float = 0.0) -> dict[str, Any]:
    """Seconds of every run, and what follows from them; ``bare`` seconds are taken off each."""
    seconds = [result[clock] - bare for result in results]
    found: dict[str, Any] = {
        "seconds": seconds,
        "median": statistics.median(seconds),
        "min": min(seconds),
        "max": max(seconds),
    }
    found |= {key: results[0][key] for key in ("bytes", "tokens") if key in results[0]}
    if "peak_bytes" in results[0]:
        found["peak_bytes"] = statistics.median(result["peak_bytes"] for result in results)
    return found


def ratios(figures: dict[str, dict[str, Any]], work: str = "bytes") -> dict[str, float]:
    """How many times as fast cygnet is as each of the others, for the same amount of work."""
    if OURS not in figures:
        return {}
    cost = {name: found["median"] / found.get(work, 1) for name, found in figures.items()}
    return {name: value / cost[OURS] for name, value in cost.items() if name != OURS}


def wait_for_quiet(busy: bool) -> float:
    """The load average of the last minute, once it is low; with ``busy`` as it is.

    Raises:
        SystemExit: It stayed high for five minutes.
    """
    deadline = time.monotonic() + PATIENCE
    while (load := os.getloadavg()[0]) > QUIET and not busy:
        if time.monotonic() > deadline:
            raise SystemExit(
                f"the load average is {load:.2f}: something else is at work here; try again when"
                " it is done, or pass --busy for figures that mean less"
            )
        time.sleep(5)
    return load


def machine() -> dict[str, Any]:
    """Where and with what it was measured."""
    model = Path("/proc/cpuinfo").read_text().partition("model name")[2].split("\n")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": model.strip(" \t:") or platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
