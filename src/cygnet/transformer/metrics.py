"""``metrics.jsonl``: a line of figures for each log of a training run."""

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cygnet.files import write_text
from cygnet.recipe import TransformerOptions

METRICS = "metrics.jsonl"


class MetricsFile(TrainerCallback):
    """Writes a line of ``metrics.jsonl`` for each log; lines behind a checkpoint are dropped.

    Args:
        path: The file.
        options: Decide at which steps a line is due.
    """

    def __init__(self, path: Path, options: TransformerOptions) -> None:
        self.path, self.options = path, options

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Drop the lines behind the checkpoint that training goes on from."""
        if not state.is_world_process_zero:
            return
        write_text(self.path, "".join(read_lines_until(self.path, state.global_step)))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say when to log and when to save."""
        is_last = state.global_step == self.options.steps
        control.should_log = is_last or state.global_step % self.options.log_every == 0
        control.should_save = is_last or state.global_step % self.options.eval_every == 0

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Append a line."""
        if not state.is_world_process_zero:
            return
        with open(self.path, "a") as file:
            file.write(as_line(state.log_history[-1]))


def as_line(figures: Mapping[str, Any]) -> str:
    """A line of JSON, with null for what is no finite number.

    >>> as_line({"step": 3, "grad_norm": float("inf")})
    '{"step": 3, "grad_norm": null}\\n'
    """
    finite = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in figures.items()
    }
    return json.dumps(finite) + "\n"


def names_for_loggers(figures: Mapping[str, float | None]) -> dict[str, float]:
    """Figures under names that the loggers of ``transformers`` sort into ``train/`` and ``eval/``.

    >>> names_for_loggers({"train_bits_per_byte": 1.5, "valid_bits_per_byte": 1.6, "tokens": 9})
    {'bits_per_byte': 1.5, 'eval_bits_per_byte': 1.6, 'tokens': 9}
    """
    return {
        key.removeprefix("train_").replace("valid_", "eval_"): value
        for key, value in figures.items()
        if value is not None
    }


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
