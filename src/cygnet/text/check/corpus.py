"""What is checked: documents that can be read more than once, with their places.

How sources are opened is here and nowhere else in this package.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from cygnet.errors import InputError
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.text.sources import TextFile, cut_at, find_files, strip


@dataclass(frozen=True, eq=False)
class Piece:
    """Some documents of one file, in order.

    Attributes:
        batch: The documents, their bytes as they were found, UTF-8 or not.
        file: Name of the file.
        number: Which document of the file the first one is, counted from 0 without empty ones.
        offset: Where ``batch.data`` begins in the file, in bytes; None where that means nothing.
        n_empty: Empty documents that were left out.
    """

    batch: TextBatch
    file: str
    number: int
    offset: int | None
    n_empty: int = 0


@runtime_checkable
class Corpus(Protocol):
    """Documents that give the same pieces each time they are read."""

    names: tuple[str, ...]
    n_bytes: int

    def pieces(self) -> Iterator[Piece]:
        """The documents from the beginning."""


class FileCorpus:
    """Text files, one after the other.

    Args:
        sources: Files, folders and patterns, as ``find_files`` takes them.
        boundary: The string between two documents; ``""`` for one document a file.

    Raises:
        InputError: A source is not there or cannot be read, or none is named.
    """

    def __init__(self, sources: Sequence[str], boundary: str) -> None:
        if not sources:
            raise InputError("name a text: a file, a folder of .txt files or a pattern")
        self.names = tuple(sources)
        self._paths = [path for source in sources for path in find_files(source)]
        self._boundary = boundary
        self.n_bytes = sum(path.stat().st_size for path in self._paths)

    def pieces(self) -> Iterator[Piece]:
        """The documents from the beginning."""
        for path in self._paths:
            yield from _pieces_of(path, self._boundary)


class MemoryCorpus:
    """Text of a Python program: one document, a list of them, or anything else that can be read
    again.

    >>> [list(piece.batch) for piece in MemoryCorpus(["Once", "upon"]).pieces()]
    [['Once', 'upon']]
    """

    def __init__(self, text: Text, name: str = "text") -> None:
        if isinstance(text, Iterator):
            raise InputError(
                f"{name} is read more than once: pass a list, or an object whose __iter__ begins"
                f" anew, not {type(text).__name__}"
            )
        self.names: tuple[str, ...] = (name,)
        self.n_bytes = 0
        self._text = text

    def pieces(self) -> Iterator[Piece]:
        """The documents from the beginning."""
        number = 0
        for batch in as_batches(self._text):
            kept = batch.select(batch.starts < batch.ends)
            yield Piece(kept, self.names[0], number, None, len(batch) - len(kept))
            number += len(kept)


class _UnmendedFile(TextFile):
    """A text file whose bytes stay as they are; knows where the last batch was."""

    offset = 0

    def _documents(self, block: memoryview, offset: int) -> TextBatch:
        starts, ends = cut_at(block, self.boundary)
        batch = strip(TextBatch(np.frombuffer(block, np.uint8), starts, ends))
        self.n_documents += len(batch)
        self.n_empty += len(starts) - len(batch)
        self.offset = offset
        return batch


def _pieces_of(path: Path, boundary: str) -> Iterator[Piece]:
    file = _UnmendedFile(path, boundary)
    n_empty = 0
    for batch in file.batches():
        number = file.n_documents - len(batch)
        yield Piece(batch, str(path), number, file.offset, file.n_empty - n_empty)
        n_empty = file.n_empty
    if file.n_empty > n_empty:  # the file ends with empty documents
        none = TextBatch.from_bytes([])
        yield Piece(none, str(path), file.n_documents, None, file.n_empty - n_empty)


def numbered(
    corpora: Sequence[Corpus], on_bytes: Callable[[int], None] = lambda n: None
) -> Iterator[tuple[int, Piece]]:
    """The pieces of several corpora, each with the number of its first document in all of them."""
    first = 0
    for corpus in corpora:
        for piece in corpus.pieces():
            yield first, piece
            first += len(piece.batch)
            on_bytes(piece.batch.text_bytes)
