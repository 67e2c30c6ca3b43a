"""Runs side by side: how far each has come, its losses, and in what their recipes differ."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cygnet.xray.runs.curves import AXES, UNITS, Against, Curve, Unit, loss_curves_of
from cygnet.xray.runs.reading import Line, Run, as_runs, figure


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss, and at what step; in both units, as far as they were measured."""

    step: int
    nats_per_token: float | None
    bits_per_byte: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run in a few figures.

    Attributes:
        name, path: As of ``Run``.
        is_finished: Whether its training has come to its end.
        steps, steps_planned: Done, and asked for by the recipe.
        tokens: Seen.
        seconds: Wall time of the training so far.
        tokens_per_second: Of training alone, the median of all lines.
        train, valid: The last losses; the first is a mean since the line before.
        best_valid: The least loss on the valid split.
        n_parameters, vocab_size: As of ``Run``.
    """

    name: str
    path: str
    is_finished: bool
    steps: int
    steps_planned: int | None
    tokens: int
    seconds: float | None
    tokens_per_second: float | None
    train: Loss | None
    valid: Loss | None
    best_valid: Loss | None
    n_parameters: int | None
    vocab_size: int | None


@dataclass(frozen=True)
class Comparison:
    """Several runs, read at one time.

    Attributes:
        summaries: One for each run.
        differences: Options of the recipes that are not the same in all: a value for each run, by
            the name of the run. A recipe that lacks an option has None.
        has_one_vocabulary: Whether nats per token can be compared, as far as it is known.
        curves: The losses over the training.
        against: What the curves run along.
    """

    summaries: tuple[Summary, ...]
    differences: dict[str, dict[str, Any]]
    has_one_vocabulary: bool
    curves: tuple[Curve, ...]
    against: Against

    def left_out(self, unit: Unit | None = None) -> list[str]:
        """A line for each run that has no curve, in a unit or in any."""
        drawn = {curve.run for curve in self.curves if unit in (None, curve.unit)}
        loss = f"a loss in {UNITS[unit]}" if unit else "a loss"
        return [
            f"{run.name} is not drawn: its metrics have no {AXES[self.against][1]} with {loss}"
            for run in self.summaries
            if run.name not in drawn
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self) | {"notes": self.left_out()}

    def show(self) -> None:
        """Print the runs side by side, and a chart of their losses."""
        from cygnet.xray.runs.view import print_comparison

        print_comparison(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.runs.page import comparison_html

        return in_notebook(comparison_html(self))


def compare_runs(runs: Sequence[Run | str | Path], against: Against = "tokens") -> Comparison:
    """Put runs side by side.

    Args:
        runs: Run folders, or folders that hold ``metrics.jsonl`` themselves; or all of them as from
            ``read_runs``.
        against: What the curves run along: steps, tokens, or time in seconds.

    Raises:
        InputError, DamagedError: As of ``read_runs``.

    >>> first, second = (
    ...     Run(name, ({"step": 1, "tokens": 64, "valid_bits_per_byte": loss},))
    ...     for name, loss in (("a", 2.5), ("b", 2.25))
    ... )
    >>> [one.best_valid.bits_per_byte for one in compare_runs([first, second]).summaries]
    [2.5, 2.25]
    """
    found = as_runs(runs)
    return Comparison(
        summaries=tuple(map(summarise, found)),
        differences=differences(found),
        has_one_vocabulary=len({run.tokenizer for run in found} - {None}) <= 1,
        curves=tuple(loss_curves_of(found, against)),
        against=against,
    )


def summarise(run: Run) -> Summary:
    """A run in a few figures."""
    last = run.lines[-1]
    valid = list(_losses(run, "valid"))
    rates = [rate for line in run.lines if (rate := figure(line, "tokens_per_second")) is not None]
    return Summary(
        name=run.name,
        path=str(run.path),
        is_finished=run.is_finished,
        steps=last["step"],
        steps_planned=run.steps_planned,
        tokens=last["tokens"],
        seconds=figure(last, "seconds"),
        tokens_per_second=statistics.median(rates) if rates else None,
        train=next(reversed([*_losses(run, "train")]), None),
        valid=valid[-1] if valid else None,
        best_valid=min(valid, key=_least, default=None),
        n_parameters=run.n_parameters,
        vocab_size=run.vocab_size,
    )


def differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Options of the recipes that differ, and the value of each in each run that has a recipe."""
    recipes = {run.name: dict(_options(run.recipe)) for run in runs if run.recipe}
    names = dict.fromkeys(name for options in recipes.values() for name in options)
    found = {name: {run: options.get(name) for run, options in recipes.items()} for name in names}
    return {name: values for name, values in found.items() if not _are_equal([*values.values()])}


def _losses(run: Run, split: str) -> Iterator[Loss]:
    for line in run.lines:
        nats, bits = (_loss(line, split, unit) for unit in ("nats_per_token", "bits_per_byte"))
        if (nats, bits) != (None, None):
            yield Loss(step=line["step"], nats_per_token=nats, bits_per_byte=bits)


def _loss(line: Line, split: str, unit: str) -> float | None:
    return figure(line, f"{split}_{unit}")


def _least(loss: Loss) -> float:
    """What to order the losses of one run by."""
    known = loss.nats_per_token if loss.bits_per_byte is None else loss.bits_per_byte
    assert known is not None
    return known


def _options(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every option of a recipe as ``transformer.n_layer``, but for its name."""
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _options(value, f"{prefix}{key}.")
        elif prefix or key != "name":
            yield prefix + key, value


def _are_equal(values: Sequence[Any]) -> bool:
    return all(value == values[0] for value in values)
