"""The analysis as tables on the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cygnet.xray.undertrained.analysis import Truth, Undertrained
from cygnet.xray.undertrained.ground_truth import COMPARISONS, Point
from cygnet.xray.undertrained.verification import THRESHOLD


def print_undertrained(found: Undertrained, top: int, console: Console | None = None) -> None:
    """Print what is known, the first ``top`` of the ranking, and the scores where there is truth.

    Args:
        found: The analysis.
        top: How many tokens to list.
        console: Where to print; standard output if none.
    """
    console = console or Console()
    _say(console, _summary(found), style="bold")
    for reason, ids in found.known_unused.items():
        _say(console, f"known to be unused: {len(ids):,} {reason}")
    console.print(_ranking(found, top))
    _say(console, _verified(found), style="dim")
    if found.truth is not None:
        _print_truth(console, found, found.truth)


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style=style))


def _summary(found: Undertrained) -> str:
    tied = "tied" if found.is_tied else "untied"
    about = f"{tied} embeddings" if found.truth is None else found.truth.about
    return f"{found.path}: {about}; ranked by {found.ranked_by}, low is suspicious"


def _ranking(found: Undertrained, top: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    rows = [found.token(place) for place in range(min(top, len(found.ranking)))]
    columns = [name for name in rows[0] if name != "group" or found.truth] if rows else []
    for name in columns:
        table.add_column(name, justify="left" if name in ("text", "group") else "right")
    for row in rows:
        table.add_row(*(_cell(row.get(name, "")) for name in columns))
    return table


def _cell(value: Any) -> Text:
    if isinstance(value, float):
        return Text(f"{value:.4f}" if value >= 1e-4 else f"{value:.1e}")
    return Text(f"{value:,}" if isinstance(value, int) else value)


def _verified(found: Undertrained) -> str:
    failed = int((found.probabilities < THRESHOLD).sum())
    return (
        f"of the first {len(found.probabilities):,} of {len(found.ranking):,},"
        f" {failed:,} get below {THRESHOLD:.0%} at the end of every repetition prompt"
    )


def _print_truth(console: Console, found: Undertrained, truth: Truth) -> None:
    sizes = (f"{len(ids):,} {name}" for name, ids in truth.groups.members.items())
    _say(console, f"\ntokens to tell apart: {', '.join(sizes)} (rare are those seen 1 to 10 times)")
    for name, (failed, tested) in found.shares_verified().items():
        if tested:
            _say(console, f"  not repeated: {failed:,} of {tested:,} {name}")
    last = truth.points[-1].step if truth.points else 0
    for comparison in COMPARISONS:
        points = [p for p in truth.points if (p.step, p.comparison) == (last, comparison)]
        if points:
            _say(console, f"\n{comparison}, step {last:,}", style="bold")
            console.print(_scores(points))


def _scores(points: Sequence[Point]) -> Table:
    """A row for each indicator; the last cut is the number of positives."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("indicator")
    cuts = list(points[0].scores.precision)
    for name in ("average precision", *(f"{what} at {k:,}" for k in cuts for what in WHAT)):
        table.add_column(name, justify="right")
    for point in points:
        scores = point.scores
        figures = [value for k in cuts for value in (scores.precision[k], scores.recall[k])]
        cells = [f"{figure:.3f}" for figure in (scores.average_precision, *figures)]
        table.add_row(point.indicator, *cells)
    table.add_row("by chance", f"{points[0].scores.chance:.3f}", style="dim")
    return table


WHAT = ("precision", "recall")
