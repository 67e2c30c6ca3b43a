"""In what arithmetic a model is trained."""

import statistics
import time
from pathlib import Path
from typing import Literal

import torch

from cygnet.errors import DamagedError, InputError
from cygnet.files import read_json, write_json

Precision = Literal["auto", "fp32", "bf16"]


def settle_precision(asked: Precision, device: str, path: Path) -> str:
    """The precision of a training run: decided once and kept in ``path`` for when it goes on.

    Raises:
        InputError: The device cannot compute in it.
        DamagedError: What ``path`` holds is no precision.
    """
    if not path.exists():
        write_json(path, resolve_precision(asked, device))
    settled = str(read_json(path))
    if settled not in ("fp32", "bf16"):
        raise DamagedError(f"{path} is damaged: it holds neither fp32 nor bf16; remove it")
    if settled == "bf16" and not _has_bf16(device):
        raise InputError(f"precision bf16 is not there on this {device} device: take fp32")
    return settled


def resolve_precision(asked: Precision, device: str = "cpu") -> str:
    """The precision to train in: as asked, or bf16 where it is clearly faster on this machine.

    A processor without bf16 arithmetic emulates it several times slower, one with it is two to
    four times faster, so that a short measurement tells them apart. CUDA devices say whether they
    have it; on MPS it is emulated before the M3, so that fp32 is taken.
    """
    if asked != "auto":
        return asked
    if device == "cuda":
        has_it = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if has_it else "fp32"
    if device == "mps":
        return "fp32"
    gain = _product_seconds(torch.float32) / _product_seconds(torch.bfloat16)
    return "bf16" if gain > 1.3 else "fp32"


def _has_bf16(device: str) -> bool:
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device == "cpu" or bool(torch.backends.mps.is_macos_or_newer(14, 0))


def _product_seconds(dtype: torch.dtype) -> float:
    """Median time of a matrix product of the size that training makes."""
    a, b = torch.ones(2048, 256, dtype=dtype), torch.ones(256, 1024, dtype=dtype)
    times = []
    for _ in range(9):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return statistics.median(times)
