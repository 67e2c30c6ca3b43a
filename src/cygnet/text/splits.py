"""Splits by a hash of the text: a document is on the same side wherever and whenever it is read.

A document is for validation if the XXH64 of its first 64 KiB (of UTF-8 bytes; seed 0), an integer
below 2**64, is below ``floor(fraction * 2**64)``. Nothing else counts: not the order of documents,
nor the files they are in, nor who reads them. Equal documents are on the same side, and a larger
fraction keeps what a smaller one has chosen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.machine_code import kernels
from cygnet.text.batch import TextBatch

Side = Literal["train", "valid"]
HASHED_BYTES = 64 << 10


@dataclass(frozen=True)
class HashSplit:
    """One side of a split by hash.

    Args:
        side: ``"train"`` or ``"valid"``.
        fraction: About which share of the documents is for validation.

    >>> corpus = TextBatch.from_strings([f"document {i}" for i in range(1000)])
    >>> for side in ("valid", "train"):
    ...     print(sum(map(len, HashSplit(side, 0.1).select([corpus]))))
    88
    912
    """

    side: Side
    fraction: float

    def select(self, batches: Iterable[TextBatch]) -> Iterator[TextBatch]:
        """The documents that are on this side."""
        for batch, chosen in with_sides(batches, self.fraction):
            kept = batch.select(chosen if self.side == "valid" else ~chosen)
            if len(kept):
                yield kept


def with_sides(
    batches: Iterable[TextBatch], fraction: float
) -> Iterator[tuple[TextBatch, npt.NDArray[np.bool_]]]:
    """Each batch, and which of its documents are for validation; parts go with the first."""
    going_on: bool | None = None
    for batch in batches:
        chosen = is_valid(batch, fraction)
        if going_on is not None:
            chosen[0] = going_on
        going_on = bool(chosen[-1]) if batch.continues else None
        yield batch, chosen


def is_valid(batch: TextBatch, fraction: float) -> npt.NDArray[np.bool_]:
    """For each document of a batch whether it is for validation."""
    limit = np.uint64(int(fraction * 2**64))  # exact: a power of two only moves the point
    chosen: npt.NDArray[np.bool_] = document_hashes(batch) < limit
    return chosen


def document_hashes(batch: TextBatch) -> npt.NDArray[np.uint64]:
    """XXH64 (seed 0) of the first 64 KiB of each document.

    Returns:
        ``uint64`` of shape ``(n_documents,)``.

    Cost: 0.1 ns a byte.

    Source: github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.

    >>> [hex(found) for found in document_hashes(TextBatch.from_strings(["", "abc"])).tolist()]
    ['0xef46db3751d8e999', '0x44bc2cf5ad770999']
    """
    hashes = np.empty(len(batch), np.uint64)
    kernels()["hash_documents"](
        batch.data, batch.starts, batch.ends, len(batch), HASHED_BYTES, hashes
    )
    return hashes


def check_fraction(fraction: float) -> None:
    """Refuse a share that leaves one side without a document.

    >>> check_fraction(1.5)
    Traceback (most recent call last):
        ...
    cygnet.errors.InputError: text.valid_fraction is 1.5: a share between 0 and 1 is needed, \
such as 0.005
    """
    if not 0 < fraction < 1:
        raise InputError(
            f"text.valid_fraction is {fraction}: a share between 0 and 1 is needed, such as 0.005"
        )
