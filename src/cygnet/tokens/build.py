"""Writing token files: text in, shards out, in a stream.

A shard is written as ``.tmp`` and renamed when it is whole, its ``.idx`` before its ``.bin``. So a
``.bin`` stands for a finished shard, and a killed build goes on behind the last one: it reads the
text again, but encodes only what is not yet written. Where a shard ends depends on the documents
alone, so the bytes are those of a build that was never killed.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads, run_ahead
from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_writer, make_folder, read_bytes
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.encoding import cut
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.checksums import Checksums
from cygnet.tokens.counts import add_ids, to_npy
from cygnet.tokens.format import (
    Manifest,
    Shard,
    Split,
    bin_path,
    counts_path,
    idx_path,
    shard_name,
    write_manifest,
)

CHUNK_BYTES = 8 << 20

_Encoded = tuple[TextBatch, npt.NDArray[np.unsignedinteger[Any]], npt.NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class _Piece:
    """Encoded documents that go into one shard."""

    shard: int
    ids: npt.NDArray[np.unsignedinteger[Any]]
    lengths: npt.NDArray[np.int64]
    text_bytes: int


def build(
    folder: str | Path,
    tokenizer: Tokenizer,
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

    >>> import tempfile
    >>> tokenizer = Tokenizer([])
    >>> manifest = build(tempfile.mkdtemp(), tokenizer, {"train": ["hi", "you"]})
    >>> manifest.splits["train"].tokens       # two boundaries among them
    7
    """
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
            name: _build_split(folder, name, tokenizer, text, shard_tokens, on_bytes)
            for name, text in splits.items()
        },
    )
    write_manifest(folder, manifest)
    return manifest


def _build_split(
    folder: Path,
    split: str,
    tokenizer: Tokenizer,
    text: Text,
    shard_tokens: int,
    on_bytes: Callable[[int], None],
) -> Split:
    batches = _counted(as_batches(text), on_bytes)
    counts = np.zeros(tokenizer.vocab_size, np.uint64)
    shards: list[Shard] = []
    while bin_path(folder, name := shard_name(split, len(shards))).exists():
        n_documents = len(read_bytes(idx_path(folder, name))) // 8
        text_bytes, batches = _take_documents(batches, n_documents)
        shards.append(_read_shard(folder, name, text_bytes, tokenizer.dtype, counts))
    pieces = _cut_into_shards(_encode(batches, tokenizer), shard_tokens, len(shards))
    for shard, group in itertools.groupby(pieces, key=lambda piece: piece.shard):
        shards.append(_write_shard(folder, shard_name(split, shard), group, counts))
    if not shards:
        raise InputError(f"the {split} split holds no document")
    return Split(shards=tuple(shards), counts_sha256=_write_counts(folder, split, counts))


def _counted(batches: Iterable[TextBatch], on_bytes: Callable[[int], None]) -> Iterator[TextBatch]:
    for batch in batches:
        yield batch
        on_bytes(batch.text_bytes)


def _take_documents(
    batches: Iterator[TextBatch], n_documents: int
) -> tuple[int, Iterator[TextBatch]]:
    """Bytes of text in the next documents, and the stream behind them."""
    taken = 0
    for batch in batches:
        inside = np.arange(len(batch)) < n_documents
        taken += batch.select(inside).text_bytes
        n_documents -= int(inside.sum())
        if not n_documents:
            return taken, itertools.chain([batch.select(~inside)], batches)
    return taken, batches


def _encode(batches: Iterable[TextBatch], tokenizer: Tokenizer) -> Iterator[_Encoded]:
    """Encode batches on all cores, in order."""

    def encode(piece: TextBatch) -> _Encoded:
        return piece, *tokenizer.encode_batch(piece, append=tokenizer.boundary_id, threads=1)

    pieces = (piece for batch in batches for piece in cut(batch))
    return run_ahead(encode, pieces, available_threads())


def _cut_into_shards(
    encoded: Iterable[_Encoded], shard_tokens: int, shard: int
) -> Iterator[_Piece]:
    """Cut encoded batches where shards end; ``shard`` is the number of the first."""
    filled = 0
    for batch, ids, offsets in encoded:
        first = 0
        while first < len(batch):
            # The first document that fills the shard is its last.
            room = offsets[first] + shard_tokens - filled
            last = min(int(np.searchsorted(offsets[1:], room)), len(batch) - 1) + 1
            part = slice(first, last)
            yield _Piece(
                shard,
                ids[offsets[first] : offsets[last]],
                np.diff(offsets[first : last + 1]),
                int((batch.ends[part] - batch.starts[part]).sum()),
            )
            filled += int(offsets[last] - offsets[first])
            if filled >= shard_tokens:
                shard, filled = shard + 1, 0
            first = last


def _write_shard(
    folder: Path, name: str, pieces: Iterable[_Piece], counts: npt.NDArray[np.uint64]
) -> Shard:
    """Write a shard, and add its ids to ``counts``."""
    lengths, text_bytes, sums = [], 0, Checksums()
    with atomic_writer(bin_path(folder, name)) as file:
        for piece in pieces:
            ids = piece.ids.astype(piece.ids.dtype.newbyteorder("<"), copy=False)
            file.write(ids.data)
            sums.update(ids.data)
            add_ids(piece.ids, counts)
            lengths.append(piece.lengths)
            text_bytes += piece.text_bytes
        index = np.cumsum(np.concatenate(lengths)).astype("<u8").tobytes()
        with atomic_writer(idx_path(folder, name)) as index_file:
            index_file.write(index)
    return _describe_shard(name, index, text_bytes, sums)


def _read_shard(
    folder: Path,
    name: str,
    text_bytes: int,
    dtype: type[np.unsignedinteger[Any]],
    counts: npt.NDArray[np.uint64],
) -> Shard:
    """Check a shard that an earlier call wrote, and add its ids to ``counts``."""
    path, sums = bin_path(folder, name), Checksums()
    index = read_bytes(idx_path(folder, name))
    ends = np.frombuffer(index, "<u8").astype(np.int64)
    tokens = path.stat().st_size // np.dtype(dtype).itemsize
    if not len(ends) or ends[-1] != tokens or (np.diff(ends) < 0).any():
        raise DamagedError(f"{path} or its .idx is damaged; --overwrite makes it again")
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sums.update(chunk)
            ids = np.frombuffer(chunk, np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False)
            if int(ids.max()) >= len(counts):
                raise DamagedError(f"{path} is damaged: it holds the id {ids.max()}")
            add_ids(ids, counts)
    return _describe_shard(name, index, text_bytes, sums)


def _describe_shard(name: str, index: bytes, text_bytes: int, bin_sums: Checksums) -> Shard:
    ends, idx_sums = np.frombuffer(index, "<u8"), Checksums()
    idx_sums.update(index)
    return Shard(
        name=name,
        tokens=int(ends[-1]),
        documents=len(ends),
        text_bytes=text_bytes,
        bin_sha256=bin_sums.sha256,
        idx_sha256=idx_sums.sha256,
        bin_crc32=bin_sums.crc32,
        idx_crc32=idx_sums.crc32,
    )


def _write_counts(folder: Path, split: str, counts: npt.NDArray[np.uint64]) -> str:
    """Write the counts of a split; returns their sha256."""
    content = to_npy(counts)
    with atomic_writer(counts_path(folder, split)) as file:
        file.write(content)
    return hashlib.sha256(content).hexdigest()
