"""Token files out of those of others: flat files of ids, and datatrove's.

A flat file (nanoGPT's ``train.bin``, and what many pipelines write) is ids and nothing else: a
document ends where the boundary stands. A ``.ds`` of datatrove has its documents in ``.ds.index``,
and its loss mask, if it has one, in ``.ds.loss``.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cygnet.console import say
from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_folder, check_size, input_errors
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokens.counts import text_lengths
from cygnet.tokens.ends import EndStream, find_unclosed
from cygnet.tokens.format import Manifest, write_manifest
from cygnet.tokens.records import remove_records
from cygnet.tokens.shards import Finished, Ids, Piece, write_split

Boundary = int | Literal["auto", "none"]
Part = tuple[Ids, npt.NDArray[np.int64], npt.NDArray[np.uint8] | None]
"""Ids, where documents end in them, and their mask: see ``Piece``."""
READ_AT_ONCE = 1 << 20
NANOGPT_SPLITS = {"val": "valid"}


def import_files(
    path: Path,
    out: Path,
    tokenizer: BaseTokenizer,
    *,
    boundary_id: Boundary = "auto",
    split: str = "train",
    shard_tokens: int = 100_000_000,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> Manifest:
    """Write token files from ids that others have written.

    Args:
        path: A flat file of ids, or a ``.ds`` of datatrove with its ``.ds.index``; or a folder of
            them: ``train.bin`` and ``val.bin``, a folder of ``.ds`` files, or one for each split.
        out: The folder to make. It appears whole or not at all.
        tokenizer: The one that wrote the ids: ``uint16`` up to 65,536 tokens, else ``uint32``.
        boundary_id: The token that ends a document: an id, or ``"auto"`` for that of the
            tokenizer, or ``"none"`` where documents, known from an index, end without one.
        split: The name of the split, where ``path`` is one.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
        on_bytes: Called with the bytes read after each piece.

    Raises:
        InputError: An id is not in the vocabulary, or a document does not end with the boundary.
        DamagedError: A file is no whole number of ids, or does not fit its index.

    A last document that does not end with a boundary gets one. Where boundaries stand before the
    documents instead of behind them, the first is left out for it. Both are said.

    Cost: a read and a write, in bounded memory.
    """
    boundary = tokenizer.boundary_id if boundary_id == "auto" else boundary_id
    number = None if boundary == "none" else boundary
    if isinstance(number, int) and number not in range(tokenizer.vocab_size):
        raise InputError(f"boundary {number} is not one of {tokenizer.vocab_size:,} ids")
    assert not isinstance(number, str)
    sources = find_files(path, split)
    with atomic_folder(out) as folder:
        manifest = Manifest(
            dtype=np.dtype(tokenizer.dtype).name,
            vocab_size=tokenizer.vocab_size,
            tokenizer_sha256=tokenizer.sha256,
            boundary_id=number,
            splits={
                name: write_split(
                    folder,
                    name,
                    _read_all(files, tokenizer, number, on_bytes),
                    Finished((), np.zeros(tokenizer.vocab_size, np.uint64)),
                    shard_tokens,
                    _is_masked(files),
                )
                for name, files in sources.items()
            },
        )
        write_manifest(folder, manifest)
        remove_records(folder, manifest)
    return manifest


def find_files(path: Path, split: str) -> dict[str, list[Path]]:
    """The files of each split."""
    if not path.is_dir():
        return {split: [path]}
    if found := sorted(path.glob("*.ds")):
        return {split: found}
    if found := sorted(path.glob("*.bin")):
        return {NANOGPT_SPLITS.get(file.stem, file.stem): [file] for file in found}
    folders = {folder.name: sorted(folder.glob("*.ds")) for folder in sorted(path.iterdir())}
    if any(folders.values()):
        return {name: files for name, files in folders.items() if files}
    raise InputError(f"{path} holds no ids: expected .bin or .ds files, or folders of .ds files")


def _read_all(
    files: Sequence[Path],
    tokenizer: BaseTokenizer,
    boundary: int | None,
    on_bytes: Callable[[int], None],
) -> Iterator[Piece]:
    lengths, n_before = text_lengths(tokenizer, boundary), 0
    for path in files:
        read = _read_datatrove if path.suffix == ".ds" else _read_flat
        for ids, ends, mask in read(path, tokenizer, boundary):
            text_before = np.concatenate([[n_before], lengths[ids]]).cumsum()
            text_ends = text_before[ends]
            yield Piece(ids, ends, np.diff(text_ends, prepend=0), mask)
            n_before = int(text_before[-1] - (text_ends[-1] if len(ends) else 0))
            on_bytes(ids.nbytes)


def _read_flat(path: Path, tokenizer: BaseTokenizer, boundary: int | None) -> Iterator[Part]:
    """The ids of a flat file; a document ends behind each boundary."""
    if boundary is None:
        raise InputError(f"{path}: name the id that ends a document, --boundary-id ID")
    stands_before, last = False, boundary
    for position, ids in _read_ids(path, tokenizer):
        if position == 0 and ids[0] == boundary and _last_id(path, ids.dtype) != boundary:
            stands_before, ids = True, ids[1:]
        yield ids, np.flatnonzero(ids == boundary) + 1, None
        last = int(ids[-1]) if len(ids) else last
    if stands_before:
        say(f"{path.name}: boundaries stand before the documents; here they stand behind them")
    elif last != boundary:
        say(f"{path.name}: its last document has no boundary; here it has one")
    if last != boundary:
        yield np.array([boundary], tokenizer.dtype), np.ones(1, np.int64), None


def _read_datatrove(path: Path, tokenizer: BaseTokenizer, boundary: int | None) -> Iterator[Part]:
    """The ids of a ``.ds``; documents end where its index says."""
    index, mask = path.with_name(f"{path.name}.index"), _mask_path(path)
    counted = _read_mask(mask, path, tokenizer) if mask.exists() else itertools.repeat(None)
    documents, n_tokens = EndStream(index, allow_empty=boundary is None), 0
    for (position, ids), part in zip(_read_ids(path, tokenizer), counted, strict=False):
        n_before, n_tokens = documents.n_given, position + len(ids)
        ends = (documents.up_to(n_tokens) - np.uint64(position)).astype(np.int64)
        if boundary is not None and (wrong := find_unclosed(ids, ends, boundary)) is not None:
            raise InputError(
                f"{index}: document {n_before + wrong:,} does not end with the boundary"
                f" {boundary}: name another --boundary-id, or none"
            )
        yield ids, ends, part
    documents.finish(n_tokens)
    if documents.problem:
        raise DamagedError(f"{index} is damaged: {documents.problem}")


def _mask_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.loss")


def _is_masked(files: Sequence[Path]) -> bool:
    """Whether datatrove has written a loss mask beside the ids."""
    masked = [path for path in files if _mask_path(path).exists()]
    if masked and len(masked) < len(files):
        missing = next(path for path in files if path not in masked)
        raise InputError(f"{missing} has no .loss, but {masked[0]} has one: all or none must")
    return bool(masked)


def _read_mask(path: Path, ids: Path, tokenizer: BaseTokenizer) -> Iterator[npt.NDArray[np.uint8]]:
    """The bytes of a loss mask, in pieces as those of the ids."""
    check_size(path, ids.stat().st_size // np.dtype(tokenizer.dtype).itemsize)
    with input_errors(path), open(path, "rb") as file:
        while chunk := file.read(READ_AT_ONCE):
            mask = np.frombuffer(chunk, np.uint8)
            if mask.max() > 1:
                raise DamagedError(f"{path} is damaged: it holds the byte {mask.max()}")
            yield mask


def _read_ids(path: Path, tokenizer: BaseTokenizer) -> Iterator[tuple[int, Ids]]:
    """The ids of a file in pieces, each with its position."""
    dtype = np.dtype(tokenizer.dtype).newbyteorder("<")
    with input_errors(path):
        size = path.stat().st_size
        if size % dtype.itemsize:
            raise DamagedError(f"{path} has {size:,} bytes: no whole number of {dtype.name} ids")
        with open(path, "rb") as file:
            position = 0
            while chunk := file.read(READ_AT_ONCE * dtype.itemsize):
                ids = np.frombuffer(chunk, dtype, len(chunk) // dtype.itemsize)
                if int(ids.max()) >= tokenizer.vocab_size:
                    wrong = int(np.argmax(ids >= tokenizer.vocab_size))
                    raise InputError(
                        f"{path}: the id {ids[wrong]} at byte"
                        f" {(position + wrong) * dtype.itemsize:,} is not one of the"
                        f" {tokenizer.vocab_size:,} of this tokenizer"
                    )
                yield position, ids.astype(tokenizer.dtype, copy=False)
                position += len(ids)
        if position * dtype.itemsize != size:
            raise DamagedError(f"{path} was changed while it was read")


def _last_id(path: Path, dtype: "np.dtype[Any]") -> int:
    with open(path, "rb") as file:
        file.seek(-dtype.itemsize, 2)
        return int(np.frombuffer(file.read(), dtype.newbyteorder("<"))[0])
