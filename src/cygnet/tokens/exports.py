"""Token files in the formats of others.

=============  ============================================================  ===================
``arrow``      ``OUT/SPLIT``: a data set of blocks, column ``input_ids``     ``load_from_disk``
``nanogpt``    ``OUT/train.bin``, ``OUT/val.bin``: a split in one file       ``np.memmap``
``datatrove``  ``OUT/SPLIT/00000_unshuffled.ds``, ``.index``, ``.metadata``  its folder data set
=============  ============================================================  ===================

The arrow files are those that ``datasets`` writes, and reads from release 2 on: Arrow IPC streams,
and what they are in ``dataset_info.json`` and ``state.json``. datatrove:
``pipeline/tokens/tokenizer.py`` of its release 0.10.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from cygnet.console import say
from cygnet.errors import InputError
from cygnet.files import (
    atomic_folder,
    atomic_writer,
    make_folder,
    read_json,
    sha256_json,
    write_json,
    write_text,
)
from cygnet.tokens.batch import IGNORED
from cygnet.tokens.ends import read_blocks
from cygnet.tokens.format import MANIFEST, bin_path, idx_path, mask_path
from cygnet.tokens.store import TokenStore

Target = Literal["arrow", "nanogpt", "datatrove"]
NANOGPT_NAMES = {"valid": "val"}
COPIED_AT_ONCE = 1 << 20
ARROW_FILE_BYTES = 500 << 20  # as datasets.config.MAX_SHARD_SIZE
ARROW_BATCH_ROWS = 1000  # as datasets.config.DEFAULT_MAX_BATCH_SIZE
PREFIXES = "kMGTPE"


def export(
    store: TokenStore,
    out: Path,
    to: Target,
    *,
    block_size: int = 512,
    split: str | None = None,
    on_tokens: Callable[[int], None] = lambda n: None,
) -> None:
    """Write token files in the format of another tool, as a new folder.

    Args:
        store: The token files; ``verify`` them first where that matters.
        out: The folder to make. It appears whole or not at all.
        to: The format; see the head of this module.
        block_size: Tokens of a row of the arrow data set. Documents run on from one block to the
            next; what does not fill the last block of a split is left out.
        split: Only this one. The arrow data set is then ``out`` itself.
        on_tokens: Called with how many tokens more are done.

    Raises:
        InputError: ``out`` is there already, or a split does not fill a block.
        StorageError: The disk is full.

    Cost: a read and a write of the ids, in bounded memory.
    """
    names = store.splits if split is None else (split,)
    for name in names:
        store.split(name)
    with atomic_folder(out) as folder:
        for name in names:
            if to == "nanogpt":
                _write_nanogpt(store, name, folder, on_tokens)
            elif to == "datatrove":
                _write_datatrove(store, name, make_folder(folder / name), on_tokens)
            else:
                part = folder / name if split is None else folder
                write_arrow(store, name, make_folder(part), block_size, on_tokens)
        if to == "arrow" and split is None:
            write_json(folder / "dataset_dict.json", {"splits": list(names)})


def fingerprint(store: TokenStore, split: str, block_size: int) -> str:
    """16 hex digits that say which blocks these are: they follow from the bytes of the files."""
    return sha256_json([read_json(store.folder / MANIFEST), split, block_size])[:16]


def write_arrow(
    store: TokenStore,
    split: str,
    folder: Path,
    block_size: int,
    on_tokens: Callable[[int], None] = lambda n: None,
) -> None:
    """Write a split as a data set of blocks that ``datasets.load_from_disk`` reads."""
    n_blocks = store.split(split).tokens // block_size if block_size > 0 else 0
    if not n_blocks:
        raise InputError(
            f"{split} has {store.split(split).tokens:,} tokens: they do not fill a block of"
            f" {block_size:,}"
        )
    per_file = max(1, ARROW_FILE_BYTES // (4 * block_size))
    n_files = math.ceil(n_blocks / per_file)
    names = [f"data-{number:05d}-of-{n_files:05d}.arrow" for number in range(n_files)]
    for number, name in enumerate(names):
        blocks = range(number * per_file, min((number + 1) * per_file, n_blocks))
        with atomic_writer(folder / name) as file:
            _write_blocks(store, split, blocks, block_size, file, on_tokens)
    write_json(folder / "dataset_info.json", _dataset_info(_columns(store, split)))
    write_json(folder / "state.json", _state(split, names, fingerprint(store, split, block_size)))


def _write_blocks(
    store: TokenStore,
    split: str,
    blocks: range,
    block_size: int,
    file: BinaryIO,
    on_tokens: Callable[[int], None],
) -> None:
    import pyarrow as pa

    names = _columns(store, split)
    schema = pa.schema([(name, pa.list_(pa.int32())) for name in names])
    at_once = max(1, min(ARROW_BATCH_ROWS, COPIED_AT_ONCE // block_size))
    with pa.ipc.new_stream(file, schema) as stream:
        for first in blocks[::at_once]:
            last = min(first + at_once, blocks.stop)
            place = split, first * block_size, last * block_size
            ids = store.read(*place).astype(np.int32)
            starts = np.arange(0, len(ids) + 1, block_size, dtype=np.int32)
            values = [ids, np.where(store.read_mask(*place), ids, IGNORED).astype(np.int32)]
            columns = [pa.ListArray.from_arrays(starts, found) for found in values[: len(names)]]
            stream.write_batch(pa.record_batch(columns, schema=schema))
            on_tokens(len(ids))


def _columns(store: TokenStore, split: str) -> tuple[str, ...]:
    """Where tokens are masked, the labels say which."""
    return ("input_ids", "labels") if store.split(split).is_masked else ("input_ids",)


def _dataset_info(columns: Sequence[str]) -> dict[str, Any]:
    # Releases before 4 know a list as Sequence; later ones read both.
    values = {"feature": {"dtype": "int32", "_type": "Value"}, "_type": "Sequence"}
    return {
        "citation": "",
        "description": "",
        "features": dict.fromkeys(columns, values),
        "homepage": "",
        "license": "",
    }


def _state(split: str, names: list[str], fingerprint: str) -> dict[str, Any]:
    return {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }


def _write_nanogpt(
    store: TokenStore, split: str, folder: Path, on_tokens: Callable[[int], None]
) -> None:
    name = f"{NANOGPT_NAMES.get(split, split)}.bin"
    with atomic_writer(folder / name) as file:
        for shard in store.split(split).shards:
            _copy(bin_path(store.folder, shard.name), file)
            on_tokens(shard.tokens)
    if store.split(split).is_masked:
        say(f"{name} is without the loss mask of {split}: nanoGPT learns every token")
    if store.dtype.itemsize != 2:
        say(f"{name} holds uint32: in nanoGPT's get_batch, dtype=np.uint16 must become np.uint32")


def _write_datatrove(
    store: TokenStore, split: str, folder: Path, on_tokens: Callable[[int], None]
) -> None:
    """A ``.ds`` for each shard: its files hold what ``.bin``, ``.idx`` and ``.mask`` do."""
    for number, shard in enumerate(store.split(split).shards):
        ids = folder / f"{number:05d}_unshuffled.ds"
        with atomic_writer(ids) as file:
            _copy(bin_path(store.folder, shard.name), file)
        with atomic_writer(ids.with_name(f"{ids.name}.index")) as file:
            _copy(idx_path(store.folder, shard.name), file)
        if shard.mask_sha256 is not None:
            with atomic_writer(ids.with_name(f"{ids.name}.loss")) as file:
                _copy(mask_path(store.folder, shard.name), file)
        tokenizer = f"sha256-{store.manifest.tokenizer_sha256[:16]}|{store.dtype.itemsize}"
        lines = tokenizer, str(shard.tokens), metric(shard.tokens)
        write_text(ids.with_name(f"{ids.name}.metadata"), "\n".join(lines))
        on_tokens(shard.tokens)


def metric(tokens: int) -> str:
    """A number of tokens in three digits, as datatrove writes it for people.

    >>> metric(1_234_567), metric(87)
    ('1.23 MT', '87.0 T')
    """
    power = int(f"{tokens:.2e}".partition("e")[2])  # of what is left after rounding
    number = f"{tokens / 10 ** (power // 3 * 3):.{2 - power % 3}f}"
    return f"{number} {(' ' + PREFIXES)[power // 3].strip()}T"


def _copy(path: Path, file: BinaryIO) -> None:
    for block in read_blocks(path, np.dtype(np.uint8)):
        file.write(block.data)
