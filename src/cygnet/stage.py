"""A stage: a folder, and the record of what it was made from.

``started.json`` says what the folder is being made from; ``stage.json`` replaces it when the stage
has finished, and lists the results and every file with its size and sha256. So a finished stage is
recognised in milliseconds, an unfinished one resumes, and one that was made from other inputs or
options is refused by name.
"""

import contextlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from cygnet.console import Stopwatch
from cygnet.errors import DamagedError, StaleError
from cygnet.files import make_folder, read_json, sha256_file, sha256_json, sync_folder, write_json

STARTED = "started.json"
FINISHED = "stage.json"
CLEARED = ".tmp"
REMEDY = "--overwrite makes it and what follows again, another --out leaves it"
LIBRARIES = ("cygnet", "numpy", "regex", "torch", "transformers")


@dataclass(frozen=True)
class Stage:
    """What a folder is to be made from.

    Attributes:
        name: The room, e.g. ``"tokenizer"``.
        folder: Where its files are.
        options: The section of the recipe, as plain values.
        inputs: What it reads: a name and a sha256 each.
        scaffolding: Names in the folder that serve only while it is being made.
        progress: A pattern of what an unfinished folder holds that took long to make.
    """

    name: str
    folder: Path
    options: dict[str, Any]
    inputs: dict[str, str]
    scaffolding: tuple[str, ...] = ()
    progress: str = ""

    def is_finished(self) -> bool:
        """Whether the folder is done, made from just these inputs and options.

        What was begun from others and holds no progress yet is removed.

        Raises:
            StaleError: It was made, or is half made, from others, the first of which is named; or
                it holds files without a record of what they were made from.
            DamagedError: A file that it should hold is missing or has another size.
        """
        record = read_record(self.folder)
        if record is None:
            if any(path.is_file() and path.suffix != ".tmp" for path in self.folder.rglob("*")):
                raise StaleError(f"{self.folder} holds files of unknown origin; {REMEDY}")
            return False
        change = next(_changes(self, record), None)
        if "outputs" not in record and change and not self._has_progress():
            self.clear()
            return False
        if change:
            raise StaleError(f"{self.folder} was made differently: {change}; {REMEDY}")
        if "outputs" not in record:
            return False
        _check_sizes(self.folder, record)
        if (self.folder / STARTED).exists():
            self._tidy()
        return True

    def clear(self) -> None:
        """Remove the folder with everything in it."""
        _remove(self.folder)

    def build(self, make: Callable[[Path], dict[str, Any]]) -> None:
        """Make the folder, or finish what a killed process began.

        Args:
            make: Takes the folder, fills it and returns its results as plain values.
        """
        watch = Stopwatch()
        make_folder(self.folder)
        made_from = {"stage": self.name, "options": self.options, "inputs": self.inputs}
        if not (self.folder / STARTED).exists():
            write_json(self.folder / STARTED, made_from)
        results = make(self.folder)
        record = {
            **made_from,
            "results": results,
            "outputs": {name: _describe(self.folder / name) for name in self._file_names()},
            "seconds": round(watch.seconds, 2),
            "made_by": {"python": platform.python_version(), **_versions()},
        }
        write_json(self.folder / FINISHED, record)
        self._tidy()

    def _has_progress(self) -> bool:
        return bool(self.progress) and any(self.folder.glob(self.progress))

    def _tidy(self) -> None:
        """Remove what served only the making; ``started.json`` last, as a kill may come between."""
        for name in self.scaffolding:
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / STARTED).unlink()

    def _file_names(self) -> list[str]:
        """Every file but the records, the scaffolding and what a killed writer left."""
        names = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        left_out = {STARTED, FINISHED, *self.scaffolding}
        return sorted(
            str(name) for name in names if name.parts[0] not in left_out and name.suffix != ".tmp"
        )


