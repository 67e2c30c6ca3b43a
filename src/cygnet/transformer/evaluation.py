"""Loss in figures that can be compared: nats per token, and bits per byte of text.

Nats per token depend on the vocabulary; bits per byte do not. They leave out what is no text: the
boundary and other special tokens have no bytes, and their loss does not count in bits per byte.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from cygnet.tokens.store import TokenStore


@dataclass
class LossSum:
    """Sums over predicted tokens, from which both figures follow.

    >>> total = LossSum(nats=6.0, tokens=3, text_nats=math.log(2) * 8, text_bytes=4)
    >>> total.nats_per_token, total.bits_per_byte
    (2.0, 2.0)
    """

    nats: float = 0.0
    tokens: int = 0
    text_nats: float = 0.0
    text_bytes: int = 0

    def add(self, losses: torch.Tensor, targets: torch.Tensor, token_lengths: torch.Tensor) -> None:
        """Add the loss of each target token.

        Args:
            losses: Nats, any shape.
            targets: Token ids of the same shape.
            token_lengths: Bytes of text in each token, shape ``(vocab_size,)``, on the CPU.
        """
        lengths = token_lengths[targets.cpu()]
        losses = losses.detach().cpu().double()
        self.nats += float(losses.sum())
        self.tokens += targets.numel()
        self.text_nats += float(losses[lengths > 0].sum())
        self.text_bytes += int(lengths.sum())

    @property
    def nats_per_token(self) -> float:
        """Mean loss of a token, boundaries included."""
        return self.nats / max(1, self.tokens)

    @property
    def bits_per_byte(self) -> float:
        """Bits to encode a byte of text."""
        return self.text_nats / math.log(2) / max(1, self.text_bytes)


def token_losses(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The loss of each token of ``y``, in nats, shape ``(B, T)``, ``float32``.

    Args:
        model: A causal language model.
        x: Token ids, ``int64`` of shape ``(B, T)``.
        y: The token that follows each of ``x``: already shifted, unlike ``labels`` of
            ``transformers``, so that no position is lost.
    """
    logits = model(input_ids=x, use_cache=False).logits.float()
    return cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none").view_as(y)


def evaluate(
    model: PreTrainedModel,
    store: TokenStore,
    split: str,
    token_lengths: npt.NDArray[np.int64],
    *,
    block_size: int,
    batch_size: int,
    max_tokens: int | None = None,
    on_tokens: Callable[[int], None] = lambda n: None,
    autocast: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> LossSum:
    """The loss over a split, every token predicted once from those before it in its window.

    Args:
        model: A causal language model.
        store, split: The tokens.
        token_lengths: Bytes of text in each token, from ``Tokenizer.token_lengths``.
        block_size: Tokens in a window; windows do not overlap.
        batch_size: Windows at a time.
        max_tokens: About how many tokens to take, in windows spread evenly over the split; all if
            none.
        on_tokens: Called with the tokens done after each batch.
        autocast: Makes the context for each pass of the model, e.g. for bf16.

    Cost: memory for one batch of logits.
    """
    lengths = torch.from_numpy(token_lengths)
    total = LossSum()
    was_training = model.training
    model.train(False)
    with torch.inference_mode():
        for x, y in _windows(store, split, block_size, batch_size, max_tokens):
            x, y = x.to(model.device), y.to(model.device)
            with autocast():
                losses = token_losses(model, x, y)
            total.add(losses, y, lengths)
            on_tokens(y.numel())
    model.train(was_training)
    return total


def _windows(
    store: TokenStore, split: str, block_size: int, batch_size: int, max_tokens: int | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of windows: ``y`` tiles the split, ``x`` begins one token earlier.

    The first token of all is predicted from the boundary token, or left out where there is none.
    """
    n_tokens = store.split(split).tokens
    first = 0 if store.manifest.boundary_id is not None else 1
    starts = np.arange(first, n_tokens, block_size)
    if max_tokens is not None and max_tokens < n_tokens:
        n_windows = max(1, max_tokens // block_size)
        starts = starts[np.arange(n_windows) * len(starts) // n_windows]
    whole = starts[starts + block_size <= n_tokens]
    groups = [whole[i : i + batch_size] for i in range(0, len(whole), batch_size)]
    groups += [starts[len(whole) :]] if len(whole) < len(starts) else []
    for group in groups:
        rows = [_row(store, split, int(start), block_size) for start in group]
        window = torch.from_numpy(np.stack(rows).astype(np.int64))
        yield window[:, :-1], window[:, 1:]


def _row(store: TokenStore, split: str, start: int, block_size: int) -> npt.NDArray[np.int64]:
    """Tokens ``start - 1 .. start + block_size - 1``, cut at the end of the split."""
    stop = min(start + block_size, store.split(split).tokens)
    ids = store.read(split, max(0, start - 1), stop).astype(np.int64)
    return ids if start else np.concatenate([[store.manifest.boundary_id], ids])
