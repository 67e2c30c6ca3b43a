"""The analysis as tables on the terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cygnet.xray.tables import print_whole
from cygnet.xray.undertrained.analysis import Truth, Undertrained
from cygnet.xray.undertrained.ground_truth import AMONG_SEEN, HIDDEN
from cygnet.xray.undertrained.scores import Scores
from cygnet.xray.undertrained.verification import THRESHOLD

N_STEPS = 12


def print_undertrained(found: Undertrained, top: int, console: Console | None = None) -> None:
    """Print what is known, the first ``top`` of the ranking, and the scores where there is truth.

    Args:
        found: The analysis.
        top: How many tokens to list.
        console: Where to print; standard output if none.
    """
    console = console or Console()
    _say(console, _summary(found), style="bold")
    _print_known(console, found)
    print_whole(_ranking(found, top), console)
    _say(console, _verified(found), style="dim")
    if found.truth is not None:
        _print_truth(console, found, found.truth)


def print_scores(found: Undertrained, console: Console | None = None) -> None:
    """Print what each indicator is worth after how many steps, of a model with planted rows.

    Args:
        found: The analysis; it has ``truth``.
        console: Where to print; standard output if none.
    """
    assert found.truth is not None
    console, truth = console or Console(), found.truth
    _say(console, f"{found.path}: {truth.about}", style="bold")
    _print_known(console, found)
    _print_groups(console, found, truth)
    steps = _spread_out(truth.steps)
    for name in dict.fromkeys(point.indicator for point in truth.points):
        rows = [
            (f"{point.step:,}", point.scores)
            for step in steps
            for point in truth.at(step, AMONG_SEEN)
            if point.indicator == name
        ]
        _say(console, f"\n{name}, {AMONG_SEEN}", style="bold")
        print_whole(_scores("step", rows), console)


def _spread_out(steps: list[int]) -> list[int]:
    """At most so many of the steps, evenly over them, with the first and the last one."""
    places = np.linspace(0, len(steps) - 1, min(N_STEPS, len(steps))).round().astype(int)
    return [steps[place] for place in places]


def _print_known(console: Console, found: Undertrained) -> None:
    for reason, ids in found.known_unused.items():
        _say(console, f"known to be unused: {len(ids):,} {reason}")
    if not any(map(len, found.known_unused.values())):
        _say(console, "no token is known to be unused: the norm alone ranks")


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(line, style=style), soft_wrap=True)


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
    """What the indicators are worth at the end of the training."""
    _say(console, "")
    _print_groups(console, found, truth)
    last = truth.steps[-1]
    _say(console, f"\naverage precision at step {last:,} of {HIDDEN} rows among", style="bold")
    print_whole(_average_precisions(truth, last), console)
    _say(console, f"\n{AMONG_SEEN} at step {last:,}", style="bold")
    points = truth.at(last, AMONG_SEEN)
    print_whole(
        _scores("indicator", [(point.indicator, point.scores) for point in points]), console
    )


def _print_groups(console: Console, found: Undertrained, truth: Truth) -> None:
    """The tokens by what they are, and how many of each the model does not repeat."""
    repeats = found.shares_verified()
    for name, ids in truth.groups.members.items():
        failed, tested = repeats[name]
        times = f" that occur {name} times" if name[0].isdigit() else ""
        verified = f"; {failed:,} of {tested:,} are not repeated" if tested else ""
        _say(console, f"{len(ids):,} {'live tokens' if times else name}{times}{verified}")


def _average_precisions(truth: Truth, step: int) -> Table:
    """A row for each indicator, a column for each comparison."""
    found = {name: truth.at(step, name) for name in truth.groups.comparisons()}
    found = {name: points for name, points in found.items() if points}
    table = _table("indicator", (name.removeprefix(f"{HIDDEN} among ") for name in found))
    for row in zip(*found.values(), strict=True):
        table.add_row(row[0].indicator, *(f"{p.scores.average_precision:.3f}" for p in row))
    chances = (f"{points[0].scores.chance:.3f}" for points in found.values())
    table.add_row("by chance", *chances, style="dim")
    return table


def _scores(label: str, rows: Sequence[tuple[str, Scores]]) -> Table:
    """Average precision, and precision and recall at each cut; one is the number of positives."""
    cuts = list(rows[0][1].precision)
    table = _table(label, ("average precision", *(f"{what}@{k:,}" for k in cuts for what in "PR")))
    for name, scores in rows:
        figures = [value for k in cuts for value in (scores.precision[k], scores.recall[k])]
        cells = (f"{figure:.3f}" for figure in (scores.average_precision, *figures))
        table.add_row(name, *cells)
    table.add_row("by chance", f"{rows[0][1].chance:.3f}", style="dim")
    return table


def _table(first: str, others: Iterable[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
