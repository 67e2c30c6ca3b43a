"""``TextBatch``: documents as one buffer of UTF-8 bytes, without a Python object per document."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import EncodingError, InputError

BATCH_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class TextBatch:
    """Some documents, contiguous in memory.

    Attributes:
        data: UTF-8 bytes, ``uint8`` of shape ``(n_bytes,)``.
        starts: Where each document begins in ``data``, ``int64`` of shape ``(n_documents,)``.
        ends: Where each document ends (exclusive), ``int64`` of shape ``(n_documents,)``.
        continues: Whether the last document goes on in the next batch: see ``parts``.

    Raises:
        InputError: The arrays have other types, or a document does not lie in ``data``.

    >>> batch = TextBatch.from_strings(["Once", "upon a time"])
    >>> len(batch), batch.text_bytes, batch[1]
    (2, 15, 'upon a time')
    """

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    continues: bool = False

    def __post_init__(self) -> None:
        types = [str(array.dtype) for array in (self.data, self.starts, self.ends)]
        if types != ["uint8", "int64", "int64"] or not self.data.flags.c_contiguous:
            raise InputError("a TextBatch is made of contiguous uint8 data and int64 borders")
        if len(self.starts) != len(self.ends):
            raise InputError(
                f"a TextBatch has {len(self.starts)} starts, but {len(self.ends)} ends"
            )
        outside = (self.starts < 0) | (self.starts > self.ends) | (self.ends > len(self.data))
        if outside.any():
            raise InputError(f"document {outside.argmax()} is not within {len(self.data):,} bytes")

    @classmethod
    def from_strings(cls, documents: Iterable[str], first: int = 0) -> "TextBatch":
        """Encode some ``str`` into one batch; ``first`` is the number of the first, for messages.

        Raises:
            EncodingError: A string holds a lone surrogate, which has no UTF-8 form.
        """
        documents = list(documents)
        try:
            return cls.from_bytes(list(map(str.encode, documents)))
        except UnicodeEncodeError:
            for number, document in enumerate(documents, first):
                _check_utf8(document, number)
            raise

    @classmethod
    def from_bytes(cls, documents: list[bytes]) -> "TextBatch":
        """Join documents that are known to be valid UTF-8 into one batch."""
        lengths = np.fromiter(map(len, documents), np.int64, len(documents))
        ends = np.cumsum(lengths)
        return cls(np.frombuffer(b"".join(documents), np.uint8), ends - lengths, ends)

    def __len__(self) -> int:
        """Number of documents."""
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        """Document ``index`` as a string."""
        return self.document_bytes(index).decode()

    def __iter__(self) -> Iterator[str]:
        """The documents as strings, in order."""
        return (self[index] for index in range(len(self)))

    def document_bytes(self, index: int) -> bytes:
        """Document ``index`` as UTF-8 bytes."""
        return self.data[self.starts[index] : self.ends[index]].tobytes()

    @property
    def n_ended(self) -> int:
        """Documents that end here: all, or all but the last."""
        return len(self) - self.continues

    @property
    def text_bytes(self) -> int:
        """Bytes of all documents together."""
        return int((self.ends - self.starts).sum())

    def select(self, keep: npt.NDArray[np.bool_]) -> "TextBatch":
        """The documents where ``keep`` (one bool per document) is true; no text is copied."""
        continues = self.continues and bool(keep[-1])
        return TextBatch(self.data, self.starts[keep], self.ends[keep], continues)


Text = str | TextBatch | Iterable[str] | Iterable[TextBatch]
"""What every function that takes text accepts; beside these a ``datasets.Dataset``, an
``IterableDataset``, and a column of ``pyarrow``, which are iterables to mypy."""


def as_batches(
    text: Text, batch_bytes: int = BATCH_BYTES, *, parts: bool = False
) -> Iterator[TextBatch]:
    """Bring any kind of text to a stream of ``TextBatch``.

    Args:
        text: One document (``str``), one batch, or an iterable of either; read lazily. Or a
            ``datasets.Dataset`` or ``IterableDataset`` with a column ``text``, ``content`` or
            ``contents``, or a string column of ``pyarrow``: their text is not copied, and nulls
            are left out.
        batch_bytes: About how many bytes of ``str`` documents are joined into one batch.
        parts: Whether a document that comes in parts (see ``parts``) is passed on so, or is joined.

    Returns:
        Batches in the order of the documents.

    Raises:
        InputError: An item is neither ``str`` nor ``TextBatch``; or a data set has no such column,
            or is a dictionary of splits.

    >>> [len(batch) for batch in as_batches(iter(["a", "b", "c"]))]
    [3]
    """
    from cygnet.text.arrow import column_batches, dataset_batches, is_arrow, is_dataset
    from cygnet.text.parts import ended, whole_documents

    if isinstance(text, Mapping):
        raise InputError(f"text is a dictionary of {', '.join(map(str, text))}: take one of these")
    if is_dataset(text):
        yield from dataset_batches(text)
        return
    if is_arrow(text):
        yield from column_batches(text)
        return
    items: Iterator[Any] = iter([text] if isinstance(text, str | TextBatch) else text)
    batches = _from_items(items, batch_bytes)
    yield from ended(batches) if parts else whole_documents(batches)


def _from_items(items: Iterator[Any], batch_bytes: int) -> Iterator[TextBatch]:
    n_documents = 0
    for item in items:
        if isinstance(item, TextBatch):
            batch = item
        else:
            documents = _take_bytes(itertools.chain([item], items), batch_bytes)
            batch = TextBatch.from_strings(documents, first=n_documents)
        n_documents += len(batch)
        yield batch


def _take_bytes(documents: Iterator[Any], batch_bytes: int) -> Iterator[str]:
    """The next documents, until about ``batch_bytes`` characters are reached."""
    taken = 0
    for document in documents:
        if not isinstance(document, str):
            raise InputError(f"text is made of str, found {type(document).__name__}")
        yield document
        taken += len(document)
        if taken >= batch_bytes:
            return


def _check_utf8(document: str, number: int) -> None:
    try:
        document.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(
            f"document {number}: character {error.start} is a lone surrogate, which UTF-8 lacks"
        ) from error
