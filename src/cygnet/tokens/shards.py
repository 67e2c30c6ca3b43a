"""Cutting a stream of token ids into shards."""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.files import atomic_writer
from cygnet.tokens.checksums import SummedFile
from cygnet.tokens.counts import Counts, add_ids, to_npy
from cygnet.tokens.format import (
    Shard,
    Split,
    bin_path,
    counts_path,
    idx_path,
    mask_path,
    shard_name,
)

Ids = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Piece:
    """The next ids of a split.

    Attributes:
        ids: Any number of them, in the byte order of this machine.
        ends: Where documents end in ``ids``, ascending, ``int64``. The last document may go on in
            the next piece.
        mask: Which ids count in the loss, ``uint8``; None where all do, in every piece of a split.
    """

    ids: Ids
    ends: npt.NDArray[np.int64]
    mask: npt.NDArray[np.uint8] | None = None

    def cut(self, position: int) -> "tuple[Piece, Piece]":
        """The piece up to a document's end, and what follows."""
        n_ends = int(np.searchsorted(self.ends, position, side="right"))
        before, behind = (None, None) if self.mask is None else np.split(self.mask, [position])
        return (
            Piece(self.ids[:position], self.ends[:n_ends], before),
            Piece(self.ids[position:], self.ends[n_ends:] - position, behind),
        )


def write_split(
    folder: Path,
    split: str,
    pieces: Iterable[Piece],
    vocab_size: int,
    shard_tokens: int,
    text_bytes: Callable[[Counts], int],
    is_masked: bool = False,
) -> Split:
    """Write the shards and the counts of a split.

    Args:
        folder: Where they go.
        split: Its name.
        pieces: Its ids; the last piece ends with a document.
        vocab_size: All ids are below it.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
        text_bytes: Bytes of text in tokens that occur so often.
        is_masked: Whether the pieces have masks.

    Raises:
        InputError: There is no document.

    Cost: memory for a piece and for the counts.
    """
    counts, stream = np.zeros(vocab_size, np.uint64), _Stream(pieces)
    shards: list[Shard] = []
    while stream.has_more():
        found = np.zeros(vocab_size, np.uint64)
        name = shard_name(split, len(shards))
        taken = stream.take(shard_tokens)
        shards.append(_write_shard(folder, name, taken, found, text_bytes, is_masked))
        counts += found
    if not shards:
        raise InputError(f"the {split} split holds no document")
    content = to_npy(counts)
    with atomic_writer(counts_path(folder, split)) as file:
        file.write(content)
    return Split(shards=tuple(shards), counts_sha256=hashlib.sha256(content).hexdigest())


class _Stream:
    """Pieces, of which a shard at a time is taken."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._pieces = iter(pieces)
        self._rest: Piece | None = None

    def has_more(self) -> bool:
        while self._rest is None or not len(self._rest.ids) + len(self._rest.ends):
            self._rest = next(self._pieces, None)
            if self._rest is None:
                return False
        return True

    def take(self, n_tokens: int) -> Iterator[Piece]:
        """Pieces up to the first document's end at ``n_tokens`` or behind it."""
        while self.has_more():
            assert self._rest is not None
            first = int(np.searchsorted(self._rest.ends, n_tokens))
            if first < len(self._rest.ends):
                piece, self._rest = self._rest.cut(int(self._rest.ends[first]))
                yield piece
                return
            n_tokens -= len(self._rest.ids)
            piece, self._rest = self._rest, None
            yield piece


def _write_shard(
    folder: Path,
    name: str,
    pieces: Iterable[Piece],
    counts: Counts,
    text_bytes: Callable[[Counts], int],
    is_masked: bool,
) -> Shard:
    """Write a shard, its ``.bin`` last, and add its ids to ``counts``."""
    n_tokens = n_documents = 0
    paths = [bin_path(folder, name), idx_path(folder, name)]
    paths += [mask_path(folder, name)] if is_masked else []
    with contextlib.ExitStack() as files:
        bin_file, idx_file, *mask_file = [
            SummedFile(files.enter_context(atomic_writer(path))) for path in paths
        ]
        for piece in pieces:
            bin_file.write(piece.ids.astype(piece.ids.dtype.newbyteorder("<"), copy=False))
            idx_file.write((piece.ends + n_tokens).astype("<u8"))
            for file in mask_file:
                assert piece.mask is not None
                file.write(piece.mask)
            add_ids(piece.ids, counts)
            n_tokens, n_documents = n_tokens + len(piece.ids), n_documents + len(piece.ends)
    return Shard(
        name=name,
        tokens=n_tokens,
        documents=n_documents,
        text_bytes=text_bytes(counts),
        bin_sha256=bin_file.sums.sha256,
        idx_sha256=idx_file.sums.sha256,
        bin_crc32=bin_file.sums.crc32,
        idx_crc32=idx_file.sums.crc32,
        mask_sha256=mask_file[0].sums.sha256 if is_masked else None,
    )
