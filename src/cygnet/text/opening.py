"""Files as streams of bytes, decompressed where their name ends in ``.gz``, ``.zst`` or ``.xz``."""

import contextlib
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cygnet.errors import DamagedError
from cygnet.files import input_errors

COMPRESSED = (".gz", ".zst", ".xz")


class Stream:
    """A file that is read once from its beginning, decompressed.

    Args:
        file: An open file.
        ending: How its name ends: one of ``COMPRESSED``, or anything else for plain bytes.
        on_bytes: Called with the bytes of the file that were taken by each read.
    """

    def __init__(
        self, file: BinaryIO, ending: str, on_bytes: Callable[[int], None] = lambda n: None
    ) -> None:
        self._file = file
        self._content = _decompressed(file, ending)
        self._on_bytes = on_bytes
        self._taken = 0

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer only where the stream ends."""
        content: bytes = self._content.read(size)
        taken = self._file.tell()
        self._on_bytes(taken - self._taken)
        self._taken = taken
        return content


def _decompressed(file: BinaryIO, ending: str) -> Any:
    if ending == ".gz":
        return gzip.GzipFile(fileobj=file)
    if ending == ".xz":
        return lzma.LZMAFile(file)
    if ending == ".zst":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return file


@contextlib.contextmanager
def open_stream(path: Path, on_bytes: Callable[[int], None] = lambda n: None) -> Iterator[Stream]:
    """Open a file as a stream of decompressed bytes.

    Args:
        path: Any file; the end of its name says whether it is compressed.
        on_bytes: Called with the bytes of the file that were taken by each read.

    Raises:
        InputError: It cannot be read.
        DamagedError: It is no file of that compression, or it is truncated.
    """
    with input_errors(path), open(path, "rb") as file, damage_errors(path):
        yield Stream(file, path.suffix.lower(), on_bytes)


@contextlib.contextmanager
def damage_errors(path: Path, *more: type[BaseException]) -> Iterator[None]:
    """Turn what readers of formats raise into a ``DamagedError`` that names the file."""
    kinds: tuple[type[BaseException], ...] = EOFError, OSError, lzma.LZMAError, zlib.error, *more
    try:
        yield
    except kinds as error:
        if isinstance(error, OSError) and error.errno is not None:  # not of the format: of the disk
            raise
        raise DamagedError(
            f"{path} is truncated or damaged ({' '.join(str(error).split())}): fetch it again"
        ) from error
