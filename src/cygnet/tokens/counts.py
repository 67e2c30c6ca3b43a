"""How often each id occurs: counting, the file of it, and the bytes of text that follow from it."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError
from cygnet.files import read_bytes
from cygnet.machine_code import kernels

if TYPE_CHECKING:
    from cygnet.tokenizer.base import BaseTokenizer

Counts = npt.NDArray[np.uint64]


def add_ids(ids: npt.NDArray[np.unsignedinteger[Any]], counts: Counts) -> None:
    """Add how often each id occurs to ``counts``, which has a place for each.

    Args:
        ids: ``uint16`` or ``uint32``, contiguous. None may be too large: nothing checks it here.
        counts: ``uint64`` of shape ``(vocab_size,)``.
    """
    kernels()[f"count_ids_u{8 * ids.itemsize}"](ids, len(ids), counts)


def to_npy(counts: Counts) -> bytes:
    """The content of the file of the counts.

    >>> parse_npy(Path("train-counts.npy"), to_npy(np.arange(3, dtype=np.uint64))).tolist()
    [0, 1, 2]
    """
    buffer = io.BytesIO()
    np.save(buffer, counts)
    return buffer.getvalue()


def parse_npy(path: Path, content: bytes) -> Counts:
    """The counts in the content of their file; raises DamagedError where it holds none."""
    try:
        counts = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except ValueError as error:
        raise DamagedError(f"{path} is damaged: {error}") from error
    if counts.dtype != np.uint64 or counts.ndim != 1:
        raise DamagedError(
            f"{path} is damaged: it holds {counts.dtype} of shape {counts.shape}, expected"
            " uint64 of shape (vocab_size,)"
        )
    return np.asarray(counts)


def read_counts(path: Path, vocab_size: int) -> Counts:
    """Read the file of the counts of a split.

    Raises:
        InputError: There is none.
        DamagedError: It does not hold ``vocab_size`` counts.
    """
    counts = parse_npy(path, read_bytes(path))
    if len(counts) != vocab_size:
        raise DamagedError(f"{path} is damaged: it counts {len(counts):,} ids of {vocab_size:,}")
    return counts


def text_lengths(tokenizer: "BaseTokenizer", boundary_id: int | None) -> npt.NDArray[np.int64]:
    """Bytes of text in each token, ``int64``; boundaries and special tokens have none."""
    lengths = tokenizer.token_lengths()
    if boundary_id is not None:
        lengths[boundary_id] = 0
    return lengths


def text_bytes(counts: Counts, tokenizer: "BaseTokenizer", boundary_id: int | None) -> int:
    """Bytes of text in tokens that occur so often."""
    return int(counts.astype(np.int64) @ text_lengths(tokenizer, boundary_id))


def check_dead(counts: Counts, tokenizer: "BaseTokenizer", split: str) -> None:
    """Refuse tokens of which one is a dead row, that is, one that no text becomes.

    Args:
        counts: How often each id occurs, over all tokens of the split.
        tokenizer: Whose ids they are.
        split: What the message calls them.

    Raises:
        DamagedError: A dead id occurs.
    """
    first = tokenizer.dead_ids.start
    occur = first + np.flatnonzero(counts[first : tokenizer.dead_ids.stop])
    if len(occur):
        raise DamagedError(
            f"{split} holds {len(occur):,} ids of dead rows, which no text becomes: the first is"
            f" {occur[0]}, {counts[occur[0]]:,} times; --overwrite makes the token files again"
        )