def adopt(source: Path, target: Path, overwrite: bool = False) -> None:
    """Take a finished stage of another run over, without its bytes: its files become hard links.

    Linked files stay equal, as nothing writes into a file of a finished stage: what is made again
    is written under another name and renamed, and removing a folder removes names alone. Where
    there are no links, files are copied.

    Args:
        source: The folder of a finished stage.
        target: The folder to make; if it is there and holds the same stage, it stays.
        overwrite: Replace a folder that holds something else.

    Raises:
        StaleError: ``target`` holds something else, and ``overwrite`` is not set.
    """
    if (target / FINISHED).exists() and identity(target) == identity(source):
        return
    if target.exists() and not overwrite:
        raise StaleError(f"{target} is not what {source} is now; {REMEDY}")
    _remove(target)
    adopted = target.with_name(target.name + CLEARED)
    shutil.copytree(source, adopted, copy_function=_link)
    adopted.rename(target)
    sync_folder(target.parent)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or a file system without links
        shutil.copy2(source, target)


def _remove(folder: Path) -> None:
    """Remove a folder with everything in it: at once, so that a kill leaves no half of it."""
    remove_cleared(folder.parent)
    if folder.exists():
        folder.rename(folder.with_name(folder.name + CLEARED))
    remove_cleared(folder.parent)


def remove_cleared(run_folder: Path) -> None:
    """Finish the removal of stages that a killed process had begun to remove."""
    for folder in run_folder.glob(f"*{CLEARED}"):
        if folder.is_dir():
            shutil.rmtree(folder)


def read_record(folder: Path) -> dict[str, Any] | None:
    """What ``folder`` was made from: the record of a finished or an unfinished stage, or none."""
    for name in (FINISHED, STARTED):
        if (folder / name).exists():
            record = read_json(folder / name)
            keys = {"options", "inputs"} | ({"results", "outputs"} if name == FINISHED else set())
            if not isinstance(record, dict) or not keys <= record.keys():
                raise DamagedError(
                    f"{folder / name} is damaged: it is no record of a stage; {REMEDY}"
                )
            return record
    return None


def results(folder: Path) -> dict[str, Any]:
    """The results of a finished stage.

    Raises:
        DamagedError: The stage has not finished.
    """
    record = read_record(folder)
    if record is None or "results" not in record:
        raise DamagedError(f"{folder} is not finished: run the recipe again, and it goes on")
    found: dict[str, Any] = record["results"]
    return found


def identity(folder: Path) -> str:
    """One sha256 for a finished stage: of its options, its inputs and all its files."""
    record = read_json(folder / FINISHED)
    return sha256_json([record["options"], record["inputs"], record["outputs"]])


def verify(folder: Path) -> None:
    """Read every file of a finished stage and compare it with its sha256.

    Raises:
        DamagedError: A file is missing, truncated, or its bytes have changed.

    Cost: one read of the folder, 1 to 2 GB/s.
    """
    record = read_json(folder / FINISHED)
    _check_sizes(folder, record)
    for name, expected in record["outputs"].items():
        if sha256_file(folder / name) != expected["sha256"]:
            raise DamagedError(
                f"{folder / name} is damaged: its bytes are not those that were written;"
                " --overwrite makes it again"
            )


def _check_sizes(folder: Path, record: dict[str, Any]) -> None:
    for name, expected in record["outputs"].items():
        path = folder / name
        if not path.exists():
            raise DamagedError(f"{path} is missing; --overwrite makes it again")
        if path.stat().st_size != expected["bytes"]:
            raise DamagedError(
                f"{path} is damaged: it has {path.stat().st_size:,} bytes,"
                f" {expected['bytes']:,} were written; --overwrite makes it again"
            )


def _changes(stage: Stage, record: dict[str, Any]) -> Iterator[str]:
    """What differs between a stage and the record of its folder, in words."""
    for key in sorted(stage.options.keys() | record["options"].keys()):
        was, now = record["options"].get(key), stage.options.get(key)
        if was != now:
            yield f"{stage.name}.{key} was {was} and is now {now}"
    for key in sorted(stage.inputs.keys() | record["inputs"].keys()):
        if key not in stage.inputs:
            yield f"it also read {key}"
        elif key not in record["inputs"]:
            yield f"it did not read {key}"
        elif stage.inputs[key] != record["inputs"][key]:
            yield f"{key} has changed since"


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_file(path)}


def _versions() -> dict[str, str]:
    versions = {}
    for library in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[library] = metadata.version(library)
    return versions
