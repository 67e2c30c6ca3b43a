"""Which files a text stage reads, and whether they are still what they were.

A file that has the size and the time of change that a finished stage has noted is taken to be the
same, so that a finished run is recognised in milliseconds, without a look into any file and without
a question to the hub.
"""

import contextlib
import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress
from cygnet.cores import available_threads, reports, run_ahead
from cygnet.errors import DamagedError
from cygnet.files import input_errors
from cygnet.recipe import TextOptions
from cygnet.text.sources import STORIES, find_files, is_remote, locate

CHUNK_BYTES = 1 << 20
State = tuple[str, int, int]
"""Path, size and time of change."""
_HASHES: dict[State, str] = {}


def external_files(options: TextOptions, split: str, folder: Path) -> dict[str, list[Path]]:
    """The files outside the run folder that each source of a split names, as absolute paths.

    Raises:
        InputError: A source names nothing.
    """
    known = _Known.of(folder)
    found: dict[str, list[Path]] = {}
    for source in getattr(options, split):
        if is_remote(source):
            paths = known.files(split, source) or list(_remote_files(source, split))
        elif not source.startswith(STORIES):
            paths = find_files(source)
        else:
            continue
        found[source] = [path.absolute() for path in paths]
    return found


def hashes(paths: list[Path], folder: Path, label: str) -> list[str]:
    """The sha256 of files; those that a finished stage has noted are not read again."""
    known = _Known.of(folder).hashes
    new = [path for path in paths if state(path) not in known]
    if not new:  # a finished run is recognised without a thread or a bar
        return [known[state(path)] for path in paths]
    size = sum(path.stat().st_size for path in new)
    with progress(label, size / 1e6, "MB") as advance, reports(advance) as on_bytes:

        def find(path: Path) -> str:
            return known.get(state(path)) or sha256(path, on_bytes)

        return list(run_ahead(find, paths, available_threads()))


def describe(path: Path, folder: Path) -> dict[str, Any]:
    """What a stage notes of a file: of one in its own folder it has the sha256 elsewhere."""
    if path.parent == folder:
        return {"path": path.name, "bytes": path.stat().st_size}
    name, size, mtime_ns = state(path)
    return {"path": name, "bytes": size, "mtime_ns": mtime_ns, "sha256": sha256(path)}


def is_unchanged(path: Path, noted: dict[str, Any]) -> bool:
    """Whether a file is what a stage has noted; hashed only if its time of change is another."""
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != noted["bytes"]:
        return False
    if "sha256" not in noted or status.st_mtime_ns == noted["mtime_ns"]:
        return True
    return sha256(path) == str(noted["sha256"])


def state(path: Path) -> State:
    """While this stays, a file is taken to be the same."""
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def sha256(path: Path, on_bytes: Callable[[int], None] = lambda n: None) -> str:
    """The sha256 of a file, which is read once by a process."""
    at = state(path)
    if at not in _HASHES:
        digest = hashlib.sha256()
        with input_errors(path), open(path, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
                on_bytes(len(chunk))
        _HASHES[at] = digest.hexdigest()
    return _HASHES[at]


@functools.cache
def _remote_files(source: str, split: str) -> tuple[Path, ...]:
    """The files of a source on the hub, downloaded and verified once by a process."""
    return tuple(locate(source, split))


@dataclass(frozen=True)
class _Known:
    """What a finished stage has noted of the files that it has read."""

    results: dict[str, Any]

    @classmethod
    def of(cls, folder: Path) -> "_Known":
        record: dict[str, Any] = {}
        with contextlib.suppress(DamagedError):  # the stage itself will say so
            record = stage.read_record(folder) or {}
        return cls(record.get("results", {}))

    @functools.cached_property
    def hashes(self) -> dict[State, str]:
        """The sha256 of every file outside the run folder, by its state."""
        return {
            (file["path"], file["bytes"], file["mtime_ns"]): file["sha256"]
            for split in self.results.values()
            for file in split["files"]
            if "sha256" in file
        }

    def files(self, split: str, source: str) -> list[Path]:
        """The files that a source named then, if all are as they were; else none."""
        names = self.results.get(split, {}).get("sources", {}).get(source, [])
        paths = [Path(name) for name in names]
        is_same = all(path.exists() and state(path) in self.hashes for path in paths)
        return paths if is_same else []
