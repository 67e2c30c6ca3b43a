"""What a training will take, before it is begun: tokens, text, disk, memory, hours."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig

from cygnet.errors import InputError
from cygnet.transformer.accelerators import ACCELERATORS
from cygnet.transformer.footprint import FORMULA as MEMORY_FORMULA
from cygnet.transformer.footprint import Memory, training_memory

FLOPS_FORMULA = (
    "6 N + 12 L H Q T, N: parameters less those looked up (positions, and token embeddings"
    " that are not the head too), L layers, H heads of width Q, T tokens of context"
)
SHARD_CHARACTERS, SHARD_BYTES = 250e6, 100e6
"""Of a parquet shard of nanochat's text, about. Source: its speedrun.sh."""
KEPT_CHECKPOINTS = 2


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


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What a plan takes as given."""

    block_size: int
    """Context, in tokens."""
    batch_size: int = 32
    """Rows that one device computes at a time."""
    tokens_per_parameter: float = 20
    """Hoffmann et al. 2022 (Chinchilla, arXiv:2203.15556)."""
    characters_per_token: float = 4.8
    """nanochat's, for English web text and its 65,536 tokens."""
    utilisation: float = 0.4
    """Share of the peak that is reached; nanochat's d34 reached 0.474 on eight H100."""
    devices: int = 1
    """That share the batch."""

    def check(self) -> None:
        """Raise an ``InputError`` where a number is out of its range."""
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"{name} must be above 0, found {value}")
        if self.utilisation > 1:
            raise InputError(f"utilisation is a share of the peak, found {self.utilisation}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training takes.

    Attributes:
        shape: Layers, heads, width, vocabulary of the model.
        parameters: By part.
        flops_per_token: Forward and back.
        tokens: To train on.
        flops: For all of them.
        characters, shards: Of text; of parquet shards of nanochat's kind.
        text_bytes, shard_bytes: On disk: plain, and in such shards.
        token_bytes: Token files.
        checkpoint_bytes: Of the checkpoints that are kept.
        memory: While a step is computed.
        hours: On each accelerator.
        measured_flops: FLOPs per second of this machine, where it was measured.
    """

    shape: dict[str, int]
    assumptions: Assumptions
    parameters: Parameters
    flops_per_token: int
    tokens: int
    memory: Memory
    measured_flops: float | None = None

    @property
    def flops(self) -> float:
        """FLOPs of the whole training."""
        return float(self.flops_per_token) * self.tokens

    @property
    def characters(self) -> float:
        """Characters of text, each about a byte in English."""
        return self.tokens * self.assumptions.characters_per_token

    @property
    def shards(self) -> int:
        """Parquet shards of nanochat's text, less what its loader may drop."""
        return math.ceil(self.characters / SHARD_CHARACTERS)

    @property
    def disk(self) -> dict[str, float]:
        """Bytes on disk."""
        width = 2 if self.shape["vocab_size"] <= 1 << 16 else 4
        return {
            "text": self.characters,
            "text_in_shards": self.shards * SHARD_BYTES,
            "token_files": self.tokens * width,
            "checkpoints": KEPT_CHECKPOINTS * 12 * self.parameters.total,
        }

    @property
    def hours(self) -> dict[str, float]:
        """Hours on each accelerator, and on this machine where it was measured."""
        share = self.assumptions.utilisation * self.assumptions.devices
        found = {
            name: self.flops / (device.flops * share) / 3600
            for name, device in ACCELERATORS.items()
        }
        if self.measured_flops is not None:
            found["this machine"] = self.flops / self.measured_flops / 3600
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON; the formulas too."""
        return {
            "shape": self.shape,
            "assumptions": asdict(self.assumptions),
            "parameters": {**asdict(self.parameters), "total": self.parameters.total},
            "flops_per_token": self.flops_per_token,
            "tokens": self.tokens,
            "flops": self.flops,
            "characters": self.characters,
            "shards": self.shards,
            "disk_bytes": self.disk,
            "memory_bytes": {**asdict(self.memory), "total": self.memory.total},
            "measured_flops": self.measured_flops,
            "hours": self.hours,
            "formulas": {"flops_per_token": FLOPS_FORMULA, "memory_bytes": MEMORY_FORMULA},
        }


def make_plan(
    config: PretrainedConfig, assumptions: Assumptions, measured_flops: float | None = None
) -> Plan:
    """What a model of this config takes to train.

    Args:
        config: Any causal language model of ``transformers``.
        assumptions: What is taken as given.
        measured_flops: FLOPs per second of this machine, from ``measure_flops``.

    Cost: the model is made without memory for its weights, in about 0.1 s.

    >>> from cygnet.transformer.presets import duckling_ii
    >>> plan = make_plan(duckling_ii(), Assumptions(block_size=512))
    >>> plan.parameters.total, plan.tokens
    (1510912, 30218240)
    """
    assumptions.check()
    parameters = count_parameters(config)
    return Plan(
        shape=shape_of(config),
        assumptions=assumptions,
        parameters=parameters,
        flops_per_token=flops_per_token(config, parameters, assumptions.block_size),
        tokens=round(assumptions.tokens_per_parameter * parameters.total),
        memory=training_memory(
            config, parameters.total, assumptions.batch_size, assumptions.block_size
        ),
        measured_flops=measured_flops,
    )


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

    >>> from cygnet.transformer.presets import gpt2
    >>> found = count_parameters(gpt2(50257, n_layer=12, n_head=12, n_embd=768, block_size=1024))
    >>> found.total, found.embedding, found.head, found.positions
    (124439808, 38597376, 0, 786432)
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
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


def flops_per_token(config: PretrainedConfig, parameters: Parameters, block_size: int) -> int:
    """FLOPs of a token, forward and back, as PaLM (arXiv:2204.02311, B) and nanochat count them.

    Every parameter that it is multiplied with takes 2 forward and 4 back; so does each pair of
    values of queries and keys, and of weights and values, over the whole context.

    >>> from cygnet.transformer.presets import duckling_ii
    >>> flops_per_token(duckling_ii(), count_parameters(duckling_ii()), 512)
    10245120
    """
    shape = shape_of(config)
    attention = 12 * shape["n_layer"] * shape["n_head"] * shape["head_dim"] * block_size
    return 6 * parameters.multiplied + attention
