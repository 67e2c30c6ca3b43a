"""In what arithmetic a model is trained."""

import statistics
import time
from pathlib import Path
from typing import Literal

import torch

from cygnet.files import read_json, write_json


def settle_precision(asked: Literal["auto", "fp32", "bf16"], path: Path) -> str:
    """The precision of a training run: decided once and kept in ``path`` for when it goes on."""
    if not path.exists():
        write_json(path, resolve_precision(asked))
    return str(read_json(path))


def resolve_precision(asked: Literal["auto", "fp32", "bf16"]) -> str:
    """The precision to train in: as asked, or bf16 where it is clearly faster on this machine.

    A processor without bf16 arithmetic emulates it several times slower, one with it is two to
    four times faster, so that a short measurement tells them apart.
    """
    if asked != "auto":
        return asked
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if torch.backends.mps.is_available():
        return "fp32"
    gain = _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
    return "bf16" if gain > 1.3 else "fp32"


def _product_seconds(dtype: torch.dtype) -> float:
    """Median time of a matrix product of the size that training makes."""
    a, b = torch.ones(2048, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
