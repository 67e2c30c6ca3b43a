"""``RowMatrix``: one embedding matrix with its kinds of rows. NumPy alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cygnet.errors import InputError
from cygnet.xray.dead.animation import Plane
from cygnet.xray.dead.measures import Matrix, Vector, cosine
from cygnet.xray.rows.result import LIVE, By, KindFigures
from cygnet.xray.undertrained.indicators import Ids, Rows, Values, blocks, norms


@dataclass(frozen=True, eq=False)
class RowMatrix:
    """One embedding matrix.

    Attributes:
        rows: Shape ``(n_rows, width)``.
        kinds: Ids by what they stand for; each row is in one of them.
    """

    rows: Rows
    kinds: Mapping[str, Ids]

    def __post_init__(self) -> None:
        if not np.isfinite(self.rows).all():
            raise InputError(
                "the embedding has rows that are not finite: the training has diverged"
            )

    @cached_property
    def norms(self) -> Values:
        """The length of each row, ``float64``."""
        return norms(self.rows)

    @cached_property
    def centroids(self) -> dict[str, Vector]:
        """The mean of the rows of each kind."""
        return {
            kind: self.rows[ids].mean(axis=0, dtype=np.float64) for kind, ids in self.kinds.items()
        }

    @cached_property
    def mean(self) -> Vector:
        """The mean of all rows."""
        return np.asarray(self.rows.mean(axis=0, dtype=np.float64))

    @cached_property
    def plane(self) -> Plane:
        """The plane in which all rows vary most."""
        return Plane.of(self.rows[None], np.arange(len(self.rows)), np.array([0]))

    @cached_property
    def places(self) -> Matrix:
        """Each row in that plane, shape ``(n_rows, 2)``."""
        return np.concatenate([self.plane.project(block) for block in blocks(self.rows)])

    def longer_than(self, token: int) -> dict[str, float]:
        """As ``RowFigures.longer_than``."""
        others = {kind: ids[ids != token] for kind, ids in self.kinds.items()}
        return {
            kind: float((self.norms[ids] < self.norms[token]).mean())
            for kind, ids in others.items()
            if len(ids)
        }

    def to_centroids(self, token: int) -> dict[str, float]:
        """As ``RowFigures.to_centroid``."""
        row = self.rows[token].astype(np.float64)
        return {
            kind: float(np.linalg.norm(row - center)) for kind, center in self.centroids.items()
        }

    def cosine_with_mean(self, token: int) -> float:
        """As ``RowFigures.cosine_with_mean``."""
        return cosine(self.rows[token].astype(np.float64), self.mean)

    def distances(self, token: int) -> Values:
        """The Euclidean distance of each row to that of a token."""
        row = self.rows[token].astype(np.float64)
        return np.concatenate([np.linalg.norm(block - row, axis=1) for block in blocks(self.rows)])

    def cosines(self, token: int) -> Values:
        """The cosine of each row and that of a token; not a number where one has no length."""
        row = self.rows[token].astype(np.float64)
        products = np.concatenate([block @ row for block in blocks(self.rows)])
        lengths = self.norms * self.norms[token]
        none = np.full(len(products), np.nan)
        return np.asarray(np.divide(products, lengths, out=none, where=lengths > 0))

    def kind_figures(self) -> dict[str, KindFigures]:
        """Norms and centroid of each kind."""
        nowhere = np.full(self.rows.shape[1], np.nan)
        live = self.centroids.get(LIVE, nowhere)
        return {
            kind: KindFigures(
                len(ids),
                *_spread(self.norms[ids]),
                centroid_from_live=float(np.linalg.norm(self.centroids[kind] - live)),
            )
            for kind, ids in self.kinds.items()
        }


def nearest(token: int, n: int, by: By, cosines: Values, distances: Values) -> Ids:
    """The ids of the rows that are nearest to a token's, without it; of equal ones the first.

    >>> cosines, distances = np.array([1.0, 0.5, 0.9, np.nan]), np.array([0.0, 1.0, 2.0, 1.0])
    >>> nearest(0, 3, "cosine", cosines, distances).tolist()
    [2, 1, 3]
    >>> nearest(0, 3, "distance", cosines, distances).tolist()
    [1, 3, 2]
    """
    order = np.argsort(-cosines if by == "cosine" else distances, kind="stable")
    return np.asarray(order[order != token][:n])


def _spread(lengths: Values) -> tuple[float, float, float, float]:
    """Least, median, mean, greatest."""
    found = (lengths.min(), np.median(lengths), lengths.mean(), lengths.max())
    least, median, mean, greatest = map(float, found)
    return least, median, mean, greatest
