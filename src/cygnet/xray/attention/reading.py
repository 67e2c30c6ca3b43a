"""Taking attention weights out of a model, and leaving it as it is."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, open_model
from cygnet.transformer.decoding import context_length
from cygnet.xray.attention.result import Attention, Weights
from cygnet.xray.token_table import TokenTable

MOST_BYTES = 1 << 28


def attention(
    model: PreTrainedModel | str | Path,
    tokenizer: Any = None,
    text: str = "",
    *,
    max_tokens: int | None = None,
) -> Attention:
    """What each token of a text looks at, in every layer and head.

    Args:
        model: A run folder, the folder of any causal model of ``transformers``, or a model,
            whatever computes its attention. It is not changed, and may be in use elsewhere.
        tokenizer: By default the one in the folder. Of cygnet, ``transformers`` (fast),
            ``tokenizers`` or ``tiktoken``.
        text: Any string. Of one that is too long, the end is read: its last tokens, without the
            boundary token before them.
        max_tokens: The most to read. By default as many as have weights of 256 MB; never more than
            the context.

    Returns:
        The weights that the model computes in evaluation mode, in its own precision. Of a model in
        which few layers have attention, those layers.

    Raises:
        InputError: There is no model, no tokenizer, or nothing to read; the model gives no weights.

    Cost: a pass of the model over the text, and memory for its weights two to three times.

    >>> from cygnet import Tokenizer
    >>> from cygnet.transformer.presets import gpt2
    >>> from transformers import GPT2LMHeadModel
    >>> config = gpt2(257, n_layer=2, n_head=2, n_embd=8, block_size=16, boundary_id=256)
    >>> found = attention(GPT2LMHeadModel(config), Tokenizer([]), "hi")
    >>> found.texts, found.weights.shape, found.weights[0, 0, 0].tolist()
    (['<|endoftext|>', 'h', 'i'], (2, 2, 3, 3), [1.0, 0.0, 0.0])
    """
    model, tokenizer = open_model(model, tokenizer)
    return attention_of_ids(model, tokenizer, tokenizer.encode(text), max_tokens=max_tokens)


def attention_of_ids(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    ids: Sequence[int],
    *,
    max_tokens: int | None = None,
) -> Attention:
    """``attention`` of a text that is tokens already, without the boundary before it."""
    check_vocabulary(model, tokenizer)
    boundary = [] if tokenizer.boundary_id is None else [tokenizer.boundary_id]
    read = [*boundary, *ids]
    if not read:
        raise InputError("there is no token to look at: the text is empty")
    kept = read[-_most_tokens(model, max_tokens) :]
    n_before = len(boundary) if len(kept) == len(read) else 0
    return Attention(
        TokenTable(tokenizer).trace(kept).tokens,
        _read(model, kept),
        n_before=n_before,
        n_dropped=n_before + len(ids) - len(kept),
    )


def _most_tokens(model: PreTrainedModel, asked: int | None) -> int:
    if asked is not None and asked < 1:
        raise InputError(f"max_tokens must be at least 1, found {asked}")
    config = model.config.get_text_config(decoder=True)
    n_maps = config.num_hidden_layers * getattr(config, "num_attention_heads", 1)
    most = asked or int((MOST_BYTES / (4 * n_maps)) ** 0.5)
    return min(most, context_length(model) or most)


def _read(model: PreTrainedModel, ids: list[int]) -> Weights:
    found = _ask(_eager_twin(model), ids)
    shapes = {tuple(layer.shape[1:]) for layer in found}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise InputError(
            f"{type(model).__name__} gives no attention weights of one shape for all layers, found"
            f" {sorted(shapes) or 'none'}: take a model with plain attention"
        )
    weights = np.stack([layer[0].float().cpu().numpy() for layer in found])
    if any(np.triu(layer, 1).any() for layer in weights):
        raise InputError(
            f"a token of {type(model).__name__} looks at those behind it: it is no causal model"
        )
    return weights


@torch.inference_mode()
def _ask(model: PreTrainedModel, ids: list[int]) -> list[torch.Tensor]:
    """What each layer with attention gives, shape ``(1, n_head, T, T)``."""
    input_ids = torch.tensor([ids], device=model.device)
    output: Any = model(input_ids=input_ids, output_attentions=True, use_cache=False)
    found = getattr(output, "attentions", None) or ()
    return [layer for layer in found if layer is not None]


def _eager_twin(model: PreTrainedModel) -> PreTrainedModel:
    """The same model with attention that gives its weights; parameters and buffers are shared.

    Only ``eager`` attention keeps weights. Switched in the model itself, it would be switched
    under a generation that is going on in another thread, whose masks are of another kind; and
    ``transformers`` leaves hooks in a model that was asked for attention, for good. Hooks are
    called as in the model.
    """
    memo: dict[int, Any] = {id(part): part for part in (*model.parameters(), *model.buffers())}
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            memo[id(hooks)] = copy.copy(hooks)
    twin = copy.deepcopy(model, memo)
    twin.train(False)
    twin.set_attn_implementation("eager")
    return twin
