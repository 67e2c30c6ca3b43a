"""Loss masks: which windows and pieces of documents hold a token to learn.

A mask is read once, in chunks, when an order is planned; what stays in memory are the stretches
that can be learned from, not the mask.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError
from cygnet.tokens.reading import Places, SplitFiles

CHUNK = 1 << 20


def learnable_starts(masks: SplitFiles, shard: int, block_size: int) -> tuple[Places, Places]:
    """The starts of windows of a shard that have a target which counts, as runs.

    Args:
        masks: The masks of the split.
        shard: Number of the shard.
        block_size: Targets of a window, T: those of start ``s`` are ``s+1..s+T``.

    Returns:
        First start and end (exclusive) of each run, counted within the shard.
    """
    firsts, lasts, read = [], [], 0
    for mask in _checked_chunks(masks, shard):
        ones = read + np.flatnonzero(mask)
        read += len(mask)
        if len(ones):
            first, last = _join(ones, ones, block_size)
            firsts.append(first)
            lasts.append(last)
    if not firsts:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first, last = _join(np.concatenate(firsts), np.concatenate(lasts), block_size)
    # Target p belongs to the windows that start at p-T..p-1, as far as these are in the shard.
    begins, ends = np.maximum(first - block_size, 0), np.minimum(last, read - block_size)
    return begins[begins < ends], ends[begins < ends]


def count_before(masks: SplitFiles, positions: Places) -> Places:
    """How many tokens before each position of the split count in the loss.

    Args:
        masks: The masks of the split.
        positions: In rising order.
    """
    counts, total, done, read = np.zeros(len(positions), np.int64), 0, 0, 0
    for shard in range(len(masks.paths)):
        for mask in _checked_chunks(masks, shard):
            until = int(np.searchsorted(positions, read + len(mask)))
            running = np.concatenate([[0], np.cumsum(mask, dtype=np.int64)])
            counts[done:until] = total + running[positions[done:until] - read]
            total, done, read = total + int(running[-1]), until, read + len(mask)
    counts[done:] = total
    return counts


def _join(firsts: Places, lasts: Places, gap: int) -> tuple[Places, Places]:
    """Join stretches that are at most ``gap`` apart."""
    apart = firsts[1:] - lasts[:-1] > gap
    return firsts[np.concatenate([[True], apart])], lasts[np.concatenate([apart, [True]])]


def _checked_chunks(masks: SplitFiles, shard: int) -> Iterator[npt.NDArray[np.uint8]]:
    for mask in masks.chunks(shard, CHUNK):
        if mask.max() > 1:
            raise DamagedError(f"{masks.paths[shard]} is damaged: it holds the byte {mask.max()}")
        yield mask
