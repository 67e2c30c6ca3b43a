"""The Llama family: rotary positions, RMSNorm, SwiGLU."""

from transformers import LlamaConfig

from cygnet.transformer.presets.checks import check_heads


def llama(
    vocab_size: int,
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    boundary_id: int | None = None,
) -> LlamaConfig:
    """A Llama-shaped model: rotary positions, RMSNorm, SwiGLU of 8/3 the width, tied embeddings.

    It learns to repeat a name from earlier in the text sooner than ``gpt2`` does; to compare:
    ``cygnet run demo --transformer.preset gpt2 --out runs/gpt2``.

    Arguments and errors as for ``gpt2``; a head must have an even width.

    >>> llama(2048, n_layer=3, n_head=4, n_embd=256, block_size=256).intermediate_size
    704
    """
    check_heads(n_head, n_embd, multiple=2)
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=n_embd,
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        # A multiple of 32, so that rows fill whole vector registers.
        intermediate_size=-(-8 * n_embd // 3 // 32) * 32,
        max_position_embeddings=block_size,
        tie_word_embeddings=True,
        bos_token_id=boundary_id,
        eos_token_id=boundary_id,
    )
