"""How good a ranking is: average precision, precision and recall at a cut. Needs NumPy alone.

Equal values are one place in the ranking: no order of ids can flatter an indicator.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.xray.undertrained.indicators import Ids, Values

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scores:
    """How well low values of an indicator find positives among positives and negatives.

    Attributes:
        n_positives, n_negatives: How many there are.
        average_precision: Area under the steps of precision over recall; a ranking by chance has
            about ``chance``.
        precision: The share of positives among the first ``k``, by ``k``.
        recall: The share of the positives that are among the first ``k``, by ``k``.
    """

    n_positives: int
    n_negatives: int
    average_precision: float
    precision: dict[int, float]
    recall: dict[int, float]

    @property
    def chance(self) -> float:
        """The share of positives among all."""
        return self.n_positives / (self.n_positives + self.n_negatives)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"chance": self.chance}


def score(values: Values, positives: Ids, negatives: Ids, ks: Sequence[int]) -> Scores | None:
    """Score an indicator; none where there are no positives or no negatives.

    Args:
        values: The indicator of every token; low is suspicious.
        positives, negatives: Ids.
        ks: Cuts of the ranking; those that are longer than it are left out, and the number of
            positives is one more.

    >>> found = score(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 2]), np.array([1, 3]), [1])
    >>> round(found.average_precision, 4), found.precision, found.recall
    (0.8333, {1: 1.0, 2: 0.5}, {1: 0.5, 2: 0.5})
    """
    if not len(positives) or not len(negatives):
        return None
    ranked = values[np.concatenate([positives, negatives])]
    is_positive = np.arange(len(ranked)) < len(positives)
    cuts = sorted({k for k in (*ks, len(positives)) if k <= len(ranked)})
    found = {k: found_at(ranked, is_positive, k) for k in cuts}
    return Scores(
        n_positives=len(positives),
        n_negatives=len(negatives),
        average_precision=average_precision(ranked, is_positive),
        precision={k: n / k for k, n in found.items()},
        recall={k: n / len(positives) for k, n in found.items()},
    )


def average_precision(values: Values, is_positive: Flags) -> float:
    """The mean, over positives, of the precision of all that rank no lower.

    Args:
        values: Shape ``(n,)``; low ranks first.
        is_positive: ``bool`` of shape ``(n,)``, at least one of them true.

    >>> average_precision(np.array([1.0, 2.0, 3.0]), np.array([True, False, True]))
    0.8333333333333333
    """
    taken, hits = _counts_by_value(values, is_positive)
    return float((np.diff(hits, prepend=0) * hits / taken).sum() / hits[-1])


def found_at(values: Values, is_positive: Flags, k: int) -> float:
    """How many positives are among the first ``k``; the mean over all orders of equal values.

    >>> found_at(np.array([1.0, 2.0, 2.0]), np.array([True, False, True]), 2)
    1.5
    """
    taken, hits = _counts_by_value(values, is_positive)
    return float(np.interp(k, np.append(0, taken), np.append(0, hits)))


def _counts_by_value(values: Values, is_positive: Flags) -> tuple[Values, Values]:
    """For each different value, how many have it or a lower one, and how many of them are true."""
    _, place, sizes = np.unique(values, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=is_positive)
    return sizes.cumsum().astype(np.float64), hits.cumsum()
