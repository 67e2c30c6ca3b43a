"""An analysis drawn: a panel for each measure, a line for each group or run."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.tokenizer.comparison import short_names
from cygnet.tokenizer.plots import COLOURS, save_figure
from cygnet.xray.dead.result import Analysis, Group
from cygnet.xray.plots import to_svg
from cygnet.xray.row_colours import ROW_COLOURS

PANELS: dict[str, tuple[tuple[str, str], ...]] = {
    "how far the centroid has moved": (("centroid_moved", "-"),),
    "centroid along the mean hidden state": (("centroid_along", "-"),),
    "norm of a row; dashed: distance from the centroid": (("norm", "-"), ("radius", "--")),
    "spread across the mean hidden state": (("spread_perpendicular", "-"),),
    "spread along it": (("spread_parallel", "-"),),
    "cosine of two rows": (("cosine", "-"),),
    "effective rank; dashed: less the centroid": (
        ("effective_rank", "-"),
        ("effective_rank_centred", "--"),
    ),
    "step over the learning rate": (("step_over_lr", "-"),),
    "share of weights with a step below a bf16 ulp; dashed: of rows": (
        ("weights_below_ulp", "-"),
        ("rows_below_ulp", "--"),
    ),
    "cosine of drift and mean hidden state; dashed: predicted drift": (
        ("drift_cosine", "-"),
        ("predicted_cosine", "--"),
    ),
}
"""The measures of each panel with their line styles."""
N_COLUMNS = 2
PANEL_INCHES = 2.7
WIDE = 3.5  # the first line, so that one that lies upon it leaves an edge


MARKERS = ("", "o")  # of the first matrix and the second, where there are two


@dataclass(frozen=True)
class _Line:
    """Steps and figures, and their colour: that of the kind of rows, or of the run."""

    steps: Any
    group: Group
    colour: str
    marker: str


def draw_analyses(found: Mapping[str, Analysis], path: Path) -> None:
    """Draw one run with a line for each group; or several runs, each with its dead rows.

    Args:
        found: By the path of the run.
        path: A file that ends in .png or .svg. The same figures give the same bytes.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``.
    """
    lines = dict(_lines(found))
    panels = _known_panels(lines)
    save_figure(path, _height(panels), lambda figure: _draw_panels(figure, lines, panels))


def analyses_svg(found: Mapping[str, Analysis]) -> str:
    """The same as one ``<svg>`` element, to stand inside a page."""
    from matplotlib.figure import Figure

    lines = dict(_lines(found))
    panels = _known_panels(lines)
    figure = Figure(figsize=(9, _height(panels)), layout="constrained")
    _draw_panels(figure, lines, panels)
    return to_svg(figure)


def _height(panels: list[str]) -> float:
    return PANEL_INCHES * -(-len(panels) // N_COLUMNS)


def _lines(found: Mapping[str, Analysis]) -> Iterator[tuple[str, _Line]]:
    """What is drawn by its label."""
    names = short_names(list(found))
    of_runs = dict(zip(found, itertools.cycle(COLOURS), strict=False))
    for path, analysis in found.items():
        for marker, (matrix, groups) in zip(MARKERS, analysis.matrices.items(), strict=False):
            in_matrix = "" if matrix == "W" else f" {matrix}"
            for group, figures in _chosen(groups, len(found) > 1).items():
                name = names[path] if len(found) > 1 else group
                colour = of_runs[path] if len(found) > 1 else ROW_COLOURS[group]
                yield name + in_matrix, _Line(analysis.steps, figures, colour, marker)


def _chosen(groups: Mapping[str, Group], is_comparison: bool) -> Mapping[str, Group]:
    """All groups of one run; of several the dead rows, or what comes first where none are dead."""
    return dict([next(iter(groups.items()))]) if is_comparison else groups


def _known_panels(lines: Mapping[str, _Line]) -> list[str]:
    """The panels that something was measured for."""
    measured = {name for line in lines.values() for name in line.group.series}
    return [title for title, names in PANELS.items() if {name for name, _ in names} & measured]


def _draw_panels(figure: Any, lines: Mapping[str, _Line], panels: list[str]) -> None:
    n_rows = -(-len(panels) // N_COLUMNS)
    axes = figure.subplots(n_rows, N_COLUMNS, squeeze=False, sharex=True).ravel()
    for panel, title in zip(axes, panels, strict=False):
        panel.set_title(title, loc="left", fontsize=9)
        widths = itertools.chain([WIDE], itertools.repeat(None))
        for (label, line), width in zip(lines.items(), widths, strict=False):
            for name, style in PANELS[title]:
                values = line.group.series.get(name, np.full(len(line.steps), np.nan))
                is_first = name == PANELS[title][0][0]
                panel.plot(
                    line.steps,
                    values,
                    style,
                    color=line.colour,
                    linewidth=width,
                    label=label if is_first else None,
                    marker=line.marker,
                    markersize=3.5,
                    markevery=max(1, len(line.steps) // 8),
                )
        panel.grid(alpha=0.25)
        panel.tick_params(labelbottom=True)
        panel.locator_params(axis="x", nbins=5)
    for panel in axes[len(panels) :]:
        panel.set_axis_off()
    axes[0].legend(frameon=False, fontsize=8)
    figure.supxlabel("optimizer steps", fontsize=9)
