"""What an embedding row says about how much its token was trained. Needs NumPy alone.

Low is suspicious, for every indicator.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError

Rows = npt.NDArray[np.floating[Any]]
Values = npt.NDArray[np.float64]
Ids = npt.NDArray[np.int64]

COSINE, CENTRED, WITHOUT_FIRST = "cosine", "cosine_centred", "cosine_without_first"
NORM = "input_norm"
INDICATORS = (COSINE, CENTRED, WITHOUT_FIRST, NORM)
BLOCK = 8192
LEAST_LENGTH = 1e-6  # below it a row has no direction; the authors' code has the same bound


def indicators(inputs: Rows, outputs: Rows, known_unused: Ids) -> dict[str, Values]:
    """All indicators of every token.

    Args:
        inputs: Input embeddings, shape ``(vocab_size, width)``.
        outputs: Output embeddings of the same shape; where they are tied, the same array.
        known_unused: Ids of tokens that are known to occur in no training data.

    Returns:
        By name, low where a token looks under-trained, ``float64`` of shape ``(vocab_size,)``:

        - ``cosine``: cosine distance, 0 to 2, of the output row to the mean of the known rows;
        - ``cosine_centred``: the same after the mean of all rows is taken off;
        - ``cosine_without_first``: the same after the first principal component is projected out;
        - ``input_norm``: Euclidean length of the input row.

        The norm alone where no token is known to be unused and the embeddings are not tied: the
        others compare with known ones.

    Raises:
        InputError: No token of tied embeddings is known to be unused, or an id has no row.

    Cost: three passes over the rows in float64, ``vocab_size * width**2`` for the component.

    >>> rows = np.array([[3.0, 4.0], [0.0, 2.0], [0.1, 0.0]])
    >>> found = indicators(rows, rows, np.array([1]))
    >>> found["cosine"].round(3).tolist(), found["input_norm"].tolist()
    ([0.2, 0.0, 1.0], [5.0, 2.0, 0.1])
    """
    check_ids(known_unused, len(outputs))
    if not len(known_unused) and inputs is outputs:
        raise InputError(
            "no token is known to be unused, and for tied embeddings the indicators compare with"
            " those: name some with --known-unused, e.g. reserved ids that stand in no text"
        )
    if not len(known_unused):
        return {NORM: norms(inputs)}
    return {
        COSINE: cosine_distances(outputs, known_unused),
        CENTRED: cosine_distances(outputs, known_unused, subtract_mean(outputs)),
        WITHOUT_FIRST: cosine_distances(outputs, known_unused, project_out_first(outputs)),
        NORM: norms(inputs),
    }


def primary(tied: bool) -> str:
    """The indicator that the paper ranks by: without an input matrix of its own, the cosine."""
    return COSINE if tied else NORM


def check_ids(known_unused: Ids, n_rows: int) -> None:
    """Refuse ids without a row."""
    outside = known_unused[(known_unused < 0) | (known_unused >= n_rows)]
    if len(outside):
        raise InputError(
            f"token {outside[0]} has no row: the embedding has {n_rows:,}, from 0 to {n_rows - 1:,}"
        )


def norms(rows: Rows) -> Values:
    """The Euclidean length of each row, shape ``(n_rows,)``."""
    return np.concatenate([np.linalg.norm(block, axis=1) for block in blocks(rows)])


def cosine_distances(
    rows: Rows, known_unused: Ids, change: Callable[[Values], Values] = lambda rows: rows
) -> Values:
    """The cosine distance of each row to the mean of the known ones, shape ``(n_rows,)``.

    Args:
        rows: Shape ``(n_rows, width)``.
        known_unused: Ids of the known ones.
        change: What is done to rows before. It must be affine: the mean is changed, not each row.

    Where a row, or the mean, has no length, the distance is 1.
    """
    mean = change(rows[known_unused].astype(np.float64).mean(axis=0, keepdims=True))[0]
    return np.concatenate([_cosine_distance(change(block), mean) for block in blocks(rows)])


def subtract_mean(rows: Rows) -> Callable[[Values], Values]:
    """A function that takes the mean of all ``rows`` off those it is given."""
    mean = rows.mean(axis=0, dtype=np.float64)
    return lambda block: np.subtract(block, mean)


def project_out_first(rows: Rows) -> Callable[[Values], Values]:
    """A function that projects the first principal component of ``rows`` out of those it is given.

    The component is that of the centred rows; it is projected out of the rows as they are.
    """
    direction = first_component(rows)
    return lambda block: np.subtract(block, np.outer(block @ direction, direction))


def first_component(rows: Rows) -> Values:
    """The direction in which rows vary most: a unit vector of shape ``(width,)``.

    Its sign is that which makes its largest entry positive.

    >>> first_component(np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])).round(6).tolist()
    [1.0, 0.0]
    """
    centre = subtract_mean(rows)
    covariance = np.zeros((rows.shape[1], rows.shape[1]))
    for block in map(centre, blocks(rows)):
        covariance += block.T @ block
    direction: Values = np.linalg.eigh(covariance)[1][:, -1]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    return direction


def _cosine_distance(rows: Values, to: Values) -> Values:
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(to)
    distances: Values = 1 - rows @ to / lengths.clip(min=LEAST_LENGTH)
    return distances


def blocks(rows: Rows) -> Iterator[Values]:
    """The rows in ``float64``, some at a time."""
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK].astype(np.float64)
