"""Verifying token files: that they hold what was written, and that this keeps the format.

Every file is read once, shard by shard on all cores, in blocks of 1 MiB. Only where something is
wrong is a file read again, to find the place.
"""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads, run_ahead
from cygnet.errors import DamagedError
from cygnet.files import check_size, sha256_file
from cygnet.tokens.checksums import Checksums, find_damage
from cygnet.tokens.counts import Counts, add_ids, check_dead, text_bytes, to_npy
from cygnet.tokens.ends import END_BYTES, EndStream, find_unclosed, read_blocks
from cygnet.tokens.format import (
    MANIFEST,
    Manifest,
    Shard,
    Split,
    bin_path,
    check_manifest,
    counts_path,
    idx_path,
    mask_path,
)

if TYPE_CHECKING:
    from cygnet.tokenizer.base import BaseTokenizer
    from cygnet.tokens.store import TokenStore

TOKEN_FILES = {".bin", ".idx", ".mask", ".npy", ".tmp"}


def n_bytes(store: "TokenStore") -> int:
    """The size of all shards."""
    splits = store.manifest.splits.values()
    return sum(_shard_bytes(store, shard) for split in splits for shard in split.shards)


def _shard_bytes(store: "TokenStore", shard: Shard) -> int:
    token_bytes = store.dtype.itemsize + (shard.mask_sha256 is not None)
    return shard.tokens * token_bytes + shard.documents * END_BYTES


