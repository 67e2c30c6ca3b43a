"""Causal attention for training on a CPU: blocks of queries, each with the keys before it.

The products are those of torch, which multiplies matrices of bfloat16 fast where the processor
does; what lies between them is one pass of a kernel over rows that are still in the cache. Half of
the square is never computed.
"""

from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from cygnet.machine_code import kernels

BLOCKED = "cygnet_blocked"
"""The name under which ``transformers`` knows it, for ``attn_implementation``."""
QUERIES = 256
"""In a block: fewer leave out more of the square, and make smaller products."""
NOT_PLAIN = ("softcap", "s_aux", "position_bias")
"""What some models give their attention beside queries, keys and values."""
_SUFFIX = {torch.float32: "f32", torch.bfloat16: "bf16"}


def blocked_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as ``transformers`` calls it; what is not plain causal attention goes to ``sdpa``.

    Args:
        module: The attention layer.
        query: Shape ``(B, n_head, T, d)``, ``float32`` or ``bfloat16``.
        key, value: Shape ``(B, n_key_value_heads, T, d)``.
        attention_mask: None where every token sees those before it.
        dropout: Of the weights.
        scaling: What scores are multiplied with; ``d ** -0.5`` by default.
        others: What else ``sdpa`` takes.

    Returns:
        Shape ``(B, T, n_head, d)``, and no weights. Cost: ``B * n_head * T * T`` weights are kept
        for the backward pass, in the type of ``query``, a little more than half of them.
    """
    plain = attention_mask is None and not dropout and query.shape[2] == key.shape[2] > 1
    plain = plain and getattr(module, "is_causal", True) and others.get("is_causal") is not False
    plain = plain and all(others.get(name) is None for name in NOT_PLAIN)
    if not plain or query.device.type != "cpu" or query.dtype not in _SUFFIX:
        others |= {"dropout": dropout, "scaling": scaling}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **others)
    # Rotary positions may leave queries and keys in float32 and values as autocast made them.
    query, key = query.to(value.dtype), key.to(value.dtype)
    n_repeats = query.shape[1] // key.shape[1]
    key, value = (part.repeat_interleave(n_repeats, dim=1) for part in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    parts = (part.reshape(-1, *part.shape[2:]) for part in (query, key, value))
    output = _BlockedAttention.apply(*parts, scale)  # type: ignore[no-untyped-call]
    return output.view(query.shape).transpose(1, 2), None


class _BlockedAttention(torch.autograd.Function):
    """On shapes ``(B * n_head, T, d)``."""

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        output, kept = torch.empty_like(query), []
        with torch.autocast("cpu", enabled=False):
            for rows in _blocks(query.shape[1]):
                seen = slice(0, rows.stop)
                weights = query[:, rows] @ key[:, seen].transpose(1, 2)
                totals = _run("causal_weights", weights, scale=scale)
                torch.bmm(weights, value[:, seen], out=output[:, rows])
                output[:, rows] /= totals[:, :, None]
                kept += [weights, totals]
        ctx.save_for_backward(query, key, value, *kept)
        ctx.scale = scale
        return output

    @staticmethod
    def backward(ctx: Any, of_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        query, key, value, *kept = ctx.saved_tensors
        of_query = torch.empty_like(query)
        of_key, of_value = torch.zeros(2, *key.shape)
        for number, rows in enumerate(_blocks(query.shape[1])):
            weights, totals = kept[2 * number : 2 * number + 2]
            seen, change = slice(0, rows.stop), of_output[:, rows]
            of_scores = change @ value[:, seen].transpose(1, 2)
            _run("causal_gradients", weights, of_scores, scale=ctx.scale, totals=totals)
            torch.bmm(of_scores, key[:, seen], out=of_query[:, rows])
            of_key[:, seen] += of_scores.transpose(1, 2) @ query[:, rows]
            shares = (change / totals[:, :, None]).to(change.dtype)
            of_value[:, seen] += weights.transpose(1, 2) @ shares
        return of_query, of_key.to(key.dtype), of_value.to(value.dtype), None


def _blocks(n_tokens: int) -> list[slice]:
    return [slice(at, min(at + QUERIES, n_tokens)) for at in range(0, n_tokens, QUERIES)]


def _run(
    name: str, *matrices: torch.Tensor, scale: float, totals: torch.Tensor | None = None
) -> torch.Tensor:
    """Run a kernel on matrices of the same shape, in place; gives the totals of their rows."""
    dtype, shape = matrices[0].dtype, matrices[0].shape
    half = dtype == torch.bfloat16
    totals = torch.empty(shape[:2]) if totals is None else totals
    kernels()[f"{name}_{_SUFFIX[dtype]}"](
        *((matrix.view(torch.uint16) if half else matrix).numpy() for matrix in matrices),
        *shape,
        np.array([scale], np.float32),
        half,
        totals.numpy(),
    )
    return totals


AttentionInterface.register(BLOCKED, blocked_attention)
AttentionMaskInterface.register(BLOCKED, sdpa_mask)
