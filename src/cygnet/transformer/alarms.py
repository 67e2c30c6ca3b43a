"""What can be wrong with a training, by name: seen before its first step, or in its figures."""

import math
import statistics
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel

from cygnet.transformer.recorder import embedding_matrices
from cygnet.transformer.rows import WindowDataset

MANY_EPOCHS = 4.0
LARGE_SHARE = 2 / 3
EARLY_STEPS = 100
RISE = 0.05  # of the loss of the first step, and at least:
LEAST_RISE = 0.25  # nats
HISTORY = 32  # logs that a spike is told from
LEAST_HISTORY = 8
SPIKE_DEVIATIONS = 8  # median deviations: 5.4 standard deviations of a normal distribution
SPIKE_SHARE = 0.1  # of the median: noise can be smaller than anything that matters
SPIKE_LOGS = 3  # high ones in a row that make a spike, and others that end it
LOST_LOGS = 10  # high ones in a spike that stays

ALARMS = {
    "large-vocabulary": (
        "the model learns a table of tokens more than a language",
        "take a smaller vocabulary, or a larger model",
    ),
    "many-epochs": (
        "beyond about four epochs, text that is repeated teaches less and less",
        "take more text, or fewer steps",
    ),
    "dead-rows-occur": (
        "they are trained as live ones, and the loss of masked ones is infinite",
        "write the token files anew from text, with this tokenizer",
    ),
    "learning-rate-too-high": (
        "the first steps have made the model worse than it began",
        "lower learning_rate, or raise warmup_steps",
    ),
    "loss-spike": (
        "a step was too long, or some rows are unlike all others; no checkpoint is written until"
        " the loss is back",
        "if it comes again, lower learning_rate or max_grad_norm",
    ),
    "loss-spike-stays": (
        "the model has lost what it had learned",
        "train again with a lower learning_rate or max_grad_norm",
    ),
    "loss-not-finite": (
        "the weights cannot be used from here on",
        "train again with a lower learning_rate, more warmup_steps, or precision fp32",
    ),
}
"""What each alarm may mean, and what to do."""
STOP = ("loss-spike-stays", "loss-not-finite")


@dataclass(frozen=True)
class Alarm:
    """Something that is wrong: after which step, its name, and what was seen."""

    step: int
    name: str
    seen: str

    def to_dict(self) -> dict[str, Any]:
        """All that there is to say, as in ``warnings.jsonl``."""
        meaning, remedy = ALARMS[self.name]
        return {
            "step": self.step,
            "name": self.name,
            "seen": self.seen,
            "meaning": meaning,
            "remedy": remedy,
        }

    def __str__(self) -> str:
        """One line."""
        meaning, remedy = ALARMS[self.name]
        return f"{self.name}: {self.seen}; {meaning}: {remedy}"


def alarms_before(
    model: PreTrainedModel, data: WindowDataset, dead_ids: Sequence[int]
) -> Iterator[Alarm]:
    """What can be said before the first step."""
    n_rows = sum(matrix.numel() for matrix in embedding_matrices(model).values())
    share = n_rows / model.num_parameters()
    if share > LARGE_SHARE:
        seen = f"{share:.0%} of the {model.num_parameters():,} parameters are embeddings"
        yield Alarm(0, "large-vocabulary", seen)
    epochs = len(data) / data.rows_per_epoch
    if epochs > MANY_EPOCHS:
        seen = f"{data.options.steps:,} steps read the train split {epochs:,.1f} times"
        yield Alarm(0, "many-epochs", seen)
    for split in data.store.splits:
        counts = data.store.counts(split)[list(dead_ids)]
        if counts.any():
            n_found = f"{int((counts > 0).sum()):,} of {len(counts):,} dead rows"
            seen = f"{n_found} occur in the {split} split, {int(counts.sum()):,} times"
            yield Alarm(0, "dead-rows-occur", seen)


class LossWatch:
    """Looks at the figures of one log after the other, in their order.

    A loss that is not finite, and a spike that stays, are reasons to stop. A log is high if its
    mean loss is above the median of the last 32 by 8 median deviations and by a tenth. Three high
    ones in a row are a spike, and three others in a row end it; if there are ten before that, it
    stays. What is in a spike does not enter the median.

    >>> watch = LossWatch()
    >>> losses = [2.0, 2.1] * 6 + [5.0] * 12
    >>> lines = [{"step": i, "train_nats_per_token": x} for i, x in enumerate(losses)]
    >>> [(alarm.step, alarm.name) for line in lines for alarm in watch.look(line)]
    [(14, 'loss-spike'), (21, 'loss-spike-stays')]
    """

    def __init__(self) -> None:
        self._usual: deque[float] = deque(maxlen=HISTORY)
        self._first = math.inf
        self._is_too_high = False
        self.n_high, self._n_low = 0, 0

    def look(self, figures: Mapping[str, Any]) -> Iterator[Alarm]:
        """What is wrong with the figures of a line of the metrics."""
        step, loss = figures["step"], figures["train_nats_per_token"]
        self._first = figures.get("first_step_nats_per_token", self._first)
        for name in ("train_nats_per_token", "valid_nats_per_token", "grad_norm"):
            if not math.isfinite(figures.get(name, 0.0)):
                seen = f"{name} is {figures[name]} at step {step:,}"
                yield Alarm(step, "loss-not-finite", seen)
                return
        if loss > self._limit_of_beginning(step) and not self._is_too_high:
            self._is_too_high = True
            seen = f"the loss is {loss:.3f} at step {step:,}, and was {self._first:.3f} at first"
            yield Alarm(step, "learning-rate-too-high", seen)
        yield from self._look_for_spike(step, loss)

    def _limit_of_beginning(self, step: int) -> float:
        early = step <= EARLY_STEPS
        return self._first + max(LEAST_RISE, RISE * self._first) if early else math.inf

    def _look_for_spike(self, step: int, loss: float) -> Iterator[Alarm]:
        if loss <= self._limit():
            self._n_low += 1
            if self.n_high < SPIKE_LOGS or self._n_low == SPIKE_LOGS:
                self.n_high = 0
                self._usual.append(loss)
            return
        self.n_high, self._n_low = self.n_high + 1, 0
        usual = statistics.median(self._usual)
        seen = f"the loss is {loss:.3f} at step {step:,}, {self.n_high} logs above"
        seen += f" {self._limit():.3f}, where {usual:.3f} is usual"
        if self.n_high in (SPIKE_LOGS, LOST_LOGS):
            name = "loss-spike" if self.n_high == SPIKE_LOGS else "loss-spike-stays"
            yield Alarm(step, name, seen)

    def _limit(self) -> float:
        """The highest mean loss that is no spike."""
        if len(self._usual) < LEAST_HISTORY:
            return math.inf
        usual = statistics.median(self._usual)
        deviation = statistics.median(abs(loss - usual) for loss in self._usual)
        return usual + max(SPIKE_DEVIATIONS * deviation, SPIKE_SHARE * abs(usual))
