"""The figures of a training between two lines of its metrics."""

import time

import numpy as np
import numpy.typing as npt
import torch
from transformers import TrainerState

from cygnet.transformer.evaluation import LossSum, bytes_ratio
from cygnet.transformer.parallel import losses_of_all
from cygnet.transformer.rows import WindowDataset

Figures = dict[str, float | None]
TIMINGS = ("tokens_per_second", "share_of_peak", "seconds")
"""The figures in which two runs of the same recipe differ."""


class Meter:
    """Adds up the losses of a training, and takes its time.

    Nothing waits for the device before ``take``.

    Args:
        data: The rows of the training.
        token_lengths: Bytes of text in each token.
        device: Where losses come from.
        peak: Tokens per second that the matrix products of all ranks would allow, if it is known.
        world_size: How many ranks train; ``take`` gives the figures of all.
    """

    def __init__(
        self,
        data: WindowDataset,
        token_lengths: npt.NDArray[np.int64],
        device: torch.device,
        peak: float | None,
        world_size: int = 1,
    ) -> None:
        self._data, self._peak = data, peak
        self._device, self._world_size = device, world_size
        self._ratio = bytes_ratio(data.store, "train", token_lengths)
        self._lengths = torch.from_numpy(token_lengths).to(device)
        self.reset()

    def reset(self) -> None:
        """Forget what was added: it was no part of the training."""
        self._losses, self._first = self._empty(), self._empty()
        self._line_began = time.perf_counter()
        self._training_since: float | None = None

    def add(self, losses: torch.Tensor, targets: torch.Tensor, step: int) -> None:
        """Add the losses of a batch, of which ``step`` steps have been before."""
        if self._training_since is None:
            self.leave_out()
        self._losses.add(losses, targets, self._lengths)
        if step == 0:
            self._first.add(losses, targets, self._lengths)

    def take(self, state: TrainerState, learning_rate: float, grad_norm: float) -> Figures:
        """The figures since the last line, and of the training so far."""
        now = time.perf_counter()
        assert self._training_since is not None
        before = state.log_history[-1] if state.log_history else {"seconds": 0.0}
        losses = losses_of_all(self._losses, self._world_size, self._device)
        rows = state.global_step * self._data.options.batch_size
        figures: Figures = {
            "step": state.global_step,
            "tokens": rows * self._data.options.block_size,
            "epochs": rows / self._data.rows_per_epoch,
            "train_nats_per_token": losses.nats_per_token,
            "train_bits_per_byte": losses.bits_per_byte,
            "learning_rate": learning_rate,
            "grad_norm": grad_norm,
            **self._rate(losses.tokens / (now - self._training_since)),
            "seconds": round(before["seconds"] + now - self._line_began, 2),
        }
        if not state.log_history:
            first = losses_of_all(self._first, self._world_size, self._device)
            figures["first_step_nats_per_token"] = first.nats_per_token
        self._losses = self._empty()
        self._line_began = now
        return figures

    def leave_out(self) -> None:
        """The time so far was not spent on training, but on what has just ended."""
        self._training_since = time.perf_counter()

    def _rate(self, tokens_per_second: float) -> Figures:
        share = None if self._peak is None else float(f"{tokens_per_second / self._peak:.4g}")
        return {"tokens_per_second": round(tokens_per_second), "share_of_peak": share}

    def _empty(self) -> LossSum:
        return LossSum(bytes_ratio=self._ratio)
