"""Snapshots of embedding rows on disk, whole at every moment.

Needs NumPy alone. A folder of snapshots holds ``steps.npy`` and, for each kind of value, an array
whose first axis is that of the steps; ``docs/formats.md`` lists them. ``steps.npy`` is written
last, so that a step that stands there has all its values, whenever the writer was killed.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError, InputError, StaleError
from cygnet.files import atomic_writer, make_folder, read_json, write_json
from cygnet.transformer.growing_array import Array, GrowingArray

SETTINGS = "recorder.json"
CHECKPOINTS = "checkpoints.json"
ROWS = "rows"
STEPS = "steps"
PREFIXES = {"W": "", "W_E": "", "W_U": "W_U-"}
"""By the name of a matrix what its files begin with."""
REMEDY = "record into another folder"
FORMAT = {"format": "cygnet snapshots", "version": 1}


class SnapshotWriter:
    """A folder of snapshots that is being written.

    Args:
        folder: Made if it is not there.
        settings: What the snapshots are of, as plain JSON values.
        rows: Ids of the rows, ``int64`` of shape ``(n_rows,)``.
        width: Values in a row.
        names: The arrays to write, e.g. ``("snapshots", "grad")``: ``float32`` of shape
            ``(n_snapshots, n_rows, width)``.
        overwrite: Remove the snapshots that a recorder has left in the folder.

    Raises:
        StaleError: The folder holds snapshots with other settings, or of unknown origin.
        DamagedError: A file is damaged.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        rows: npt.NDArray[np.int64],
        width: int,
        names: Sequence[str],
        overwrite: bool = False,
    ) -> None:
        self.folder = make_folder(folder)
        if overwrite:
            _remove_snapshots(folder)
        self._settle(FORMAT | dict(settings) | {"arrays": list(names)}, rows)
        shape = (len(rows), width)
        self._arrays = {name: GrowingArray(self._path(name), "<f4", shape) for name in names}
        self._steps = GrowingArray(self._path(STEPS), "<i8", ())
        for array in self._arrays.values():
            if len(array) < len(self._steps):
                raise DamagedError(
                    f"{array.path} is damaged: it holds {len(array)} snapshots,"
                    f" {len(self._steps)} were taken"
                )
            array.cut(len(self._steps))  # a kill may have come between an array and the steps

    @property
    def steps(self) -> list[int]:
        """The steps of the finished snapshots."""
        found: list[int] = np.load(self._path(STEPS)).tolist()
        return found

    def append(self, step: int, values: Mapping[str, Array]) -> None:
        """Add a snapshot: an array of shape ``(n_rows, width)`` for each name."""
        for name, array in self._arrays.items():
            array.append(values[name])
        self._steps.append(np.array(step))

    def mark(self, step: int, values: Mapping[str, Array]) -> None:
        """Note what the rows are at a checkpoint, and make the snapshots survive a power cut."""
        for array in (*self._arrays.values(), self._steps):
            array.sync()
        marks = _read_marks(self.folder)
        marks[str(step)] = _digest(values)
        write_json(self.folder / CHECKPOINTS, marks)

    def go_on(self, step: int, values: Mapping[str, Array]) -> None:
        """Go on from a checkpoint: drop what came behind it.

        Raises:
            StaleError: These are the snapshots of another run, which had other rows at that step.
        """
        marks = _read_marks(self.folder)
        if self.steps and marks.get(str(step)) != _digest(values):
            raise StaleError(
                f"{self.folder} holds the snapshots of another run: its rows at step {step} are not"
                f" those of the checkpoint; {REMEDY}"
            )
        kept = sum(taken <= step for taken in self.steps)
        self._steps.cut(kept)
        for array in self._arrays.values():
            array.cut(kept)
        write_json(
            self.folder / CHECKPOINTS, {at: mark for at, mark in marks.items() if int(at) <= step}
        )

    def _settle(self, settings: dict[str, Any], rows: npt.NDArray[np.int64]) -> None:
        """Write what the snapshots are of, or compare it with what the folder says."""
        if not (self.folder / SETTINGS).exists():
            for name in (*settings["arrays"], STEPS, ROWS):
                if self._path(name).exists():
                    raise StaleError(f"{self._path(name)} is of unknown origin; {REMEDY}")
            write_json(self.folder / SETTINGS, settings)
        if not self._path(ROWS).exists():
            with atomic_writer(self._path(ROWS)) as file:
                np.save(file, rows)
        was = _read_settings(self.folder)
        changed = [key for key in settings | was if was.get(key) != settings.get(key)]
        for key in changed:
            raise StaleError(
                f"{self.folder} holds other snapshots: {key} was {was.get(key)} and is now"
                f" {settings.get(key)}; {REMEDY}"
            )
        if not np.array_equal(np.load(self._path(ROWS)), rows):
            raise StaleError(f"{self.folder} holds snapshots of other rows; {REMEDY}")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Snapshots opened for reading, also while they are being written.

    Attributes:
        settings: What they are of: the content of ``recorder.json``.
        steps: Optimizer steps done at each snapshot, ``int64`` of shape ``(n_snapshots,)``.
        rows: Ids of the rows, ``int64`` of shape ``(n_rows,)``.
        arrays: By the name of their file, memory-mapped ``float32`` of shape ``(n_snapshots,
            n_rows, width)``: ``snapshots`` always, ``grad``, ``exp_avg``, ``exp_avg_sq`` where they
            were recorded; with ``W_U-`` in front those of an output matrix of its own.
        marks: By the step of each checkpoint the sha256 of the rows there.
    """

    settings: dict[str, Any]
    steps: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    arrays: dict[str, npt.NDArray[np.float32]]
    marks: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, path: str | Path) -> "Snapshots":
        """Open a folder of snapshots, or the one of a run folder.

        Raises:
            InputError: There are no snapshots.
            DamagedError: A file is damaged.
        """
        folder = _find_folder(Path(path))
        settings = _read_settings(folder)
        with _reading(folder):
            steps = np.load(folder / f"{STEPS}.npy")
            rows = np.load(folder / f"{ROWS}.npy")
            arrays = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r")[: len(steps)]
                for name in settings["arrays"]
            }
            found = cls(settings, steps, rows, arrays, _read_marks(folder))
            for name, is_whole in found._whole():
                if not is_whole:
                    raise ValueError(f"{name} does not fit the rest")
        return found

    def _whole(self) -> Iterator[tuple[str, bool]]:
        """The name of each file, and whether it is what a recorder writes beside the others."""
        n_rows, width = self.settings["n_rows"], self.settings["width"]
        yield SETTINGS, set(self.settings["matrices"]) <= set(PREFIXES)
        yield f"{STEPS}.npy", _is_increasing(self.steps)
        in_order = np.sort(self.rows)
        yield f"{ROWS}.npy", _is_increasing(in_order) and 0 <= in_order[0] <= in_order[-1] < n_rows
        shape = len(self.steps), len(self.rows), width
        for name, array in self.arrays.items():
            yield f"{name}.npy", array.dtype == "<f4" and array.shape == shape

    def check_marks(self) -> None:
        """Compare the snapshots that were taken at a checkpoint with what it noted of the rows.

        Raises:
            DamagedError: They differ: bytes have changed, or a file is of another run.

        Cost: of these snapshots, 1 to 2 GB/s.
        """
        files = {name: f"{PREFIXES[name]}snapshots" for name in self.settings["matrices"]}
        if not set(files.values()) <= set(self.arrays):
            return
        for number, step in enumerate(self.steps.tolist()):
            mark = self.marks.get(str(step))
            values = {name: self.arrays[file][number] for name, file in files.items()}
            if mark is not None and _digest(values) != mark:
                raise DamagedError(
                    f"the snapshots are damaged: that of step {step:,} is not what the checkpoint"
                    " of this step noted; put the folder back from a copy, or train again"
                )

    def check_model(self, matrices: Mapping[str, Array]) -> None:
        """Refuse a trained model that these are not the snapshots of.

        Args:
            matrices: Its embedding matrices by name (``W``, or ``W_E`` and ``W_U``), ``float32`` of
                shape ``(vocab_size, width)``.

        Raises:
            StaleError: Names or shapes are others, or the rows are not those of the last
                checkpoint, where one was marked.
        """
        shape = self.settings["n_rows"], self.settings["width"]
        names = self.settings["matrices"]
        fits = all(name in matrices and matrices[name].shape == shape for name in names)
        if fits and self.marks:
            rows = {name: matrices[name][self.rows] for name in names}
            fits = _digest(rows) == self.marks[max(self.marks, key=int)]
        if not fits:
            raise StaleError(
                "these are the snapshots of another run: the last rows are not those of this model;"
                " put back the recorder folder that belongs to it, or train again"
            )


def _find_folder(path: Path) -> Path:
    for folder in (path, path / "recorder", path / "transformer" / "recorder"):
        if (folder / SETTINGS).is_file():
            return folder
    raise InputError(f"{path} holds no snapshots: expected a folder with {SETTINGS}, or a run")


def _remove_snapshots(folder: Path) -> None:
    """Remove what a recorder has left; the settings last, as a kill may come between."""
    if (folder / SETTINGS).exists():
        for name in (*_read_settings(folder)["arrays"], STEPS, ROWS):
            (folder / f"{name}.npy").unlink(missing_ok=True)
        (folder / CHECKPOINTS).unlink(missing_ok=True)
        (folder / SETTINGS).unlink()


def _read_settings(folder: Path) -> dict[str, Any]:
    settings = read_json(folder / SETTINGS)
    if not isinstance(settings, dict) or settings | FORMAT != settings:
        raise DamagedError(f"{folder / SETTINGS} is damaged: it does not describe snapshots")
    return settings


def _read_marks(folder: Path) -> dict[str, str]:
    path = folder / CHECKPOINTS
    found: dict[str, str] = read_json(path) if path.exists() else {}
    if not isinstance(found, dict) or not all(map(str.isdecimal, found)):
        raise DamagedError(f"{path} is damaged: it does not name checkpoints by their steps")
    return found


def _digest(values: Mapping[str, Array]) -> str:
    """Hex sha256 of the rows of all matrices. Cost: 1 to 2 GB/s."""
    digest = hashlib.sha256()
    for name in sorted(values):
        digest.update(np.ascontiguousarray(values[name], "<f4").data)
    return digest.hexdigest()


def _is_increasing(numbers: npt.NDArray[Any]) -> bool:
    return numbers.dtype == "<i8" and numbers.ndim == 1 and bool((np.diff(numbers) > 0).all())


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise DamagedError(
            f"the snapshots in {folder} are damaged and cannot be read ({error}):"
            " put the folder back from a copy, or train again"
        ) from error
