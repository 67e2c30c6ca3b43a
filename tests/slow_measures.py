"""The measures of embedding rows once more, slowly: lists of floats and loops, no NumPy.

An independent definition to compare with; singular values by one-sided Jacobi rotations (Hestenes
1958) instead of eigenvalues.
"""

import itertools
import math
from collections.abc import Sequence

Row = Sequence[float]
Rows = Sequence[Row]


def dot(a: Row, b: Row) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def norm(a: Row) -> float:
    return math.sqrt(dot(a, a))


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def centroid(rows: Rows) -> list[float]:
    return [mean(column) for column in zip(*rows, strict=True)]


def minus(a: Row, b: Row) -> list[float]:
    return [x - y for x, y in zip(a, b, strict=True)]


def radius(rows: Rows) -> float:
    center = centroid(rows)
    return mean([norm(minus(row, center)) for row in rows])


def mean_norm(rows: Rows) -> float:
    return mean([norm(row) for row in rows])


def spread(rows: Rows) -> float:
    center = centroid(rows)
    return math.sqrt(mean([x * x for row in rows for x in minus(row, center)]))


def spreads(rows: Rows, direction: Row) -> tuple[float, float]:
    """By Pythagoras: what is not along the direction is across it."""
    center = centroid(rows)
    along = mean([dot(minus(row, center), direction) ** 2 for row in rows])
    total = mean([dot(minus(row, center), minus(row, center)) for row in rows])
    return math.sqrt(along), math.sqrt(max(0.0, total - along) / (len(direction) - 1))


def cosine(a: Row, b: Row) -> float:
    return dot(a, b) / (norm(a) * norm(b))


def pairwise_cosine(rows: Rows) -> float:
    """Pair by pair."""
    moved = [row for row in rows if norm(row)]
    return mean([cosine(a, b) for a, b in itertools.combinations(moved, 2)])


def row_cosine(first: Rows, second: Rows) -> float:
    pairs = zip(first, second, strict=True)
    return mean([cosine(a, b) for a, b in pairs if norm(a) and norm(b)])


def sign_agreement(first: Rows, second: Rows) -> float:
    pairs = [p for a, b in zip(first, second, strict=True) for p in zip(a, b, strict=True)]
    return mean([float((a > 0) == (b > 0)) for a, b in pairs if a and b])


def singular_values(rows: Rows) -> list[float]:
    """Rotate columns until all are perpendicular: then their lengths are the singular values."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for _ in range(60):
        turned = False
        for i, j in itertools.combinations(range(len(columns)), 2):
            a, b = columns[i], columns[j]
            product = dot(a, b)
            if abs(product) <= 1e-15 * norm(a) * norm(b):
                continue
            turned = True
            angle = 0.5 * math.atan2(2 * product, dot(a, a) - dot(b, b))
            c, s = math.cos(angle), math.sin(angle)
            columns[i] = [c * x + s * y for x, y in zip(a, b, strict=True)]
            columns[j] = [c * y - s * x for x, y in zip(a, b, strict=True)]
        if not turned:
            break
    return [norm(column) for column in columns]


def effective_rank(rows: Rows) -> float:
    values = singular_values(rows)
    shares = [value / math.fsum(values) for value in values]
    return math.exp(-math.fsum(p * math.log(p) for p in shares if p > 0))


def bf16_ulp(weight: float) -> float:
    """Of a normal number of bf16, eight digits in base two: found by search, ties to even."""
    if not weight:
        return 2.0**-133
    exponent = -126
    while 2.0 ** (exponent + 1) <= abs(weight):
        exponent += 1
    ulp = 2.0 ** (exponent - 7)
    rounded = round(abs(weight) / ulp) * ulp  # Python rounds ties to even
    return 2 * ulp if rounded == 2.0 ** (exponent + 1) else ulp


def below_ulp(weights: Rows, updates: Rows) -> tuple[float, float]:
    is_below = [
        [abs(u) < bf16_ulp(w) for w, u in zip(row, update, strict=True)]
        for row, update in zip(weights, updates, strict=True)
    ]
    flat = [float(value) for row in is_below for value in row]
    return mean([float(all(row)) for row in is_below]), mean(flat)
