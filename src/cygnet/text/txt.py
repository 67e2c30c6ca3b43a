"""``.txt``: documents separated by a boundary string (TinyStories: ``<|endoftext|>``).

The boundary is never text, and neither are the newlines that set it off: they are dropped at both
ends of every document. What is empty then is no document.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cygnet.text.batch import TextBatch
from cygnet.text.blocks import NEWLINES, read_blocks
from cygnet.text.opening import open_stream
from cygnet.text.source_file import OnBytes, Raw, SourceFile
from cygnet.text.utf8 import Place

Places = npt.NDArray[np.int64]
# Newlines that are stripped from all documents at once, before what is left is done one by one.
ROUNDS = 4


class TextFile(SourceFile):
    """A ``.txt`` file, read in a stream as documents.

    Args:
        path: A file of UTF-8 text, compressed or not.
        boundary: What separates documents: ``"\\n"`` for one document a line; ``""`` makes the
            file one document.
        errors: See ``SourceFile``.
        parts: Whether very long documents may come in parts.

    Cost: 1 ns a byte at most, where it is not compressed; memory for 8 MiB, whatever the
    length of a document.
    """

    def __init__(
        self, path: Path, boundary: str, errors: str = "strict", parts: bool = True
    ) -> None:
        super().__init__(path, errors)
        self.boundary = boundary.encode()
        self.parts = parts

    def _read(self, on_bytes: OnBytes) -> Iterator[Raw]:
        offset = n_before = 0
        with open_stream(self.path, on_bytes) as stream:
            for block, continues in read_blocks(stream, self.boundary, self.parts):
                borders = cut_at(block, self.boundary)
                pieces = TextBatch(np.frombuffer(block, np.uint8), *borders, continues)
                yield Raw(pieces, self._place(pieces, n_before, offset), offset)
                n_before += pieces.n_ended
                offset += len(block) + (0 if continues else len(self.boundary))

    def _place(self, pieces: TextBatch, n_before: int, offset: int) -> Place:
        def place(number: int, byte: int) -> tuple[str, str]:
            in_file = offset + int(pieces.starts[number]) + byte
            return f"document {n_before + number}", f"byte {in_file} of the file"

        return place

    def _trim(self, batch: TextBatch) -> TextBatch:
        return strip(batch)


def cut_at(
    block: bytes | memoryview, boundary: bytes
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the pieces of ``block.split(boundary)`` start and end; no piece is copied.

    >>> [places.tolist() for places in cut_at(b"one<|>two", b"<|>")]
    [[0, 6], [3, 9]]
    """
    found = _find_all(block, boundary) if boundary else np.empty(0, np.int64)
    starts = np.concatenate([[0], found + len(boundary)])
    return starts, np.concatenate([found, [len(block)]])


def _find_all(block: bytes | memoryview, boundary: bytes) -> Places:
    """Where a string occurs, from the left and without overlap."""
    data = np.frombuffer(block, np.uint8)
    n_places = max(0, len(data) - len(boundary) + 1)
    found = np.flatnonzero(data[:n_places] == boundary[0])
    for i in range(1, len(boundary)):
        found = found[data[found + i] == boundary[i]]
    if (np.diff(found) < len(boundary)).any():  # occurrences overlap: take them one by one
        apart: list[int] = []
        for place in found.tolist():
            if not apart or place >= apart[-1] + len(boundary):
                apart.append(place)
        return np.array(apart, np.int64)
    return found


def strip(batch: TextBatch) -> TextBatch:
    """Documents without the newlines at both of their ends.

    >>> list(strip(TextBatch.from_strings(["\\none\\r\\n", "\\n", "two"])))
    ['one', '', 'two']
    """
    starts, ends = batch.starts.copy(), batch.ends.copy()
    documents = np.flatnonzero(starts < ends)
    for _ in range(ROUNDS):
        documents = documents[_is_newline(batch.data[starts[documents]])]
        starts[documents] += 1
        documents = documents[starts[documents] < ends[documents]]
    for i in documents.tolist():
        content = batch.data[starts[i] : ends[i]].tobytes()
        starts[i] = ends[i] - len(content.lstrip(NEWLINES))
    documents = np.flatnonzero(starts < ends)
    for _ in range(ROUNDS):
        documents = documents[_is_newline(batch.data[ends[documents] - 1])]
        ends[documents] -= 1
        documents = documents[starts[documents] < ends[documents]]
    for i in documents.tolist():
        content = batch.data[starts[i] : ends[i]].tobytes()
        ends[i] = starts[i] + len(content.rstrip(NEWLINES))
    return TextBatch(batch.data, starts, ends, batch.continues)


def _is_newline(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.isin(data, np.frombuffer(NEWLINES, np.uint8))
