"""``SourceFile``: what every file of text gives, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from cygnet.text.batch import TextBatch
from cygnet.text.utf8 import Place, mend

OnBytes = Callable[[int], None]


class Raw(NamedTuple):
    """A batch as a file has it.

    Attributes:
        batch: Documents of any bytes, empty ones included.
        place: Says where they are in the file.
        offset: Where the buffer of the batch begins in the file, bytes; None where it was made.
    """

    batch: TextBatch
    place: Place
    offset: int | None = None


class SourceFile(ABC):
    """One file, read in a stream as documents.

    Args:
        path: A file.
        errors: ``"strict"`` refuses bytes that are not UTF-8; ``"replace"`` puts U+FFFD in their
            place and counts them.

    Attributes:
        n_documents, n_empty, n_nulls, n_replaced: Documents; those left out because they are empty,
            or null in their format; invalid byte sequences replaced: up to where the file has been
            read.

    Cost: memory for about 4 MiB and, but for ``.txt``, the longest document.
    """

    def __init__(self, path: Path, errors: str = "strict") -> None:
        self.path = path
        self.errors = errors
        self.n_documents = self.n_empty = self.n_nulls = self.n_replaced = 0

    def batches(self, on_bytes: OnBytes = lambda n: None) -> Iterator[TextBatch]:
        """The documents, in order; very long ones may come in parts (see ``parts``).

        Args:
            on_bytes: Called with the bytes of the file that were read, again and again, for a
                progress bar.

        Raises:
            InputError: The file cannot be read, or does not hold text in this format.
            EncodingError: It is not UTF-8 (only with ``errors="strict"``); the message names the
                file, the document and the byte.
            DamagedError: It is truncated, or damaged in a way that its format shows.
        """
        for raw in self._read(on_bytes):
            batch, n_replaced = mend(raw.batch, self.errors, self.path, raw.place)
            batch = self._trim(batch)
            kept = batch.select(batch.starts < batch.ends)
            self.n_documents += kept.n_ended
            self.n_empty += len(batch) - len(kept)
            self.n_replaced += n_replaced
            if len(kept):
                yield kept

    def unchecked(self) -> Iterator[Raw]:
        """The documents, in order, whether they are UTF-8 or not; empty ones included.

        Raises:
            InputError, DamagedError: As ``batches``.
        """
        for raw in self._read(lambda n: None):
            yield raw._replace(batch=self._trim(raw.batch))

    @abstractmethod
    def _read(self, on_bytes: OnBytes) -> Iterator[Raw]:
        """Batches as the file has them."""

    def _trim(self, batch: TextBatch) -> TextBatch:
        """What of each document is text."""
        return batch
