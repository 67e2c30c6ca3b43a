"""Rows of attention weights that see no later position, and their gradient."""

from cygnet.kernels.bits import I64, inline
from cygnet.kernels.softmax import F32, exp, greatest, load_float, store_float, vectorized


@vectorized
def weigh(scores, start, stop, top, scale, half):
    """Put ``exp(scale * (score - top))`` in place of each score; gives their sum."""
    total = F32(0)
    for place in range(start, stop):
        value = exp((load_float(scores, place) - top) * scale)
        total += value
        store_float(scores, place, value, half)
    return total


@vectorized
def product(a, b, start, stop):
    """The sum of the products of two rows."""
    total = F32(0)
    for place in range(start, stop):
        total += load_float(a, place) * load_float(b, place)
    return total


@vectorized
def gradients(weights, changes, start, stop, mean, factor, half):
    """Put the gradient of a score in place of that of its weight."""
    for place in range(start, stop):
        change = load_float(weights, place) * (load_float(changes, place) - mean) * factor
        store_float(changes, place, change, half)


@inline
def causal_weights(scores, n_heads, n_rows, n_columns, scale, half, totals):
    """Weights out of scores, in their place, each row still to be divided by its total.

    Args:
        scores: ``n_heads`` by ``n_rows`` by ``n_columns``; the last row sees all columns, each one
            above it one less. ``float32``, or with ``half`` bfloat16 as ``uint16``.
        scale: One positive number that scores are multiplied with.
        totals: Gets the sum of each row, ``float32``.
    """
    for row in range(n_heads * n_rows):
        start = row * n_columns
        stop = start + n_columns - n_rows + 1 + row % n_rows
        top = greatest(scores, start, stop)
        totals[row] = weigh(scores, start, stop, top, scale[0], half)
        for place in range(stop, start + n_columns):
            store_float(scores, place, F32(0), False)
    return I64(0)


@inline
def causal_gradients(weights, changes, n_heads, n_rows, n_columns, scale, half, totals):
    """Gradients of scores in place of those of their weights; arguments as ``causal_weights``.

    Args:
        weights: What ``causal_weights`` left.
        changes: Gradients of the weights, and then of the scores.
    """
    for row in range(n_heads * n_rows):
        start = row * n_columns
        stop = start + n_columns - n_rows + 1 + row % n_rows
        share = F32(1) / totals[row]
        mean = product(weights, changes, start, stop) * share
        gradients(weights, changes, start, stop, mean, scale[0] * share, half)
        for place in range(stop, start + n_columns):
            store_float(changes, place, F32(0), False)
    return I64(0)
