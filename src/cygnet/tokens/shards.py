"""Cutting a stream of token ids into shards."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import run_ahead
from cygnet.errors import InputError, StaleError
from cygnet.files import atomic_writer
from cygnet.tokens.checksums import Checksums, SummedFile
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
from cygnet.tokens.records import write_record

Ids = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Piece:
    """The next ids of a split.

    Attributes:
        ids: Any number of them, in the byte order of this machine.
        ends: Where documents end in ``ids``, ascending, ``int64``. The last document may go on in
            the next piece.
        text_bytes: Bytes of text in each document that ends here, ``int64`` as ``ends``.
        mask: Which ids count in the loss, ``uint8``; None where all do, in every piece of a split.
    """

    ids: Ids
    ends: npt.NDArray[np.int64]
    text_bytes: npt.NDArray[np.int64]
    mask: npt.NDArray[np.uint8] | None = None

    def cut(self, position: int) -> "tuple[Piece, Piece]":
        """The piece up to a document's end, and what follows."""
        n_ends = int(np.searchsorted(self.ends, position, side="right"))
        before, behind = (None, None) if self.mask is None else np.split(self.mask, [position])
        return (
            Piece(self.ids[:position], self.ends[:n_ends], self.text_bytes[:n_ends], before),
            Piece(
                self.ids[position:],
                self.ends[n_ends:] - position,
                self.text_bytes[n_ends:],
                behind,
            ),
        )


@dataclass(frozen=True, eq=False)
class Finished:
    """Shards of a split that are written already, and how often each id occurs in them."""

    shards: tuple[Shard, ...]
    counts: Counts


def write_split(
    folder: Path,
    split: str,
    pieces: Iterable[Piece],
    finished: Finished,
    shard_tokens: int,
    is_masked: bool = False,
) -> Split:
    """Write the shards of a split, and at last its counts.

    Args:
        folder: Where they go.
        split: Its name.
        pieces: Its ids behind the shards that are finished; the last piece ends with a document.
        finished: What an earlier call has written; the counts are added to.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
        is_masked: Whether the pieces have masks.

    Raises:
        InputError: There is no document.
        StaleError: A finished shard ends too soon for this text or ``shard_tokens``.

    Cost: memory for a piece.
    """
    counts, stream = finished.counts, _Stream(pieces)
    shards = list(finished.shards)
    _check_full(folder, shards if stream.has_more() else shards[:-1], shard_tokens)
    while stream.has_more():
        name = shard_name(split, len(shards))
        shards.append(_write_shard(folder, name, stream.take(shard_tokens), counts, is_masked))
    if not shards:
        raise InputError(f"the {split} split holds no document")
    content = to_npy(counts)
    with atomic_writer(counts_path(folder, split)) as file:
        file.write(content)
    return Split(shards=tuple(shards), counts_sha256=hashlib.sha256(content).hexdigest())


def _check_full(folder: Path, shards: Sequence[Shard], shard_tokens: int) -> None:
    """Refuse finished shards with too little in them, behind which more text comes."""
    for shard in shards:
        if shard.tokens < shard_tokens:
            raise StaleError(
                f"{bin_path(folder, shard.name)} ends at {shard.tokens:,} tokens: it was made with"
                " fewer shard_tokens, or from less text; name another folder, or remove this one"
            )


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
    folder: Path, name: str, pieces: Iterable[Piece], counts: Counts, is_masked: bool
) -> Shard:
    """Write a shard, its ``.bin`` last, and add its ids to ``counts``."""
    paths = [bin_path(folder, name), idx_path(folder, name)]
    paths += [mask_path(folder, name)] if is_masked else []
    with contextlib.ExitStack() as files:
        writer = _ShardWriter(
            [SummedFile(files.enter_context(atomic_writer(path)), path) for path in paths], counts
        )
        # Hashing and writing has a thread of its own: it takes as long as encoding on two.
        for _ in run_ahead(writer.write, pieces, threads=1):
            pass
        shard = writer.describe(name)
        write_record(folder, shard)
    return shard


class _ShardWriter:
    """The open files of a shard, ``.bin``, ``.idx`` and perhaps ``.mask``, and what is in them."""

    def __init__(self, files: Sequence[SummedFile], counts: Counts) -> None:
        self.files, self.counts = files, counts
        self.n_tokens = self.n_documents = self.text_bytes = 0

    def write(self, piece: Piece) -> None:
        """Append a piece."""
        bin_file, idx_file, *mask_file = self.files
        bin_file.write(piece.ids.astype(piece.ids.dtype.newbyteorder("<"), copy=False))
        idx_file.write((piece.ends + self.n_tokens).astype("<u8"))
        for file in mask_file:
            assert piece.mask is not None
            file.write(piece.mask)
        add_ids(piece.ids, self.counts)
        self.n_tokens += len(piece.ids)
        self.n_documents += len(piece.ends)
        self.text_bytes += int(piece.text_bytes.sum())

    def describe(self, name: str) -> Shard:
        """What the manifest says of it."""
        sums = [file.sums for file in self.files]
        return describe_shard(name, self.n_tokens, self.n_documents, self.text_bytes, sums)


def describe_shard(
    name: str, tokens: int, documents: int, text_bytes: int, sums: Sequence[Checksums]
) -> Shard:
    """What the manifest says of a shard; ``sums`` are those of ``.bin``, ``.idx`` and ``.mask``."""
    bin_sums, idx_sums, *mask_sums = sums
    return Shard(
        name=name,
        tokens=tokens,
        documents=documents,
        text_bytes=text_bytes,
        bin_sha256=bin_sums.sha256,
        idx_sha256=idx_sums.sha256,
        bin_crc32=bin_sums.crc32,
        idx_crc32=idx_sums.crc32,
        mask_sha256=mask_sums[0].sha256 if mask_sums else None,
    )
