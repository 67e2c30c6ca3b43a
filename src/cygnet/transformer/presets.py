"""Model shapes as functions that return a ``transformers`` config."""

from transformers import GPT2Config


def gpt2(
    vocab_size: int,
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    boundary_id: int | None = None,
) -> GPT2Config:
    """A GPT-2-shaped model: learned positions, pre-norm, tied embeddings; without dropout.

    Args:
        vocab_size: Rows of the embedding.
        n_layer, n_head, n_embd: Layers, heads per layer, width.
        block_size: Longest context, in tokens.
        boundary_id: The token that begins and ends a document.

    Raises:
        ValueError: ``n_head`` does not divide ``n_embd``.

    >>> config = gpt2(4096, n_layer=4, n_head=4, n_embd=256, block_size=256)
    >>> config.n_positions, config.tie_word_embeddings
    (256, True)
    """
    if n_embd % n_head:
        raise ValueError(f"n_head {n_head} does not divide n_embd {n_embd}")
    return GPT2Config(
        vocab_size=vocab_size,
        n_positions=block_size,
        n_embd=n_embd,
        n_layer=n_layer,
        n_head=n_head,
        # The tanh form that GPT-2 uses, as one fused operation.
        activation_function="gelu_pytorch_tanh",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=boundary_id,
        eos_token_id=boundary_id,
    )
