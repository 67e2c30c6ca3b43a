"""``transformers.Trainer`` with pre-shifted targets, a fixed order and sealed checkpoints.


A step is the mean over the targets of its whole batch, however it is shared by ranks and cut into
parts: each part is divided by the number of targets of all.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer, TrainingArguments

from cygnet.tokens.batch import IGNORED
from cygnet.transformer.attention import Rows
from cygnet.transformer.checkpoints import prune, seal, storing
from cygnet.transformer.evaluation import LossSum, evaluate
from cygnet.transformer.loss import loss_function
from cygnet.transformer.meter import Figures, Meter
from cygnet.transformer.metrics import names_for_loggers
from cygnet.transformer.parallel import losses_of_all, seed_step, sum_over_ranks, through
from cygnet.transformer.rows import RankRows, WindowDataset


class LanguageModelTrainer(Trainer):
    """``Trainer`` with pre-shifted targets, a fixed order, sealed checkpoints, bits per byte."""

    def __init__(
        self,
        model: PreTrainedModel,
        args: TrainingArguments,
        data: WindowDataset,
        rows: RankRows,
        made_from: dict[str, Any],
        token_lengths: npt.NDArray[np.int64],
        peak: float | None = None,
        on_validation: Callable[[float], None] = lambda share: None,
    ) -> None:
        super().__init__(model=model, args=args, train_dataset=data, data_collator=_already_a_batch)
        self.data, self.rows, self.made_from = data, rows, made_from
        self.token_lengths, self.on_validation = token_lengths, on_validation
        self.loss_is_scaled_for_ga = True
        self.meter = Meter(data, token_lengths, args.device, peak, args.world_size)
        self._losses_of = loss_function(model)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The rows of this rank. accelerate would deal out whole batches in turn."""
        return DataLoader(
            self.data,
            batch_sampler=self.rows,
            collate_fn=_already_a_batch,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def get_batch_samples(
        self, epoch_iterator: Iterator[Rows], num_batches: int, device: torch.device
    ) -> tuple[list[Rows], torch.Tensor]:
        """The parts of a step on this rank, and what to divide their losses by.

        ``DistributedDataParallel`` takes the mean of gradients over ranks: of the number of targets
        on all ranks, the share of one is therefore meant.
        """
        parts = [next(epoch_iterator) for _ in range(num_batches)]
        seed_step(self.args.seed, self.state.global_step, self.args.process_index)
        n_targets = torch.stack([(part["y"] != IGNORED).sum() for part in parts]).sum().to(device)
        if self.args.world_size > 1:
            n_targets = sum_over_ranks(n_targets, self.args.world_size) / self.args.world_size
        return parts, n_targets

    def _prepare_input(self, data: Any) -> Any:
        # A copy from pinned memory that nobody waits for; anywhere else it could read too early.
        is_pinned = isinstance(data, torch.Tensor) and self.args.dataloader_pin_memory
        if is_pinned:
            return data.to(self.args.device, non_blocking=True)
        return super()._prepare_input(data)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Rows,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """What a part adds to the mean loss of its step; the sums for the metrics are kept."""
        with self.accelerator.autocast():
            total, losses = through(model, self._losses_of, **inputs)
        self.meter.add(losses, inputs["y"], self.state.global_step)
        loss = total / num_items_in_batch
        return (loss, {}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Turn what ``Trainer`` logs into the figures of ``metrics.jsonl``.

        They go into the log history, and to callbacks under the names that loggers sort by.
        """
        if "loss" not in logs:  # the summary at the end of training, which has nothing new
            return
        figures = self.meter.take(self.state, logs["learning_rate"], logs["grad_norm"])
        if self._is_evaluation_step():
            figures |= self._valid_figures()
        self.state.log_history.append(figures)  # type: ignore[arg-type]
        self.control = self.callback_handler.on_log(
            self.args, self.state, self.control, names_for_loggers(figures)
        )
        self.meter.leave_out()

    def _valid_figures(self) -> Figures:
        found = self.evaluate_split("valid", self._eval_tokens())
        return {
            "valid_nats_per_token": found.nats_per_token,
            "valid_bits_per_byte": found.bits_per_byte,
            "valid_tokens": found.tokens,
        }

    def evaluate_split(self, split: str, max_tokens: int | None) -> LossSum:
        """The loss over a split, in the precision of the training."""
        n_tokens = self.data.store.split(split).tokens
        total = min(max_tokens or n_tokens, n_tokens)
        done = 0

        def show(n_more: int) -> None:
            nonlocal done
            done += n_more * self.args.world_size
            self.on_validation(done / total)

        assert isinstance(self.model, PreTrainedModel)
        found = evaluate(
            self.model,
            self.data.store,
            split,
            self.token_lengths,
            block_size=self._block_size,
            batch_size=self.rows.n_at_once,
            order=self.data.options.order,
            max_tokens=max_tokens,
            on_tokens=show,
            autocast=self.accelerator.autocast,
            rank=self.args.process_index,
            world_size=self.args.world_size,
        )
        return losses_of_all(found, self.args.world_size, self.args.device)

    def compute(self, n_rows: int) -> None:
        """Some rows forward and back, for nothing but the memory that it takes."""
        assert self.model is not None
        rows = self._prepare_inputs(self.data.__getitems__([*range(n_rows)]))
        self.model.train()
        loss = self.compute_loss(self.model, rows, num_items_in_batch=rows["y"].numel())
        loss.backward()
        self.model.zero_grad()
        self.meter.reset()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        assert self.args.output_dir is not None
        folder = Path(self.args.output_dir)
        checkpoint = folder / f"checkpoint-{self.state.global_step}"
        if not self.args.should_save:  # this rank has its part in what is summed up, and no more
            super()._save_checkpoint(model, trial)
            return
        with storing(checkpoint):
            super()._save_checkpoint(model, trial)
            # A pickle of the arguments, which nothing here reads.
            (checkpoint / "training_args.bin").unlink(missing_ok=True)
            seal(checkpoint, self.made_from)
        prune(folder)
        self.meter.leave_out()

    def _save_rng_state(self, output_dir: str) -> None:
        """Nothing: what is drawn in a step depends on its number, see ``seed_step``."""

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


def _already_a_batch(rows: Any) -> dict[str, Any]:
    """``WindowDataset`` gives the rows of a batch at once: there is nothing to collate."""
    batch: dict[str, Any] = rows
    return batch
