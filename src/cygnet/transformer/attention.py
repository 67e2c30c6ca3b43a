"""Attention that stays inside documents, for rows that hold several."""

from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from cygnet.tokens.batch import Batch

Rows = dict[str, torch.Tensor]


def document_mask(document_ids: torch.Tensor, kind: torch.dtype = torch.bool) -> torch.Tensor:
    """Which token may look at which: at itself and those before it, of its own document.

    Args:
        document_ids: The document of each token, integers of shape ``(B, T)``. Padding is a
            document of its own, so that every token has something to look at.
        kind: ``torch.bool`` for a mask that is true where a token may look, as PyTorch's fused
            attention takes it; a float type for one that is added to the scores, 0 or its lowest
            value, as ``attn_implementation="eager"`` does.

    Returns:
        A mask of shape ``(B, 1, T, T)``: an ``attention_mask`` that ``transformers`` passes on as
        it is. Cost: ``B * T * T`` values.

    >>> document_mask(torch.tensor([[7, 7, 8]]))[0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    """
    n_tokens = document_ids.shape[1]
    same = document_ids[:, :, None] == document_ids[:, None, :]
    return as_mask(same.tril().view(-1, 1, n_tokens, n_tokens), kind)


def as_mask(allowed: torch.Tensor, kind: torch.dtype) -> torch.Tensor:
    """Which token may look at which, as ``document_mask`` gives it in either type."""
    if kind == torch.bool:
        return allowed
    lowest = torch.finfo(kind).min
    return torch.zeros(allowed.shape, dtype=kind, device=allowed.device).masked_fill(
        ~allowed, lowest
    )


def to_tensors(batch: Batch) -> Rows:
    """A batch as tensors that share its memory: ``x``, ``y`` and, of packed rows, ``positions`` and
    ``document_ids``."""
    arrays: dict[str, Any] = {"x": batch.x, "y": batch.y}
    if batch.positions is not None and batch.document_ids is not None:
        arrays |= {"positions": batch.positions, "document_ids": batch.document_ids}
    return {name: torch.from_numpy(np.asarray(array)) for name, array in arrays.items()}


def model_inputs(
    model: torch.nn.Module,
    x: torch.Tensor,
    positions: torch.Tensor | None = None,
    document_ids: torch.Tensor | None = None,
) -> dict[str, Any]:
    """What a model of ``transformers`` is called with: with ``positions`` and ``document_ids``, as
    in ``Batch``, so that no token sees another document."""
    inputs: dict[str, Any] = {"input_ids": x, "use_cache": False}
    if document_ids is not None:
        assert isinstance(model, PreTrainedModel)
        adds = model.config._attn_implementation == "eager"
        kind = model.dtype if adds else torch.bool
        inputs["attention_mask"] = document_mask(document_ids, kind)
        inputs["position_ids"] = positions
    return inputs
