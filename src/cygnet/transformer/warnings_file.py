"""``warnings.jsonl``: what was wrong with a training, by name; what cannot be mended stops it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cygnet.console import say
from cygnet.errors import DivergedError
from cygnet.files import write_text
from cygnet.transformer.alarms import STOP, Alarm, LossWatch
from cygnet.transformer.checkpoints import SEAL
from cygnet.transformer.metrics import as_line, read_lines_until

WARNINGS = "warnings.jsonl"


class WarningsFile(TrainerCallback):
    """Watches the figures of a training, warns, and stops it where its loss is lost.

    While the loss is high no checkpoint is written, so that the last one is good.

    Args:
        path: The file; it is there only if there is a warning.
        before: What is known before the first step.

    Raises:
        DivergedError: The loss is not finite, or a spike stays.
    """

    def __init__(self, path: Path, before: Sequence[Alarm] = ()) -> None:
        self.path, self._before = path, before
        self._watch = LossWatch()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Forget what is behind the checkpoint that training goes on from."""
        for figures in state.log_history:
            list(self._watch.look(figures))
        if not state.is_world_process_zero:
            return
        kept = read_lines_until(self.path, state.global_step)
        known = {json.loads(line)["seen"] for line in kept}
        new = [alarm for alarm in self._before if alarm.seen not in known]
        self.path.unlink(missing_ok=True)
        if kept:
            write_text(self.path, "".join(kept))
        self._give(new, state)

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look at the figures, and before a checkpoint at the weights."""
        alarms = list(self._watch.look(state.log_history[-1]))
        if control.should_save and not alarms and not _is_finite(kwargs["model"]):
            seen = f"a weight is not finite at step {state.global_step:,}"
            alarms.append(Alarm(state.global_step, "loss-not-finite", seen))
        self._give(alarms, state)
        for alarm in alarms:
            if alarm.name in STOP:
                raise DivergedError(f"training has stopped, {alarm}; {_what_is_kept(args)}")
        if self._watch.n_high and state.global_step < state.max_steps:
            control.should_save = False

    def _give(self, alarms: Sequence[Alarm], state: TrainerState) -> None:
        for alarm in alarms if state.is_world_process_zero else ():
            with open(self.path, "a") as file:
                file.write(as_line(alarm.to_dict()))
            if alarm.name not in STOP:  # the error says it
                say(f"  warning, {alarm}")


def read_warnings(path: Path) -> list[dict[str, Any]]:
    """The lines of a ``warnings.jsonl``; none if there is no such file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _is_finite(model: torch.nn.Module) -> bool:
    return all(bool(torch.isfinite(weight).all()) for weight in model.parameters())


def _what_is_kept(args: TrainingArguments) -> str:
    sealed = Path(args.output_dir or "").glob(f"checkpoint-*/{SEAL}")
    steps = [int(path.parent.name.split("-")[1]) for path in sealed]
    if not steps:
        return "there is no checkpoint yet"
    return f"the last good checkpoint, of step {max(steps):,}, is kept in {args.output_dir}"
