"""What a machine can do: its matrix products, measured, as the peak that a training is held to."""

import time
from pathlib import Path

import torch

from cygnet.files import read_json, write_json

SIZES = {"cpu": 1024, "cuda": 8192, "mps": 4096}
SECONDS = 0.2


def settle_throughput(precision: str, device: torch.device, path: Path) -> float:
    """The matrix throughput of this machine: measured once, kept for when a training goes on."""
    if not path.exists():
        write_json(path, measure_throughput(precision, device))
    return float(read_json(path))


def measure_throughput(precision: str, device: torch.device) -> float:
    """Floating-point operations per second of a large square matrix product.

    The fastest of several, so that what else the machine does is left out.

    Args:
        precision: ``"fp32"`` or ``"bf16"``.
        device: Where, with as many threads as torch uses there.

    Cost: 0.2 seconds, and three products on a slow machine.
    """
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = SIZES[device.type]
    a, b, out = (torch.ones(size, size, dtype=dtype, device=device) for _ in range(3))
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 4 or time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        _wait_for(device)
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times[1:])


def _wait_for(device: torch.device) -> None:
    """Until what was asked of an accelerator is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
