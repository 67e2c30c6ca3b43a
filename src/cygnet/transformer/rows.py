"""The rows of a training run as a data set of torch, and which of them a rank reads."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch.utils.data import Dataset, Sampler

from cygnet import ranks
from cygnet.recipe import TransformerOptions
from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import Rows, to_tensors


class WindowDataset(Dataset[Rows]):
    """The rows of a training run: item ``i`` is row ``i % batch_size`` of step ``i // batch_size``.

    ``Trainer`` resumes by skipping indices, which is exact and costs nothing here.
    """

    def __init__(self, store: TokenStore, options: TransformerOptions) -> None:
        self.store, self.options = store, options

    def __len__(self) -> int:
        return self.options.steps * self.options.batch_size

    @property
    def rows_per_epoch(self) -> float:
        """Rows that hold as many tokens as the train split; in order, each of them once."""
        if self.options.order == "random":
            return self.store.split("train").tokens / self.options.block_size
        plan = self.store.plan(
            "train",
            block_size=self.options.block_size,
            order=self.options.order,
            pack_window=self.options.pack_window,
        )
        return float(len(plan))

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Rows:
        """The rows of one step at once; ``indices`` are those of one batch of the loader."""
        batch = self.store.get_rows(
            "train",
            np.array(indices, np.uint64),
            block_size=self.options.block_size,
            seed=self.options.seed,
            order=self.options.order,
            pack_window=self.options.pack_window,
        )
        return to_tensors(batch)


@dataclass(frozen=True)
class RankRows(Sampler[list[int]]):
    """The numbers of the rows that a rank reads of each step, some at a time.

    Row ``i`` of step ``s`` has the number ``s * batch_size + i``, so that all ranks together read
    the rows that one process reads, and a training may go on with another number of them.

    Attributes:
        steps, batch_size: Of the whole training; ``world_size`` divides the batch.
        micro_batch_size: Rows at a time; all that a rank has of a step if none. The last of a step
            are fewer where it does not divide them.
        rank, world_size: Which of how many processes.

    >>> list(RankRows(steps=2, batch_size=6, micro_batch_size=2, rank=1, world_size=2))
    [[3, 4], [5], [9, 10], [11]]
    """

    steps: int
    batch_size: int
    micro_batch_size: int | None = None
    rank: int = 0
    world_size: int = 1

    @classmethod
    def of(cls, options: TransformerOptions) -> "RankRows":
        """Those of this process."""
        at_once, of_ranks = options.micro_batch_size, (ranks.rank(), ranks.world_size())
        return cls(options.steps, options.batch_size, at_once, *of_ranks)

    @property
    def n_rows(self) -> int:
        """Rows of a step that a rank has."""
        return self.batch_size // self.world_size

    @property
    def n_at_once(self) -> int:
        """Rows at a time, at most."""
        return min(self.micro_batch_size or self.n_rows, self.n_rows)

    @property
    def n_parts(self) -> int:
        """In how many parts a rank computes a step."""
        return -(-self.n_rows // self.n_at_once)

    def __len__(self) -> int:
        return self.steps * self.n_parts

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.steps):
            first = step * self.batch_size + self.rank * self.n_rows
            end = first + self.n_rows
            for start in range(first, end, self.n_at_once):
                yield list(range(start, min(start + self.n_at_once, end)))
