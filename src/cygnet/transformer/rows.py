"""The rows of a training run as a data set of torch."""

import numpy as np
from torch.utils.data import Dataset

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
