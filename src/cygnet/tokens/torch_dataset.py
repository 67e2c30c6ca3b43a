"""Rows of token files as a data set of torch, for ``DataLoader`` and the ``Trainer``."""

import dataclasses
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from cygnet.errors import InputError
from cygnet.tokens.batch import Batch
from cygnet.tokens.store import TokenStore

Row = dict[str, torch.Tensor]


class RowDataset(Dataset[Row]):
    """A data set whose item ``i`` is row ``i`` of the order: it depends on nothing else.

    So a loader needs no state: to go on at a step is to begin at its first row. The files are
    opened again in every worker process, forked or spawned.

    Args:
        store: Token files.
        split: Where the rows lie.
        n_rows: How many rows there are: the steps to train times the rows of a batch.
        labels: Name the parts of a row as Hugging Face's models do.
        options: What ``TokenStore.get_rows`` takes beside the split and the rows.
    """

    def __init__(
        self, store: TokenStore, split: str, n_rows: int, labels: bool, **options: Any
    ) -> None:
        if n_rows < 1:
            raise InputError(f"n_rows must be at least 1, found {n_rows}")
        self.store, self.split, self.n_rows, self.labels = store, split, n_rows, labels
        self.options = options
        self[0]  # what cannot be read is refused here, not in a worker

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, index: int) -> Row:
        if not -self.n_rows <= index < self.n_rows:
            raise IndexError(f"row {index} of {self.n_rows:,}")
        return self.__getitems__([index % self.n_rows])[0]

    def __getitems__(self, indices: list[int]) -> list[Row]:
        """The rows of a batch, read at once."""
        rows = np.array(indices, np.uint64)
        batch = self.store.get_rows(self.split, rows, **self.options)
        parts = _with_labels(batch) if self.labels else _parts(batch)
        return [{name: part[row] for name, part in parts.items()} for row in range(len(rows))]


def _parts(batch: Batch) -> Row:
    found = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return {name: torch.from_numpy(part) for name, part in found.items() if part is not None}


def _with_labels(batch: Batch) -> Row:
    """As Hugging Face's causal models take them: they leave out the first label."""
    x, y = torch.from_numpy(batch.x), torch.from_numpy(batch.y)
    parts = {"input_ids": x, "labels": torch.cat([x[:, :1], y[:, :-1]], dim=1)}
    if batch.positions is not None:
        parts["position_ids"] = torch.from_numpy(batch.positions)
    return parts
