"""The text stage of a run: find the sources, check every byte, and count.

Files stay where they are; the folder holds their list and figures. Built-in stories are written
into the folder as ``train.txt`` and ``valid.txt``, where anyone can read them.
"""

import contextlib
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cygnet import stage
from cygnet.console import progress, say
from cygnet.errors import DamagedError, InputError, StaleError
from cygnet.files import atomic_writer, sha256_file
from cygnet.recipe import TextOptions
from cygnet.text.batch import TextBatch
from cygnet.text.hub import CORPORA, Corpus, download
from cygnet.text.sources import TextFile, find_files
from cygnet.text.stories import stories

SPLITS = ("train", "valid")
STORIES = "stories:"
DEFAULT_STORIES = 20_000


def inputs(options: TextOptions, folder: Path) -> dict[str, str]:
    """The files that the sources name now, each with the sha256 of its bytes.

    Args:
        options: The section of the recipe.
        folder: The stage's folder; a file that is listed there with the same size and time of
            change is not read again.

    Raises:
        InputError: A source names nothing, or a file that cannot be read.
    """
    known = _known_hashes(folder)
    return {
        f"text.{split}[{number}] {path.name}": known.get(_state(path)) or sha256_file(path)
        for split in SPLITS
        for number, path in enumerate(_external_files(options, split, folder))
    }


def build(options: TextOptions, folder: Path) -> dict[str, Any]:
    """Read every document once and return the figures of each split.

    Raises:
        EncodingError: A file is not UTF-8, and ``options.errors`` is ``"strict"``.
        InputError: A split holds no text.
    """
    return {
        split: _build_split(options, folder, split) for split in SPLITS if getattr(options, split)
    }


@dataclass(frozen=True)
class SplitFile:
    """One file of a split, as a finished text stage has found it.

    Attributes:
        path: Where it is.
        sha256: Of its bytes.
        boundary, errors: How it is read; see ``TextFile``.
        record: What the stage has noted of it.
    """

    path: Path
    sha256: str
    boundary: str
    errors: str
    record: dict[str, Any]

    @property
    def n_documents(self) -> int:
        """How many documents it holds."""
        return int(self.record["documents"])

    @property
    def n_bytes(self) -> int:
        """How large it is."""
        return int(self.record["bytes"])

    def batches(self) -> Iterator[TextBatch]:
        """Its documents, in order.

        Raises:
            StaleError: It is gone or was changed since the stage ran.
        """
        if not _is_unchanged(self.path, self.record):
            raise StaleError(f"{self.path} was removed or changed since its text stage ran")
        yield from TextFile(self.path, self.boundary, self.errors).batches()


def split_files(folder: Path, split: str) -> list[SplitFile]:
    """The files of one split of a finished text stage, in order."""
    found = stage.results(folder)[split]
    record = stage.read_record(folder)
    assert record is not None
    options, outputs = record["options"], record["outputs"]
    return [
        SplitFile(
            folder / file["path"],  # an absolute path stays as it is
            file.get("sha256") or outputs[file["path"]]["sha256"],
            options["boundary"],
            options["errors"],
            file,
        )
        for file in found["files"]
    ]


def read_split(folder: Path, split: str) -> Iterator[TextBatch]:
    """The documents of one split of a finished text stage, in order.

    Raises:
        StaleError: A file is gone or was changed since the stage ran.

    Cost: memory for 4 MiB and the longest document.
    """
    for file in split_files(folder, split):
        yield from file.batches()


def _build_split(options: TextOptions, folder: Path, split: str) -> dict[str, Any]:
    external = _external_files(options, split, folder)
    paths = [*external, *_write_stories(options, folder, split)]
    files: list[dict[str, Any]] = []
    figures = dict.fromkeys(("documents", "text_bytes", "characters", "empty", "replaced"), 0)
    with progress(f"checking {split}", sum(p.stat().st_size for p in paths) / 1e6, "MB") as advance:
        for path in paths:
            file = TextFile(path, options.boundary, options.errors)
            for batch in file.batches(on_bytes=lambda n: advance(n / 1e6)):
                figures["text_bytes"] += batch.text_bytes
                figures["characters"] += _count_characters(batch)
            files.append({**_describe(path, folder), "documents": file.n_documents})
            figures["documents"] += file.n_documents
            figures["empty"] += file.n_empty
            figures["replaced"] += file.n_replaced
    if not figures["documents"]:
        raise InputError(
            f"text.{split} is empty: {' '.join(getattr(options, split))} holds no text"
        )
    _say_figures(split, figures)
    return {**figures, "files": files}


