"""The analysis drawn: scores over the steps where there is truth, else spreads of indicators."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.tokenizer.plots import COLOURS, PANEL_INCHES, save_figure
from cygnet.xray.undertrained.analysis import Truth, Undertrained
from cygnet.xray.undertrained.ground_truth import VERIFICATION, Point
from cygnet.xray.undertrained.indicators import INDICATORS

LOOKS = dict(zip((*INDICATORS, VERIFICATION), COLOURS, strict=False))
N_BINS = 60


def draw_undertrained(found: Sequence[Undertrained], path: Path) -> None:
    """Draw a row for each model.

    Args:
        found: The analyses.
        path: A file that ends in .png or .svg. The same figures give the same bytes.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``.
    """
    save_figure(path, PANEL_INCHES * len(found), lambda figure: _draw_rows(figure, found))


def _draw_rows(figure: Any, found: Sequence[Undertrained]) -> None:
    rows = figure.subfigures(len(found), 1, squeeze=False)[:, 0]
    for row, one in zip(rows, found, strict=True):
        if one.truth is None:
            _draw_spread(row, one)
        else:
            _draw_truth(row, one.truth)
        row.suptitle(one.truth.about if one.truth else one.path.name, fontsize=10)


def _draw_truth(row: Any, truth: Truth) -> None:
    """Average precision over the steps, a panel for each comparison."""
    comparisons, last = _shown(truth), truth.steps[-1]
    panels = row.subplots(1, len(comparisons), sharey=True, squeeze=False)[0]
    for panel, comparison in zip(panels, comparisons, strict=True):
        points = [point for point in truth.points if point.comparison == comparison]
        for name in LOOKS:
            _draw_line(panel, [point for point in points if point.indicator == name])
        if points:
            panel.axhline(points[0].scores.chance, color="0.6", linestyle=":", label="chance")
        panel.set_xscale("symlog", linthresh=1)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.set(title=comparison, xlabel="step", ylim=(-0.03, 1.03), xlim=(0, 1.5 * last))
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("average precision")
    panels[0].legend(frameon=False, fontsize=7)


def _shown(truth: Truth) -> list[str]:
    """Dead rows among all that occur, and among the rarest; live ones that do not occur."""
    found = list(truth.groups.comparisons())
    scored = {point.comparison for point in truth.points}
    return [name for name in (*found[:2], found[-1]) if name in scored]


def _draw_line(panel: Any, points: Sequence[Point]) -> None:
    if points:
        steps = [point.step for point in points]
        heights = [point.scores.average_precision for point in points]
        look = {"color": LOOKS[points[0].indicator], "label": points[0].indicator}
        panel.plot(steps, heights, marker="o" if len(points) == 1 else "", **look)


def _draw_spread(row: Any, found: Undertrained) -> None:
    """How each indicator is spread over the ranking, with marks at the known unused tokens."""
    known = np.concatenate(list(found.known_unused.values()))
    panels = row.subplots(1, len(found.values))
    for panel, (name, values) in zip(panels, found.values.items(), strict=True):
        panel.hist(values[found.ranking], bins=N_BINS, color=LOOKS[name], log=True)
        panel.yaxis.set_major_formatter("{x:,.0f}")
        panel.plot(values[known], np.ones(len(known)), "|", color="0.2", markersize=12)
        ranks = " (ranks)" if name == found.ranked_by else ""
        panel.set_title(name + ranks, fontsize=8)
    panels[0].set_ylabel("tokens; | known to be unused")
