"""How much arithmetic a model asks for, to compare a training with what a machine can do."""

from transformers import PretrainedConfig

from cygnet.transformer.parameters import count_parameters, shape_of

FORMULA = (
    "6 N + 12 L H Q T, N: parameters less those looked up (positions, and token embeddings"
    " that are not the head too), L layers, H heads of width Q, T tokens of context"
)


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
    if not all(hasattr(config, name) for name in ("num_hidden_layers", "num_attention_heads")):
        return None
    shape = shape_of(config)
    attention = 12 * shape["n_layer"] * shape["n_head"] * shape["head_dim"] * block_size
    return 6 * count_parameters(config).multiplied + attention
