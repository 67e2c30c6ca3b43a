"""Rows of whole documents: the order ``packed``.

A document of ``n`` tokens takes ``n`` places of a row, as every token of it is a target once: the
first one is predicted from the boundary, which stands for it in ``x``. (Where documents have no
boundary the first token is an input alone, and a document takes ``n - 1`` places.)

A document that fits a row is never cut. A longer one fills rows, as many as it can, and what is
left over is packed like a document. Every row begins where a document does, unless all that it
holds are such parts. Rows are planned once, from the lengths alone; an epoch reads them in permuted
order.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokens.batch import IGNORED, Batch
from cygnet.tokens.masks import count_before
from cygnet.tokens.order import permuted
from cygnet.tokens.packing import Packing, best_fit
from cygnet.tokens.reading import Places, SplitFiles
from cygnet.tokens.windows import Readable, Starts

PADDING = -1


class _Pieces(NamedTuple):
    """What some rows hold, in order; padding is a piece as well, of document ``PADDING``."""

    starts: Places
    """The first target in the split."""
    lengths: Places
    documents: Places
    places: Places
    """Where each goes in the rows, these laid one after the other."""

    def select(self, which: npt.NDArray[np.bool_]) -> "_Pieces":
        """Some of the pieces."""
        return _Pieces(*(column[which] for column in self))


@dataclass(frozen=True, eq=False)
class PackedPlan:
    """Which rows there are, and how they are read.

    Attributes:
        block_size: T.
        full: The rows that a part of one long document fills, by their first target.
        documents: The documents of the other rows, row by row.
        borders: Where each of these rows begins in ``documents``, and where the last one ends.
        document_ends: Where each document of the split ends.
        n_refused: Parts of documents that are left out as none of their targets counts in the loss.
        files, masks: What rows are read from.
        boundary_id: Ends every document, if it is not None.
    """

    block_size: int
    full: Starts
    documents: Places
    borders: Places
    document_ends: Places
    n_refused: int
    files: SplitFiles
    masks: SplitFiles | None
    boundary_id: int | None

    def __len__(self) -> int:
        return len(self.full) + len(self.borders) - 1

    @property
    def n_targets(self) -> int:
        """Places that are not padding, in all rows."""
        return len(self.full) * self.block_size + int(self.rest(self.documents).sum())

    def choose(self, rows: npt.NDArray[np.uint64], seed: int) -> Places:
        """The numbers of the packed rows that some rows read."""
        return permuted(rows, len(self), seed)

    def read(self, numbers: Places) -> Batch:
        """Packed rows by their numbers, as they were planned."""
        shape = len(numbers), self.block_size
        pieces = self._pieces(numbers)
        text = pieces.select(pieces.documents != PADDING)
        # One piece of memory: the C library gives several back, and each batch pays for new ones.
        x, y, positions, document_ids = np.empty((4, *shape), np.int64).reshape(4, -1)
        y[:] = _gather(self.files, text, np.full(len(y), self.fill, self.files.dtype))
        x[1:] = y[:-1]
        x[pieces.places] = self.fill
        x[text.places] = self._before(text)
        document_ids[:] = np.repeat(pieces.documents, pieces.lengths)
        positions[:] = np.arange(len(y))
        positions -= np.repeat(pieces.places, pieces.lengths)
        mask = document_ids != PADDING
        if self.masks is not None:
            mask &= _gather(self.masks, text, np.zeros(len(y), np.uint8)) != 0
        y[~mask] = IGNORED
        return Batch(
            x.reshape(shape),
            y.reshape(shape),
            positions.reshape(shape),
            mask.reshape(shape),
            document_ids.reshape(shape),
        )

    @property
    def fill(self) -> int:
        """The id of padding."""
        return self.boundary_id or 0

    def _pieces(self, numbers: Places) -> _Pieces:
        """The pieces of some rows: documents, and behind them a full row or padding."""
        is_full, packed = numbers < len(self.full), np.maximum(numbers - len(self.full), 0)
        first = self.borders[packed]
        counts = np.where(is_full, 0, self.borders[np.where(is_full, 0, packed + 1)] - first)
        behind = np.cumsum(counts)
        documents = self.documents[
            np.arange(counts.sum()) + np.repeat(first - behind + counts, counts)
        ]
        _, ends = self.targets(documents)
        lengths = self.rest(documents)
        running = np.concatenate([[0], np.cumsum(lengths)])
        last_lengths = self.block_size - running[behind] + running[behind - counts]
        last_starts = np.zeros(len(numbers), np.int64)
        last_documents = np.full(len(numbers), PADDING)
        last_starts[is_full] = self.full[numbers[is_full]]
        last_documents[is_full] = np.searchsorted(
            self.document_ends, last_starts[is_full], side="right"
        )
        starts = np.insert(ends - lengths, behind, last_starts)
        documents = np.insert(documents, behind, last_documents)
        lengths = np.insert(lengths, behind, last_lengths)
        pieces = _Pieces(starts, lengths, documents, np.cumsum(lengths) - lengths)
        return pieces.select(lengths > 0)

    def targets(self, documents: Places) -> tuple[Places, Places]:
        """Where the targets of documents begin and end."""
        ends = self.document_ends[documents]
        begins = np.where(documents > 0, self.document_ends[documents - 1], 0)
        return np.minimum(begins + (self.boundary_id is None), ends), ends

    def rest(self, documents: Places) -> Places:
        """How many targets documents have behind the rows that they fill."""
        begins, ends = self.targets(documents)
        return (ends - begins) % self.block_size

    def _before(self, pieces: _Pieces) -> npt.NDArray[Any]:
        """The token before each piece: the boundary, where a document begins."""
        begins = np.where(pieces.documents > 0, self.document_ends[pieces.documents - 1], 0)
        inside = np.flatnonzero(pieces.starts > begins)
        tokens = np.full(len(begins), self.fill, self.files.dtype)
        self.files.read_into(tokens, pieces.starts[inside] - 1, np.ones_like(inside), inside)
        return tokens


def _gather(files: SplitFiles, pieces: _Pieces, items: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """``items`` with what the files hold of each piece at its place."""
    files.read_into(items, pieces.starts, pieces.lengths, pieces.places)
    return items


def plan_packed(store: Readable, split: str, block_size: int, window: int | None) -> PackedPlan:
    """Plan the rows of a split.

    Args:
        store, split: The documents.
        block_size: Tokens in a row, T.
        window: Pack so many documents at a time; all together if none.

    Raises:
        InputError: There is nothing to learn.

    Cost: for a million documents 0.1 s; 16 bytes a document and 8 a row stay in memory. With masks
    two reads of them, 0.5 to 1 GB/s.
    """
    if block_size < 1 or (window is not None and window < 1):
        raise InputError(
            f"no rows of {block_size} tokens, packed from {window} documents at a time"
        )
    ends, lead = store.document_ends(split), store.boundary_id is None
    begins = np.minimum(np.concatenate([[0], ends[:-1]]) + lead, ends)
    n_full, rest = np.divmod(ends - begins, block_size)
    long, documents = np.flatnonzero(n_full), np.flatnonzero(rest)
    full = Starts.of(begins[long], n_full[long], block_size)
    n_pieces, masks = len(full) + len(documents), store.masks(split)
    if masks is not None:
        starts = full[np.arange(len(full))]
        starts = starts[_is_learnable(masks, starts, starts + block_size)]
        full = Starts.of(starts, np.ones_like(starts), block_size)
        documents = documents[_is_learnable(masks, (ends - rest)[documents], ends[documents])]
    if not len(full) + len(documents):
        raise InputError(f"there is nothing to learn in {split}: no token follows another, or its"
                         " masks leave out every token")  # fmt: skip
    packing = best_fit(rest[documents], block_size, window)
    return PackedPlan(
        block_size=block_size,
        full=full,
        documents=_whole_first(packing, documents, n_full > 0),
        borders=np.concatenate([[0], packing.ends]),
        document_ends=ends,
        n_refused=n_pieces - len(full) - len(documents),
        files=store.files(split),
        masks=masks,
        boundary_id=store.boundary_id,
    )


def _is_learnable(masks: SplitFiles, starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
    counts = count_before(masks, np.stack([starts, ends], axis=1).ravel())
    learnable: npt.NDArray[np.bool_] = counts[1::2] > counts[::2]
    return learnable


def _whole_first(packing: Packing, documents: Places, is_long: npt.NDArray[np.bool_]) -> Places:
    """The documents row by row, in each row those that begin in it before the ends of others."""
    order = documents[packing.order]
    ends_only = is_long[order]
    if not ends_only.any():
        return order
    rows = np.repeat(np.arange(len(packing.ends)), np.diff(packing.ends, prepend=0))
    return order[np.argsort(2 * rows + ends_only, kind="stable")]
