"""Document ends: the ``.idx`` of a shard as a stream."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.files import input_errors

Ends = npt.NDArray[np.uint64]
END_BYTES = 8
BLOCK_BYTES = 1 << 20


def read_blocks(path: Path, dtype: "np.dtype[Any]") -> Iterator[npt.NDArray[Any]]:
    """The numbers of a file, 1 MiB at a time; a part of a number at its end is left out."""
    # Not np.fromfile, for which a read that fails is the end of the file.
    with input_errors(path), open(path, "rb") as file:
        while n_items := len(block := file.read(BLOCK_BYTES)) // dtype.itemsize:
            yield np.frombuffer(block, dtype, n_items)


class EndStream:
    """The document ends of a file, taken from the front as far as they are needed.

    Attributes:
        problem: The first place where the ends do not ascend, in words; ``""`` so far.
        n_given: How many ends have been taken.
    """

    def __init__(self, path: Path, *, allow_empty: bool) -> None:
        self.problem, self.n_given = "", 0
        self._blocks = read_blocks(path, np.dtype("<u8"))
        self._allow_empty = allow_empty
        self._digest = hashlib.sha256()
        self._ahead, self._last, self._n_read = np.empty(0, np.uint64), 0, 0

    @property
    def sha256(self) -> str:
        """Hex sha256 of what has been read so far."""
        return self._digest.hexdigest()

    def up_to(self, stop: int) -> Ends:
        """The next ends that are at most ``stop``; none behind a problem."""
        found = []
        while not self.problem:
            n_before = int(np.searchsorted(self._ahead, np.uint64(stop), side="right"))
            found.append(self._ahead[:n_before])
            self._ahead = self._ahead[n_before:]
            if len(self._ahead) or not self._read_on():
                break
        ends = np.concatenate(found) if found else np.empty(0, np.uint64)
        self.n_given += len(ends)
        return ends

    def finish(self, n_tokens: int) -> None:
        """Read what is left; the last end must be the number of tokens."""
        while self._read_on():
            pass
        if not self.problem and self._last != n_tokens:
            self.problem = f"its last document ends at {self._last:,}, the ids at {n_tokens:,}"

    def _read_on(self) -> bool:
        ends = next(self._blocks, None)
        if ends is None:
            return False
        self._digest.update(ends.data)
        before = np.concatenate([np.array([self._last], np.uint64), ends[:-1]])
        falls = ends < before if self._allow_empty else ends <= before
        if falls.any() and not self.problem:
            wrong = int(np.argmax(falls))
            self.problem = (
                f"byte {END_BYTES * (self._n_read + wrong):,} says that a document ends at"
                f" {ends[wrong]:,}, the one before it ends at {before[wrong]:,}"
            )
        self._ahead, self._last = ends, int(ends[-1])
        self._n_read += len(ends)
        return True


def find_unclosed(ids: npt.NDArray[Any], ends: npt.NDArray[np.int64], boundary: int) -> int | None:
    """The first document whose last id is not the boundary.

    Args:
        ids: Token ids.
        ends: Where documents end in ``ids``, each above 0.

    >>> find_unclosed(np.array([5, 0, 6, 7]), np.array([2, 4]), boundary=0)
    1
    """
    wrong = ids[ends - 1] != boundary
    return int(np.argmax(wrong)) if wrong.any() else None
