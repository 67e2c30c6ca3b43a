"""What a training will take, before it is begun: tokens, text, disk, memory, hours."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from transformers import PretrainedConfig

from cygnet.errors import InputError
from cygnet.transformer.accelerators import ACCELERATORS
from cygnet.transformer.flops import FORMULA as FLOPS_FORMULA
from cygnet.transformer.flops import flops_per_token
from cygnet.transformer.footprint import FORMULA as MEMORY_FORMULA
from cygnet.transformer.footprint import Memory, training_memory
from cygnet.transformer.parameters import Parameters, count_parameters, shape_of

SHARD_CHARACTERS, SHARD_BYTES = 250e6, 100e6
"""Of a parquet shard of nanochat's text, about. Source: its speedrun.sh."""
KEPT_CHECKPOINTS = 2


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
        # Where attention is described in other terms, the first one is most of it.
        flops_per_token=flops_per_token(config, assumptions.block_size)
        or 6 * parameters.multiplied,
        tokens=round(assumptions.tokens_per_parameter * parameters.total),
        memory=training_memory(
            config, parameters.total, assumptions.batch_size, assumptions.block_size
        ),
        measured_flops=measured_flops,
    )
