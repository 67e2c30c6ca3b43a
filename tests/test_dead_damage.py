"""``cygnet xray dead`` on snapshots that are damaged: one clear line, whatever is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cygnet.errors import DamagedError
from cygnet.xray.dead.runs import analyse_run
from recorder_lab import record_rows


def altered(array: np.ndarray, place: Any, value: float) -> np.ndarray:
    array = array.copy()
    array[place] = value
    return array


DAMAGES: dict[str, Callable[[np.ndarray], Any]] = {
    "snapshots: too few": lambda a: a[:3],
    "snapshots: other rows": lambda a: a[:, :7],
    "snapshots: flat": lambda a: a.ravel(),
    "snapshots: another type": lambda a: a.astype(float),
    "snapshots: a scalar": lambda a: a[0, 0, 0],
    "steps: backwards": lambda a: a[::-1],
    "steps: another type": lambda a: a.astype(float),
    "rows: twice the same": lambda a: altered(a, 1, 0),
    "rows: beyond the matrix": lambda a: a + 9,
    "rows: below zero": lambda a: altered(a, 0, -1),
    "rows: none": lambda a: a[:0],
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Snapshots of a tiny Trainer of one's own; not to be changed."""
    return record_rows(
        tmp_path_factory.mktemp("tiny"), tied=True, save_strategy="steps", save_steps=10
    )


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "rows"))


@pytest.mark.parametrize("kind", DAMAGES)
def test_arrays_that_do_not_fit_together(copied: Path, kind: str) -> None:
    path = copied / f"{kind.split(':')[0]}.npy"
    np.save(path, DAMAGES[kind](np.load(path)))
    with pytest.raises(DamagedError, match=r"are damaged and .*copy, or train again"):
        analyse_run(copied, dead_ids="30-39")


@pytest.mark.parametrize("name", ["recorder.json", "snapshots.npy", "steps.npy", "rows.npy"])
def test_files_that_are_cut(copied: Path, name: str) -> None:
    whole = (copied / name).read_bytes()
    for n_bytes in (0, 5, len(whole) // 2, len(whole) - 4):
        (copied / name).write_bytes(whole[:n_bytes])
        with pytest.raises(DamagedError):
            analyse_run(copied, dead_ids="30-39")


@pytest.mark.parametrize("key", ["matrices", "n_rows", "width", "arrays"])
def test_a_description_that_lacks_a_key(copied: Path, key: str) -> None:
    path = copied / "recorder.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))
    with pytest.raises(DamagedError, match=f"damaged and cannot be read .*{key}"):
        analyse_run(copied, dead_ids="30-39")


def test_values_that_are_not_those_of_a_checkpoint(copied: Path) -> None:
    """The shape fits, and one number has changed."""
    analyse_run(copied, dead_ids="30-39")
    values = np.load(copied / "snapshots.npy")
    assert np.load(copied / "steps.npy")[2] == 10
    np.save(copied / "snapshots.npy", altered(values, (2, 5, 3), 0.5))
    with pytest.raises(DamagedError, match="that of step 10 is not what the checkpoint"):
        analyse_run(copied, dead_ids="30-39")
    (copied / "checkpoints.json").write_text('{"ten": "12"}')
    with pytest.raises(DamagedError, match="does not name checkpoints by their steps"):
        analyse_run(copied, dead_ids="30-39")
