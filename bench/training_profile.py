"""Where the time of a training step goes, and the share of the machine's matrix throughput.

    python bench/training_profile.py DATA [--batch-size 2] [--steps 30]

DATA as for ``bench/training.py``. The time of a group is that of its operations forward and
backward, from torch's profiler, which itself adds some; the ideal is what the products of the
group would take at the throughput of large square ones in bfloat16.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.profiler import ProfilerActivity, profile
from training import recipe, without_validation
from transformers import PreTrainedConfig, TrainerCallback

from cygnet.recipe import TransformerOptions
from cygnet.runner import run
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.model import quiet_transformers
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train

WARM_UP = 10
GROUPS = {
    "head and loss": ("_ChunkedLoss", "_ChunkedLossBackward"),
    "attention": ("_BlockedAttention", "_BlockedAttentionBackward"),
    "linear layers": ("aten::addmm", "AddmmBackward0"),
    "layer norm, gelu": (
        "aten::layer_norm",
        "aten::gelu",
        "NativeLayerNormBackward0",
        "GeluBackward0",
    ),
    "embedding": ("aten::embedding", "EmbeddingBackward0"),
    "clipping, AdamW": ("Optimizer.step#AdamW.step", "aten::_foreach_norm", "aten::_foreach_mul_"),
}


class Profiler(TrainerCallback):
    """Profiles the steps behind the first ones, and takes their time."""

    def __init__(self, steps: int) -> None:
        self.profile = profile(activities=[ProfilerActivity.CPU])
        self.steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin or end."""
        if state.global_step == WARM_UP:
            self.profile.start()
            self.begin = time.perf_counter()
        elif state.global_step == WARM_UP + self.steps:
            self.seconds = (time.perf_counter() - self.begin) / self.steps
            self.profile.stop()

    def milliseconds(self) -> dict[str, float]:
        """Time of each group a step."""
        taken = {event.key: event.cpu_time_total for event in self.profile.key_averages()}
        per_step = 1e3 * self.steps
        return {
            group: sum(taken.get(name, 0) for name in names) / per_step
            for group, names in GROUPS.items()
        }


def products(config: PreTrainedConfig, n_tokens: int) -> dict[str, float]:
    """Multiplications and additions of a step, forward and backward, by group."""
    width, n_layer = config.n_embd, config.n_layer
    per_token = {
        "head and loss": 6 * width * config.vocab_size,
        "linear layers": 6 * n_layer * 12 * width * width,
        # Of the square of 512 x 512 in blocks of 256 a quarter is left out.
        "attention": 12 * n_layer * width * config.n_positions * 3 / 4,
    }
    return {group: count * n_tokens for group, count in per_token.items()}


def peak() -> float:
    """Multiplications and additions a second of a large product in bfloat16."""
    a = torch.ones(2048, 2048, dtype=torch.bfloat16)
    times = []
    for _ in range(12):
        begin = time.perf_counter()
        torch.mm(a, a)
        times.append(time.perf_counter() - begin)
    return 2 * 2048**3 / statistics.median(times)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--steps", type=int, default=30)
    given = parser.parse_args()
    quiet_transformers()
    with tempfile.TemporaryDirectory() as place:
        found = recipe(given.data)
        folder = run(found, Path(place) / "run", until="tokens")
        options = dataclasses.replace(
            found.transformer,
            batch_size=given.batch_size,
            steps=WARM_UP + given.steps + 1,
            log_every=1000,
            eval_every=1000,
            record=(),
        )
        report(folder, options, given.steps)


def report(folder: Path, options: TransformerOptions, steps: int) -> None:
    """Train and print."""
    model = new_model(options, Tokenizer.load(folder))
    profiler, throughput = Profiler(steps), peak()
    store = without_validation(TokenStore.open(folder))
    lengths = np.ones(store.manifest.vocab_size, np.int64)
    with tempfile.TemporaryDirectory() as place:
        train(model, store, Path(place), options, lengths, callbacks=[profiler])
    whole, groups = profiler.seconds * 1e3, profiler.milliseconds()
    work = products(model.config, options.batch_size * options.block_size)
    print(f"\npeak: {throughput / 1e9:,.0f} Gflop/s in bfloat16")
    print("| | ms a step | of the step | ideal ms |\n| --- | --- | --- | --- |")
    for group, taken in [*groups.items(), ("the rest", whole - sum(groups.values()))]:
        ideal = f"{work[group] / throughput * 1e3:.1f}" if group in work else ""
        print(f"| {group} | {taken:.1f} | {taken / whole:.0%} | {ideal} |")
    ideal = sum(work.values()) / throughput * 1e3
    print(f"| together | {whole:.1f} | share of peak {ideal / whole:.0%} | {ideal:.1f} |")


if __name__ == "__main__":
    main()
