"""Rows in a plane over a training, as numbers that somebody else draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.transformer.snapshots import PREFIXES, Snapshots
from cygnet.xray.dead.analysis import find_places, spread_evenly
from cygnet.xray.dead.animation import Plane, square_around
from cygnet.xray.dead.measures import Vector
from cygnet.xray.dead.result import Ids

MOST_FRAMES = 60
MOST_ROWS = 800  # of each group: more dots hide each other, and are megabytes
SIDE = 10_000


@dataclass(frozen=True, eq=False)
class Film:
    """Where rows are in a plane at each of some steps.

    Attributes:
        matrix: ``W``, ``W_E`` or ``W_U``.
        steps: Optimizer steps done, ``int64`` of shape ``(n_frames,)``.
        shares: Of the variance of dead rows along the two axes.
        points: By group, places in the picture, ``int32`` of shape ``(n_frames, n, 2)``: 0 to
            10,000 from the left and from the bottom; rows outside the picture have others.
        n_rows: By group, how many rows were recorded, of which those in ``points`` are a part.
    """

    matrix: str
    steps: Ids
    shares: Vector
    points: dict[str, npt.NDArray[np.int32]]
    n_rows: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "matrix": self.matrix,
            "steps": self.steps.tolist(),
            "shares": self.shares.tolist(),
            "side": SIDE,
            "points": {name: points.tolist() for name, points in self.points.items()},
            "n_rows": self.n_rows,
        }


def film(
    snapshots: Snapshots,
    groups: Mapping[str, Ids],
    matrix: str | None = None,
    *,
    max_frames: int = MOST_FRAMES,
    max_rows: int = MOST_ROWS,
) -> Film:
    """Follow rows through the plane in which dead rows vary most over the training.

    Args:
        snapshots: At least one, with weights.
        groups: Ids of tokens by the name of their group; ``dead`` among them.
        matrix: ``W_E`` or ``W_U`` where there are two; by default the output matrix.
        max_frames, max_rows: Of more snapshots, or rows of a group, so many are taken, evenly.

    Raises:
        InputError: No dead row was recorded, or no such matrix.

    Cost: two passes over the snapshots that are taken.
    """
    name = matrix or snapshots.settings["matrices"][-1]
    array = snapshots.arrays.get(PREFIXES.get(name, "no ") + "snapshots")
    if array is None:
        raise InputError(f"there are no snapshots of {name}")
    places = find_places(snapshots.rows, groups)
    if "dead" not in places:
        raise InputError("no dead row was recorded, and the film is that of dead rows")
    taken = spread_evenly(len(snapshots.steps), max_frames)
    plane = Plane.of(array, places["dead"], taken)
    low, high = square_around(array, places["dead"], taken, plane).T

    def follow(rows: Ids) -> npt.NDArray[np.int32]:
        frames = [(plane.project(array[at][rows]) - low) / (high - low) for at in taken]
        return np.asarray(SIDE * np.clip(frames, -1, 2), np.int32)

    some = {group: place[spread_evenly(len(place), max_rows)] for group, place in places.items()}
    return Film(
        matrix=name,
        steps=snapshots.steps[taken],
        shares=plane.shares,
        points={group: follow(rows) for group, rows in some.items()},
        n_rows={group: len(place) for group, place in places.items()},
    )
