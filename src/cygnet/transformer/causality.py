"""Whether a model from elsewhere looks only where it may: a probe before it is trained."""

import inspect

import torch
from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.attention import model_inputs
from cygnet.transformer.model import evaluating

HALF = 4
ROUNDING = 1e-5


def takes_any_attention(model: PreTrainedModel) -> bool:
    """Whether a model computes the same with any attention: not where it caps the scores, or adds
    to them what only its own (``eager``) knows of."""
    return model._supports_sdpa and not getattr(model.config, "attn_logit_softcapping", None)


def check_attention(model: PreTrainedModel, block_size: int, packed: bool) -> None:
    """Refuse a model in which a token sees a later one, or in packed rows another document.

    Args:
        model: Any model of ``transformers`` with its first weights, and with ``eager`` attention:
            others are causal by themselves.
        block_size: Tokens in the rows that it is to be trained on.
        packed: Whether its rows hold several documents.

    Raises:
        InputError: It does, or it cannot be told where documents are.

    Cost: two passes over eight tokens, twice as many for packed rows.
    """
    if not _ignores_the_other_half(model, slice(0, HALF), packed=False):
        raise InputError(
            f"a token of {type(model).__name__} sees those behind it, so that it cannot be trained"
            " to predict them: some configs need is_decoder"
        )
    if packed:
        _check_packed(model, block_size)


def _check_packed(model: PreTrainedModel, block_size: int) -> None:
    remedy = "the order packed, which keeps attention inside documents: take epoch or random"
    name = type(model).__name__
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise InputError(f"{name} takes no position_ids and cannot be trained with {remedy}")
    window = getattr(model.config, "sliding_window", None)
    if window is not None and window < block_size:
        raise InputError(
            f"{name} has a sliding window of {window:,} tokens, fewer than block_size"
            f" {block_size:,}, which is lost with {remedy}"
        )
    for half in (slice(0, HALF), slice(HALF, 2 * HALF)):
        if not _ignores_the_other_half(model, half, packed=True):
            raise InputError(f"a token of {name} sees other documents of its row with {remedy}")


def _ignores_the_other_half(model: PreTrainedModel, half: slice, packed: bool) -> bool:
    """Whether the logits of half a row stay the same with any tokens in the other.

    Up to rounding: a mixture of experts sorts tokens into products of other sizes.
    """
    one, other = (_logits(model, half, token, packed) for token in (0, 1))
    return torch.allclose(one, other, rtol=0, atol=ROUNDING * float(one.abs().max()))


@torch.inference_mode()
def _logits(model: PreTrainedModel, half: slice, other: int, packed: bool) -> torch.Tensor:
    """The logits of half a row in which all tokens of the other half are ``other``."""
    x = torch.full((1, 2 * HALF), other)
    x[:, half] = torch.arange(HALF) % 2
    documents = torch.arange(2 * HALF)[None] // HALF
    positions = torch.arange(2 * HALF)[None] % HALF
    rows = (x, positions, documents) if packed else (x,)
    with evaluating(model):
        logits: torch.Tensor = model(**model_inputs(model, *rows)).logits[:, half]
    return logits
