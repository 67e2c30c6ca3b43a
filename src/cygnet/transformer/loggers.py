"""Loggers of others that a training reports to: trackio, wandb, tensorboard."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from cygnet.errors import InputError

PACKAGES = {
    "trackio": ("trackio",),
    "wandb": ("wandb",),
    "tensorboard": ("tensorboard", "tensorboardX"),
}
"""The packages of which each logger needs one."""


def check_loggers(names: Sequence[str]) -> None:
    """Refuse a logger that is not known or not installed; loads none of them.

    >>> check_loggers(["tensorbored"])
    Traceback (most recent call last):
    cygnet.errors.InputError: report_to has 'tensorbored': it can hold trackio, wandb, tensorboard
    """
    for name in names:
        if name not in PACKAGES:
            raise InputError(f"report_to has {name!r}: it can hold {', '.join(PACKAGES)}")
        if not any(map(find_spec, PACKAGES[name])):
            raise InputError(
                f"report_to asks for {name}, which is not installed: pip install {name}, or leave"
                " --transformer.report-to out"
            )


def keep_events(callbacks: Sequence[object], folder: Path) -> None:
    """Let TensorBoard's event files go to a folder that stays, unless its variable names one.

    By default they would go beside the checkpoints, and with them.
    """
    from transformers.integrations.integration_utils import TensorBoardCallback

    for callback in callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(folder)
