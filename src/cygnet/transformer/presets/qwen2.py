"""The Qwen2.5 family: rotary positions, RMSNorm, SwiGLU, grouped-query attention, q/k/v biases."""

from transformers import Qwen2Config

from cygnet.transformer.presets.checks import check_heads


def qwen2_5(
    vocab_size: int,
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    boundary_id: int | None = None,
    n_kv_head: int | None = None,
    intermediate_size: int | None = None,
    tie_word_embeddings: bool = True,
) -> Qwen2Config:
    """A Qwen2.5-shaped model; RoPE with theta 1,000,000, no dropout.

    Args:
        vocab_size, n_layer, n_head, n_embd, block_size, boundary_id: As for ``gpt2``; a head must
            have an even width.
        n_kv_head: Heads of keys and values, each shared by several query heads; by default about
            one for six, the ratio of 0.5b (7), 1.5b (6) and 7b (7).
        intermediate_size: Width of the feed-forward; by default 16/3 of ``n_embd``, as the
            published ones have about, up to a multiple of 128.
        tie_word_embeddings: Whether input and output embeddings are one matrix.

    Raises:
        InputError: ``n_head`` does not divide ``n_embd`` into heads of even width.

    Source: arXiv:2412.15115, and the ``config.json`` of Qwen/Qwen2.5-0.5B.

    >>> config = qwen2_5(8192, n_layer=12, n_head=12, n_embd=768, block_size=1024)
    >>> config.num_key_value_heads, config.intermediate_size, config.rope_parameters["rope_theta"]
    (2, 4096, 1000000.0)
    """
    check_heads(n_head, n_embd, multiple=2)
    return Qwen2Config(
        vocab_size=vocab_size,
        hidden_size=n_embd,
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        num_key_value_heads=n_kv_head or _few_kv_heads(n_head),
        intermediate_size=intermediate_size or -(-16 * n_embd // 3 // 128) * 128,
        max_position_embeddings=block_size,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=tie_word_embeddings,
        bos_token_id=boundary_id,
        eos_token_id=boundary_id,
    )


def _few_kv_heads(n_head: int) -> int:
    """The most heads that divide the query heads into groups of at least six, or one."""
    return max((n for n in range(1, n_head // 6 + 1) if n_head % n == 0), default=1)
