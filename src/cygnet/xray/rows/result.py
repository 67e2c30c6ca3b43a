"""What is found of embedding rows. Plain values; every view draws these."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

By = Literal["cosine", "distance"]
LIVE, UNSEEN, SPECIAL, DEAD = KINDS = ("live", "unseen", "special", "dead")
"""What a row stands for: a token that occurs in the training, as far as that is known; one that
does not; a special token; or none, since no text becomes it."""


@dataclass(frozen=True)
class RowName:
    """A row by its token.

    Attributes:
        id: Of the token.
        text: The token with nothing hidden; a row without one by its id.
        kind: One of ``KINDS``.
        count: How often it occurs in the train split, where that is known.
    """

    id: int
    text: str
    kind: str
    count: int | None


@dataclass(frozen=True)
class Neighbour:
    """A row near another: the cosine of the two, and their Euclidean distance."""

    name: RowName
    cosine: float
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        near = {"cosine": _plain(self.cosine), "distance": _plain(self.distance)}
        return asdict(self.name) | near


@dataclass(frozen=True)
class RowFigures:
    """Where the row of a token lies in one matrix.

    Attributes:
        norm: Its Euclidean length.
        longer_than: By kind, the share of the other rows of that kind with a smaller norm, 0..1.
        to_centroid: By kind, the distance to the mean of the rows of that kind.
        cosine_with_mean: Of the row and the mean of all rows.
        neighbours: The nearest other rows, the nearest first: by ``cosine`` and by ``distance``.
            A row without length has no cosine, and is last.
    """

    norm: float
    longer_than: Mapping[str, float]
    to_centroid: Mapping[str, float]
    cosine_with_mean: float
    neighbours: Mapping[By, tuple[Neighbour, ...]]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "norm": self.norm,
            "longer_than": dict(self.longer_than),
            "to_centroid": dict(self.to_centroid),
            "cosine_with_mean": _plain(self.cosine_with_mean),
            "neighbours": {
                by: [near.to_dict() for near in found] for by, found in self.neighbours.items()
            },
        }


@dataclass(frozen=True)
class TokenRow:
    """A token, and where its row lies in each matrix: ``W_E`` and ``W_U``, or ``W`` if tied."""

    name: RowName
    matrices: Mapping[str, RowFigures]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        matrices = {matrix: figures.to_dict() for matrix, figures in self.matrices.items()}
        return asdict(self.name) | {"matrices": matrices}

    def show(self) -> None:
        """Print where it lies, and its nearest neighbours by cosine."""
        from cygnet.xray.rows.view import print_row

        print_row(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.rows.page import row_html

        return in_notebook(row_html(self))


@dataclass(frozen=True)
class KindFigures:
    """The rows of one kind in one matrix.

    Attributes:
        n_rows: How many.
        least, median, mean, greatest: Of their norms.
        centroid_from_live: How far their mean is from that of the live rows.
    """

    n_rows: int
    least: float
    median: float
    mean: float
    greatest: float
    centroid_from_live: float


@dataclass(frozen=True)
class MatrixOverview:
    """One matrix as a whole: its kinds of rows, and the shortest and the longest rows."""

    kinds: Mapping[str, KindFigures]
    shortest: tuple[tuple[RowName, float], ...]
    longest: tuple[tuple[RowName, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        found: dict[str, Any] = {
            "kinds": {
                kind: {name: _plain(value) for name, value in asdict(figures).items()}
                for kind, figures in self.kinds.items()
            }
        }
        for end, rows in (("shortest", self.shortest), ("longest", self.longest)):
            found[end] = [asdict(name) | {"norm": norm} for name, norm in rows]
        return found


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
