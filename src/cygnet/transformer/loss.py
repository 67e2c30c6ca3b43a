"""The loss of each token, without holding the logits of more than a few rows.

Logits are the largest thing in training a small model: ``batch x tokens x vocabulary``, several
times over. But the gradient of a row of logits needs nothing beside that row, so the head and the
loss go over the rows in chunks, forward and backward at once, and keep the two gradients that the
rest needs (as Liger Kernel's fused linear cross entropy, arXiv 2410.10989).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.machine_code import kernels
from cygnet.tokens.batch import IGNORED
from cygnet.transformer.attention import model_inputs
from cygnet.transformer.dead_rows import masked_ids
from cygnet.transformer.model import evaluating

ROWS = 256
"""Of logits at a time. With 8,192 tokens 64, 128, 256 and 512 rows took 18, 14, 13 and 12 ms."""
LossFunction = Callable[..., tuple[torch.Tensor, torch.Tensor]]


def token_losses(
    model: torch.nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    positions: torch.Tensor | None = None,
    document_ids: torch.Tensor | None = None,
) -> torch.Tensor:
    """The loss of each token of ``y``, in nats, shape ``(B, T)``, ``float32``; 0 where ignored.

    Args:
        model: A causal language model.
        x: Token ids, ``int64`` of shape ``(B, T)``.
        y: The token that follows each of ``x``: already shifted, unlike ``labels`` of
            ``transformers``, so that no position is lost.
        positions, document_ids: As in ``Batch``; with them attention stays inside documents.

    Cost: all logits at once; ``loss_function`` does the same without.
    """
    inputs = model_inputs(model, x, positions, document_ids)
    logits = model(**inputs).logits.float()
    losses = cross_entropy(
        logits.flatten(0, 1), y.flatten(), reduction="none", ignore_index=IGNORED
    )
    return losses.view_as(y)


def loss_function(model: PreTrainedModel) -> LossFunction:
    """A function as ``token_losses`` of this model, which takes the same arguments.

    It returns the sum of the losses, through which gradients flow, and the losses, through which
    they do not. A model whose logits are more than a product of its last hidden states with a
    matrix, capped or not, keeps all its logits; whether that is so is tried out with a few tokens.

    >>> from cygnet.transformer.presets import gpt2
    >>> from transformers import GPT2LMHeadModel
    >>> model = GPT2LMHeadModel(gpt2(10, n_layer=1, n_head=1, n_embd=4, block_size=8))
    >>> ids = torch.tensor([[1, 2, 3, 4]])
    >>> total, losses = loss_function(model)(ids[:, :-1], ids[:, 1:])
    >>> torch.allclose(losses, token_losses(model, ids[:, :-1], ids[:, 1:]), atol=1e-5)
    True
    """
    head = find_head(model)

    def by_chunks(x: torch.Tensor, y: torch.Tensor, *rest: Any, **named: Any) -> Any:
        inputs = model_inputs(model, x, *rest, **named)
        hidden = model.base_model(**inputs)[0]
        assert head is not None
        total, losses = sum_of_losses(hidden.flatten(0, 1), head, y.flatten())
        return total, losses.view_as(y)

    def at_once(*arguments: Any, **named: Any) -> Any:
        losses = token_losses(model, *arguments, **named)
        return losses.sum(), losses.detach()

    return at_once if head is None else by_chunks


@dataclass(frozen=True)
class Head:
    """How logits come of hidden states: ``cap * tanh(hidden @ weight.T / cap)``, or without cap.

    Attributes:
        weight: The output matrix, shape ``(vocab_size, n_embd)``.
        cap: The largest logit, where the model has one.
        masked_ids: Tokens left out of the softmax.
    """

    weight: torch.Tensor
    cap: float | None
    masked_ids: torch.Tensor

    def bend(self, products: torch.Tensor) -> torch.Tensor:
        """Logits of ``hidden @ weight.T``, in its place."""
        if self.cap is not None:
            products.div_(self.cap).tanh_().mul_(self.cap)
        return products.index_fill_(-1, self.masked_ids.to(products.device), -torch.inf)


def find_head(model: PreTrainedModel) -> Head | None:
    """The head of a model, if the model computes what a ``Head`` does: tried with four tokens."""
    output: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(output, torch.nn.Linear) or model.base_model is model:
        return None
    cap = getattr(model.config, "final_logit_softcapping", None)
    head = Head(output.weight, cap, torch.tensor(masked_ids(model), dtype=torch.int64))
    with torch.no_grad(), evaluating(model):
        tokens = torch.arange(4, device=model.device)[None] % model.config.vocab_size
        hidden = model.base_model(input_ids=tokens, use_cache=False)[0]
        found = head.bend(hidden @ head.weight.T)
        # Not model(): accelerate rounds what that gives to the precision of the training.
        expected = type(model).forward(model, input_ids=tokens, use_cache=False).logits
        same = torch.allclose(found, expected, atol=1e-4)
    return head if same else None


def sum_of_losses(
    hidden: torch.Tensor, head: Head, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of the losses of hidden states, and each of them.

    Args:
        hidden: The last hidden states, shape ``(N, n_embd)``.
        head: What makes logits of them.
        targets: Token ids, ``int64`` of shape ``(N,)``; ``IGNORED`` ones have no loss.

    Returns:
        The sum, with gradients to ``hidden`` and ``head.weight``, and the losses, ``float32`` of
        shape ``(N,)``, without. Under autocast the products are of its type, as a linear layer's.
        Cost: ``ROWS`` rows of logits, and a second output matrix for its gradient.
    """
    total, losses = _ChunkedLoss.apply(hidden, head.weight, head, targets)  # type: ignore[no-untyped-call]
    return total, losses


