"""One job of the tokenizer benchmark in a process of its own: ``worker.py JSON`` prints JSON.

The job names the processors it may use; it is bound to them before any tokenizer is loaded, so
that one thread is one thread. Linux only.
"""

import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import token_peers
from memory import own_peak, watched
from peers import BOUNDARY, BUILDERS, ENCODERS, Files, split_documents

WARM_STEPS = 5


def main() -> None:
    """Do the job that the command line gives."""
    job = json.loads(sys.argv[1])
    os.sched_setaffinity(0, job["processors"])
    print(json.dumps(JOBS[job["job"]](job)))


def encode(job: dict[str, Any]) -> dict[str, Any]:
    """Ids of a text in memory, by a tokenizer that has seen it, or so many bytes of it."""
    separator = b"\n" if job["form"] == "string" else BOUNDARY.encode()
    text = _cut(Path(job["text"]).read_bytes(), separator, job["bytes"])
    prepare = ENCODERS[job["peer"]](_files(job))
    prepare(job["form"], _cut(text, separator, job.get("seen_bytes")))()
    call = prepare(job["form"], text)
    seconds, ids = _timed(call)
    n_bytes = len(text) if job["form"] == "string" else sum(map(len, split_documents(text)))
    return {"seconds": seconds, "bytes": n_bytes, **_facts(job, ids)}


def cold(job: dict[str, Any]) -> dict[str, Any]:
    """Ids of a text file; the time that counts is that of the whole process."""
    prepare = ENCODERS[job["peer"]](_files(job))
    text = Path(job["text"]).read_bytes()
    return {"bytes": len(text), **_facts(job, prepare("bytes", text)())}


def first_ids(job: dict[str, Any]) -> dict[str, Any]:
    """From the import to the ids of a few words."""
    seconds, ids = _timed(
        lambda: ENCODERS[job["peer"]](_files(job))("bytes", b"Once upon a time")()
    )
    return {"seconds": seconds, **_facts(job, ids)}


def build(job: dict[str, Any]) -> dict[str, Any]:
    """A text file to a file of ids, and the most memory that the process ever had."""
    text = Path(job["text"])
    with tempfile.TemporaryDirectory(dir=text.parent) as folder:
        call = BUILDERS[job["peer"]](_files(job), text, Path(folder))
        seconds, path = _timed(call)
        peak = own_peak()
        content = path.read_bytes()
    return {
        "seconds": seconds,
        "bytes": text.stat().st_size,
        "peak_bytes": peak,
        "tokens": len(content) // 2,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def train(job: dict[str, Any]) -> dict[str, Any]:
    """Tokens learned from a text."""
    from trainers import TRAINERS

    trainer = TRAINERS[job["pattern"]][job["peer"]]
    call, tokens = trainer(Path(job["text"]), job["vocab_size"], len(job["processors"]))
    seconds, found = _timed(call)
    learned = tokens(found)
    return {
        "seconds": seconds,
        "tokens": len(learned),
        "sha256": hashlib.sha256(b"\n".join(learned)).hexdigest(),
    }


def token_files(job: dict[str, Any]) -> dict[str, Any]:
    """Parquet files to a file of ids, with all processes that this takes."""
    found, ids = _built(job, token_peers.BUILDERS)
    return {**found, **_facts(job, ids)}


def blocks(job: dict[str, Any]) -> dict[str, Any]:
    """The same to a data set of blocks. Each contestant leaves out other ends; the first agree."""
    found, ids = _built(job, token_peers.BLOCK_BUILDERS)
    compared = _facts(job, ids[: job["compared"] * token_peers.BLOCK_SIZE])
    return {**found, **compared, "bytes": found["bytes"]}


def _built(job: dict[str, Any], builders: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    texts = sorted(Path(job["texts"]).glob("*.parquet"))
    with tempfile.TemporaryDirectory(dir=job["made"]) as folder:
        build, read = builders[job["peer"]](_files(job), texts, Path(folder))
        with watched() as peak:
            seconds, _ = _timed(build)
        ids = read()
    return {"seconds": seconds, "bytes": job["bytes"], "peak_bytes": peak.n_bytes}, ids


def prepare(job: dict[str, Any]) -> dict[str, Any]:
    """What the next job reads."""
    texts = sorted(Path(job["texts"]).glob("*.parquet"))
    token_peers.prepare(_files(job), texts, Path(job["folder"]))
    return {}


def batches(job: dict[str, Any]) -> dict[str, Any]:
    """Batches of so many steps, after a few that do not count."""
    loading = token_peers.Loading(job["batch_size"], job["block_size"], job["workers"])
    load, first = token_peers.LOADERS[job["peer"]](Path(job["folder"]), loading)
    if job["check"]:
        return _facts(job, first().reshape(-1))
    for _ in load(WARM_STEPS):
        pass
    with watched() as peak:
        seconds, n_batches = _timed(lambda: sum(1 for _ in load(job["steps"])))
    n_tokens = n_batches * loading.batch_size * loading.block_size
    return {"seconds": seconds, "tokens": n_tokens, "peak_bytes": peak.n_bytes}


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """GPT-2's vocabulary in the formats that the peers read."""
    import peers

    peers.convert(_files(job))
    return {}


JOBS = {
    "encode": encode,
    "cold": cold,
    "first_ids": first_ids,
    "build": build,
    "train": train,
    "token_files": token_files,
    "blocks": blocks,
    "prepare": prepare,
    "batches": batches,
    "convert": convert,
}


def _files(job: dict[str, Any]) -> Files:
    return Files(Path(job["gpt2"]), Path(job["made"]))


def _cut(text: bytes, separator: bytes, n_bytes: int | None) -> bytes:
    """Whole documents (or lines) from the start of a text, about ``n_bytes`` of them."""
    if n_bytes is None or n_bytes >= len(text):
        return text
    end = text.rfind(separator, 0, n_bytes)
    if end < 0:
        end = text.index(separator)
    return text[: end + len(separator)]


def _timed(call: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def _facts(job: dict[str, Any], ids: Any) -> dict[str, Any]:
    """The number of ids, and their hash where the job is to check them."""
    if not job["check"]:
        return {"tokens": len(ids)}
    return {"tokens": len(ids), "sha256": hashlib.sha256(ids.astype("<u4").tobytes()).hexdigest()}


if __name__ == "__main__":
    main()