def verify(
    store: "TokenStore",
    tokenizer: "BaseTokenizer | None" = None,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> int:
    """Compare token files with their manifest, and with the rules of the format.

    Checked are: the manifest; that no file is missing and none too many; sizes and sha256 of all
    files; that ids are in the vocabulary, that documents end one behind the other, and with the
    boundary; that the counts are those of the ids; with a tokenizer, that it is the one that wrote
    them, the bytes of text, and that none of its dead rows occurs.

    Args:
        store: The token files.
        tokenizer: The one that is said to have written them.
        on_bytes: Called with the bytes read after each shard.

    Returns:
        How many bytes were read.

    Raises:
        DamagedError: Something is wrong; the first such file is named, and the byte in it where
            that can be known.
        StaleError: They were written by another tokenizer.

    Cost: one read of all files, about 1 GB/s and core, half of it for sha256; memory for a block a
    core.
    """
    check_manifest(store.folder)
    _check_surplus(store)
    if tokenizer is not None:
        store.check_tokenizer(tokenizer)
    n_read = 0
    for name, split in store.manifest.splits.items():
        counts = np.zeros(store.manifest.vocab_size, np.uint64)
        for shard, found in zip(split.shards, _scan_all(store, split), strict=True):
            counts += found
            n_read += _shard_bytes(store, shard)
            on_bytes(_shard_bytes(store, shard))
        n_read += _check_counts(store, name, counts)
        if tokenizer is not None:
            _check_text_bytes(store, name, counts, tokenizer)
            check_dead(counts, tokenizer, name)
    return n_read


def _check_surplus(store: "TokenStore") -> None:
    expected = {counts_path(store.folder, name) for name in store.splits}
    for name in store.splits:
        for shard in store.split(name).shards:
            expected |= {bin_path(store.folder, shard.name), idx_path(store.folder, shard.name)}
            if shard.mask_sha256 is not None:
                expected.add(mask_path(store.folder, shard.name))
    for path in sorted(store.folder.iterdir()):
        if path.suffix in TOKEN_FILES and path not in expected:
            raise DamagedError(
                f"{path} is not in {MANIFEST}: remove it, or build these files again"
            )


def _scan_all(store: "TokenStore", split: Split) -> Iterator[Counts]:
    return run_ahead(lambda shard: _scan(store, shard), split.shards, available_threads())


def _scan(store: "TokenStore", shard: Shard) -> Counts:
    """Check one shard; returns how often each id occurs in it."""
    path, boundary = bin_path(store.folder, shard.name), store.manifest.boundary_id
    documents = EndStream(idx_path(store.folder, shard.name), allow_empty=boundary is None)
    counts, digest = np.zeros(store.manifest.vocab_size, np.uint64), hashlib.sha256()
    problem, position = "", 0
    for block in read_blocks(path, store.dtype):
        digest.update(block.data)
        ids = block.astype(block.dtype.newbyteorder("="), copy=False)
        ends = documents.up_to(position + len(ids)) - np.uint64(position)
        problem = problem or _find_wrong_id(ids, ends.astype(np.int64), position, store.manifest)
        if not problem:
            add_ids(ids, counts)
        position += len(ids)
    documents.finish(position)
    idx_sums = documents.sha256, shard.idx_sha256, shard.idx_crc32
    _check_file(idx_path(store.folder, shard.name), *idx_sums, documents.problem)
    _check_file(path, digest.hexdigest(), shard.bin_sha256, shard.bin_crc32, problem)
    if shard.mask_sha256 is not None:
        _check_mask(mask_path(store.folder, shard.name), shard.mask_sha256)
    return counts


def _check_mask(path: Path, sha256: str) -> None:
    digest, problem, position = hashlib.sha256(), "", 0
    for block in read_blocks(path, np.dtype(np.uint8)):
        digest.update(block.data)
        if block.max() > 1 and not problem:
            wrong = int(np.argmax(block > 1))
            problem = f"byte {position + wrong:,} is {block[wrong]}, neither 0 nor 1"
        position += len(block)
    _check_file(path, digest.hexdigest(), sha256, "", problem)


def _find_wrong_id(
    ids: npt.NDArray[Any], ends: npt.NDArray[np.int64], position: int, manifest: Manifest
) -> str:
    """The first id that is too large, or the first that should be a boundary, in words.

    Args:
        ids: A part of a shard.
        ends: Where documents end in it.
        position: How many ids of the shard are before it.
        manifest: What is allowed.
    """
    if int(ids.max()) >= manifest.vocab_size:
        wrong = int(np.argmax(ids >= manifest.vocab_size))
        byte = (position + wrong) * ids.itemsize
        return f"byte {byte:,} begins the id {ids[wrong]}, of {manifest.vocab_size:,} in all"
    boundary = manifest.boundary_id
    if boundary is not None and (document := find_unclosed(ids, ends, boundary)) is not None:
        last = int(ends[document]) - 1
        byte = (position + last) * ids.itemsize
        return f"byte {byte:,} begins the id {ids[last]}, a document ends there without {boundary}"
    return ""


def _check_file(path: Path, found: str, sha256: str, crc32: str, problem: str) -> None:
    if found != sha256:
        damage = find_damage(path, sha256, crc32)
        raise DamagedError(f"{path} is damaged: {damage}{problem and f'; {problem}'}")
    if problem:  # its bytes are those that were written
        raise DamagedError(f"{path} breaks the format: {problem}")


def _check_counts(store: "TokenStore", split: str, counts: Counts) -> int:
    """Compare the counts of a split with those of its ids; returns the size of their file."""
    path, expected, sums = counts_path(store.folder, split), to_npy(counts), Checksums()
    check_size(path, len(expected))
    sums.update(expected)
    _check_file(path, sha256_file(path), store.split(split).counts_sha256, sums.crc32, "")
    said = store.counts(split)
    if (wrong := said != counts).any():
        token = int(np.argmax(wrong))
        raise DamagedError(
            f"{path} breaks the format: it says that the id {token} occurs {said[token]:,} times,"
            f" it does {counts[token]:,} times"
        )
    return len(expected)


def _check_text_bytes(
    store: "TokenStore", split: str, counts: Counts, tokenizer: "BaseTokenizer"
) -> None:
    """Compare the bytes of text with those of the tokens, where decoding gives the text back."""
    if not tokenizer.is_lossless:
        return
    found = text_bytes(counts, tokenizer, store.manifest.boundary_id)
    expected = store.split(split).text_bytes
    if found != expected:
        raise DamagedError(
            f"{store.folder / MANIFEST} is damaged: it says {expected:,} bytes of text in"
            f" {split}, the tokens have {found:,}"
        )
