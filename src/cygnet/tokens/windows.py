"""Windows of ``T + 1`` tokens: the orders ``random`` and ``epoch``.

A window gives ``T`` pairs: ``x`` is all but its last token, ``y`` all but its first. It lies in one
shard. Where shards end depends on the files alone, so nothing is lost by it but a few tokens of a
hundred million, and a window is one read of one file.

In ``epoch`` the windows of a shard begin at its tokens ``0, T, 2T, ...``: the last token of one is
the first of the next. So in an epoch every token is a target exactly once, but for the first of
each shard and for the fewer than ``T`` behind its last window (``n_left_out``). In ``random`` a
window may begin at every token that has ``T`` more behind it in its shard, the first and the last
of these included.

Where there are loss masks, windows without a target that counts are left out when the order is
planned (``n_refused``): ``random`` draws among the other starts, all equally likely.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokens.batch import IGNORED, Batch
from cygnet.tokens.format import Split
from cygnet.tokens.masks import learnable_starts
from cygnet.tokens.order import permuted, random_starts
from cygnet.tokens.reading import Places, SplitFiles


class Readable(Protocol):
    """What a plan needs of a ``TokenStore``."""

    @property
    def boundary_id(self) -> int | None:
        """The token that ends a document."""

    def split(self, name: str) -> Split:
        """The shards of a split."""

    def files(self, split: str) -> SplitFiles:
        """The ids of a split."""

    def masks(self, split: str) -> SplitFiles | None:
        """Its masks, if it has any."""

    def document_ends(self, split: str) -> Places:
        """Where each of its documents ends."""


@dataclass(frozen=True, eq=False)
class Starts:
    """Places in a split, numbered through: runs of places that are ``stride`` apart.

    Attributes:
        firsts: The first place of each run.
        borders: How many places there are before each run, and in all.
        stride: Tokens between two places of a run.

    >>> starts = Starts(np.array([0, 100]), np.array([0, 3, 5]), stride=8)
    >>> len(starts), starts[np.arange(5)].tolist()
    (5, [0, 8, 16, 100, 108])
    """

    firsts: Places
    borders: Places
    stride: int

    @classmethod
    def of(cls, firsts: Places, counts: Places, stride: int) -> "Starts":
        """Runs by their first place and how many places they have."""
        return cls(firsts, np.concatenate([[0], np.cumsum(counts)]), stride)

    def __len__(self) -> int:
        return int(self.borders[-1])

    def __getitem__(self, numbers: Places) -> Places:
        run = np.searchsorted(self.borders, numbers, side="right") - 1
        places: Places = self.firsts[run] + (numbers - self.borders[run]) * self.stride
        return places


@dataclass(frozen=True, eq=False)
class WindowPlan:
    """Which windows there are, and how they are read.

    Attributes:
        starts: Where they begin.
        block_size: T.
        is_random: Whether rows draw a window at random, or read each once in every epoch.
        n_refused: How many windows are left out as none of their targets counts in the loss.
        files, masks: What they are read from.
    """

    starts: Starts
    block_size: int
    is_random: bool
    n_refused: int
    files: SplitFiles
    masks: SplitFiles | None

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def n_left_out(self) -> int:
        """Tokens that are no target in an epoch, of those that stand in no window at all or first
        in a shard."""
        per_shard = self.files.ends - self.files.starts
        return int(np.where(per_shard > 0, 1 + (per_shard - 1) % self.block_size, 0).sum())

    def choose(self, rows: npt.NDArray[np.uint64], seed: int) -> Places:
        """The numbers of the windows that some rows read."""
        order = random_starts if self.is_random else permuted
        return order(rows, len(self), seed)

    def read(self, numbers: Places) -> Batch:
        """Windows by their numbers, in the order of the text."""
        starts = self.starts[numbers]
        ids = self._read(self.files, starts).astype(np.int64)
        x, y = ids[:, :-1], ids[:, 1:]
        if self.masks is None:
            return Batch(x, y)
        mask = self._read(self.masks, starts)[:, 1:] != 0
        return Batch(x, np.where(mask, y, IGNORED), mask=mask)

    def _read(self, files: SplitFiles, starts: Places) -> npt.NDArray[Any]:
        """``T + 1`` items from each start on."""
        size = self.block_size + 1
        items = np.empty(len(starts) * size, files.dtype)
        places = np.arange(len(starts)) * size
        files.read_into(items, starts, np.full(len(starts), size), places)
        return items.reshape(len(starts), size)


def plan_windows(store: Readable, split: str, block_size: int, is_random: bool) -> WindowPlan:
    """Find the windows of a split.

    Raises:
        InputError: No shard has ``T + 1`` tokens, or no target counts in the loss.

    Cost: nothing but a few numbers a shard; with masks one read of them, 0.5 to 1 GB/s.
    """
    files, masks = store.files(split), store.masks(split)
    longest = int((files.ends - files.starts).max())
    if block_size < 1 or longest <= block_size:
        where = f"the longest shard of {split}" if len(files.paths) > 1 else split
        raise InputError(
            f"a block of {block_size:,} tokens needs {block_size + 1:,}, but {where} has only"
            f" {longest:,}: take a smaller block_size or more text"
        )
    stride = 1 if is_random else block_size
    every = _starts(files, block_size, stride, None)
    starts = every if masks is None else _starts(files, block_size, stride, masks)
    if not len(starts):
        raise InputError(f"there is nothing to learn in {split}: its masks leave out every token")
    return WindowPlan(starts, block_size, is_random, len(every) - len(starts), files, masks)


def _starts(files: SplitFiles, block_size: int, stride: int, masks: SplitFiles | None) -> Starts:
    firsts, counts = [], []
    for shard, (start, end) in enumerate(zip(files.starts, files.ends, strict=True)):
        if masks is None:
            begins, stops = np.array([0]), np.array([max(0, end - start - block_size)])
        else:
            begins, stops = learnable_starts(masks, shard, block_size)
        begins = -(-begins // stride) * stride
        counts.append(np.maximum(0, -(-(stops - begins) // stride)))
        firsts.append(start + begins)
    return Starts.of(np.concatenate(firsts), np.concatenate(counts), stride)
