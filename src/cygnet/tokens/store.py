"""``TokenStore``: reading token files, as documents and as batches."""

import html
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError, StaleError
from cygnet.files import check_size, read_bytes
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokens.batch import Batch as Batch
from cygnet.tokens.batch import Order
from cygnet.tokens.counts import read_counts
from cygnet.tokens.documents import Documents
from cygnet.tokens.format import (
    DTYPES,
    MANIFEST,
    Split,
    bin_path,
    counts_path,
    idx_path,
    mask_path,
    read_manifest,
)
from cygnet.tokens.order import row_numbers
from cygnet.tokens.packed import PackedPlan, plan_packed
from cygnet.tokens.reading import SplitFiles
from cygnet.tokens.verify import verify
from cygnet.tokens.windows import WindowPlan, plan_windows

if TYPE_CHECKING:
    from datasets import Dataset

    from cygnet.tokens.torch_dataset import RowDataset

Plan = WindowPlan | PackedPlan
Ids = npt.NDArray[np.unsignedinteger[Any]]


class TokenStore:
    """Token files opened for reading.

    Files are read with ``pread``, window by window: resident memory does not grow with them.

    >>> from cygnet import Tokenizer
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
        self._files: dict[tuple[str, str], SplitFiles] = {}
        self._plans: dict[tuple[Any, ...], Plan] = {}
        self._check_sizes()

    def __reduce__(self) -> tuple[type["TokenStore"], tuple[Path]]:
        """Another process, e.g. a worker of a ``DataLoader``, opens the files anew."""
        return TokenStore, (self.folder.absolute(),)

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

    def check_tokenizer(self, tokenizer: BaseTokenizer) -> None:
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

    def verify(self, tokenizer: BaseTokenizer | None = None) -> None:
        """Compare every file with what was written and with the format: ``tokens.verify.verify``.

        Raises:
            DamagedError: A file is damaged; it is named, and the byte where that can be known.
            StaleError: A tokenizer is given that is not the one that wrote the files.

        Cost: one read of all files, about 1 GB/s and core.
        """
        verify(self, tokenizer)

    def read(self, split: str, start: int, stop: int) -> Ids:
        """Tokens ``start..stop-1`` of a split, across shards; a new array of ``stop - start``."""
        n_tokens = self.split(split).tokens
        if not 0 <= start <= stop <= n_tokens:
            raise InputError(f"no tokens {start}..{stop} in {split}: it has {n_tokens:,}")
        ids: Ids = self.files(split).read(start, stop)
        return ids

    def read_mask(self, split: str, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Which of the tokens ``start..stop-1`` count in the loss; all, where there is no mask."""
        masks = self.masks(split)
        if masks is None:
            return np.ones(stop - start, np.bool_)
        found: npt.NDArray[np.bool_] = masks.read(start, stop) != 0
        return found

    @property
    def boundary_id(self) -> int | None:
        """The token that ends every document, if there is one."""
        return self.manifest.boundary_id

    def files(self, split: str) -> SplitFiles:
        """The ids of a split, to be read."""
        return self._open(split, bin_path, self.dtype)

    def masks(self, split: str) -> SplitFiles | None:
        """The loss masks of a split, to be read; None where it has none: all tokens count."""
        if not self.split(split).is_masked:
            return None
        return self._open(split, mask_path, np.dtype(np.uint8))

    def document_ends(self, split: str) -> npt.NDArray[np.int64]:
        """Where each document of a split ends, in tokens of the split; ``int64``."""
        shards = self.split(split).shards
        ends = [
            np.frombuffer(read_bytes(idx_path(self.folder, shard.name)), "<u8") for shard in shards
        ]
        starts = self.files(split).starts
        parts = [end.astype(np.int64) + start for end, start in zip(ends, starts, strict=True)]
        return np.concatenate(parts)

    def document_lengths(self, split: str) -> npt.NDArray[np.int64]:
        """How many tokens each document of a split has, its boundary included; ``int64``."""
        return np.diff(self.document_ends(split), prepend=0)

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
        order: Order = "random",
        rank: int = 0,
        world_size: int = 1,
        pack_window: int | None = None,
    ) -> Batch:
        """The rows of one step: a pure function of its arguments.

        Args:
            split: What is read.
            step: The optimizer step, from 0. The same arguments always give the same batch.
            batch_size: Rows of the global batch.
            block_size: Tokens in a row, T.
            seed: Another seed, another order.
            order: ``random``: windows at random starts. ``epoch``: windows that do not overlap,
                each once in every epoch (see ``windows``). ``packed``: whole documents, each once
                in every epoch (see ``packed``).
            rank, world_size: This process and how many there are; each reads its share of rows.
            pack_window: Documents that are packed at a time, in the order ``packed``; all together
                if none.

        Returns:
            Arrays of shape ``(batch_size / world_size, T)``. ``epoch`` and ``packed`` run on
            through their epochs, also within a batch.

        Raises:
            InputError: No shard has ``T + 1`` tokens, there is nothing to learn, or ``world_size``
                does not divide ``batch_size``.

        Cost: one ``pread`` a window or document, from the page cache 90 to 600 M tokens per second.
        The first batch of a kind plans its order, see ``plan``.
        """
        rows = row_numbers(step, batch_size, rank, world_size)
        return self.get_rows(split, rows, block_size=block_size, seed=seed, order=order,
                             pack_window=pack_window)  # fmt: skip

    def get_rows(
        self,
        split: str,
        rows: npt.NDArray[np.uint64],
        *,
        block_size: int,
        seed: int,
        order: Order = "random",
        pack_window: int | None = None,
    ) -> Batch:
        """Rows by their numbers: row ``i`` of step ``s`` has the number ``s * batch_size + i``.

        Arguments, errors and cost as of ``get_batch``.
        """
        plan = self.plan(split, block_size=block_size, order=order, pack_window=pack_window)
        return plan.read(plan.choose(rows, seed))

    def plan(
        self,
        split: str,
        *,
        block_size: int,
        order: Order = "random",
        pack_window: int | None = None,
    ) -> Plan:
        """What the rows of an order are made of; made when it is first asked for, and kept.

        ``len`` of it is how many rows an epoch has (for ``random``: how many starts there are).
        ``read(numbers)`` gives rows in the order in which they were planned.

        Raises:
            InputError: There are no such rows, or nothing to learn in them.

        Cost: ``random`` and ``epoch``: nothing. ``packed``: 0.1 s for a million documents, and 16
        bytes of memory for each; it is not kept on disk. With loss masks a read of these.
        """
        key = split, block_size, order, pack_window if order == "packed" else None
        if key not in self._plans:
            self._plans[key] = self._plan(*key)
        return self._plans[key]

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
                as an epoch has.
            labels: Give ``input_ids`` and ``labels`` as Hugging Face's models take them, which
                shift the labels themselves (the last of ``y`` is lost to that), instead of what a
                ``Batch`` has.
            options: What else ``get_rows`` takes: ``seed``, ``order``, ``pack_window``.

        Returns:
            A data set whose item ``i`` holds ``int64`` tensors of shape ``(T,)``. Read in
            sequence, with batches of B rows, step ``s`` is ``get_batch(step=s, batch_size=B)``.
            It can be pickled, and read in forked and spawned workers.

        Raises:
            InputError: As ``get_batch``.
        """
        from cygnet.tokens.torch_dataset import RowDataset

        if n_rows is None:
            order: Order = "packed" if options.get("order") == "packed" else "epoch"
            window = options.get("pack_window")
            n_rows = len(self.plan(split, block_size=block_size, order=order, pack_window=window))
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

    def _plan(self, split: str, block_size: int, order: Order, window: int | None) -> Plan:
        if order == "packed":
            return plan_packed(self, split, block_size, window)
        if order not in ("random", "epoch"):
            raise InputError(f"no order {order!r}: there are random, epoch and packed")
        return plan_windows(self, split, block_size, is_random=order == "random")

    def _open(
        self, split: str, path: Callable[[Path, str], Path], dtype: "np.dtype[Any]"
    ) -> SplitFiles:
        key = split, path.__name__
        if key not in self._files:
            shards = self.split(split).shards
            paths = [path(self.folder, shard.name) for shard in shards]
            n_tokens = np.array([shard.tokens for shard in shards], np.int64)
            self._files[key] = SplitFiles(paths, n_tokens, dtype)
        return self._files[key]

    def _check_sizes(self) -> None:
        for split in self.manifest.splits.values():
            for shard in split.shards:
                check_size(bin_path(self.folder, shard.name), shard.tokens * self.dtype.itemsize)
                check_size(idx_path(self.folder, shard.name), shard.documents * 8)
                if split.is_masked:
                    check_size(mask_path(self.folder, shard.name), shard.tokens)

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
