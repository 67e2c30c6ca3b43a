"""Where text comes from: files, folders, patterns, and their documents as ``TextBatch``.

A ``.txt`` file holds documents separated by a boundary string (TinyStories: ``<|endoftext|>``).
The boundary is never text, and neither are the newlines that set it off: they are dropped at both
ends of every document. What is empty then is no document.
"""

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cygnet.errors import EncodingError, InputError
from cygnet.files import input_errors
from cygnet.machine_code import kernels
from cygnet.text.batch import BATCH_BYTES, TextBatch

NEWLINES = b"\r\n"
Places = npt.NDArray[np.int64]
# Newlines that are stripped from all documents at once, before what is left is done one by one.
ROUNDS = 4
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class TextFile:
    """One text file, read in a stream as documents.

    Args:
        path: A file of UTF-8 text.
        boundary: What separates documents; ``""`` makes the file one document.
        errors: ``"strict"`` refuses bytes that are not UTF-8; ``"replace"`` puts U+FFFD in their
            place and counts them.

    Attributes:
        n_documents, n_empty, n_replaced: Documents, empty documents left out, and invalid byte
            sequences replaced, up to where the file has been read.

    Cost: memory for 4 MiB and the longest document.
    """

    def __init__(self, path: Path, boundary: str, errors: str = "strict") -> None:
        self.path = path
        self.boundary = boundary.encode()
        self.errors = errors
        self.n_documents = self.n_empty = self.n_replaced = 0

    def batches(self, on_bytes: Callable[[int], None] = lambda n: None) -> Iterator[TextBatch]:
        """The documents, in order.

        Args:
            on_bytes: Called with the number of bytes after each read, for a progress bar.

        Raises:
            InputError: The file cannot be read.
            EncodingError: It is not UTF-8 (only with ``errors="strict"``); the message names the
                file, the document and the byte offset.
        """
        offset = 0
        for block in self._blocks(on_bytes):
            batch = self._documents(block, offset)
            offset += len(block) + len(self.boundary)
            if len(batch):
                yield batch

    def _blocks(self, on_bytes: Callable[[int], None]) -> Iterator[memoryview]:
        """Runs of whole documents: what lies between two boundaries of the file."""
        pending: list[bytes | memoryview] = []
        with input_errors(self.path), open(self.path, "rb") as file:
            while chunk := file.read(BATCH_BYTES):
                on_bytes(len(chunk))
                cut = self._last_boundary(pending, chunk)
                pending.append(chunk)
                if cut is not None:
                    block = b"".join(pending)
                    cut += len(block) - len(chunk)
                    yield memoryview(block)[:cut]
                    pending = [memoryview(block)[cut + len(self.boundary) :]]
        rest = b"".join(pending)
        if rest.strip(NEWLINES):
            yield memoryview(rest)

    def _last_boundary(self, pending: list[bytes | memoryview], chunk: bytes) -> int | None:
        """Where the last boundary begins in ``chunk``, less than 0 if in what is pending."""
        if not self.boundary:
            return None
        cut = chunk.rfind(self.boundary)
        if cut < 0 and pending:
            before = bytes(pending[-1][1 - len(self.boundary) :]) if len(self.boundary) > 1 else b""
            around = before + chunk[: len(self.boundary) - 1]
            cut = around.rfind(self.boundary)
            return cut - len(before) if cut >= 0 else None
        return cut if cut >= 0 else None

    def _documents(self, block: memoryview, offset: int) -> TextBatch:
        """Cut a block at its boundaries; ``offset`` is its place in the file."""
        starts, ends = cut_at(block, self.boundary)
        n_pieces = len(starts)
        if _is_utf8(block):
            batch = strip(TextBatch(np.frombuffer(block, np.uint8), starts, ends))
        else:
            borders = zip(starts.tolist(), ends.tolist(), strict=True)
            pieces = [bytes(block[start:end]) for start, end in borders]
            self._mend(bytes(block), pieces, offset)
            batch = strip(TextBatch.from_bytes(pieces))
        self.n_documents += len(batch)
        self.n_empty += n_pieces - len(batch)
        return batch

    def _mend(self, block: bytes, pieces: list[bytes], offset: int) -> None:
        """Refuse invalid bytes, or replace them in ``pieces`` and count them."""
        try:
            block.decode()
        except UnicodeDecodeError as error:
            if self.errors == "strict":
                number = self.n_documents + self.n_empty + block[: error.start].count(self.boundary)
                raise EncodingError(
                    f"{self.path}: document {number} is not UTF-8 at byte {offset + error.start} of"
                    f" the file (0x{block[error.start]:02x}): mend the file, or pass"
                    " --text.errors replace"
                ) from error
        for index, piece in enumerate(pieces):
            mended = piece.decode(errors="replace")
            self.n_replaced += mended.count(REPLACEMENT) - piece.count(REPLACEMENT.encode())
            pieces[index] = mended.encode()


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
    """Documents without the newlines at both of their ends; those that are empty then are left out.

    >>> list(strip(TextBatch.from_strings(["\\none\\r\\n", "\\n", "two"])))
    ['one', 'two']
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
    return TextBatch(batch.data, starts, ends).select(starts < ends)


def _is_newline(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    return np.isin(data, np.frombuffer(NEWLINES, np.uint8))


def _is_utf8(block: memoryview) -> bool:
    return bool(kernels()["is_utf8"](np.frombuffer(block, np.uint8), len(block)))


def find_files(source: str) -> list[Path]:
    """The files that a source names, sorted by name.

    Args:
        source: A file, a folder (all its ``.txt`` files, at any depth) or a glob pattern.

    Raises:
        InputError: Nothing is there, or nothing matches.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.txt", "a.txt"):
    ...     _ = (folder / name).write_text("Once")
    >>> [path.name for path in find_files(f"{folder}/*.txt")]
    ['a.txt', 'b.txt']
    """
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.rglob("*.txt") if file.is_file())
        if not files:
            raise InputError(f"{source} holds no .txt file")
        return files
    if not path.exists() and glob.has_magic(source):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  # absolute ones too
        files = sorted(map(Path, matches))
        if not files:
            raise InputError(f"{source} matches no file")
        return [file for match in files for file in find_files(str(match))]
    with input_errors(path), open(path, "rb"):
        return [path]


def sample_documents(
    batches: Iterator[TextBatch], total_bytes: int, sample_bytes: int, n_before: int = 0
) -> Iterator[TextBatch]:
    """About ``sample_bytes`` of text, from documents spread evenly across the whole corpus.

    The first document is taken and then every k-th, k chosen from the two sizes, so that the sample
    does not depend on chance or on the size of batches. No document is cut.

    Args:
        batches: The corpus.
        total_bytes: Bytes of text in the corpus.
        sample_bytes: Bytes wanted; the whole corpus where it is smaller.
        n_before: Documents of the corpus before these ``batches``.

    >>> corpus = TextBatch.from_strings(["aa", "bb", "cc", "dd"])
    >>> [list(batch) for batch in sample_documents(iter([corpus]), 8, 4)]
    [['aa', 'cc']]
    """
    share = sample_share(total_bytes, sample_bytes)
    for batch in batches:
        ordinals = np.arange(n_before, n_before + len(batch) + 1)
        steps = np.ceil(ordinals * share)
        n_before += len(batch)
        chosen = batch.select(np.diff(steps) > 0)
        if len(chosen):
            yield chosen


def sample_share(total_bytes: int, sample_bytes: int) -> float:
    """The share of documents that ``sample_documents`` takes."""
    return min(1.0, sample_bytes / max(1, total_bytes))


def read_files(paths: Sequence[Path], boundary: str, errors: str) -> Iterator[TextBatch]:
    """The documents of several files, one file after the other."""
    for path in paths:
        yield from TextFile(path, boundary, errors).batches()