class _ChunkedLoss(torch.autograd.Function):
    """Both directions at once: the gradients of the sum are made in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, head: Head, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else weight.dtype
        with torch.autocast(device, enabled=False):
            low = hidden.to(dtype), weight.to(dtype)
            learn = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
            losses, *gradients = _over_chunks(*low, head, targets, learn)
        ctx.save_for_backward(*gradients)
        ctx.types = hidden.dtype, weight.dtype
        ctx.mark_non_differentiable(losses)
        return losses.sum(), losses

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor, _: Any) -> tuple[torch.Tensor | None, ...]:
        of_hidden, of_weight = ctx.saved_tensors
        found = (of_hidden * scale).to(ctx.types[0]), (of_weight * scale).to(ctx.types[1])
        return *found, None, None


def _over_chunks(
    hidden: torch.Tensor, weight: torch.Tensor, head: Head, targets: torch.Tensor, learn: bool
) -> list[torch.Tensor]:
    """Losses, and if it is to learn the gradients of their sum to ``hidden`` and ``weight``."""
    losses = torch.empty(len(hidden), dtype=torch.float32, device=hidden.device)
    of_hidden, of_weight = torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)
    room = torch.empty(
        min(ROWS, len(hidden)), len(weight), dtype=hidden.dtype, device=hidden.device
    )
    for start in range(0, len(hidden), ROWS):
        rows = slice(start, start + ROWS)
        part = hidden[rows]
        logits = head.bend(torch.mm(part, weight.T, out=room[: len(part)]))
        losses[rows], totals = softmax_(logits, targets[rows], head.cap)
        if learn:
            torch.mm(logits, weight, out=of_hidden[rows])
            of_hidden[rows] /= totals[:, None]
            of_weight += logits.T @ (part / totals[:, None]).to(part.dtype)
    return [losses, of_hidden, of_weight]


def softmax_(
    logits: torch.Tensor, targets: torch.Tensor, cap: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses of rows of logits; the logits become their gradients, up to a factor for each row.

    Args:
        logits: Shape ``(N, vocab_size)``. If they are capped, their gradients are those of what was
            capped.
        targets: ``int64`` of shape ``(N,)``.
        cap: The largest logit.

    Returns:
        The losses, and what a row of gradients is to be divided by, ``float32`` of shape ``(N,)``:
        infinity where the target is ``IGNORED``.
    """
    if logits.device.type == "cpu" and logits.dtype in _KERNELS:
        return _softmax_by_kernel(logits, targets, cap)
    return _softmax_by_torch(logits, targets, cap)


_KERNELS = {torch.float32: "softmax_rows_f32", torch.bfloat16: "softmax_rows_bf16"}


def _softmax_by_kernel(
    logits: torch.Tensor, targets: torch.Tensor, cap: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    if int(targets.max()) >= logits.shape[1]:  # the kernel would write there
        raise InputError(f"token id {int(targets.max())}, but the model has {logits.shape[1]} rows")
    half = logits.dtype == torch.bfloat16
    losses, totals = torch.empty(2, len(logits))
    kernels()[_KERNELS[logits.dtype]](
        (logits.view(torch.uint16) if half else logits).numpy(),
        targets.numpy(),
        *logits.shape,
        np.array([1 / cap if cap else 0], np.float32),
        half,
        losses.numpy(),
        totals.numpy(),
    )
    return losses, totals


def _softmax_by_torch(
    logits: torch.Tensor, targets: torch.Tensor, cap: float | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by operations of torch, for other devices."""
    ignored = targets == IGNORED
    columns = targets.clamp(min=0)[:, None]
    wide = logits.float()
    log_total = wide.logsumexp(dim=1)
    losses = (log_total - wide.gather(1, columns)[:, 0]).masked_fill(ignored, 0)
    gradients = torch.exp(wide - log_total[:, None])
    gradients.scatter_add_(1, columns, -torch.ones_like(gradients[:, :1]))
    if cap is not None:
        gradients *= 1 - (wide / cap).square()
    logits.copy_(gradients)
    return losses, torch.ones_like(losses).masked_fill(ignored, torch.inf)
