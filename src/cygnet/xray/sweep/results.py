"""What the cells of a sweep came to."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cygnet import stage
from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.metrics import METRICS
from cygnet.transformer.shapes import count_layers
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.runs.reading import read_metrics
from cygnet.xray.sweep.grid import Cell


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished cell.

    Attributes:
        path: Its run folder.
        n_layer, batch_size, learning_rate: What sets it apart.
        n_parameters: Of its model.
        steps, tokens: Optimizer steps, and tokens read in them: cells with other batch sizes have
            read others.
        train_nats_per_token: Mean loss since the line of ``metrics.jsonl`` before the last one.
        valid_nats_per_token, valid_bits_per_byte: On the whole valid split, where there is one.
        dead_spread: By matrix (``W`` where they are tied, else ``W_E`` and ``W_U``), the spread of
            the dead rows at the first and at the last snapshot, where they were recorded: the root
            mean square of a coordinate's distance from the centroid.
        seconds: Of training, in the process that finished it.
    """

    path: str
    n_layer: int
    batch_size: int
    learning_rate: float
    n_parameters: int
    steps: int
    tokens: int
    train_nats_per_token: float
    valid_nats_per_token: float | None
    valid_bits_per_byte: float | None
    dead_spread: dict[str, tuple[float, float]]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A cell that failed.

    Attributes:
        path: Its run folder.
        n_layer, batch_size, learning_rate: What sets it apart.
        failed: Why, in one line.
    """

    path: str
    n_layer: int
    batch_size: int
    learning_rate: float
    failed: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def read_cell(cell: Cell, reason: str | None) -> Result | Failure:
    """What became of a cell, which failed for a reason or is finished."""
    if reason is None:
        return read_result(cell)
    options = cell.recipe.transformer
    return Failure(
        path=str(cell.folder),
        n_layer=count_layers(options),
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        failed=reason,
    )


def read_result(cell: Cell) -> Result:
    """The figures of a finished cell."""
    options = cell.recipe.transformer
    folder = cell.folder / "transformer"
    found = stage.results(folder)
    return Result(
        path=str(cell.folder),
        n_layer=count_layers(options),
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        n_parameters=found["n_parameters"],
        steps=options.steps,
        tokens=options.steps * options.batch_size * options.block_size,
        train_nats_per_token=read_metrics(folder / METRICS)[-1]["train_nats_per_token"],
        valid_nats_per_token=found.get("valid_nats_per_token"),
        valid_bits_per_byte=found.get("valid_bits_per_byte"),
        dead_spread=_dead_spread(cell),
        seconds=read_json(folder / stage.FINISHED)["seconds"],
    )


def _dead_spread(cell: Cell) -> dict[str, tuple[float, float]]:
    try:
        found = Snapshots.open(cell.folder)
    except InputError:  # nothing was recorded
        return {}
    is_dead = np.isin(found.rows, list(Tokenizer.load(cell.folder).dead_ids))
    names = {matrix: f"{'W_U-' * (matrix == 'W_U')}snapshots" for matrix in matrices(found)}
    return {
        matrix: (spread(found.arrays[name][0, is_dead]), spread(found.arrays[name][-1, is_dead]))
        for matrix, name in names.items()
        if is_dead.any() and name in found.arrays
    }


def matrices(found: Snapshots) -> list[str]:
    """The matrices that were recorded: ``W``, or ``W_E`` and ``W_U``."""
    names: list[str] = found.settings["matrices"]
    return names


def spread(rows: Any) -> float:
    """The root mean square of a coordinate's distance from the centroid of the rows.

    >>> spread(np.array([[1.0, 5.0], [3.0, 5.0]]))
    0.7071067811865476
    """
    return float(np.sqrt(np.var(rows, axis=0, dtype=np.float64).mean()))