def _say_figures(split: str, figures: dict[str, int]) -> None:
    replaced = (
        f", {figures['replaced']:,} invalid byte sequences replaced" if figures["replaced"] else ""
    )
    say(
        f"  {split}: {figures['documents']:,} documents, {figures['text_bytes'] / 1e6:,.2f} MB"
        f" of text{replaced}"
    )


def _external_files(options: TextOptions, split: str, folder: Path) -> list[Path]:
    """The files outside the run folder that the sources of a split name."""
    paths: list[Path] = []
    for source in getattr(options, split):
        if source in CORPORA:
            # A finished run does not ask the hub again.
            paths += _known_files(folder, split, CORPORA[source]) or _corpus(source)[split]
        elif not source.startswith(STORIES):
            paths += find_files(source)
    return [path.absolute() for path in paths]


@functools.cache
def _corpus(name: str) -> dict[str, list[Path]]:
    """The files of a named corpus, downloaded and verified once per process."""
    return download(name)


def _write_stories(options: TextOptions, folder: Path, split: str) -> list[Path]:
    """Write the built-in stories that a split asks for into one file, if it asks for any."""
    sources = [source for source in getattr(options, split) if source.startswith(STORIES)]
    if not sources:
        return []
    path = folder / f"{split}.txt"
    with atomic_writer(path) as file:
        for source in sources:
            seed, count = parse_stories(source)
            with progress(f"writing {split}", count, "story") as advance:
                for story in itertools.islice(stories(seed), count):
                    file.write(f"{story}\n{options.boundary}\n".encode())
                    advance(1)
    return [path]


def parse_stories(source: str) -> tuple[int, int]:
    """Seed and number of stories of a source ``stories:SEED`` or ``stories:SEED:COUNT``.

    >>> parse_stories("stories:7:100")
    (7, 100)
    """
    fields = source.removeprefix(STORIES).split(":")
    if len(fields) > 2 or not all(field.isdecimal() for field in fields):
        raise InputError(f"{source!r} is no source: write stories:SEED or stories:SEED:COUNT")
    return int(fields[0]), int(fields[1]) if len(fields) == 2 else DEFAULT_STORIES


def _count_characters(batch: TextBatch) -> int:
    """Code points: every byte of UTF-8 that is not a continuation byte begins one."""
    return int(np.count_nonzero((batch.data & 0xC0) != 0x80))


def _describe(path: Path, folder: Path) -> dict[str, Any]:
    if path.parent == folder:
        return {"path": path.name, "bytes": path.stat().st_size}
    name, size, mtime_ns = _state(path)
    return {"path": name, "bytes": size, "mtime_ns": mtime_ns, "sha256": sha256_file(path)}


def _state(path: Path) -> tuple[str, int, int]:
    """Path, size and time of change: while these stay, a file is taken to be the same."""
    status = path.stat()
    return str(path), status.st_size, status.st_mtime_ns


def _is_unchanged(path: Path, file: dict[str, Any]) -> bool:
    """Whether a file is what the record says; hashed only if its time of change is another."""
    if not path.exists() or path.stat().st_size != file["bytes"]:
        return False
    if "sha256" not in file or path.stat().st_mtime_ns == file["mtime_ns"]:
        return True
    return sha256_file(path) == str(file["sha256"])


def _known_files(folder: Path, split: str, corpus: Corpus) -> list[Path]:
    """The files of a corpus that a finished stage has read, if all are as they were."""
    names = getattr(corpus, split)
    found = [Path(path) for path, _, _ in _known_hashes(folder) if Path(path).name in names]
    is_same = all(path.exists() and _state(path) in _known_hashes(folder) for path in found)
    return found if is_same and len(found) == len(names) else []


def _known_hashes(folder: Path) -> dict[tuple[str, int, int], str]:
    """The sha256 of the external files that a finished stage has read, by their state."""
    record: dict[str, Any] = {}
    with contextlib.suppress(DamagedError):  # the stage itself will say so
        record = stage.read_record(folder) or {}
    return {
        (file["path"], file["bytes"], file["mtime_ns"]): file["sha256"]
        for split in record.get("results", {}).values()
        for file in split["files"]
        if "sha256" in file
    }
