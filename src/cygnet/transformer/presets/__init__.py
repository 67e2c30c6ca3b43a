"""Model shapes as functions that return a ``transformers`` config.

A family (``gpt2``, ``llama``, ``qwen2_5``, ``nanochat``) takes any shape; a published size has one,
and takes only the vocabulary: ``PRESETS["gpt2-small"](50257)``. Any other causal model is a
``config.json``: ``config_file.read_config``.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from transformers import PretrainedConfig

from cygnet.errors import InputError
from cygnet.recipe import TransformerOptions
from cygnet.transformer.presets.config_file import read_config
from cygnet.transformer.presets.gpt2 import duckling_ii, gpt2, tiny_llm
from cygnet.transformer.presets.llama import llama
from cygnet.transformer.presets.nanochat import nanochat
from cygnet.transformer.presets.qwen2 import qwen2_5
from cygnet.transformer.shapes import PUBLISHED, Shape, find_shape

__all__ = ["PRESETS", "duckling_ii", "gpt2", "llama", "make_config", "nanochat", "qwen2_5",
           "read_config", "tiny_llm"]  # fmt: skip

QWEN2_5: dict[str, dict[str, Any]] = {
    "qwen2.5-0.5b": {"n_kv_head": 2, "intermediate_size": 4864, "block_size": 32_768},
    "qwen2.5-1.5b": {"n_kv_head": 2, "intermediate_size": 8960, "block_size": 131_072},
    "qwen2.5-7b": {
        "n_kv_head": 4,
        "intermediate_size": 18_944,
        "block_size": 131_072,
        "tie_word_embeddings": False,
    },
}
"""What else the ``config.json`` of Qwen/Qwen2.5-0.5B, -1.5B and -7B say."""


def _published(name: str) -> Callable[..., PretrainedConfig]:
    shape = asdict(Shape(*PUBLISHED[name]))
    if name in QWEN2_5:
        return partial(qwen2_5, **shape, **QWEN2_5[name])
    return partial(gpt2, **shape, block_size=1024)


PRESETS: dict[str, Callable[..., PretrainedConfig]] = {
    "gpt2": gpt2,
    "llama": llama,
    "qwen2.5": qwen2_5,
    "nanochat": nanochat,
    "tiny-llm": tiny_llm,
    "duckling-ii": duckling_ii,
    **{name: _published(name) for name in PUBLISHED},
}


def make_config(
    options: TransformerOptions, vocab_size: int, boundary_id: int | None = None
) -> PretrainedConfig:
    """The config that a recipe asks for: by ``config``, by ``preset`` and ``depth``, or by numbers.

    Args:
        options: The section of the recipe.
        vocab_size: Rows of the tokenizer, dead ones included.
        boundary_id: The token that begins and ends a document.

    Raises:
        InputError: The shape is incomplete or contradicts itself, a field of the file is unknown,
            or ``block_size`` is longer than the context of the model.
    """
    if options.config is not None:
        config = read_config(options.config, vocab_size, boundary_id)
    else:
        config = _by_preset(options, vocab_size, boundary_id)
    if options.tie_embeddings is not None:
        config.tie_word_embeddings = options.tie_embeddings
    longest = getattr(config, "max_position_embeddings", None)
    if longest is not None and options.block_size > longest:
        raise InputError(
            f"block_size {options.block_size:,} is longer than the context of"
            f" {options.config or options.preset}, {longest:,} tokens: take at most that"
        )
    return config


def _by_preset(
    options: TransformerOptions, vocab_size: int, boundary_id: int | None
) -> PretrainedConfig:
    shape: dict[str, int] = asdict(find_shape(options))
    if shape["n_layer"] < 1:
        raise InputError(f"n_layer must be at least 1, found {shape['n_layer']}")
    if options.preset in PUBLISHED:
        return PRESETS[options.preset](vocab_size, boundary_id=boundary_id)
    build = PRESETS[options.preset]
    return build(vocab_size, **shape, block_size=options.block_size, boundary_id=boundary_id)
