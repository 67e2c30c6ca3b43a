"""Several ranks that train one model: ``DistributedDataParallel`` adds up their gradients."""

import hashlib
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from cygnet.transformer.evaluation import LossSum


def through(model: torch.nn.Module, function: Callable[..., Any], **inputs: Any) -> Any:
    """``function(**inputs)``, which uses a model that may be wrapped, as its forward pass.

    ``DistributedDataParallel`` prepares the exchange of gradients in its own ``forward``, and then
    calls that of the model inside. ``function`` calls parts of that model, or what stands in for
    them: so it takes the place of the forward that the wrapper calls.
    """
    if not isinstance(model, DistributedDataParallel):
        return function(**inputs)
    inner = model.module
    forward = inner.forward

    def stand_in(**inputs: Any) -> Any:
        inner.forward = forward
        return function(**inputs)

    inner.forward = stand_in
    return model(**inputs)


def sum_over_ranks(values: torch.Tensor, world_size: int) -> torch.Tensor:
    """The sum of a tensor of each rank, on every rank; changed in place."""
    if world_size > 1:
        torch.distributed.all_reduce(values)
    return values


def losses_of_all(sums: LossSum, world_size: int, device: torch.device) -> LossSum:
    """The sums over what all ranks have predicted."""
    if world_size == 1:
        return sums
    # A copy, as it is changed in place.
    of_all = sum_over_ranks(sums.sums().to(device, copy=True), world_size).tolist()
    nats, tokens, text_nats, text_bytes = of_all
    return LossSum(nats, int(tokens), text_nats, int(text_bytes), bytes_ratio=sums.bytes_ratio)


def seed_step(seed: int, step: int, rank: int) -> None:
    """Make what is drawn in a step, such as dropout, a function of its number alone.

    So a checkpoint holds no random state, and a training that goes on draws the same.
    """
    digest = hashlib.sha256(f"{seed} {step} {rank}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little"))
