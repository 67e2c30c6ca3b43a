"""``metrics.jsonl``: a line of figures for each log of a training run."""

import contextlib
import json
from collections.abc import Callable
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
        if not state.is_world_process_zero:
            return
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
        if not state.is_world_process_zero:
            return
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
