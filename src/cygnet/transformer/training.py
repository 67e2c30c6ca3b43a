"""Training: ``transformers.Trainer`` on token files, exact on resume.

The order of the data and what else is random depend on the step alone, so a run that goes on from a
checkpoint computes what a run without a break computes.
"""

import contextlib
import ctypes
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from cygnet import ranks
from cygnet.errors import InputError
from cygnet.files import check_writable, make_folder
from cygnet.recipe import TransformerOptions
from cygnet.tokens.store import TokenStore
from cygnet.transformer.alarms import alarms_before
from cygnet.transformer.checkpoints import find_last_good, made_from
from cygnet.transformer.devices import settle_device
from cygnet.transformer.flops import flops_per_token
from cygnet.transformer.loggers import check_loggers, keep_events
from cygnet.transformer.memory import check_batch_fits
from cygnet.transformer.metrics import METRICS, MetricsFile, read_lines_until
from cygnet.transformer.precision import settle_precision
from cygnet.transformer.rows import RankRows, WindowDataset
from cygnet.transformer.throughput import settle_throughput
from cygnet.transformer.trainer import LanguageModelTrainer
from cygnet.transformer.warnings_file import WARNINGS, WarningsFile

CHECKPOINTS = "checkpoints"
PRECISION = "precision.json"
THROUGHPUT = "throughput.json"
EVENTS = "tensorboard"


@dataclass(frozen=True)
class TrainingResult:
    """What a training run gives: the model in memory, the last metrics, precision and device."""

    model: PreTrainedModel
    metrics: dict[str, float]
    precision: str
    device: str


def train(
    model: PreTrainedModel,
    store: TokenStore,
    folder: Path,
    options: TransformerOptions,
    token_lengths: npt.NDArray[np.int64],
    callbacks: Sequence[TrainerCallback] = (),
    dead_ids: Sequence[int] = (),
    on_validation: Callable[[float], None] = lambda share: None,
) -> TrainingResult:
    """Train a model on the train split of token files; goes on from the last good checkpoint.

    Args:
        model: A causal language model with its first weights.
        store: Token files with a ``train`` split and, for validation, a ``valid`` split.
        folder: Gets ``metrics.jsonl``, ``warnings.jsonl`` and ``checkpoints/``.
        options: Shape of the batches, optimizer and rhythm.
        token_lengths: Bytes of text in each token, from ``Tokenizer.token_lengths``.
        callbacks: Others to call, after those of the training itself, on every rank: what writes
            files does so if ``state.is_world_process_zero``.
        dead_ids: Tokens that should not occur.
        on_validation: Called with the share of a validation that is done.

    Returns:
        The trained model, and the last line of its metrics, with the loss on the whole valid split
        where there is one.

    Raises:
        InputError: An option is out of its range, the device is not there, or a batch does not fit.
        DamagedError: No checkpoint is left undamaged.
        StaleError: There is a checkpoint of another model, vocabulary or recipe.
        StorageError: The folder, or a checkpoint in it, cannot be written.
        DivergedError: The loss is not finite, or has risen and stays high.

    Under ``torchrun`` every rank calls this; the first one writes.
    """
    check_options(options, store)
    keep_freed_memory()
    device = settle_device(options.device)
    rows = RankRows.of(options)
    origin = made_from(model, store, options)
    begin = ranks.share(None if ranks.rank() else _prepare(folder, options, device, origin))
    precision, data = begin["precision"], WindowDataset(store, options)
    flops = flops_per_token(model.config, options.block_size)
    trainer = LanguageModelTrainer(
        model,
        training_arguments(options, folder / CHECKPOINTS, precision, device),
        data,
        rows,
        origin,
        token_lengths,
        begin["throughput"] * ranks.world_size() / flops if flops else None,
        on_validation,
    )
    trainer.remove_callback(PrinterCallback)
    if options.report_to:
        keep_events(trainer.callback_handler.callbacks, folder / EVENTS)
    alarms = [*alarms_before(model, data, dead_ids)]
    own = MetricsFile(folder / METRICS, options), WarningsFile(folder / WARNINGS, alarms)
    for callback in (*own, *callbacks):
        trainer.add_callback(callback)
    check_batch_fits(
        rows.n_at_once, options.block_size, trainer.compute, model.num_parameters(), device
    )
    trainer.train(resume_from_checkpoint=begin["checkpoint"])
    trainer.accelerator.wait_for_everyone()  # rank 0 has written the last line of the metrics
    last = read_lines_until(folder / METRICS, options.steps)[-1]
    return TrainingResult(model, json.loads(last), precision, device)


def _prepare(
    folder: Path, options: TransformerOptions, device: str, origin: dict[str, Any]
) -> dict[str, Any]:
    """What the first rank settles for all: the precision, the throughput of its matrix products in
    it, and the checkpoint to go on from."""
    make_folder(folder / CHECKPOINTS)
    for place in (folder, folder / CHECKPOINTS):
        check_writable(place)
    checkpoint = find_last_good(folder / CHECKPOINTS, origin)
    kept = folder / CHECKPOINTS
    precision = settle_precision(options.precision, device, kept / PRECISION)
    return {
        "precision": precision,
        "throughput": settle_throughput(precision, torch.device(device), kept / THROUGHPUT),
        "checkpoint": str(checkpoint) if checkpoint else None,
    }


def training_arguments(
    options: TransformerOptions, folder: Path, precision: str, device: str
) -> TrainingArguments:
    """The options as ``transformers`` wants them; logging and saving follow ``MetricsFile``."""
    rows = RankRows.of(options)
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=options.steps,
        per_device_train_batch_size=rows.n_at_once,
        gradient_accumulation_steps=rows.n_parts,
        learning_rate=options.learning_rate,
        lr_scheduler_type=options.schedule,
        warmup_steps=options.warmup_steps,
        weight_decay=options.weight_decay,
        adam_beta2=options.adam_beta2,
        max_grad_norm=options.max_grad_norm,
        seed=options.seed,
        bf16=precision == "bf16",
        use_cpu=device == "cpu",
        logging_strategy="no",
        save_strategy="no",
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        ddp_find_unused_parameters=False,
        disable_tqdm=True,
        report_to=list(options.report_to) or "none",
        run_name=folder.resolve().parents[1].name,
        project="cygnet",
    )
    if arguments.world_size != rows.world_size:
        raise InputError(
            f"{arguments.world_size} ranks were started in a way that does not name them: start"
            " them with torchrun"
        )
    # One device per process: with several, DataParallel would ask for batches of another size.
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


def check_options(options: TransformerOptions, store: TokenStore) -> None:
    """Refuse options that cannot work, before anything is computed."""
    check_loggers(options.report_to)
    for name, least in LEAST.items():
        found = getattr(options, name)
        if found is not None and found < least:
            raise InputError(f"{name} must be at least {least}, found {found}")
    if spare := options.batch_size % ranks.world_size():
        fitting = options.batch_size - spare + ranks.world_size()
        raise InputError(
            f"{ranks.world_size()} ranks cannot share a batch of {options.batch_size} rows evenly:"
            f" take --transformer.batch-size {fitting}, or another number of ranks"
        )
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
    **dict.fromkeys(("block_size", "batch_size", "micro_batch_size", "steps"), 1),
    **dict.fromkeys(("log_every", "eval_every", "eval_tokens"), 1),
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
