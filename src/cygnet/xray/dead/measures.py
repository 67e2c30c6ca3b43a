"""Figures of a group of embedding rows, and of a step that it takes. NumPy alone.

All are computed in ``float64``. ``rows`` has the shape ``(n, d)``: n tokens, d the width. A figure
that is not defined, such as the cosine of a row of zeros, is NaN. None of them changes when rows
change places, and those without a direction do not change when the space is rotated.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

BF16_FRACTION_BITS = 7
FLOAT32_FRACTION_BITS = 23
DROPPED_BITS = 16  # a bf16 is the upper half of a float32


def centroid(rows: Matrix) -> Vector:
    """The mean of the rows, shape ``(d,)``."""
    return np.asarray(rows.mean(axis=0))


def radius(rows: Matrix) -> float:
    """The mean distance of the rows from their centroid.

    >>> radius(np.array([[0.0, 0.0], [6.0, 8.0]]))
    5.0
    """
    return float(np.linalg.norm(rows - centroid(rows), axis=1).mean())


def mean_norm(rows: Matrix) -> float:
    """The mean length of a row."""
    return float(np.linalg.norm(rows, axis=1).mean())


def spread(rows: Matrix) -> float:
    """The standard deviation around the centroid, per coordinate.

    Rows drawn with a standard deviation of 0.02, as GPT-2's are at first, have a spread of 0.02.
    """
    return float(np.sqrt(np.square(rows - centroid(rows)).mean()))


def spreads(rows: Matrix, direction: Vector) -> tuple[float, float]:
    """The standard deviation around the centroid along a direction, and across it.

    Args:
        rows: Shape ``(n, d)``.
        direction: Shape ``(d,)``, of length 1.

    Returns:
        Along the direction; and across it, per coordinate: the root mean square over the rows and
        the ``d - 1`` coordinates of the space that is perpendicular to the direction.

    >>> spreads(np.array([[3.0, 1.0], [-3.0, -1.0]]), np.array([1.0, 0.0]))
    (3.0, 1.0)
    """
    deviations = rows - centroid(rows)
    along = deviations @ direction
    across = deviations - np.outer(along, direction)
    n_across = len(rows) * (rows.shape[1] - 1)
    return _root_mean_square(along, len(rows)), _root_mean_square(across, n_across)


def pairwise_cosine(rows: Matrix) -> float:
    """The mean cosine of two different rows; rows of zeros are left out.

    From the sum of the rows at unit length: its square holds each pair twice, and each row with
    itself. So the cost is ``O(n d)``, not ``O(n^2 d)``.

    >>> pairwise_cosine(np.array([[2.0, 0.0], [0.0, 5.0], [3.0, 0.0]]))
    0.3333333333333333
    """
    units = unit_rows(rows)
    n_pairs = len(units) * (len(units) - 1)
    return _divide(np.square(units.sum(axis=0)).sum() - len(units), n_pairs)


def effective_rank(rows: Matrix) -> float:
    """The exponential of the entropy of the singular values, taken as shares of their sum.

    Between 1 and d. Roy and Vetterli, "The effective rank: a measure of effective dimensionality",
    EUSIPCO 2007. Cost ``O(n d^2)``: the singular values are the roots of the eigenvalues of the
    ``(d, d)`` matrix of products, so that those below 1e-8 of the greatest are noise; together
    they weigh less than 1e-4 in the result.

    >>> round(effective_rank(np.diag([2.0, 2.0, 0.0])), 6)
    2.0
    """
    values = np.sqrt(np.linalg.eigvalsh(rows.T @ rows).clip(0))
    if not values.sum():
        return float("nan")
    shares = values[values > 0] / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def bf16_ulp(weights: npt.NDArray[np.float32]) -> Matrix:
    """How far the next greater magnitude of bf16 is from each weight, once that is rounded to bf16.

    >>> bf16_ulp(np.array([1.0, 0.999, 0.02, 0.0], np.float32)).tolist() == [
    ...     2**-7, 2**-7, 2**-13, 2**-133]
    True
    """
    bits = np.ascontiguousarray(weights, np.float32).view(np.uint32)
    bits = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(DROPPED_BITS)) & np.uint32(1))
    exponents = (bits >> np.uint32(FLOAT32_FRACTION_BITS)) & np.uint32(0xFF)
    return np.ldexp(1.0, exponents.clip(1).astype(np.int32) - 127 - BF16_FRACTION_BITS)


def below_ulp(weights: npt.NDArray[Any], updates: Matrix) -> tuple[float, float]:
    """What of an update is too small for weights in bf16.

    Args:
        weights: Before the update, shape ``(n, d)``.
        updates: What one step adds to them.

    Returns:
        The share of rows whose update is smaller than one ulp in every coordinate, and the share of
        single weights for which it is. A row that does not move at all counts.
    """
    is_below = np.abs(updates) < bf16_ulp(weights.astype(np.float32))
    return float(is_below.all(axis=1).mean()), float(is_below.mean())


def root_mean_square(values: Matrix) -> float:
    """Over all values."""
    return _root_mean_square(values, values.size)


def cosine(first: Vector, second: Vector) -> float:
    """The cosine of two vectors."""
    lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
    return _divide(float(first @ second), lengths)


def row_cosine(first: Matrix, second: Matrix) -> float:
    """The mean of the cosines of rows with the same number, where neither is zero."""
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = (first * second).sum(axis=1)
    return _mean(products[lengths > 0] / lengths[lengths > 0])


def sign_agreement(first: Matrix, second: Matrix) -> float:
    """The share of coordinates with the same sign, among those where neither is zero."""
    signs = np.sign(first) * np.sign(second)
    return _mean(signs[signs != 0] > 0)


def unit_rows(rows: Matrix) -> Matrix:
    """The rows that are not zero, at length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    moved = lengths[:, 0] > 0
    return np.asarray(rows[moved] / lengths[moved])


def _root_mean_square(values: npt.NDArray[np.float64], n: int) -> float:
    return float(np.sqrt(_divide(float(np.square(values).sum()), n)))


def _mean(values: npt.NDArray[Any]) -> float:
    return float(values.mean()) if values.size else float("nan")


def _divide(a: float, b: float) -> float:
    return float(a / b) if b else float("nan")
