"""``TokenStore``: reading token files, as documents and as batches."""

import html
import os
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError, InputError, StaleError
from cygnet.files import check_size, input_errors
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.counts import read_counts
from cygnet.tokens.documents import Documents
from cygnet.tokens.format import (
    DTYPES,
    MANIFEST,
    Shard,
    Split,
    bin_path,
    counts_path,
    idx_path,
    read_manifest,
)
from cygnet.tokens.order import random_starts, row_numbers
from cygnet.tokens.verify import verify

if TYPE_CHECKING:
    from datasets import Dataset

    from cygnet.tokens.torch_dataset import RowDataset

Ids = npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows to learn from; unpacks as ``x, y``.

    Attributes:
        x: Token ids, ``int64`` of shape ``(B, T)``.
        y: The token that follows each of ``x``, same shape.
        positions: Position of each token in its document, same shape, where rows hold several.
        mask: Which of ``y`` count in the loss, bool of the same shape, where not all do.
    """

    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64] | None = None
    mask: npt.NDArray[np.bool_] | None = None

    def __iter__(self) -> Iterator[npt.NDArray[np.int64]]:
        return iter((self.x, self.y))


class TokenStore:
    """Token files opened for reading.

    Files are read with ``pread``, window by window: resident memory does not grow with them.

    >>> import tempfile
    >>> from cygnet.tokens.build import build
    >>> folder = tempfile.mkdtemp()
    >>> _ = build(folder, Tokenizer([]), {"train": ["Once upon a time", "the end"]})
    >>> store = TokenStore.open(folder)
    >>> x, y = store.get_batch("train", step=0, batch_size=2, block_size=8, seed=42)
    >>> x.shape, bool((y[:, :-1] == x[:, 1:]).all())
    ((2, 8), True)
    >>> bytes(store.documents("train")[1][:-1].tolist())
    b'the end'
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        self.dtype = np.dtype(DTYPES[self.manifest.dtype]).newbyteorder("<")
        self._starts = {name: _shard_starts(split) for name, split in self.manifest.splits.items()}
        self._descriptors: dict[str, int] = {}
        weakref.finalize(self, _close_all, self._descriptors)
        self._check_sizes()

    @classmethod
    def open(cls, path: str | Path) -> "TokenStore":
        """Open a folder of token files, or the one of a run folder.

        Raises:
            InputError: There are none.
            DamagedError: A file is missing or has another size than the manifest says.
        """
        path = Path(path)
        for folder in (path, path / "tokens"):
            if (folder / MANIFEST).exists():
                return cls(folder)
        raise InputError(
            f"{path} holds no token files: expected a {MANIFEST}, or tokens/{MANIFEST}"
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """Names of the splits."""
        return tuple(self.manifest.splits)

    def split(self, name: str) -> Split:
        """Tokens, documents, bytes of text and shards of one split."""
        if name not in self.manifest.splits:
            raise InputError(
                f"{self.folder} has no split {name!r}: it has {', '.join(self.splits)}"
            )
        return self.manifest.splits[name]

    def check_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Refuse a tokenizer other than the one that wrote these files.

        Raises:
            StaleError: It is another; the ids here mean nothing to it.
        """
        if tokenizer.sha256 != self.manifest.tokenizer_sha256:
            raise StaleError(
                f"{self.folder} was written by another tokenizer"
                f" (sha256 {self.manifest.tokenizer_sha256[:12]}, given {tokenizer.sha256[:12]}):"
                " build the token files again, or load the tokenizer that wrote them"
            )

    def verify(self, tokenizer: Tokenizer | None = None) -> None:
        """Compare every file with what was written and with the format: ``tokens.verify.verify``.

        Raises:
            DamagedError: A file is damaged; it is named, and the byte where that can be known.
            StaleError: A tokenizer is given that is not the one that wrote the files.

        Cost: one read of all files, 1.5 to 2 GB/s and core.
        """
        verify(self, tokenizer)

    def read(self, split: str, start: int, stop: int) -> Ids:
        """Tokens ``start..stop-1`` of a split, across shards; a new array of ``stop - start``."""
        n_tokens = self.split(split).tokens
        if not 0 <= start <= stop <= n_tokens:
            raise InputError(f"no tokens {start}..{stop} in {split}: it has {n_tokens:,}")
        ids = np.empty(stop - start, self.dtype)
        self._read_into(split, start, ids)
        return ids

    def documents(self, split: str) -> Documents:
        """The documents of a split by index, slice and iteration, in constant memory.

        Returns:
            A sequence of ``uint16`` or ``uint32`` arrays; the boundary belongs to the document.
        """
        return Documents(self, split)

    def counts(self, split: str) -> npt.NDArray[np.uint64]:
        """How often each id occurs in the whole split, ``uint64`` of shape ``(vocab_size,)``."""
        self.split(split)
        return read_counts(counts_path(self.folder, split), self.manifest.vocab_size)

    def get_batch(
        self,
        split: str,
        *,
        step: int,
        batch_size: int,
        block_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> Batch:
        """The windows of one step, at uniformly random starts.

        Args:
            split: Where the windows lie.
            step: The optimizer step, from 0. The same arguments always give the same batch.
            batch_size: Rows of the global batch.
            block_size: Tokens in a row, T.
            seed: Another seed, another order.
            rank, world_size: This process and how many there are; each reads its share of rows.

        Returns:
            ``x`` and ``y`` of shape ``(batch_size / world_size, T)``, ``int64``. Every start in
            ``0..n_tokens-T-1`` is equally likely.

        Raises:
            InputError: The split has fewer than ``T + 1`` tokens.

        Cost: one ``pread`` of ``T + 1`` tokens a row.
        """
        n_starts = self.split(split).tokens - block_size
        if block_size < 1 or n_starts < 1:
            raise InputError(
                f"a block of {block_size:,} tokens needs {block_size + 1:,}, but {split} has only"
                f" {self.split(split).tokens:,}: take a smaller block_size or more text"
            )
        rows = row_numbers(step, batch_size, rank, world_size)
        windows = np.empty((len(rows), block_size + 1), self.dtype)
        for window, start in zip(windows, random_starts(rows, n_starts, seed), strict=True):
            self._read_into(split, int(start), window)
        return Batch(windows[:, :-1].astype(np.int64), windows[:, 1:].astype(np.int64))

    def as_torch_dataset(
        self,
        split: str,
        *,
        block_size: int,
        n_rows: int | None = None,
        labels: bool = False,
        **options: Any,
    ) -> "RowDataset":
        """Rows as a map-style ``torch.utils.data.Dataset``, in the order of ``get_batch``.

        Args:
            split: Where the rows lie.
            block_size: Tokens in a row, T.
            n_rows: How many rows: the steps to train times the rows of a batch. By default as many
                as the split has tokens for.
            labels: Give ``input_ids`` and ``labels`` as Hugging Face's models take them, which
                shift the labels themselves, instead of ``x`` and ``y``.
            options: What else ``get_batch`` takes, e.g. ``seed``.

        Returns:
            A data set whose item ``i`` holds ``int64`` tensors of shape ``(T,)``. Read in
            sequence, with batches of B rows, step ``s`` is ``get_batch(step=s, batch_size=B)``.
            It can be pickled, and read in forked and spawned workers.

        Raises:
            InputError: The split has fewer than ``T + 1`` tokens.
        """
        from cygnet.tokens.torch_dataset import RowDataset

        if n_rows is None:
            n_rows = max(1, (self.split(split).tokens - 1) // max(1, block_size))
        return RowDataset(self, split, n_rows, labels, block_size=block_size, **options)

    def as_hf_dataset(self, split: str, *, block_size: int = 512) -> "Dataset":
        """Blocks as a ``datasets.Dataset`` with the column ``input_ids``, memory-mapped.

        Args:
            split: Which.
            block_size: Tokens of a row. Documents run on from one row to the next; what does not
                fill the last one is left out.

        Raises:
            InputError: The split does not fill a row.

        Cost: the first time the blocks are written to the cache of ``datasets`` (``HF_HOME``), as
        ``int32``; the sha256 of all ids is part of their name, so that old ones are never taken
        for new ones.
        """
        from cygnet.tokens.hf_dataset import as_hf_dataset

        return as_hf_dataset(self, split, block_size)

    def __reduce__(self) -> tuple[type["TokenStore"], tuple[Path]]:
        return TokenStore, (self.folder.absolute(),)  # another process opens the files again

    def _read_into(self, split: str, start: int, ids: Ids) -> None:
        """Fill ``ids`` from token ``start`` of a split on."""
        starts, shards = self._starts[split], self.split(split).shards
        number = int(np.searchsorted(starts, start, side="right")) - 1
        filled = 0
        while filled < len(ids):
            inside = start + filled - int(starts[number])
            count = min(len(ids) - filled, shards[number].tokens - inside)
            self._read_shard(shards[number], inside, ids[filled : filled + count])
            filled += count
            number += 1

    def _read_shard(self, shard: Shard, start: int, ids: Ids) -> None:
        offset = start * self.dtype.itemsize
        rest = ids.data.cast("B")
        while rest:  # one call reads 2 GiB at the most
            n_read = os.preadv(self._descriptor(shard), [rest], offset)
            if not n_read:
                path = bin_path(self.folder, shard.name)
                raise DamagedError(f"{path} is damaged: it ends at byte {offset:,}")
            rest, offset = rest[n_read:], offset + n_read

    def _descriptor(self, shard: Shard) -> int:
        """The open file of a shard; opened when it is first read."""
        if shard.name not in self._descriptors:
            path = bin_path(self.folder, shard.name)
            with input_errors(path):
                self._descriptors[shard.name] = os.open(path, os.O_RDONLY)
        return self._descriptors[shard.name]

    def _check_sizes(self) -> None:
        for split in self.manifest.splits.values():
            for shard in split.shards:
                check_size(bin_path(self.folder, shard.name), shard.tokens * self.dtype.itemsize)
                check_size(idx_path(self.folder, shard.name), shard.documents * 8)

    def __repr__(self) -> str:
        splits = ", ".join(
            f"{name}: {s.tokens:,} tokens" for name, s in self.manifest.splits.items()
        )
        return f"TokenStore({str(self.folder)!r}, {splits})"

    def _repr_html_(self) -> str:
        header = "".join(
            f"<th>{name}</th>"
            for name in (
                "split",
                "documents",
                "tokens",
                "text bytes",
                "bytes per token",
                "ids used",
            )
        )
        rows = []
        for name, split in self.manifest.splits.items():
            used = int(np.count_nonzero(self.counts(name)))
            cells = (
                html.escape(name),
                f"{split.documents:,}",
                f"{split.tokens:,}",
                f"{split.text_bytes:,}",
                f"{split.text_bytes / max(1, split.tokens):.2f}",
                f"{used:,} of {self.manifest.vocab_size:,}",
            )
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        return f"<table><tr>{header}</tr>{''.join(rows)}</table>"


def _shard_starts(split: Split) -> npt.NDArray[np.int64]:
    """Where each shard begins in its split, in tokens."""
    tokens = np.array([shard.tokens for shard in split.shards], np.int64)
    return np.cumsum(tokens) - tokens


def _close_all(descriptors: dict[str, int]) -> None:
    for descriptor in descriptors.values():
        os.close(descriptor)
