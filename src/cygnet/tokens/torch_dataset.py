"""Rows of token files as a data set of torch, for ``DataLoader`` and the ``Trainer``."""

import dataclasses
from typing import Any

import torch
from torch.utils.data import Dataset

from cygnet.errors import InputError
from cygnet.tokens.store import Batch, TokenStore

IGNORED = -100  # of torch's cross entropy
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
        options: What ``TokenStore.get_batch`` takes beside the step and the size of the batch.
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
        return self._read(index % self.n_rows, 1)[0]

    def __getitems__(self, indices: list[int]) -> list[Row]:
        """The rows of a batch; read at once where they are a batch of the order."""
        first, count = indices[0], len(indices)
        if first % count == 0 and indices == list(range(first, first + count)):
            return self._read(first, count)
        return [self[index] for index in indices]

    def _read(self, first: int, count: int) -> list[Row]:
        batch = self.store.get_batch(
            self.split, step=first // count, batch_size=count, **self.options
        )
        parts = _with_labels(batch) if self.labels else _parts(batch)
        return [{name: part[row] for name, part in parts.items()} for row in range(count)]


def _parts(batch: Batch) -> Row:
    found = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    return {name: torch.from_numpy(part) for name, part in found.items() if part is not None}


def _with_labels(batch: Batch) -> Row:
    """As Hugging Face's causal models take them: they shift the labels themselves."""
    input_ids = torch.from_numpy(batch.x)
    labels = input_ids.clone()
    labels[:, 1:][torch.from_numpy(batch.y)[:, :-1] == IGNORED] = IGNORED
    parts = {"input_ids": input_ids, "labels": labels}
    if batch.positions is not None:
        parts["position_ids"] = torch.from_numpy(batch.positions)
    return parts
