"""What token files hold, in figures: sizes, entropy, lengths of documents, steps of an epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokens.ends import read_blocks
from cygnet.tokens.format import Split, idx_path
from cygnet.tokens.store import TokenStore

PERCENTILES = (5, 25, 50, 75, 95, 99)
N_SHORT = 1 << 16


@dataclass(frozen=True, eq=False)
class Lengths:
    """How many documents there are of each length, in tokens, boundaries included.

    Attributes:
        values: The lengths that occur, ascending, ``int64``.
        documents: How many documents have each, ``int64`` of the same shape.
    """

    values: npt.NDArray[np.int64]
    documents: npt.NDArray[np.int64]

    def percentile(self, percent: float) -> int:
        """The least length that so many percent of the documents do not exceed.

        >>> Lengths(np.array([1, 2, 9]), np.array([50, 49, 1])).percentile(99)
        2
        """
        reached = np.cumsum(self.documents)
        wanted = np.ceil(percent / 100 * reached[-1])
        return int(self.values[np.searchsorted(reached, max(1, wanted))])

    @property
    def mean(self) -> float:
        """Tokens of an average document."""
        return float(self.values @ self.documents / self.documents.sum())

    def histogram(self) -> list[tuple[int, int, int]]:
        """From, to and how many documents: each bin twice as wide as the one before.

        >>> Lengths(np.array([0, 3, 4, 7]), np.array([1, 1, 1, 5])).histogram()
        [(0, 0, 1), (1, 1, 0), (2, 3, 1), (4, 7, 6)]
        """
        bits = np.frexp(self.values)[1]  # of a length in binary
        documents = np.bincount(bits, self.documents).astype(np.int64).tolist()
        least = int(bits.min())
        return [
            (1 << bit >> 1, max((1 << bit) - 1, 0), count)
            for bit, count in enumerate(documents)
            if bit >= least
        ]


@dataclass(frozen=True, eq=False)
class Stats:
    """The figures of one split.

    Attributes:
        tokens, documents, text_bytes: As in the manifest; boundaries are tokens without bytes.
        counts: How often each id occurs, ``uint64`` of shape ``(vocab_size,)``.
        lengths: Of the documents.
        batch_size, block_size: Rows of a batch, tokens of a row.
        blocks: Rows of an epoch in the order ``epoch``.
    """

    tokens: int
    documents: int
    text_bytes: int
    counts: npt.NDArray[np.uint64]
    lengths: Lengths
    batch_size: int
    block_size: int
    blocks: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text to a token."""
        return self.text_bytes / max(1, self.tokens)

    @cached_property
    def never_used(self) -> npt.NDArray[np.int64]:
        """The ids that do not occur."""
        return np.flatnonzero(self.counts == 0)

    @cached_property
    def entropy(self) -> float:
        """Bits per token if each were drawn by its frequency alone, whatever came before.

        >>> flat = np.full(8, 3, np.uint64)
        >>> Stats(24, 1, 24, flat, Lengths(np.array([24]), np.array([1])), 1, 1, 0).entropy
        3.0
        """
        shares = self.counts[self.counts > 0] / max(1, self.tokens)
        return float(-(shares * np.log2(shares)).sum()) + 0.0

    @property
    def steps_per_epoch(self) -> float:
        """Batches of an epoch; what does not fill the last one goes into the next epoch's first."""
        return self.blocks / self.batch_size

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        lengths = self.lengths
        return {
            "tokens": self.tokens,
            "documents": self.documents,
            "text_bytes": self.text_bytes,
            "bytes_per_token": self.bytes_per_token,
            "vocab_size": len(self.counts),
            "n_never_used": len(self.never_used),
            "never_used": self.never_used.tolist(),
            "entropy_bits_per_token": self.entropy,
            "document_tokens": {
                "min": int(lengths.values[0]),
                **{f"p{percent}": lengths.percentile(percent) for percent in PERCENTILES},
                "max": int(lengths.values[-1]),
                "mean": lengths.mean,
                "histogram": [
                    dict(zip(("from", "to", "documents"), found, strict=True))
                    for found in lengths.histogram()
                ],
            },
            "batch_size": self.batch_size,
            "block_size": self.block_size,
            "blocks": self.blocks,
            "steps_per_epoch": self.steps_per_epoch,
        }


def stats(store: TokenStore, batch_size: int, block_size: int) -> Mapping[str, Stats]:
    """The figures of every split.

    Args:
        store: Token files.
        batch_size: Rows of a batch.
        block_size: Tokens of a row.

    Raises:
        InputError: There is no such shape.

    Cost: one read of the ``.idx`` files, 10 ns a document; the ids are not read, loss masks are.
    Memory for the counts and for the lengths above 65,535 tokens, of which there are few.
    """
    if batch_size < 1 or block_size < 1:
        raise InputError(f"no batch has {batch_size} rows of {block_size} tokens")
    return {
        name: Stats(
            tokens=split.tokens,
            documents=split.documents,
            text_bytes=split.text_bytes,
            counts=store.counts(name),
            lengths=_count_lengths(store, split),
            batch_size=batch_size,
            block_size=block_size,
            blocks=_count_blocks(store, name, block_size),
        )
        for name, split in store.manifest.splits.items()
    }


def _count_blocks(store: TokenStore, split: str, block_size: int) -> int:
    try:
        return len(store.plan(split, block_size=block_size, order="epoch"))
    except InputError:  # no shard has so many tokens
        return 0


def _count_lengths(store: TokenStore, split: Split) -> Lengths:
    short, long = np.zeros(N_SHORT, np.int64), [np.empty(0, np.int64)]
    for shard in split.shards:
        before = 0
        for block in read_blocks(idx_path(store.folder, shard.name), np.dtype("<u8")):
            ends = block.astype(np.int64)
            lengths = np.diff(ends, prepend=before)
            before = int(ends[-1])
            is_short = lengths < N_SHORT
            short += np.bincount(lengths[is_short], minlength=N_SHORT)
            long.append(lengths[~is_short])
    values, documents = np.unique(np.concatenate(long), return_counts=True)
    occur = np.flatnonzero(short)
    return Lengths(np.append(occur, values), np.append(short[occur], documents))
