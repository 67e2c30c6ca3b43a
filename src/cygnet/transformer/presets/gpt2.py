"""The GPT-2 family: learned positions, LayerNorm, tied embeddings."""

from transformers import GPT2Config

from cygnet.transformer.presets.checks import check_heads
from cygnet.transformer.shapes import DEFAULTS, Shape


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
    check_heads(n_head, n_embd, multiple=1)
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


_DUCKLING, _TINY = (Shape(*DEFAULTS[name]) for name in ("duckling-ii", "tiny-llm"))


def duckling_ii(
    vocab_size: int = 8192,
    *,
    n_layer: int = _DUCKLING.n_layer,
    n_head: int = _DUCKLING.n_head,
    n_embd: int = _DUCKLING.n_embd,
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


def tiny_llm(
    vocab_size: int = 4096,
    *,
    n_layer: int = _TINY.n_layer,
    n_head: int = _TINY.n_head,
    n_embd: int = _TINY.n_embd,
    block_size: int = 256,
    boundary_id: int | None = None,
) -> GPT2Config:
    """The model of the recipe ``tiny-llm``: ``gpt2`` of about 4 M parameters.

    Arguments and errors as for ``gpt2``.

    >>> tiny_llm().n_layer
    4
    """
    shape = {"n_layer": n_layer, "n_head": n_head, "n_embd": n_embd, "block_size": block_size}
    return gpt2(vocab_size, **shape, boundary_id=boundary_id)
