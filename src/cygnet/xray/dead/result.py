"""What an analysis of embedding rows gives, as data that every view draws. NumPy alone."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.xray.dead import measures
from cygnet.xray.dead.measures import Matrix, Vector

Ids = npt.NDArray[np.int64]

MEASURES = {
    "centroid_norm": "length of the centroid",
    "centroid_moved": "how far the centroid has moved",
    "centroid_along": "centroid along the mean hidden state",
    "norm": "norm of a row, mean",
    "radius": "distance from the centroid, mean",
    "spread": "spread around the centroid",
    "spread_parallel": "  along the mean hidden state",
    "spread_perpendicular": "  perpendicular to it",
    "cosine": "cosine of two rows, mean",
    "effective_rank": "effective rank",
    "effective_rank_centred": "  of the rows less their centroid",
    "step": "step of a weight",
    "step_over_lr": "  over the learning rate",
    "rows_below_ulp": "rows with a step below a bf16 ulp",
    "weights_below_ulp": "weights with a step below a bf16 ulp",
    "drift_cosine": "drift and mean hidden state, cosine",
    "predicted_cosine": "drift and predicted drift, cosine",
    "gradient_cosine": "gradient and mean hidden state, cosine",
}
"""What is measured at each snapshot, in words; ``docs/dead-tokens.md`` defines it."""

COMPARED = {
    "whole": "whole drift",
    "last": "last drift",
    "gradient": "last gradient",
}
"""What the softmax gradient is compared with, in words."""


@dataclass(frozen=True, eq=False)
class Hidden:
    """What the hidden states of a model say about its output rows.

    A hidden state is what the output matrix is multiplied with, behind the last norm.

    Attributes:
        mean: The mean hidden state, ``float64`` of shape ``(d,)``.
        rows: Ids of the rows that ``pull`` is about.
        pull: For each of them the mean over tokens of ``p_t(v) h_t``: the gradient of the loss in
            nats per token for the output row of a token that is never a target, shape ``(n, d)``.
        n_tokens: How many tokens were read.
        source: Which model on which text, in words.
    """

    mean: Vector
    rows: Ids
    pull: Matrix
    n_tokens: int
    source: str

    @property
    def direction(self) -> Vector:
        """The mean hidden state at length 1."""
        return np.asarray(self.mean / np.linalg.norm(self.mean))

    def pull_of(self, ids: Ids) -> Matrix:
        """The pull on some rows, in their order."""
        order = np.argsort(self.rows)
        return np.asarray(self.pull[order[np.searchsorted(self.rows, ids, sorter=order)]])


@dataclass(frozen=True)
class Agreement:
    """How well predicted vectors of rows foresee measured ones; NaN where one of them is zero.

    Attributes:
        centroid: The cosine of their means.
        rows: The mean of the cosines row by row.
        signs: The share of coordinates with the same sign. AdamW divides each coordinate by how
            large its gradients have been, which keeps signs and not directions; chance gives 0.5.
        ratio: The length of the measured mean over that of the predicted mean.
    """

    centroid: float
    rows: float
    signs: float
    ratio: float

    @classmethod
    def of(cls, predicted: Matrix, measured: Matrix) -> "Agreement":
        """Compare rows, both of shape ``(n, d)``."""
        means = predicted.mean(axis=0), measured.mean(axis=0)
        lengths = [float(np.linalg.norm(mean)) for mean in means]
        return cls(
            measures.cosine(*means),
            measures.row_cosine(predicted, measured),
            measures.sign_agreement(predicted, measured),
            lengths[1] / lengths[0] if lengths[0] else math.nan,
        )


@dataclass(frozen=True, eq=False)
class Group:
    """Rows of one kind in one matrix.

    Attributes:
        n_rows: How many of them were recorded.
        series: By its name in ``MEASURES`` a value for each step, ``float64``; NaN where there is
            none.
        drift: How well minus the softmax gradient of the final model foresees what was measured:
            the displacement over the whole training (``whole``) and between the last two snapshots
            (``last``), and minus the last recorded gradient (``gradient``).
    """

    n_rows: int
    series: dict[str, Vector]
    drift: dict[str, Agreement] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Analysis:
    """What happened to embedding rows in a training.

    Attributes:
        steps: Optimizer steps done at each value of a series, ``int64``.
        matrices: By name (``W`` tied; ``W_E`` and ``W_U`` untied) the groups by name.
        settings: What tells this training from others, for tables.
        notes: What is missing or was taken from elsewhere, in sentences.
    """

    steps: Ids
    matrices: dict[str, dict[str, Group]]
    settings: dict[str, Any]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; NaN becomes null."""
        return {
            "settings": self.settings,
            "steps": self.steps.tolist(),
            "matrices": {
                name: {group: _group_dict(found) for group, found in groups.items()}
                for name, groups in self.matrices.items()
            },
            "notes": list(self.notes),
        }


def _group_dict(group: Group) -> dict[str, Any]:
    return {
        "rows": group.n_rows,
        "series": {name: [_plain(v) for v in values] for name, values in group.series.items()},
        "drift": {
            name: {key: _plain(value) for key, value in vars(found).items()}
            for name, found in group.drift.items()
        },
    }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
