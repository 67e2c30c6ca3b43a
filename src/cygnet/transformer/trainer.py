"""``transformers.Trainer`` with pre-shifted targets, a fixed order and sealed checkpoints."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Sampler, SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainingArguments

from cygnet.errors import DivergedError
from cygnet.tokens.batch import IGNORED
from cygnet.transformer.attention import Rows
from cygnet.transformer.checkpoints import seal, storing
from cygnet.transformer.evaluation import LossSum, evaluate
from cygnet.transformer.loss import loss_function
from cygnet.transformer.rows import WindowDataset


class LanguageModelTrainer(Trainer):
    """``Trainer`` with pre-shifted targets, a fixed order, sealed checkpoints, bits per byte."""

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        data: WindowDataset,
        token_lengths: npt.NDArray[np.int64],
        advance: Callable[..., None],
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=data, data_collator=_already_a_batch)
        self.data, self.token_lengths, self.advance = data, token_lengths, advance
        self._lengths = torch.from_numpy(token_lengths)
        self._losses_of = loss_function(model)
        self._losses = LossSum()
        self._since = time.perf_counter()

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int]:
        return SequentialSampler(self.data)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Rows,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Mean loss of what counts in a batch; the sums for the metrics are kept beside it."""
        with self.accelerator.autocast():
            total, losses = self._losses_of(**inputs)
        self._losses.add(losses, inputs["y"], self._lengths)
        loss = total / (inputs["y"] != IGNORED).sum()
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Turn what ``Trainer`` logs into the figures of ``metrics.jsonl``."""
        if "loss" not in logs:  # the summary at the end of training, which has nothing new
            return
        seconds = time.perf_counter() - self._since
        figures = {
            "step": self.state.global_step,
            "tokens": self.state.global_step * self.data.options.batch_size * self._block_size,
            "train_nats_per_token": self._losses.nats_per_token,
            "train_bits_per_byte": self._losses.bits_per_byte,
            "learning_rate": logs["learning_rate"],
            "grad_norm": logs["grad_norm"],
            "tokens_per_second": round(self._losses.tokens / seconds),
        }
        if self._is_evaluation_step():
            found = self.evaluate_split("valid", self._eval_tokens())
            figures["valid_nats_per_token"] = found.nats_per_token
            figures["valid_bits_per_byte"] = found.bits_per_byte
        check_converges(figures)
        super().log(figures)
        self._losses = LossSum()
        self._since = time.perf_counter()

    def evaluate_split(self, split: str, max_tokens: int | None) -> LossSum:
        """The loss over a split, in the precision of the training."""
        n_tokens = self.data.store.split(split).tokens
        total = min(max_tokens or n_tokens, n_tokens)
        done = 0

        def show(n_more: int) -> None:
            nonlocal done
            done += n_more
            self.advance(0, f"validating, {done / total:.0%}")

        assert isinstance(self.model, PreTrainedModel)
        return evaluate(
            self.model,
            self.data.store,
            split,
            self.token_lengths,
            block_size=self._block_size,
            batch_size=self.data.options.batch_size,
            order=self.data.options.order,
            max_tokens=max_tokens,
            on_tokens=show,
            autocast=self.accelerator.autocast,
        )

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        assert self.args.output_dir is not None
        checkpoint = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
        with storing(checkpoint):
            super()._save_checkpoint(model, trial)
            # A pickle of the arguments, which nothing here reads.
            (checkpoint / "training_args.bin").unlink(missing_ok=True)
            seal(checkpoint)
        self._since = time.perf_counter()

    @property
    def _block_size(self) -> int:
        return self.data.options.block_size

    def _is_evaluation_step(self) -> bool:
        options, step = self.data.options, self.state.global_step
        return "valid" in self.data.store.splits and (
            step % options.eval_every == 0 or step == options.steps
        )

    def _eval_tokens(self) -> int | None:
        is_last = self.state.global_step == self.data.options.steps
        return None if is_last else self.data.options.eval_tokens


def check_converges(figures: dict[str, float]) -> None:
    """Refuse to go on from a loss that is infinite or no number: no later step mends it.

    Raises:
        DivergedError: Such a loss is among the figures of a step.

    >>> check_converges({"step": 3, "learning_rate": 9.0, "train_nats_per_token": float("nan")})
    Traceback (most recent call last):
    cygnet.errors.DivergedError: training diverged: train_nats_per_token is nan at step 3 ...
    """
    for name in ("train_nats_per_token", "valid_nats_per_token"):
        if not math.isfinite(figures.get(name, 0.0)):
            raise DivergedError(
                f"training diverged: {name} is {figures[name]} at step {figures['step']:,}"
                f" (learning rate {figures['learning_rate']:g}); start anew with a lower"
                " learning_rate, or with more warmup_steps"
            )


def _already_a_batch(rows: Any) -> dict[str, Any]:
    """``WindowDataset`` gives the rows of a batch at once: there is nothing to collate."""
    batch: dict[str, Any] = rows
    return batch
