"""Model shapes as functions that return a ``transformers`` config."""

from transformers import GPT2Config, LlamaConfig

from cygnet.errors import InputError


def gpt2(
    vocab_size: int,
    *,
    n_layer: int,
    n_head: int,
    n_embd: int,
    block_size: int,
    boundary_id: int | None = None,
) -> GPT2Config:
    """A GPT-2-shaped model: learned positions, LayerNorm, tied embeddings; without dropout.

    Args:
        vocab_size: Rows of the embedding.
        n_layer, n_head, n_embd: Layers, heads per layer, width.
        block_size: Longest context, in tokens.
        boundary_id: The token that begins and ends a document.

    Raises:
        InputError: ``n_head`` does not divide ``n_embd``.

    >>> config = gpt2(4096, n_layer=4, n_head=4, n_embd=256, block_size=256)
    >>> config.n_positions, config.tie_word_embeddings
    (256, True)
    """
    _check_heads(n_head, n_embd, multiple=1)
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
    _check_heads(n_head, n_embd, multiple=2)
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


def duckling_ii(
    vocab_size: int = 8192,
    *,
    n_layer: int = 2,
    n_head: int = 2,
    n_embd: int = 128,
    block_size: int = 512,
    boundary_id: int | None = None,
) -> GPT2Config:
    """The reference model of the dead token experiments: ``gpt2`` with the exact gelu.

    Arguments and errors as for ``gpt2``.

    >>> from transformers import GPT2LMHeadModel
    >>> GPT2LMHeadModel(duckling_ii()).num_parameters()
    1510912
    """
    shape = {"n_layer": n_layer, "n_head": n_head, "n_embd": n_embd, "block_size": block_size}
    config = gpt2(vocab_size, **shape, boundary_id=boundary_id)
    config.activation_function = "gelu"
    return config


PRESETS = {"gpt2": gpt2, "llama": llama, "duckling-ii": duckling_ii}


def _check_heads(n_head: int, n_embd: int, multiple: int) -> None:
    if n_head < 1 or n_embd % (n_head * multiple):
        width = "" if multiple == 1 else " into heads of even width"
        raise InputError(f"n_head {n_head} does not divide n_embd {n_embd}{width}")
