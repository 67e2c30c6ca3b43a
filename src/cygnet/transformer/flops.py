"""How much arithmetic a model asks for, to compare a training with what a machine can do."""

import copy

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig


def flops_per_token(config: PretrainedConfig, block_size: int) -> int | None:
    """Floating-point operations of a training step for one token, forward and backward.

    ``6 * n + 12 * n_layer * width * block_size``: a weight multiplies and adds once on the way
    forward and twice on the way back; the scores of attention and their product with the values are
    two more products, of ``block_size`` by the width of all heads together. ``n`` counts all
    parameters but those that are only looked up (embeddings of tokens and positions); a matrix that
    is tied to the output head counts, as the head. As in PaLM (Chowdhery et al. 2022, appendix B),
    scores above the diagonal count, whether or not they are computed.

    Args:
        config: Of any causal language model of ``transformers``.
        block_size: Tokens in a row.

    Returns:
        None for an architecture whose attention is described in other terms. Every expert of a
        mixture counts.

    Cost: the model is laid out without memory for its weights, some milliseconds.

    >>> from cygnet.transformer.presets import duckling_ii
    >>> n_looked_up = 512 * 128  # positions; the token matrix is the head as well
    >>> flops_per_token(duckling_ii(), 512) == 6 * (1510912 - n_looked_up) + 12 * 2 * 128 * 512
    True
    """
    n_layer, n_head = (
        getattr(config, name, None) for name in ("num_hidden_layers", "num_attention_heads")
    )
    if not isinstance(n_layer, int) or not isinstance(n_head, int):
        return None
    head_width: int = getattr(config, "head_dim", None) or config.hidden_size // n_head
    return 6 * _n_multiplied(config) + 12 * n_layer * n_head * head_width * block_size


def _n_multiplied(config: PretrainedConfig) -> int:
    """Parameters that every token is multiplied by."""
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(copy.deepcopy(config))  # type: ignore[no-untyped-call]
    head = model.get_output_embeddings().weight
    looked_up = {
        id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)
    } - {id(head)}
    return sum(weight.numel() for weight in model.parameters() if id(weight) not in looked_up)
