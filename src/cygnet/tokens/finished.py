"""Shards that a killed build has finished: checked, counted, and not written again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError
from cygnet.files import input_errors, read_bytes
from cygnet.tokens.checksums import Checksums, SummedFile
from cygnet.tokens.counts import Counts, add_ids
from cygnet.tokens.ends import END_BYTES
from cygnet.tokens.format import Shard, bin_path, idx_path, mask_path, shard_name
from cygnet.tokens.records import check_record
from cygnet.tokens.shards import Finished, describe_shard

CHUNK_BYTES = 8 << 20


def read_finished(
    folder: Path,
    split: str,
    dtype: type[np.unsignedinteger[Any]],
    vocab_size: int,
    skip: Callable[[int], int],
    is_masked: bool,
) -> Finished:
    """The shards of a split that are there: a ``.bin`` is renamed last, so it stands for a shard.

    Args:
        folder: Where they are.
        split: Its name.
        dtype: Of the ids.
        vocab_size: All ids are below it.
        skip: Leaves out so many documents of the text, and returns their bytes.
        is_masked: Whether shards have masks.

    Raises:
        DamagedError: A file is not what was written.
        StaleError: The text is not that of the earlier call.

    Cost: one read of the files.
    """
    counts = np.zeros(vocab_size, np.uint64)
    shards: list[Shard] = []
    while bin_path(folder, name := shard_name(split, len(shards))).exists():
        shards.append(_read_shard(folder, name, np.dtype(dtype), counts, skip, is_masked))
        check_record(folder, split, shards[-1])
    return Finished(tuple(shards), counts)


def _read_shard(
    folder: Path,
    name: str,
    dtype: "np.dtype[Any]",
    counts: Counts,
    skip: Callable[[int], int],
    is_masked: bool,
) -> Shard:
    """Check a shard, and add its ids to ``counts``."""
    path = bin_path(folder, name)
    index = read_bytes(idx_path(folder, name))
    ends = np.frombuffer(index[: len(index) // END_BYTES * END_BYTES], "<u8")
    n_tokens, rest = divmod(path.stat().st_size, dtype.itemsize)
    ascend = bool((ends[1:] >= ends[:-1]).all())  # they are unsigned
    if rest or len(index) % END_BYTES or not len(ends) or ends[-1] != n_tokens or not ascend:
        raise DamagedError(f"{path} or its .idx is damaged; --overwrite makes it again")
    ids_file, index_sums = SummedFile(), Checksums()
    index_sums.update(index)
    for ids in _read_chunks(path, dtype.newbyteorder("<")):
        ids_file.write(ids)
        if int(ids.max()) >= len(counts):
            raise DamagedError(
                f"{path} is damaged: it holds the id {ids.max()}; --overwrite makes it again"
            )
        add_ids(ids.astype(dtype, copy=False), counts)
    sums = [ids_file.sums, index_sums]
    sums += [_read_mask(mask_path(folder, name), n_tokens)] if is_masked else []
    return describe_shard(name, n_tokens, len(ends), skip(len(ends)), sums)


def _read_mask(path: Path, n_tokens: int) -> Checksums:
    if not path.exists() or path.stat().st_size != n_tokens:
        raise DamagedError(f"{path} is missing or damaged; --overwrite makes it again")
    file = SummedFile()
    for mask in _read_chunks(path, np.dtype(np.uint8)):
        file.write(mask)
    return file.sums


def _read_chunks(path: Path, dtype: "np.dtype[Any]") -> Iterator[npt.NDArray[Any]]:
    with input_errors(path), open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield np.frombuffer(chunk, dtype)
