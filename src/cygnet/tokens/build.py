"""Writing token files: text in, shards out, in a stream.

A shard is written as ``.tmp`` and renamed when it is whole, its ``.mask`` and ``.idx`` before its
``.bin``. So a ``.bin`` stands for a finished shard, and a killed build goes on behind the last one:
it reads the text again, but encodes only what is not yet written. Where a shard ends depends on the
documents alone, so the bytes are those of a build that was never killed.
"""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads, run_ahead
from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_writer, make_folder, read_bytes
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.encoding import cut
from cygnet.tokens.checksums import Checksums, SummedFile
from cygnet.tokens.counts import add_ids, to_npy
from cygnet.tokens.format import (
    Manifest,
    Shard,
    Split,
    bin_path,
    counts_path,
    idx_path,
    mask_path,
    shard_name,
    write_manifest,
)

CHUNK_BYTES = 8 << 20

Ids = npt.NDArray[np.unsignedinteger[Any]]
Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Encoded:
    """Some documents as ids, one after the other.

    Attributes:
        ids: Of the dtype of the files.
        offsets: Where each document begins, and where the last one ends; ``int64``.
        text_bytes: Bytes of text in each document; ``int64``.
        mask: Which ids count in the loss, 1 or 0; None where the files have no masks.
    """

    ids: Ids
    offsets: npt.NDArray[np.int64]
    text_bytes: npt.NDArray[np.int64]
    mask: Mask | None = None


