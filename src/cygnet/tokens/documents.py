"""The documents of a split, one at a time, without reading the index of the others."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from cygnet.tokens.format import idx_path
from cygnet.tokens.reading import SplitFiles

if TYPE_CHECKING:
    from cygnet.tokens.store import TokenStore

Ids = npt.NDArray[np.unsignedinteger[Any]]
READ_AHEAD = 1 << 15


class Documents(Sequence[Ids]):
    """The documents of a split in the order of the text: each an array of token ids.

    A slice is a view of the same kind. Iteration reads the index ahead, 256 KiB at a time.

    Cost: memory for a document, whatever the size of the split; 25 us a document by index, 12 us
    in sequence.
    """

    def __init__(self, store: "TokenStore", split: str, chosen: range | None = None) -> None:
        shards = store.split(split).shards
        self._store, self._split = store, split
        self._first_documents = _starts([shard.documents for shard in shards])
        self._first_tokens = _starts([shard.tokens for shard in shards])
        paths = [idx_path(store.folder, shard.name) for shard in shards]
        self._ends = SplitFiles(paths, np.diff(self._first_documents), np.dtype("<u8"))
        self._chosen = range(self._first_documents[-1]) if chosen is None else chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @overload
    def __getitem__(self, index: int) -> Ids: ...
    @overload
    def __getitem__(self, index: slice) -> "Documents": ...
    def __getitem__(self, index: int | slice) -> "Ids | Documents":
        if isinstance(index, slice):
            return Documents(self._store, self._split, self._chosen[index])
        if not -len(self) <= index < len(self):
            raise IndexError(f"document {index} of {len(self):,}")
        number = self._chosen[index]
        start, stop = self._borders(number, 1)
        return self._store.read(self._split, start, stop)

    def __iter__(self) -> Iterator[Ids]:
        if self._chosen.step != 1:
            yield from (self[index] for index in range(len(self)))
            return
        number = self._chosen.start
        while number < self._chosen.stop:
            borders = self._borders(number, min(READ_AHEAD, self._chosen.stop - number))
            for start, stop in pairwise(borders):
                yield self._store.read(self._split, start, stop)
            number += len(borders) - 1

    def _borders(self, number: int, count: int) -> list[int]:
        """Where documents begin and end in the split: of some from ``number`` on, in one shard."""
        shard = int(np.searchsorted(self._first_documents, number, side="right")) - 1
        inside = number - int(self._first_documents[shard])
        count = min(count, int(self._first_documents[shard + 1]) - number)
        before = min(inside, 1)  # the first document of a shard has no end before it
        ends = self._ends.read(number - before, number + count).tolist()
        base = int(self._first_tokens[shard])
        return [base + end for end in (ends if before else [0, *ends])]

    def __reduce__(self) -> "tuple[type[Documents], tuple[TokenStore, str, range]]":
        return Documents, (self._store, self._split, self._chosen)

    def __repr__(self) -> str:
        return f"{len(self):,} documents of {self._split} in {self._store.folder}"


def _starts(sizes: list[int]) -> npt.NDArray[np.int64]:
    """Where each shard begins, and the end of the last."""
    return np.cumsum([0, *sizes], dtype=np.int64)
