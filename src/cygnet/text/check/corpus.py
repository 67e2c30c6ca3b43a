"""What is checked: documents that can be read more than once, with their places.

How sources are opened is here and nowhere else in this package.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cygnet.errors import InputError
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.text.source_file import SourceFile
from cygnet.text.sources import Reading, open_file, open_source


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


class SourceCorpus:
    """Sources of text, one after the other.

    Args:
        sources: Anything that ``open_source`` takes.
        reading: How files become documents; bytes that are not UTF-8 are left as they are.

    Raises:
        InputError: A source is not there or cannot be read, or none is named.
    """

    def __init__(self, sources: Sequence[str], reading: Reading) -> None:
        if not sources:
            raise InputError("name a text: a file, a folder, a pattern or another source")
        self.names = tuple(sources)
        self._sources = [open_source(source, reading) for source in sources]
        self.n_bytes = sum(source.n_bytes for source in self._sources)

    def pieces(self) -> Iterator[Piece]:
        """The documents from the beginning."""
        for source in self._sources:
            if not source.paths:
                yield from _pieces_of(source.batches(), source.name)
            for path in source.paths:
                yield from _pieces_in(open_file(path, source.reading, parts=False))


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
        yield from _pieces_of(as_batches(self._text), self.names[0])


def _pieces_of(batches: Iterable[TextBatch], name: str) -> Iterator[Piece]:
    number = 0
    for batch in batches:
        kept = batch.select(batch.starts < batch.ends)
        yield Piece(kept, name, number, None, len(batch) - len(kept))
        number += len(kept)


def _pieces_in(file: SourceFile) -> Iterator[Piece]:
    number = 0
    for batch, _, offset in file.unchecked():
        kept = batch.select(batch.starts < batch.ends)
        yield Piece(kept, str(file.path), number, offset, len(batch) - len(kept))
        number += len(kept)


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
