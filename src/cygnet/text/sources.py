"""Where text comes from: files, folders, patterns, and their documents as ``TextBatch``.

A ``.txt`` file holds documents separated by a boundary string (TinyStories: ``<|endoftext|>``).
The boundary is never text, and neither are the newlines that set it off: they are dropped at both
ends of every document. What is empty then is no document.
"""

import glob
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cygnet.errors import EncodingError, InputError
from cygnet.files import input_errors
from cygnet.text.batch import BATCH_BYTES, TextBatch

NEWLINES = b"\r\n"
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

    def _blocks(self, on_bytes: Callable[[int], None]) -> Iterator[bytes]:
        """Runs of whole documents: what lies between two boundaries of the file."""
        rest = bytearray()
        with input_errors(self.path), open(self.path, "rb") as file:
            while chunk := file.read(BATCH_BYTES):
                on_bytes(len(chunk))
                searched = max(0, len(rest) - len(self.boundary) + 1)
                rest += chunk
                cut = rest.rfind(self.boundary, searched) if self.boundary else -1
                if cut >= 0:
                    yield bytes(rest[:cut])
                    del rest[: cut + len(self.boundary)]
        if rest.strip(NEWLINES):
            yield bytes(rest)

    def _documents(self, block: bytes, offset: int) -> TextBatch:
        """Cut a block at its boundaries; ``offset`` is its place in the file."""
        pieces = block.split(self.boundary) if self.boundary else [block]
        self._check_utf8(block, pieces, offset)
        documents = [piece for piece in (piece.strip(NEWLINES) for piece in pieces) if piece]
        self.n_documents += len(documents)
        self.n_empty += len(pieces) - len(documents)
        return TextBatch.from_bytes(documents)

    def _check_utf8(self, block: bytes, pieces: list[bytes], offset: int) -> None:
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
