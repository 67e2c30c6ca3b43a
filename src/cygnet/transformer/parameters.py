"""What a model consists of, without making it: parameters by part, and its shape."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig


@dataclass(frozen=True)
class Parameters:
    """How many parameters a model has, by part.

    Attributes:
        embedding: Token embeddings.
        head: The output matrix; 0 where it is that of the embeddings.
        layers: All layers.
        positions: Learned positions.
        other: The norm behind the layers.
    """

    embedding: int
    head: int
    layers: int
    positions: int
    other: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(vars(self).values())

    @property
    def multiplied(self) -> int:
        """Those that a token is multiplied with, rather than looked up in."""
        lookups = self.positions + (self.embedding if self.head else 0)
        return self.total - lookups


def shape_of(config: PretrainedConfig) -> dict[str, int]:
    """Layers, heads, width of a head, width, vocabulary; without heads where there are none."""
    n_head = getattr(config, "num_attention_heads", 0)
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // max(1, n_head)
    return {
        "n_layer": config.num_hidden_layers,
        "n_head": n_head,
        "head_dim": head_dim,
        "n_embd": config.hidden_size,
        "vocab_size": config.vocab_size,
    }


def count_parameters(config: PretrainedConfig) -> Parameters:
    """The parameters of a model, by part.

    Cost: the model is laid out without memory for its weights, some milliseconds.

    >>> from cygnet.transformer.presets import gpt2
    >>> found = count_parameters(gpt2(50257, n_layer=12, n_head=12, n_embd=768, block_size=1024))
    >>> found.total, found.embedding, found.head, found.positions
    (124439808, 38597376, 0, 786432)
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            copy.deepcopy(config)
        )
    embedding = model.get_input_embeddings().weight
    head = model.get_output_embeddings().weight
    sizes = dict.fromkeys(("embedding", "head", "layers", "positions", "other"), 0)
    for name, parameter in model.named_parameters():
        sizes[_part(name, parameter, embedding, head)] += parameter.numel()
    return Parameters(**sizes)


def _part(name: str, parameter: Any, embedding: Any, head: Any) -> str:
    if parameter is embedding:
        return "embedding"
    if parameter is head:
        return "head"
    if any(piece.isdigit() for piece in name.split(".")):
        return "layers"
    return "positions" if name.split(".")[-2] in ("wpe", "embed_positions") else "other"
