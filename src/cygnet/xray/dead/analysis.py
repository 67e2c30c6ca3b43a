"""Figures of groups of rows over a training. NumPy alone.

What the model has to say (``Hidden``) comes in as arrays; ``runs`` collects all for a run folder.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.transformer.snapshots import PREFIXES, Snapshots
from cygnet.xray.dead import measures
from cygnet.xray.dead.measures import Matrix, Vector
from cygnet.xray.dead.result import Agreement, Analysis, Group, Hidden, Ids

MAX_SNAPSHOTS = 200


def analyse(
    snapshots: Snapshots,
    groups: Mapping[str, Ids],
    *,
    hidden: Hidden | None = None,
    learning_rates: Vector | None = None,
    settings: Mapping[str, Any] | None = None,
    notes: tuple[str, ...] = (),
    max_snapshots: int = MAX_SNAPSHOTS,
) -> Analysis:
    """Follow groups of rows through the snapshots of a training.

    Args:
        snapshots: At least two.
        groups: Ids of tokens by the name of their group. Those that were not recorded are left out,
            and so are groups without any.
        hidden: For the figures along and across the mean hidden state, and the predicted drift.
            It is compared with rows of ``W`` or ``W_U`` that never are a target: those of ``rows``.
        learning_rates: Of each step of the training, ``float64``, for the step size.
        settings, notes: Go into the result.
        max_snapshots: Of more, so many are taken, evenly spread, the first and the last included.

    Raises:
        InputError: There is one snapshot only, weights were not recorded, a value is not finite, or
            no row of any group was recorded.

    Cost: one snapshot in memory at a time, in ``float64``; 0.1 s for one of 8,192 rows of 128.
    """
    _check(snapshots)
    places = find_places(snapshots.rows, groups)
    taken = spread_evenly(len(snapshots.steps), max_snapshots)
    found: dict[str, dict[str, Group]] = {}
    for matrix in snapshots.settings["matrices"]:
        found[matrix] = {}
        for name, place in places.items():
            rows = RowSnapshots(snapshots, matrix, place, taken)
            predicted = _predict(rows, hidden)
            series = _series(rows, hidden, learning_rates, predicted)
            found[matrix][name] = Group(len(place), series, _drift(rows, predicted))
    return Analysis(snapshots.steps[taken], found, dict(settings or {}), notes)


def dead_live_unseen(
    dead_ids: Ids, n_rows: int, counts: npt.NDArray[np.uint64] | None
) -> dict[str, Ids]:
    """The three groups of a vocabulary.

    Args:
        dead_ids: Tokens that no text becomes, by design.
        n_rows: Rows of the embedding.
        counts: How often each id occurs in the text that was learned from, if that is known.

    Returns:
        ``dead``; ``live``, all others; and ``unseen live``, those of them that do not occur.
    """
    live = np.setdiff1d(np.arange(n_rows), dead_ids)
    groups = {"dead": np.asarray(dead_ids, np.int64), "live": live}
    if counts is not None:
        groups["unseen live"] = live[counts[live] == 0]
    return groups


@dataclass(frozen=True, eq=False)
class RowSnapshots:
    """The rows of one group in one matrix, snapshot by snapshot.

    Attributes:
        snapshots: All of them.
        matrix: ``W``, ``W_E`` or ``W_U``.
        places: Where in a snapshot the rows are.
        taken: Which snapshots count.
    """

    snapshots: Snapshots
    matrix: str
    places: Ids
    taken: Ids

    def weights(self, number: int) -> Matrix:
        """Of one of the snapshots taken; -1 is the last. Raises InputError if not finite."""
        rows = self._read("snapshots", number)
        assert rows is not None
        if not np.isfinite(rows).all():
            step = self.snapshots.steps[self.taken[number]]
            raise InputError(f"the rows at step {step:,} are not finite: the training has diverged")
        return rows

    def gradient(self, number: int) -> Matrix | None:
        """Of one of the snapshots taken, where gradients were recorded."""
        return self._read("grad", number)

    def _read(self, kind: str, number: int) -> Matrix | None:
        array = self.snapshots.arrays.get(PREFIXES[self.matrix] + kind)
        if array is None:
            return None
        return np.asarray(array[self.taken[number]][self.places], np.float64)


def _series(
    rows: RowSnapshots,
    hidden: Hidden | None,
    learning_rates: Vector | None,
    predicted: Matrix | None,
) -> dict[str, Vector]:
    """Every measure over time."""
    direction = None if hidden is None else hidden.direction
    steps = rows.snapshots.steps[rows.taken]
    before = rows.weights(0)
    start = measures.centroid(before)
    found = [_figures_of_rows(before, start, direction)]
    for number in range(1, len(steps)):
        after, interval = rows.weights(number), steps[number - 1 : number + 1]
        figures = _figures_of_rows(after, start, direction)
        figures |= _figures_of_step(before, after, interval, direction, learning_rates)
        if predicted is not None:
            drifts = measures.centroid(after - before), measures.centroid(predicted)
            figures["predicted_cosine"] = measures.cosine(*drifts)
        gradient = rows.gradient(number)
        if gradient is not None and direction is not None:
            figures["gradient_cosine"] = measures.cosine(measures.centroid(gradient), direction)
        found.append(figures)
        before = after
    return {key: np.array([at.get(key, math.nan) for at in found]) for key in found[-1]}


def _figures_of_rows(rows: Matrix, start: Vector, direction: Vector | None) -> dict[str, float]:
    """Where the rows of a snapshot are."""
    center = measures.centroid(rows)
    found = {
        "centroid_norm": float(np.linalg.norm(center)),
        "centroid_moved": float(np.linalg.norm(center - start)),
        "norm": measures.mean_norm(rows),
        "radius": measures.radius(rows),
        "spread": measures.spread(rows),
        "cosine": measures.pairwise_cosine(rows),
        "effective_rank": measures.effective_rank(rows),
        "effective_rank_centred": measures.effective_rank(rows - center),
    }
    if direction is not None:
        along, across = measures.spreads(rows, direction)
        found |= {"spread_parallel": along, "spread_perpendicular": across}
        found["centroid_along"] = float(center @ direction)
    return found


def _figures_of_step(
    before: Matrix,
    after: Matrix,
    interval: Ids,
    direction: Vector | None,
    learning_rates: Vector | None,
) -> dict[str, float]:
    """What the steps between two snapshots did, on average."""
    start, stop = interval.tolist()
    update = (after - before) / (stop - start)
    rows_below, weights_below = measures.below_ulp(before, update)
    size = measures.root_mean_square(update)
    found = {"step": size, "rows_below_ulp": rows_below, "weights_below_ulp": weights_below}
    if direction is not None:
        found["drift_cosine"] = measures.cosine(measures.centroid(update), direction)
    if learning_rates is not None:
        rate = float(learning_rates[start:stop].mean())
        found["step_over_lr"] = size / rate if rate else math.nan
    return found


def _predict(rows: RowSnapshots, hidden: Hidden | None) -> Matrix | None:
    """Where the softmax gradient drives rows; None for those that have other gradients too."""
    ids = rows.snapshots.rows[rows.places]
    if hidden is None or rows.matrix == "W_E" or not np.isin(ids, hidden.rows).all():
        return None
    return -hidden.pull_of(ids)


def _drift(rows: RowSnapshots, predicted: Matrix | None) -> dict[str, Agreement]:
    """The predicted drift beside what was measured."""
    if predicted is None:
        return {}
    last, gradient = rows.weights(-1), rows.gradient(-1)
    measured = {"whole": last - rows.weights(0), "last": last - rows.weights(-2)}
    if gradient is not None:
        measured["gradient"] = -gradient
    return {name: Agreement.of(predicted, vectors) for name, vectors in measured.items()}


def _check(snapshots: Snapshots) -> None:
    if not {"snapshots", "W_U-snapshots"} & set(snapshots.arrays):
        raise InputError(
            "the snapshots have no weights: record them with --transformer.record W, or what=('W',)"
        )
    if len(snapshots.steps) < 2:
        when = f", of step {snapshots.steps[0]}" if len(snapshots.steps) else ""
        raise InputError(
            f"there is {len(snapshots.steps)} snapshot{when}, and what happens over time takes two:"
            " record more often with --transformer.record-every"
        )


def find_places(rows: Ids, groups: Mapping[str, Ids]) -> dict[str, Ids]:
    """Where in a snapshot the rows of each group are; groups without any are left out.

    Raises:
        InputError: No group has any.
    """
    places = {name: np.flatnonzero(np.isin(rows, ids)) for name, ids in groups.items()}
    found = {name: place for name, place in places.items() if len(place)}
    if not found:
        raise InputError(f"none of the {len(rows):,} recorded rows belongs to a group")
    return found


def spread_evenly(n: int, most: int) -> Ids:
    """At most so many of ``n`` numbers, the first and the last included.

    >>> spread_evenly(9, 3).tolist(), spread_evenly(2, 3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64))
