"""``GrowingArray``: a ``.npy`` file that grows, whole at every moment. Needs NumPy alone."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError, StorageError
from cygnet.files import DISK_FULL, atomic_writer, input_errors

Array = npt.NDArray[Any]


class GrowingArray:
    """A ``.npy`` file that grows along its first axis.

    Args:
        path: The file; made if it is not there.
        dtype: Of its items.
        shape: Of one entry, without the first axis.

    Raises:
        DamagedError: The file holds something else, or less than its header says.

    Cost: memory for none of it; an entry is written as it is handed over.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "numbers.npy"
    >>> numbers = GrowingArray(path, "<i8", ())
    >>> numbers.append(np.array(7))
    >>> numbers.append(np.array(8))
    >>> np.load(path).tolist()
    [7, 8]
    """

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        self.path, self.dtype, self.shape = path, np.dtype(dtype), shape
        if not path.exists():
            with atomic_writer(path) as file:
                file.write(self._header(0))
        self._length = self._read_length()

    def __len__(self) -> int:
        return self._length

    def append(self, entry: Array) -> None:
        """Write one entry, and only then a header that counts it.

        Raises:
            StorageError: The disk is full. What was there before stays.
        """
        entry = np.ascontiguousarray(entry, self.dtype).reshape(self.shape)
        with _storing(self.path), open(self.path, "r+b") as file:
            file.seek(self._end(self._length))
            file.write(entry.data)
            file.flush()
            file.seek(0)
            file.write(self._header(self._length + 1))
        self._length += 1

    def cut(self, length: int) -> None:
        """Drop all entries but the first ``length``, and what a killed writer left behind them."""
        self._length = length
        with open(self.path, "r+b") as file:
            file.write(self._header(length))
            file.flush()
            file.truncate(self._end(length))

    def sync(self) -> None:
        """Make what was written survive a power cut."""
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())

    def _header(self, length: int) -> bytes:
        """The header of NumPy's format 1.0; NumPy pads it, so that it has one size for any length.

        https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
        """
        buffer = io.BytesIO()
        shape = (length, *self.shape)
        description = {"descr": self.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(buffer, description)
        return buffer.getvalue()

    def _end(self, length: int) -> int:
        """Where an array of this length ends, in bytes."""
        return len(self._header(0)) + length * self.dtype.itemsize * int(np.prod(self.shape))

    def _read_length(self) -> int:
        with input_errors(self.path), open(self.path, "rb") as file:
            header = file.read(len(self._header(0)))
            length = _first_axis(header)
            if length is None or header != self._header(length):
                kind = f"{self.dtype.name} of shape (n, {', '.join(map(str, self.shape))})"
                raise DamagedError(f"{self.path} is damaged: it is no array of {kind}")
            if file.seek(0, os.SEEK_END) < self._end(length):
                raise DamagedError(f"{self.path} is damaged: it is shorter than its header says")
        return length


def _first_axis(header: bytes) -> int | None:
    """The length of an array by the header of its file, if it is one."""
    file = io.BytesIO(header)
    with contextlib.suppress(ValueError):
        if np.lib.format.read_magic(file) == (1, 0):
            shape, _, _ = np.lib.format.read_array_header_1_0(file)
            return shape[0] if shape else None
    return None


@contextlib.contextmanager
def _storing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise StorageError(
            f"the disk is full: {path} could not take another snapshot, the finished ones are kept;"
            " free some space and go on from the last checkpoint"
        ) from error
