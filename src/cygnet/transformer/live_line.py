"""The line that a terminal shows while a model trains: loss, tokens per second, time left."""

import time
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cygnet.console import say
from cygnet.recipe import TransformerOptions

NEWEST = 0.3  # weight of the newest log in the smoothed loss


class LiveLine(TrainerCallback):
    """Knows how far a training is, and says it in as many columns as there are.

    Args:
        options: Of the training.
        is_live: Whether ``text`` is shown all the time; if not, a line is printed with each
            validation.
    """

    def __init__(self, options: TransformerOptions, is_live: bool) -> None:
        self._options, self._is_live = options, is_live
        self._began, self._begun_at, self._step = time.perf_counter(), 0, 0
        self._loss: float | None = None
        self._rate: float | None = None
        self._doing = "training"

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin to count, behind the checkpoint that training goes on from."""
        self._began, self._begun_at, self._step = time.perf_counter(), state.global_step, 0
        for figures in state.log_history:
            self._smooth(figures["train_nats_per_token"])

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Count a step."""
        self._step = state.global_step

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take over the newest figures."""
        figures = state.log_history[-1]
        self._smooth(figures["train_nats_per_token"])
        self._rate, self._doing = figures["tokens_per_second"], "training"
        is_due = state.global_step % self._options.eval_every == 0
        if is_due and not self._is_live and state.is_world_process_zero:
            valid = figures.get("valid_bits_per_byte")
            say(self._forms(f"valid {valid:.4f} bits per byte  " if valid is not None else "")[0])

    def on_validation(self, share: float) -> None:
        """Say how much of a validation is done."""
        self._doing = f"validating {share:.0%}"

    def text(self, width: int) -> str:
        """The line, in ``width`` columns at most.

        >>> from cygnet.recipes import find_recipe
        >>> line = LiveLine(find_recipe("demo").transformer, is_live=True)
        >>> line.text(80)
        '  training  step 0 of 2,000  loss -  - tokens/s  -:-- left'
        >>> line.text(40)
        '0% loss - - tok/s -:-- left'
        """
        fitting = (form for form in self._forms() if len(form) <= width)
        return next(fitting, self._forms()[-1][:width])

    def _forms(self, more: str = "") -> list[str]:
        """The same from wide to narrow."""
        step, steps = self._step, self._options.steps
        loss = "-" if self._loss is None else f"{self._loss:.3f}"
        rate = "-" if self._rate is None else f"{self._rate:,}"
        short_rate = "-" if self._rate is None else _short(self._rate)
        left = clock(self._seconds_left())
        is_training = self._doing == "training"
        doing = f"{step / steps:.0%}" if is_training else self._doing
        speed = f" {short_rate} tok/s" if is_training else ""
        return [
            f"  {self._doing}  step {step:,} of {steps:,}  loss {loss}  {more}{rate} tokens/s"
            f"  {left} left",
            f"{doing} loss {loss}{speed} {left} left",
            f"{step / steps:.0%} {loss} {short_rate}/s {left}",
        ]

    def _smooth(self, loss: float) -> None:
        self._loss = loss if self._loss is None else self._loss + NEWEST * (loss - self._loss)

    def _seconds_left(self) -> float | None:
        """As the steps of this process went on average, validations and checkpoints included."""
        n_done = self._step - self._begun_at
        if n_done <= 0:
            return None
        seconds_per_step = (time.perf_counter() - self._began) / n_done
        return seconds_per_step * (self._options.steps - self._step)


def clock(seconds: float | None) -> str:
    """Minutes and seconds, with hours if there are any.

    >>> clock(83), clock(7384), clock(None)
    ('1:23', '2:03:04', '-:--')
    """
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(count: float) -> str:
    """In three digits and a letter.

    >>> _short(950), _short(18_649), _short(999_999), _short(1_250_000)
    ('950', '18.6k', '1.00M', '1.25M')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            digits = 2 if count < 9.995 * size else 1 if count < 99.95 * size else 0
            return f"{count / size:.{digits}f}{letter}"
    return f"{count:.0f}"
