"""Reading the files of a split: its shards as one long array that is never in memory."""

import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError
from cygnet.files import input_errors

Places = npt.NDArray[np.int64]
MAX_OPEN = 128
"""Files of one kind that stay open. A process may often have no more than 256 (macOS) or 1,024
(Linux), and 100 billion tokens are 1,000 shards."""


class SplitFiles:
    """One file a shard, of one kind, read with ``pread``: resident memory does not grow with them.

    Args:
        paths: The files, in order.
        n_items: How many items each holds.
        dtype: Of the items.
    """

    def __init__(self, paths: list[Path], n_items: Places, dtype: "np.dtype[Any]") -> None:
        self.paths, self.dtype = paths, dtype
        self.ends = np.cumsum(n_items)
        self.starts = self.ends - n_items
        self._descriptors: dict[int, int] = {}
        weakref.finalize(self, _close_all, self._descriptors)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Items ``start..stop-1``, across shards, as a new array."""
        if start == stop:
            return np.empty(0, self.dtype)
        borders = self.ends[(self.ends > start) & (self.ends < stop)]
        starts = np.concatenate([[start], borders])
        lengths = np.diff(np.concatenate([starts, [stop]]))
        items = np.empty(stop - start, self.dtype)
        self.read_into(items, starts, lengths, starts - start)
        return items

    def read_into(
        self, items: npt.NDArray[Any], starts: Places, lengths: Places, places: Places
    ) -> None:
        """Read several pieces, none over a shard's end.

        Args:
            items: Where they go: contiguous, of one dimension, of this dtype.
            starts: Where each begins in the split.
            lengths: How many items each has.
            places: Where each goes in ``items``.
        """
        size = self.dtype.itemsize
        numbers = np.searchsorted(self.ends, starts, side="right")
        offsets = (starts - self.starts[numbers]) * size
        memory, begins, ends = items.data.cast("B"), places * size, (places + lengths) * size
        columns = (numbers.tolist(), offsets.tolist(), begins.tolist(), ends.tolist())
        for number, offset, begin, end in zip(*columns, strict=True):
            descriptor, part = self._descriptors.get(number), memory[begin:end]
            try:
                n_read = 0 if descriptor is None else os.preadv(descriptor, [part], offset)
            except OSError:  # said by the second attempt, which costs the others nothing
                n_read = 0
            if n_read != end - begin:
                self._fill(part, number, offset)

    def chunks(self, number: int, n_items: int) -> Iterator[npt.NDArray[Any]]:
        """The items of one shard, so many at a time."""
        start, stop = int(self.starts[number]), int(self.ends[number])
        for begin in range(start, stop, n_items):
            yield self.read(begin, min(begin + n_items, stop))

    def _fill(self, memory: memoryview, number: int, offset: int) -> None:
        """Fill memory from a byte of a shard on; its file stays open if there are not too many."""
        path = self.paths[number]
        with input_errors(path):
            descriptor = self._descriptors.get(number)
            if descriptor is None and len(self._descriptors) < MAX_OPEN:
                descriptor = self._descriptors[number] = os.open(path, os.O_RDONLY)
            if descriptor is not None:
                _read_all(descriptor, memory, path, offset)
                return
            with open(path, "rb") as file:
                _read_all(file.fileno(), memory, path, offset)


def _read_all(descriptor: int, memory: memoryview, path: Path, offset: int) -> None:
    while memory:  # one call reads 2 GiB at the most
        n_read = os.preadv(descriptor, [memory], offset)
        if not n_read:
            raise DamagedError(f"{path} is damaged: it ends at byte {offset:,}")
        memory, offset = memory[n_read:], offset + n_read


def _close_all(descriptors: dict[int, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)
