"""Training: ``transformers.Trainer`` on token files, exact on resume.

The order of the data depends on the step alone and nothing else is random, so a run that goes on
from a checkpoint computes what a run without a break computes.
"""

import contextlib
import ctypes
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler, SequentialSampler
from transformers import (
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from cygnet.errors import InputError
from cygnet.files import make_folder, read_json, write_json, write_text
from cygnet.recipe import TransformerOptions
from cygnet.tokens.batch import IGNORED
from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import Rows, to_tensors
from cygnet.transformer.checkpoints import find_last_good, seal, storing
from cygnet.transformer.evaluation import LossSum, evaluate, token_losses

METRICS = "metrics.jsonl"
CHECKPOINTS = "checkpoints"
PRECISION = "precision.json"
N_KEPT = 2  # if the newest checkpoint is damaged, the one before it serves


class WindowDataset(Dataset[Rows]):
    """The rows of a training run: item ``i`` is row ``i % batch_size`` of step ``i // batch_size``.

    ``Trainer`` resumes by skipping indices, which is exact and costs nothing here.
    """

    def __init__(self, store: TokenStore, options: TransformerOptions) -> None:
        self.store, self.options = store, options

    def __len__(self) -> int:
        return self.options.steps * self.options.batch_size

    def __getitem__(self, index: int) -> Rows:
        return self.__getitems__([index])

    def __getitems__(self, indices: list[int]) -> Rows:
        """The rows of one step at once; ``indices`` are those of one batch of the loader."""
        batch = self.store.get_rows(
            "train",
            np.array(indices, np.uint64),
            block_size=self.options.block_size,
            seed=self.options.seed,
            order=self.options.order,
            pack_window=self.options.pack_window,
        )
        return to_tensors(batch)


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
        losses = token_losses(model, **inputs)
        self._losses.add(losses, inputs["y"], self._lengths)
        loss = losses.sum() / (inputs["y"] != IGNORED).sum()
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


def _already_a_batch(rows: Any) -> dict[str, Any]:
    """``WindowDataset`` gives the rows of a batch at once: there is nothing to collate."""
    batch: dict[str, Any] = rows
    return batch


class MetricsFile(TrainerCallback):
    """Writes a line of ``metrics.jsonl`` for each log; lines behind a checkpoint are dropped.

    Args:
        path: The file.
        options: Decide at which steps a line is due.
        advance: Called with 1 and a label after each step, for a progress bar.
    """

    def __init__(
        self, path: Path, options: TransformerOptions, advance: Callable[..., None]
    ) -> None:
        self.path, self.options, self.advance = path, options, advance
        self._label = "training"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Drop the lines behind the checkpoint that training goes on from."""
        write_text(self.path, "".join(read_lines_until(self.path, state.global_step)))
        self.advance(state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say when to log and when to save."""
        is_last = state.global_step == self.options.steps
        control.should_log = is_last or state.global_step % self.options.log_every == 0
        control.should_save = is_last or state.global_step % self.options.eval_every == 0
        self.advance(1, self._label)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Append a line."""
        assert logs is not None
        figures = {key: value for key, value in logs.items() if key != "epoch"}
        with open(self.path, "a") as file:
            file.write(json.dumps(figures) + "\n")
        self._label = f"training, loss {figures['train_nats_per_token']:.3f}"


def read_lines_until(path: Path, step: int) -> list[str]:
    """The lines of a ``metrics.jsonl`` up to a step; a line cut short by a kill is left out."""
    if not path.exists():
        return []
    kept = []
    for line in path.read_text().splitlines(keepends=True):
        with contextlib.suppress(json.JSONDecodeError):
            if line.endswith("\n") and json.loads(line)["step"] <= step:
                kept.append(line)
    return kept


@dataclass(frozen=True)
class TrainingResult:
    """What a training run gives: the model in memory, the last metrics, the precision used."""

    model: PreTrainedModel
    metrics: dict[str, float]
    precision: str


def train(
    model: PreTrainedModel,
    store: TokenStore,
    folder: Path,
    options: TransformerOptions,
    token_lengths: npt.NDArray[np.int64],
    advance: Callable[..., None] = lambda amount, label=None: None,
    callbacks: Sequence[TrainerCallback] = (),
) -> TrainingResult:
    """Train a model on the train split of token files; goes on from the last good checkpoint.

    Args:
        model: A causal language model with its first weights.
        store: Token files with a ``train`` split and, for validation, a ``valid`` split.
        folder: Gets ``metrics.jsonl`` and ``checkpoints/``.
        options: Shape of the batches, optimizer and rhythm.
        token_lengths: Bytes of text in each token, from ``Tokenizer.token_lengths``.
        advance: Called with the steps done and a label, for a progress bar.
        callbacks: Others to call, after those of the training itself.

    Returns:
        The trained model, and the last line of its metrics, with the loss on the whole valid split
        where there is one.

    Raises:
        InputError: An option is out of its range.
        DamagedError: No checkpoint is left undamaged.
        StorageError: A checkpoint cannot be written.
    """
    check_options(options, store)
    keep_freed_memory()
    make_folder(folder / CHECKPOINTS)
    checkpoint = find_last_good(folder / CHECKPOINTS)
    precision = settle_precision(options.precision, folder / CHECKPOINTS / PRECISION)
    trainer = LanguageModelTrainer(
        model,
        training_arguments(options, folder / CHECKPOINTS, precision),
        WindowDataset(store, options),
        token_lengths,
        advance,
    )
    trainer.remove_callback(PrinterCallback)
    for callback in (MetricsFile(folder / METRICS, options, advance), *callbacks):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    last = read_lines_until(folder / METRICS, options.steps)[-1]
    return TrainingResult(model, json.loads(last), precision)


def training_arguments(
    options: TransformerOptions, folder: Path, precision: str
) -> TrainingArguments:
    """The options as ``transformers`` wants them; logging and saving follow ``MetricsFile``."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=options.steps,
        per_device_train_batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        adam_beta2=options.adam_beta2,
        max_grad_norm=options.max_grad_norm,
        seed=options.seed,
        bf16=precision == "bf16",
        use_cpu=not (torch.cuda.is_available() or torch.backends.mps.is_available()),
        logging_strategy="no",
        save_strategy="no",
        save_total_limit=N_KEPT,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )
    # One device per process: with several, DataParallel would ask for batches of another size.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def check_options(options: TransformerOptions, store: TokenStore) -> None:
    """Refuse options that cannot work, before anything is computed."""
    for name, least in LEAST.items():
        if getattr(options, name) < least:
            raise InputError(f"{name} must be at least {least}, found {getattr(options, name)}")
    if options.seed >= 1 << 32:
        raise InputError(f"seed must be below 2**32, found {options.seed}")
    if options.eval_every % options.log_every:
        raise InputError(
            f"eval_every {options.eval_every} is no multiple of log_every {options.log_every}"
        )
    store.plan(
        "train",
        block_size=options.block_size,
        order=options.order,
        pack_window=options.pack_window,
    )


LEAST = {
    **dict.fromkeys(("n_layer", "n_head", "n_embd", "block_size", "batch_size"), 1),
    **dict.fromkeys(("steps", "log_every", "eval_every", "eval_tokens"), 1),
    **dict.fromkeys(("learning_rate", "warmup_steps", "weight_decay", "max_grad_norm", "seed"), 0),
    "adam_beta2": 0,
}


def keep_freed_memory() -> None:
    """Let glibc keep what tensors free, where it is the C library.

    By default every large tensor is mapped and unmapped anew, and each step pays for touching its
    pages again: a step of 16 x 256 tokens took 278 ms, and 213 ms with this.
    """
    m_trim_threshold, m_mmap_threshold = -1, -3  # malloc.h
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(m_mmap_threshold, 1 << 30)
        libc.mallopt(m_trim_threshold, (1 << 31) - 1)


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
