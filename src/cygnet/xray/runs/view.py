"""Runs in the terminal: a table, a chart of their losses, and what they wrote."""

from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cygnet.tokenizer.display import visible
from cygnet.tokenizer.plots import COLOURS
from cygnet.xray.runs.chart import Line, chart
from cygnet.xray.runs.comparison import Comparison, Loss, Summary
from cygnet.xray.runs.curves import AXES, UNITS, Curve, Unit

NONE = "-"
MARKS = "123456789abcdefghijklmnopqrstuvwxyz"
STYLES = tuple(colour for colour in COLOURS if colour != "#000000")  # on a dark terminal
MOST_WIDTH = 100  # of the chart
NAME_WIDTH = 24
FIGURES: dict[str, Callable[[Summary], str]] = {
    "training": lambda run: _state(run),
    "steps": lambda run: f"{run.steps:,}",
    "tokens": lambda run: f"{run.tokens:,}",
    "time": lambda run: NONE if run.seconds is None else _duration(run.seconds),
    "tokens/s, median": lambda run: _count(run.tokens_per_second),
    "parameters": lambda run: _count(run.n_parameters),
    "vocabulary": lambda run: _count(run.vocab_size),
    "train, nats/token": lambda run: _nats(run.train),
    "train, bits/byte": lambda run: _bits(run.train),
    "valid, nats/token": lambda run: _nats(run.valid),
    "valid, bits/byte": lambda run: _bits(run.valid),
    "best valid": lambda run: _bits(run.best_valid),
    "  at step": lambda run: f"{run.best_valid.step:,}" if run.best_valid else NONE,
}
NO_COMMON_UNIT = (
    "The vocabularies differ: of the losses only bits per byte can be compared, and those only if"
    " no vocabulary loses text."
)


def print_comparison(
    found: Comparison, console: Console | None = None, unit: Unit = "bits_per_byte"
) -> None:
    """Print the runs side by side, as many as fit, and a chart of their losses.

    Args:
        found: The runs.
        console: Where to; the terminal by default.
        unit: Of the chart.
    """
    console = console or Console()
    is_narrow = _labels_width(found) + _widest(found) > console.width
    for runs in _fitting(found, console.width):
        console.print(_table(found, runs, is_narrow))
        console.print()
    if not found.has_one_vocabulary:
        console.print(NO_COMMON_UNIT, style="dim")
    _print_chart(found, console, unit)


def plain(text: str) -> str:
    """A text with its blanks and newlines, and nothing that a terminal would obey.

    >>> plain("one\\x1b[31m two")
    'one\\\\x1b[31m two'
    """
    return "".join(c if c in " \n" else visible(c.encode(errors="surrogateescape")) for c in text)


def _fitting(found: Comparison, width: int) -> Iterator[Sequence[Summary]]:
    """Groups of runs whose columns fit beside each other."""
    n_fitting = max(1, (width - _labels_width(found)) // _widest(found))
    for first in range(0, len(found.summaries), n_fitting):
        yield found.summaries[first : first + n_fitting]


def _labels_width(found: Comparison) -> int:
    return max(map(len, [*FIGURES, *map(_option, found.differences)])) + 2


def _widest(found: Comparison) -> int:
    return max(map(_width, found.summaries)) + 2


def _option(name: str, is_narrow: bool = False) -> str:
    """The name of an option, broken behind its dots where there is little room."""
    return f"  {plain(name).replace('.', f'.{chr(10)}   ' if is_narrow else '.')}"


def _width(run: Summary) -> int:
    cells = (read(run) for read in FIGURES.values())
    return max(min(len(plain(run.name)), NAME_WIDTH), *map(len, cells))


def _table(found: Comparison, runs: Sequence[Summary], is_narrow: bool) -> Table:
    """A column for each run, with the options in which its recipe differs from the others'."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", overflow="fold")
    for run in runs:
        table.add_column(
            Text(plain(run.name)), justify="right", overflow="fold", max_width=NAME_WIDTH
        )
    for label, read in FIGURES.items():
        table.add_row(label, *(read(run) for run in runs))
    if found.differences:
        table.add_section()
        table.add_row("their recipes", style="bold")
    for option, values in found.differences.items():
        cells = (Text(value_cell(values.get(run.name))) for run in runs)
        table.add_row(Text(_option(option, is_narrow)), *cells)
    return table


def _print_chart(found: Comparison, console: Console, unit: Unit) -> None:
    curves, notes = _drawn(found, unit)
    if curves:
        _print_curves(found, curves, console, unit)
    for note in notes:
        console.print(Text(plain(note), style="dim"))


def _print_curves(found: Comparison, curves: Sequence[Curve], console: Console, unit: Unit) -> None:
    is_comparison = len(found.summaries) > 1
    names = {curve: _mark(number) for number, curve in enumerate(curves)}
    lines = [
        Line(mark, STYLES[number % len(STYLES)], curve.xs, curve.ys)
        for number, (curve, mark) in enumerate(names.items())
    ]
    split = f"{curves[0].split}, " if is_comparison else ""
    title = f"{split}{UNITS[unit]} against {AXES[found.against][1]}, log axis"
    console.print(title, style="bold")
    for row in chart(lines, min(MOST_WIDTH, console.width)):
        console.print(row, no_wrap=True, overflow="crop")
    legend = Text("  ").join(
        Text(f"{line.mark} ", style=line.style)
        + Text(plain(curve.run) if is_comparison else curve.split)
        for line, curve in zip(lines, curves, strict=True)
    )
    console.print(legend)


def _drawn(found: Comparison, unit: Unit) -> tuple[list[Curve], list[str]]:
    """Both losses of one run; of several the one that all have, valid if it can be; and in words
    what is not drawn."""
    curves = [curve for curve in found.curves if curve.unit == unit]
    notes = found.left_out(unit)
    if len(found.summaries) == 1:
        return curves, notes
    valid = [curve for curve in curves if curve.split == "valid"]
    without = dict.fromkeys(curve.run for curve in curves)
    for curve in valid:
        without.pop(curve.run)
    if not without:
        return valid, notes
    notes.append(f"train, not valid, is drawn: {', '.join(without)} has no valid loss")
    return [curve for curve in curves if curve.split == "train"], notes


def _mark(number: int) -> str:
    return MARKS[number % len(MARKS)]


def _state(run: Summary) -> str:
    if run.is_finished:
        return "finished"
    if run.steps_planned is None:
        return NONE
    return f"{run.steps / run.steps_planned:.0%} of {run.steps_planned:,}"


def _duration(seconds: float) -> str:
    """
    >>> _duration(7384.2), _duration(59.6)
    ('2:03:04', '1:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _count(value: float | None) -> str:
    return NONE if value is None else f"{value:,.0f}"


def _nats(loss: Loss | None) -> str:
    return _loss(loss.nats_per_token if loss else None)


def _bits(loss: Loss | None) -> str:
    return _loss(loss.bits_per_byte if loss else None)


def _loss(value: float | None) -> str:
    return NONE if value is None else f"{value:.4f}"


def value_cell(value: object) -> str:
    """The value of an option in a table."""
    if isinstance(value, list):
        return plain(", ".join(map(str, value))) or NONE
    return NONE if value is None else plain(str(value))
