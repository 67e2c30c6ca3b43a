"""The training step beside its peers: time, losses, memory, share of the machine's throughput.

    python bench/training.py DATA [--turns 3] [--steps 100] [--losses 500]

DATA holds ``tinystories`` and ``tokenizers/gpt2``. The peers are ``transformers.Trainer`` as the
Duckling template has it (``GPT2LMHeadModel``, bf16 autocast, labels shifted by the model) and a
loop by hand. All train the same shape from the same weights on the same rows in the same order,
each in a process of its own, in turns; a figure is the median of the turns' median steps.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from plain_gpt import GPT, losses_of_steps
from torch.utils.data import SequentialSampler
from transformers import PreTrainedModel, Trainer, TrainerCallback, TrainingArguments

from cygnet.recipe import TokenizerOptions, TransformerOptions
from cygnet.recipes import duckling_ii
from cygnet.runner import run
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.model import quiet_transformers
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train

WARM_UP = 10
STOCK, BY_HAND, OURS = "Trainer as published", "loop by hand", "cygnet"
LARGE_VOCABULARY = 65_536


class Clock(TrainerCallback):
    """When each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """One more."""
        self.ends.append(time.perf_counter())


class InOrder(Trainer):
    """The stock trainer on rows in the order in which they come."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return SequentialSampler(self.train_dataset)  # type: ignore[arg-type]


def batches(store: TokenStore, options: TransformerOptions) -> Iterator[Any]:
    """``(x, y)`` of each step."""
    for step in range(options.steps):
        batch = store.get_batch(
            "train",
            step=step,
            batch_size=options.batch_size,
            block_size=options.block_size,
            seed=options.seed,
            order=options.order,
        )
        yield torch.from_numpy(batch.x), torch.from_numpy(batch.y)


def train_stock(model: PreTrainedModel, store: TokenStore, options: TransformerOptions) -> Any:
    """As the template was published."""
    rows = [{"input_ids": row, "labels": row} for x, _ in batches(store, options) for row in x]
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=options.steps,
            logging_steps=options.steps,
            per_device_train_batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            lr_scheduler_type="linear",
            bf16=True,
            use_cpu=True,
            save_strategy="no",
            dataloader_pin_memory=False,
            disable_tqdm=True,
            report_to="none",
        )
        trainer = InOrder(model=model, args=arguments, train_dataset=rows, callbacks=[clock])
        trainer.train()
    return clock.ends, trainer.state.log_history[0]["loss"]


def train_by_hand(model: PreTrainedModel, store: TokenStore, options: TransformerOptions) -> Any:
    """A loop in plain torch; its rate does not decay, so its losses are not compared."""
    ends, losses = [], []
    for loss in losses_of_steps(GPT(model), batches(store, options), options.learning_rate):
        ends.append(time.perf_counter())
        losses.append(loss)
    return ends, statistics.mean(losses)


def train_ours(model: PreTrainedModel, store: TokenStore, options: TransformerOptions) -> Any:
    """As the recipe trains."""
    clock = Clock()
    lengths = np.ones(store.manifest.vocab_size, np.int64)
    with tempfile.TemporaryDirectory() as folder:
        result = train(model, store, Path(folder), options, lengths, callbacks=[clock])
    return clock.ends, result.metrics["train_nats_per_token"]


ENGINES = {STOCK: train_stock, BY_HAND: train_by_hand, OURS: train_ours}


def work(engine: str, run_folder: Path, batch_size: int, steps: int, vocabulary: int) -> None:
    """Train in this process, and print what was found as JSON."""
    quiet_transformers()
    tokenizer = Tokenizer.load(run_folder)
    options = dataclasses.replace(
        duckling_ii().transformer,
        batch_size=batch_size,
        steps=steps,
        log_every=steps,
        eval_every=steps,
        record=(),
    )
    model = new_model(options, tokenizer)
    if vocabulary > tokenizer.vocab_size:
        model.resize_token_embeddings(vocabulary, mean_resizing=False)
    if engine == STOCK:
        model.set_attn_implementation("sdpa")  # what from_config takes by itself
    store = TokenStore.open(run_folder)
    ends, loss = ENGINES[engine](model, without_validation(store), options)
    steps_taken = np.diff(ends)[min(WARM_UP, steps // 3) :]
    found = {"seconds": float(np.median(steps_taken)), "loss": loss, "bytes": peak_memory()}
    print(json.dumps(found))


def without_validation(store: TokenStore) -> TokenStore:
    """Nobody validates here."""
    store.manifest.splits.pop("valid", None)
    return store


def peak_memory() -> int:
    """The most memory this process has had, in bytes."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def ask(engine: str, folder: Path, batch_size: int, steps: int, vocabulary: int = 0) -> Any:
    """Train in a fresh process."""
    settings = (str(folder), str(batch_size), str(steps), str(vocabulary))
    command = [sys.executable, __file__, "--work", engine, *settings]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def report_time(folder: Path, batch_size: int, steps: int, turns: int) -> None:
    """A line for each engine: the time of a step, and how many times cygnet's it is."""
    found: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    for _ in range(turns):
        for engine, seconds in found.items():
            seconds.append(ask(engine, folder, batch_size, steps)["seconds"])
    ours = statistics.median(found[OURS])
    for engine, seconds in found.items():
        taken = statistics.median(seconds)
        tokens = batch_size * 512 / taken
        print(
            f"| {batch_size} x 512 | {engine} | {taken * 1e3:.1f} ms | {tokens:,.0f} |"
            f" {taken / ours:.2f} |",
            flush=True,
        )


def report_losses(folder: Path, steps: int) -> None:
    """The mean losses of the same steps."""
    stock, ours = (ask(engine, folder, 2, steps)["loss"] for engine in (STOCK, OURS))
    print(
        f"\nmean loss of {steps} steps of 2 x 512: {STOCK} {stock:.4f}, {OURS} {ours:.4f},"
        f" {abs(ours / stock - 1):.2%} apart",
        flush=True,
    )


def report_memory(folder: Path) -> None:
    """Peak memory where the vocabulary is large."""
    stock, ours = (ask(e, folder, 8, 3, LARGE_VOCABULARY)["bytes"] for e in (STOCK, OURS))
    print(
        f"peak memory at {LARGE_VOCABULARY:,} tokens, 8 x 512: {STOCK} {stock / 1e6:,.0f} MB,"
        f" {OURS} {ours / 1e6:,.0f} MB, {ours / stock:.2f} of it"
    )


def main() -> None:
    """Build the token files and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--losses", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        run(recipe(options.data), folder, until="tokens")
        print("| batch | | step | tokens/s | times cygnet's |\n| --- | --- | --- | --- | --- |")
        for batch_size, fewer in ((2, 1), (16, 4)):
            report_time(folder, batch_size, max(3, options.steps // fewer), options.turns)
        if options.losses:
            report_losses(folder, options.losses)
        report_memory(folder)


def recipe(data: Path) -> Any:
    """The token files of the reference experiment, from TinyStories on this machine."""
    faithful = duckling_ii()
    text = data / "tinystories" / "tinystories_train.txt"
    tokenizer: TokenizerOptions = dataclasses.replace(
        faithful.tokenizer, base=str(data / "tokenizers" / "gpt2")
    )
    texts = dataclasses.replace(faithful.text, train=(str(text),), valid=())
    return dataclasses.replace(faithful, text=texts, tokenizer=tokenizer)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--work"]:
        name, where, *numbers = sys.argv[2:]
        work(name, Path(where), *map(int, numbers))
    else:
        main()