class Source(Protocol):
    """The documents of a split, in order."""

    is_masked: bool

    def skip(self, n_documents: int) -> int:
        """Leave out the next documents, which are written; returns the bytes of their text."""

    def encoded(self) -> Iterator[Encoded]:
        """The others."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """Encoded documents that go into one shard."""

    shard: int
    ids: Ids
    lengths: npt.NDArray[np.int64]
    text_bytes: int
    mask: Mask | None


def build(
    folder: str | Path,
    tokenizer: BaseTokenizer,
    splits: dict[str, Text],
    *,
    shard_tokens: int = 100_000_000,
    resume: bool = False,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> Manifest:
    """Encode text into token files.

    Args:
        folder: Where the files go; made where missing.
        tokenizer: Encodes the text. Its boundary token, if it has one, ends every document.
        splits: The documents of each split, e.g. ``{"train": ..., "valid": ...}``.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
        resume: Go on behind the finished shards of an earlier call, which the caller knows to have
            had the same arguments.
        on_bytes: Called with the bytes of text done after each batch.

    Returns:
        What was written, as it stands in ``manifest.json``.

    Raises:
        InputError: A split holds no document; or there are token files already, without ``resume``.
        StorageError: The disk is full; finished shards stay.

    Cost: memory for a few batches of text and the encoder's tables, whatever the size of the
    corpus; all cores.

    >>> from cygnet import Tokenizer
    >>> import tempfile
    >>> tokenizer = Tokenizer([])
    >>> manifest = build(tempfile.mkdtemp(), tokenizer, {"train": ["hi", "you"]})
    >>> manifest.splits["train"].tokens       # two boundaries among them
    7
    """
    sources = {name: _TextSource(text, tokenizer, on_bytes) for name, text in splits.items()}
    return build_from(folder, tokenizer, sources, shard_tokens, resume)


def build_from(
    folder: str | Path,
    tokenizer: BaseTokenizer,
    sources: Mapping[str, Source],
    shard_tokens: int,
    resume: bool,
) -> Manifest:
    """Write the documents of each split, wherever they come from; see ``build``."""
    folder = make_folder(Path(folder))
    if shard_tokens < 1:
        raise InputError(f"shard_tokens must be at least 1, found {shard_tokens}")
    if not resume and any(folder.glob("*.bin")):
        raise InputError(f"{folder} holds token files already: remove them, or name another folder")
    manifest = Manifest(
        dtype=np.dtype(tokenizer.dtype).name,
        vocab_size=tokenizer.vocab_size,
        tokenizer_sha256=tokenizer.sha256,
        boundary_id=tokenizer.boundary_id,
        splits={
            name: _build_split(folder, name, tokenizer, source, shard_tokens)
            for name, source in sources.items()
        },
    )
    write_manifest(folder, manifest)
    return manifest


def _build_split(
    folder: Path, split: str, tokenizer: BaseTokenizer, source: Source, shard_tokens: int
) -> Split:
    counts = np.zeros(tokenizer.vocab_size, np.uint64)
    shards: list[Shard] = []
    while bin_path(folder, name := shard_name(split, len(shards))).exists():
        text_bytes = source.skip(len(read_bytes(idx_path(folder, name))) // 8)
        shards.append(
            _read_shard(folder, name, text_bytes, tokenizer.dtype, counts, source.is_masked)
        )
    pieces = _cut_into_shards(source.encoded(), shard_tokens, len(shards))
    for shard, group in itertools.groupby(pieces, key=lambda piece: piece.shard):
        name = shard_name(split, shard)
        shards.append(_write_shard(folder, name, group, counts, source.is_masked))
    if not shards:
        raise InputError(f"the {split} split holds no document")
    return Split(shards=tuple(shards), counts_sha256=_write_counts(folder, split, counts))


class _TextSource:
    """Documents as text, encoded on all cores."""

    is_masked = False

    def __init__(
        self, text: Text, tokenizer: BaseTokenizer, on_bytes: Callable[[int], None]
    ) -> None:
        self._batches = _counted(as_batches(text), on_bytes)
        self._tokenizer = tokenizer

    def skip(self, n_documents: int) -> int:
        """Leave out documents that are written; returns the bytes of their text."""
        taken = 0
        for batch in self._batches:
            inside = np.arange(len(batch)) < n_documents
            taken += batch.select(inside).text_bytes
            n_documents -= int(inside.sum())
            if not n_documents:
                self._batches = itertools.chain([batch.select(~inside)], self._batches)
                break
        return taken

    def encoded(self) -> Iterator[Encoded]:
        """Encode batches on all cores, in order."""
        pieces = (piece for batch in self._batches for piece in cut(batch))
        return run_ahead(self._encode, pieces, available_threads())

    def _encode(self, batch: TextBatch) -> Encoded:
        boundary = self._tokenizer.boundary_id
        ids, offsets = self._tokenizer.encode_batch(batch, append=boundary, threads=1)
        return Encoded(ids, offsets, batch.ends - batch.starts)


def _counted(batches: Iterable[TextBatch], on_bytes: Callable[[int], None]) -> Iterator[TextBatch]:
    for batch in batches:
        yield batch
        on_bytes(batch.text_bytes)


def _cut_into_shards(encoded: Iterable[Encoded], shard_tokens: int, shard: int) -> Iterator[_Piece]:
    """Cut encoded batches where shards end; ``shard`` is the number of the first."""
    filled = 0
    for batch in encoded:
        offsets, first = batch.offsets, 0
        while first < len(offsets) - 1:
            # The first document that fills the shard is its last.
            room = offsets[first] + shard_tokens - filled
            last = min(int(np.searchsorted(offsets[1:], room)), len(offsets) - 2) + 1
            part = slice(offsets[first], offsets[last])
            yield _Piece(
                shard,
                batch.ids[part],
                np.diff(offsets[first : last + 1]),
                int(batch.text_bytes[first:last].sum()),
                None if batch.mask is None else batch.mask[part],
            )
            filled += int(offsets[last] - offsets[first])
            if filled >= shard_tokens:
                shard, filled = shard + 1, 0
            first = last


def _write_shard(
    folder: Path,
    name: str,
    pieces: Iterable[_Piece],
    counts: npt.NDArray[np.uint64],
    is_masked: bool,
) -> Shard:
    """Write a shard, and add its ids to ``counts``."""
    lengths, text_bytes = [], 0
    with atomic_writer(bin_path(folder, name)) as file:
        ids_file = SummedFile(file)
        with _mask_writer(folder, name, is_masked) as mask_file:
            for piece in pieces:
                ids_file.write(piece.ids.astype(piece.ids.dtype.newbyteorder("<"), copy=False))
                if piece.mask is not None and mask_file is not None:
                    mask_file.write(piece.mask)
                add_ids(piece.ids, counts)
                lengths.append(piece.lengths)
                text_bytes += piece.text_bytes
        index = np.cumsum(np.concatenate(lengths)).astype("<u8").tobytes()
        with atomic_writer(idx_path(folder, name)) as index_file:
            index_file.write(index)
    return _describe_shard(name, index, text_bytes, ids_file, mask_file)


@contextlib.contextmanager
def _mask_writer(folder: Path, name: str, is_masked: bool) -> Iterator[SummedFile | None]:
    if not is_masked:
        yield None
        return
    with atomic_writer(mask_path(folder, name)) as file:
        yield SummedFile(file)


def _read_shard(
    folder: Path,
    name: str,
    text_bytes: int,
    dtype: type[np.unsignedinteger[Any]],
    counts: npt.NDArray[np.uint64],
    is_masked: bool,
) -> Shard:
    """Check a shard that an earlier call wrote, and add its ids to ``counts``."""
    path = bin_path(folder, name)
    index = read_bytes(idx_path(folder, name))
    ends = np.frombuffer(index, "<u8").astype(np.int64)
    tokens = path.stat().st_size // np.dtype(dtype).itemsize
    if not len(ends) or ends[-1] != tokens or (np.diff(ends) < 0).any():
        raise DamagedError(f"{path} or its .idx is damaged; --overwrite makes it again")
    ids_file = SummedFile()
    for ids in _read_chunks(path, dtype):
        ids_file.write(ids)
        if int(ids.max()) >= len(counts):
            raise DamagedError(f"{path} is damaged: it holds the id {ids.max()}")
        add_ids(ids.astype(dtype, copy=False), counts)
    mask_file = _read_mask(mask_path(folder, name), tokens) if is_masked else None
    return _describe_shard(name, index, text_bytes, ids_file, mask_file)


def _read_mask(path: Path, tokens: int) -> SummedFile:
    if not path.exists() or path.stat().st_size != tokens:
        raise DamagedError(f"{path} is missing or damaged; --overwrite makes it again")
    mask_file = SummedFile()
    for mask in _read_chunks(path, np.uint8):
        mask_file.write(mask)
    return mask_file


def _read_chunks(path: Path, dtype: type[np.unsignedinteger[Any]]) -> Iterator[npt.NDArray[Any]]:
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield np.frombuffer(chunk, np.dtype(dtype).newbyteorder("<"))


def _describe_shard(
    name: str, index: bytes, text_bytes: int, ids_file: SummedFile, mask_file: SummedFile | None
) -> Shard:
    ends, index_sums = np.frombuffer(index, "<u8"), Checksums()
    index_sums.update(index)
    return Shard(
        name=name,
        tokens=int(ends[-1]),
        documents=len(ends),
        text_bytes=text_bytes,
        bin_sha256=ids_file.sums.sha256,
        idx_sha256=index_sums.sha256,
        bin_crc32=ids_file.sums.crc32,
        idx_crc32=index_sums.crc32,
        mask_sha256=None if mask_file is None else mask_file.sums.sha256,
    )


def _write_counts(folder: Path, split: str, counts: npt.NDArray[np.uint64]) -> str:
    """Write the counts of a split; returns their sha256."""
    content = to_npy(counts)
    with atomic_writer(counts_path(folder, split)) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()
