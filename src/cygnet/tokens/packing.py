"""Best fit: documents into rows, so that little is padding and nothing that fits is cut.

Lengths are integers of at most a row, and documents of one length are as good as each other. So the
rows are planned on how often each length occurs, many rows at a time, and the documents are dealt
out to them afterwards: best-fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973),
with the same rows as if it were done document by document.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cygnet.tokens.reading import Places

Contents = tuple[tuple[int, int], ...]
"""What a row holds: lengths, and how many documents of each."""


class Packing(NamedTuple):
    """Documents in rows.

    Attributes:
        order: The documents by number, row by row, the longest of a row first; ``int64``.
        ends: Where each row ends in ``order``; ``int64``.
    """

    order: Places
    ends: Places


def best_fit(lengths: npt.NDArray[Any], capacity: int, window: int | None = None) -> Packing:
    """Pack documents into rows by best-fit decreasing.

    Args:
        lengths: Of the documents, in tokens, each in ``1..capacity``.
        capacity: Tokens in a row.
        window: Pack so many documents at a time, in their order; all together if none. Fewer
            documents leave more padding, and need less memory while they are packed.

    Returns:
        Every document in one row. It depends on the arguments alone.

    Cost: for a million documents and rows of 2,048, 0.2 s and 50 MB.

    >>> best_fit(np.array([5, 3, 7, 2]), capacity=10)
    Packing(order=array([2, 1, 0, 3]), ends=array([2, 4]))
    """
    window = window or max(1, len(lengths))
    parts = [
        _best_fit(lengths[first : first + window], capacity, first)
        for first in range(0, len(lengths), window)
    ]
    if not parts:
        return Packing(np.empty(0, np.int64), np.empty(0, np.int64))
    before = np.cumsum([0] + [len(part.order) for part in parts])
    ends = [part.ends + n for part, n in zip(parts, before, strict=False)]
    return Packing(np.concatenate([part.order for part in parts]), np.concatenate(ends))


def _best_fit(lengths: npt.NDArray[Any], capacity: int, first: int) -> Packing:
    """One window; ``first`` is the number of its first document."""
    # NumPy sorts 16 bits by radix, five times as fast as others.
    small = lengths.astype(np.uint16 if capacity < 1 << 16 else np.int64)
    by_length = np.argsort(small, kind="stable") + first
    counts = np.bincount(lengths, minlength=capacity + 1)
    next_of = np.cumsum(counts) - counts
    order, widths = [], []
    for n_rows, contents in fill_rows(counts, capacity):
        dealt = []
        for length, times in contents:
            begin, n = int(next_of[length]), n_rows * times
            dealt.append(by_length[begin : begin + n].reshape(n_rows, times))
            next_of[length] += n
        rows = np.concatenate(dealt, axis=1)
        order.append(rows.ravel())
        widths.append(np.full(n_rows, rows.shape[1]))
    return Packing(np.concatenate(order), np.cumsum(np.concatenate(widths)))


def fill_rows(counts: npt.NDArray[np.int64], capacity: int) -> list[tuple[int, Contents]]:
    """Rows by what they hold.

    Args:
        counts: How many documents there are of each length, ``counts[0]`` is not looked at.
        capacity: Tokens in a row.

    Returns:
        How many rows, and what each of them holds.

    >>> fill_rows(np.array([0, 0, 1, 1, 0, 1, 0, 1]), capacity=10)
    [(1, ((7, 1), (3, 1))), (1, ((5, 1), (2, 1)))]
    """
    open_rows = _OpenRows()
    for length in (np.flatnonzero(counts[1:]) + 1)[::-1].tolist():
        left = int(counts[length])
        while left:
            n_rows, contents, room = open_rows.take(length) or (left, (), capacity)
            # The row with the least room takes more of the same length while it can.
            times = min(room // length, left)
            chosen = min(n_rows, left // times)
            if chosen < n_rows and contents:
                open_rows.put(n_rows - chosen, contents, room)
            open_rows.put(chosen, (*contents, (length, times)), room - times * length)
            left -= chosen * times
    return open_rows.all()


class _OpenRows:
    """Rows by the room that is left in them, and the rooms that there are as bits of a number."""

    def __init__(self) -> None:
        self._by_room: dict[int, list[tuple[int, Contents]]] = {}
        self._rooms = 0

    def put(self, n_rows: int, contents: Contents, room: int) -> None:
        """Add rows of the same contents."""
        self._by_room.setdefault(room, []).append((n_rows, contents))
        self._rooms |= 1 << room

    def take(self, length: int) -> tuple[int, Contents, int] | None:
        """Remove rows with the least room that ``length`` fits into."""
        fitting = self._rooms >> length
        if not fitting:
            return None
        room = length + (fitting & -fitting).bit_length() - 1
        rows = self._by_room[room]
        found = rows.pop()
        if not rows:
            self._rooms ^= 1 << room
        return *found, room

    def all(self) -> list[tuple[int, Contents]]:
        """All rows, the fullest first."""
        return [rows for room in sorted(self._by_room) for rows in self._by_room[room]]
