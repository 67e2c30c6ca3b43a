"""Loss in figures that can be compared: nats per token, and bits per byte of text.

Nats per token depend on the vocabulary; bits per byte do not. They leave out what is no text: the
boundary and other special tokens have no bytes, and their loss does not count in bits per byte.
"""

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from cygnet.tokens.batch import IGNORED, Batch, Order
from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import to_tensors
from cygnet.transformer.loss import loss_function
from cygnet.transformer.model import evaluating


class LossSum:
    """Sums over predicted tokens, from which both figures follow.

    What is added is summed on its device until a figure is asked for: adding never waits for it.

    Args:
        nats, tokens: Loss of all tokens, and how many they are.
        text_nats, text_bytes: Loss of those that are text, and the bytes that they decode to.
        bytes_ratio: Bytes of text as it was read for each byte that its tokens decode to.

    >>> total = LossSum(nats=6.0, tokens=3, text_nats=math.log(2) * 8, text_bytes=4)
    >>> total.nats_per_token, total.bits_per_byte
    (2.0, 2.0)
    """

    def __init__(
        self,
        nats: float = 0.0,
        tokens: int = 0,
        text_nats: float = 0.0,
        text_bytes: int = 0,
        *,
        bytes_ratio: float = 1.0,
    ) -> None:
        self.bytes_ratio = bytes_ratio
        self._sums = torch.tensor([nats, tokens, text_nats, text_bytes], dtype=torch.float64)
        self._waiting: list[torch.Tensor] = []

    def add(self, losses: torch.Tensor, targets: torch.Tensor, token_lengths: torch.Tensor) -> None:
        """Add the loss of each target token.

        Args:
            losses: Nats, any shape.
            targets: Token ids of the same shape; ``IGNORED`` ones do not count.
            token_lengths: Bytes of text in each token, shape ``(vocab_size,)``, on the same device.
        """
        counted = targets != IGNORED
        lengths = token_lengths[targets.clamp(min=0)] * counted
        losses = losses.detach()
        sums = (losses.sum(), counted.sum(), (losses * (lengths > 0)).sum(), lengths.sum())
        kind = torch.float32 if losses.device.type == "mps" else torch.float64  # which mps lacks
        self._waiting.append(torch.stack([total.to(kind) for total in sums]))

    def sums(self) -> torch.Tensor:
        """Nats, tokens, nats of text, decoded bytes of text: ``float64``, ``(4,)``, on the CPU."""
        if self._waiting:
            self._sums += torch.stack(self._waiting).cpu().double().sum(0)
            self._waiting = []
        return self._sums

    @property
    def tokens(self) -> int:
        """How many tokens were predicted."""
        return int(self.sums()[1])

    @property
    def text_bytes(self) -> int:
        """Bytes of text that these tokens stand for."""
        return round(float(self.sums()[3]) * self.bytes_ratio)

    @property
    def nats_per_token(self) -> float:
        """Mean loss of a token, boundaries included."""
        return float(self.sums()[0]) / max(1, self.tokens)

    @property
    def bits_per_byte(self) -> float:
        """Bits to encode a byte of text."""
        return float(self.sums()[2]) / math.log(2) / max(1, self.text_bytes)


def bytes_ratio(store: TokenStore, split: str, token_lengths: npt.NDArray[np.int64]) -> float:
    """Bytes of a split's text, as the manifest has them, for each byte that its tokens decode to.

    1.0 exactly where decoding gives the text back. Where it does not, as with unknown tokens or
    text that was normalized, bits per byte still divide by the bytes that there were.
    """
    decoded = int(store.counts(split) @ token_lengths.astype(np.uint64))
    return store.split(split).text_bytes / decoded if decoded else 1.0


def evaluate(
    model: PreTrainedModel,
    store: TokenStore,
    split: str,
    token_lengths: npt.NDArray[np.int64],
    *,
    block_size: int,
    batch_size: int,
    order: Order = "random",
    max_tokens: int | None = None,
    on_tokens: Callable[[int], None] = lambda n: None,
    autocast: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    rank: int = 0,
    world_size: int = 1,
) -> LossSum:
    """The loss over a split, every token predicted once from those before it in its row.

    Args:
        model: A causal language model.
        store, split: The tokens.
        token_lengths: Bytes of text in each token, from ``Tokenizer.token_lengths``.
        block_size: Tokens in a row.
        batch_size: Rows at a time.
        order: As in training: for ``packed`` the rows of its plan, with attention inside documents;
            for the others windows that do not overlap.
        max_tokens: About how many tokens to take, in rows spread evenly over the split; all if
            none.
        on_tokens: Called with the tokens done after each batch.
        autocast: Makes the context for each pass of the model, e.g. for bf16.
        rank, world_size: Take this share of the batches only.

    Cost: no more than ``loss.ROWS`` rows of logits at once.
    """
    losses_of = loss_function(model)
    lengths = torch.from_numpy(token_lengths).to(model.device)
    total = LossSum(bytes_ratio=bytes_ratio(store, split, token_lengths))
    with torch.inference_mode(), evaluating(model):
        read = _packed_rows if order == "packed" else _windows
        batches = read(store, split, block_size, batch_size, max_tokens)
        for batch in itertools.islice(batches, rank, None, world_size):
            rows = {name: tensor.to(model.device) for name, tensor in to_tensors(batch).items()}
            with autocast():
                _, losses = losses_of(**rows)
            total.add(losses, rows["y"], lengths)
            on_tokens(rows["y"].numel())
    return total


def _windows(
    store: TokenStore, split: str, block_size: int, batch_size: int, max_tokens: int | None
) -> Iterator[Batch]:
    """Batches of windows: ``y`` tiles the split, ``x`` begins one token earlier.

    The first token of all is predicted from the boundary token, or left out where there is none.
    """
    n_tokens = store.split(split).tokens
    first = 0 if store.manifest.boundary_id is not None else 1
    starts = np.arange(first, n_tokens, block_size)
    if max_tokens is not None and max_tokens < n_tokens:
        starts = _spread(starts, max_tokens // block_size)
    whole = starts[starts + block_size <= n_tokens]
    groups = [whole[i : i + batch_size] for i in range(0, len(whole), batch_size)]
    groups += [starts[len(whole) :]] if len(whole) < len(starts) else []
    for group in groups:
        rows = [_row(store, split, int(start), block_size) for start in group]
        x, y = np.stack([x for x, _ in rows]), np.stack([y for _, y in rows])
        yield Batch(x, y)


def _row(
    store: TokenStore, split: str, start: int, block_size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Inputs, and targets ``start .. start + block_size - 1`` as far as the split goes."""
    stop = min(start + block_size, store.split(split).tokens)
    ids = store.read(split, max(0, start - 1), stop).astype(np.int64)
    if not start:
        ids = np.concatenate([[store.boundary_id], ids])
    return ids[:-1], np.where(store.read_mask(split, start, stop), ids[1:], IGNORED)


def _packed_rows(
    store: TokenStore, split: str, block_size: int, batch_size: int, max_tokens: int | None
) -> Iterator[Batch]:
    """Batches of the rows that the split is packed into."""
    plan = store.plan(split, block_size=block_size, order="packed")
    numbers = np.arange(len(plan))
    if max_tokens is not None and max_tokens < len(plan) * block_size:
        numbers = _spread(numbers, max_tokens // block_size)
    for first in range(0, len(numbers), batch_size):
        yield plan.read(numbers[first : first + batch_size])


def _spread(items: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """So many of the items, evenly spread; at least one."""
    n = max(1, n)
    return items[np.arange(n) * len(items) // n]
