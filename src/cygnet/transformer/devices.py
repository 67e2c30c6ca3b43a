"""What computes: the processor, CUDA or MPS."""

from typing import Literal

import torch

from cygnet import ranks
from cygnet.errors import InputError

Device = Literal["auto", "cpu", "cuda", "mps"]


def settle_device(asked: Device) -> str:
    """The kind of device to train on, ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Args:
        asked: One of them, or ``"auto"`` for the fastest that there is.

    Raises:
        InputError: It is not there, or there are more ranks on this machine than devices.

    >>> settle_device("cpu")
    'cpu'
    """
    present = present_devices()
    device = present[0] if asked == "auto" else asked
    if device not in present:
        raise InputError(
            f"device {asked} was asked for, and torch {torch.__version__} finds none here: there is"
            f" {', '.join(present)}; --transformer.device auto takes {present[0]}"
        )
    n_local = ranks.local_size()
    n_devices = {"cpu": n_local, "cuda": torch.cuda.device_count(), "mps": 1}[device]
    if n_local > n_devices:
        raise InputError(
            f"{n_local} ranks were started here and there are {n_devices} devices of kind {device}:"
            " start a rank a device, or --transformer.device cpu"
        )
    return device


def present_devices() -> tuple[str, ...]:
    """The kinds of device that torch can use here, the fastest first."""
    found = ("cuda",) * torch.cuda.is_available() + ("mps",) * torch.backends.mps.is_available()
    return (*found, "cpu")
