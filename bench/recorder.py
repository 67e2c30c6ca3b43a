"""What the recorder costs: its share of the time of training the reference model.

    python bench/recorder.py [--steps 40] [--precision bf16]

Each way to record takes a snapshot after every step of one training, its time is taken, and the
share is counted as if it were taken as often as the first column says. Medians, wall time.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from cygnet.transformer.model import quiet_transformers
from cygnet.transformer.presets import duckling_ii
from cygnet.transformer.recorder import EmbeddingRecorder

EVERYTHING = ("W", "grad", "adam")
WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "every 100 steps, all rows, W": (100, {}),
    "every 100 steps, all rows, W, grad, adam": (100, {"what": EVERYTHING}),
    "every step, 100 rows, W": (1, {"rows": range(6094, 6194)}),
    "every step, 100 rows here and there, W, grad, adam": (
        1,
        {"rows": range(0, 8192, 82), "what": EVERYTHING},
    ),
}


class Timed(EmbeddingRecorder):
    """A recorder that takes its own time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seconds: list[float] = []

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Record, with the time it takes."""
        watch = time.perf_counter()
        super().on_optimizer_step(*args, **kwargs)
        self.seconds.append(time.perf_counter() - watch)


class Steps(TrainerCallback):
    """Times steps up to where the recorders begin."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Begin to measure."""
        self.begin = time.perf_counter()

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """The optimizer is done, the recorders come next."""
        self.seconds.append(time.perf_counter() - self.begin)


def main() -> None:
    """Print a line for each way to record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16")
    options = parser.parse_args()
    quiet_transformers()
    with tempfile.TemporaryDirectory() as folder:
        step, recorders = train(Path(folder), options.steps, options.precision)
    print(f"a step of 2 x 512 tokens in {options.precision}: {step * 1e3:.1f} ms")
    print(f"{'':52}{'a snapshot':>12}{'size':>12}{'of the time':>14}")
    for (name, (every, _)), recorder in zip(WAYS.items(), recorders, strict=True):
        taken = statistics.median(recorder.seconds)
        report(name, taken, recorder.n_bytes, taken / (every * step))


def report(name: str, seconds: float, n_bytes: int, share: float) -> None:
    """One line."""
    print(f"{name:52}{seconds * 1e3:9.2f} ms{n_bytes / 1e6:9.2f} MB{share:14.4%}", flush=True)


def train(folder: Path, n_steps: int, precision: str) -> tuple[float, list[Any]]:
    """The median time of a step, and a recorder for each way to record."""
    config = duckling_ii()
    steps = Steps()
    recorders = [
        Timed(folder / str(i), **({"every": 1} | how)) for i, (_, how) in enumerate(WAYS.values())
    ]
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 6144, (64, config.n_positions)))
    arguments = TrainingArguments(
        output_dir=str(folder / "out"),
        max_steps=n_steps,
        per_device_train_batch_size=2,
        bf16=precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        report_to="none",
    )
    rows = [{"input_ids": row, "labels": row} for row in ids]
    callbacks = [steps, *recorders]
    trainer = Trainer(GPT2LMHeadModel(config), arguments, train_dataset=rows, callbacks=callbacks)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    for number, recorder in enumerate(recorders):
        files = (folder / str(number)).glob("*.npy")
        recorder.n_bytes = sum(path.stat().st_size for path in files) // (n_steps + 1)
    return statistics.median(steps.seconds), recorders


if __name__ == "__main__":
    main()
