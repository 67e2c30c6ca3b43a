"""The nanochat family, by one dial: rotary positions, QK norm, relu^2, untied embeddings."""

from transformers import NanoChatConfig

from cygnet.transformer.presets.checks import check_heads


def nanochat(
    vocab_size: int,
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    boundary_id: int | None = None,
) -> NanoChatConfig:
    """nanochat's model of October 2025; ``nanochat_shape`` derives its shape from the depth.

    RMSNorm without weights, relu^2 of four times the width, no biases, logits capped at 15.

    Arguments and errors as for ``gpt2``; a head must have an even width.

    Source: karpathy/nanochat, nanochat/gpt.py. Later versions of that file have value embeddings
    and windows of attention, which ``NanoChatConfig`` does not.

    >>> from dataclasses import asdict
    >>> from cygnet.transformer.shapes import nanochat_shape
    >>> config = nanochat(65_536, **asdict(nanochat_shape(20)), block_size=2048)
    >>> config.intermediate_size, config.num_key_value_heads, config.pad_token_id
    (5120, 10, None)
    """
    check_heads(n_head, n_embd, multiple=2)
    return NanoChatConfig(
        vocab_size=vocab_size,
        hidden_size=n_embd,
        intermediate_size=4 * n_embd,
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        num_key_value_heads=n_head,
        max_position_embeddings=block_size,
        bos_token_id=boundary_id,
        eos_token_id=boundary_id,
        # Its default is 1, and the row of a padding token gets no gradient.
        pad_token_id=None,
    )
