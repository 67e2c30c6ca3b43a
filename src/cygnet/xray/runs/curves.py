"""Loss curves as data."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from cygnet.xray.runs.reading import Run, figure

Against = Literal["steps", "tokens", "time"]
Split = Literal["train", "valid"]
Unit = Literal["nats_per_token", "bits_per_byte"]
AXES: dict[Against, tuple[str, str]] = {
    "steps": ("step", "optimizer steps"),
    "tokens": ("tokens", "tokens seen"),
    "time": ("seconds", "seconds of training"),
}
"""What a curve can run along: the key in ``metrics.jsonl``, and what it says on an axis."""
UNITS: dict[Unit, str] = {
    "nats_per_token": "nats per token",
    "bits_per_byte": "bits per byte",
}
SPLITS: tuple[Split, ...] = ("train", "valid")


@dataclass(frozen=True)
class Curve:
    """The loss of one run on one split, in one unit.

    Attributes:
        run: Its name.
        split, unit: Which loss.
        xs: Steps, tokens or seconds.
        ys: The losses there.
    """

    run: str
    split: Split
    unit: Unit
    xs: tuple[float, ...]
    ys: tuple[float, ...]


def loss_curves_of(runs: Sequence[Run], against: Against = "tokens") -> Iterator[Curve]:
    """The curves of some runs, those that have a point.

    Args:
        runs: As from ``read_runs``.
        against: What they run along.

    >>> run = Run("mine", ({"step": 10, "tokens": 640, "train_bits_per_byte": 2.5},))
    >>> [(curve.split, curve.unit, curve.xs, curve.ys) for curve in loss_curves_of([run])]
    [('train', 'bits_per_byte', (640,), (2.5,))]
    """
    for run in runs:
        for split in SPLITS:
            for unit in UNITS:
                points = list(_points(run, f"{split}_{unit}", AXES[against][0]))
                if points:
                    xs, ys = zip(*points, strict=True)
                    yield Curve(run.name, split, unit, xs, ys)


def _points(run: Run, key: str, along: str) -> Iterator[tuple[float, float]]:
    for line in run.lines:
        x, y = figure(line, along), figure(line, key)
        if x is not None and y is not None:
            yield x, y
