"""How the tokens of a text are spread over a vocabulary, drawn."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.errors import InputError
from cygnet.files import atomic_writer
from cygnet.tokenizer.comparison import Comparison, short_names
from cygnet.tokenizer.evaluation import PERCENTS, Evaluation

FORMATS = (".png", ".svg")
# Okabe and Ito's colours, made to be told apart by the colour-blind, without the yellow that is
# faint on white. Four line styles beside seven colours: 28 lines before a pair comes back.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (6, 2, 1, 2)))
N_POINTS = 400
PANEL_INCHES = 3.8


def check_plot_file(path: Path) -> None:
    """Refuse a file that cannot be drawn, before any work is done for it.

    Raises:
        InputError: The name ends in something other than .png or .svg, or its folder is missing.
        ModuleNotFoundError: matplotlib is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path} cannot be drawn: its name must end in {' or '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder: {path} cannot be written there")
    import matplotlib  # noqa: F401


def draw_comparison(comparison: Comparison, path: Path) -> None:
    """Draw coverage and Zipf plot: a row for each text, a line for each tokenizer.

    Args:
        comparison: Evaluations by text and by tokenizer; of their paths the ends are shown.
        path: A file that ends in .png or .svg. The same figures give the same bytes.

    Raises:
        InputError: As ``check_plot_file``.
    """
    height = PANEL_INCHES * len(comparison)
    save_figure(path, height, lambda figure: _draw_rows(figure, comparison))


def save_figure(path: Path, height: float, draw: Callable[[Any], None]) -> None:
    """Draw a figure into a file.

    Args:
        path: A file that ends in .png or .svg. The same figures give the same bytes.
        height: Of the figure, in inches.
        draw: Takes a ``matplotlib.figure.Figure`` and draws into it.

    Raises:
        InputError: As ``check_plot_file``.
    """
    check_plot_file(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Text stays text, dollars in a name are no formula, and equal figures give equal bytes.
    settings = rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "cygnet", "text.parse_math": False}
    )
    suffix = path.suffix.lower().removeprefix(".")
    metadata = {"Date": None} if suffix == "svg" else {}
    with settings, atomic_writer(path) as file:
        figure = Figure(figsize=(9.6, height), layout="constrained")
        draw(figure)
        figure.savefig(file, format=suffix, dpi=150, metadata=metadata)


def _draw_rows(figure: Any, comparison: Comparison) -> None:
    rows = figure.subplots(len(comparison), 2, squeeze=False)
    titles = short_names(list(comparison))
    for (left, right), (source, by_path) in zip(rows, comparison.items(), strict=True):
        labels = short_names(list(by_path))
        by_name = {labels[path]: found for path, found in by_path.items()}
        _draw_coverage(left, by_name)
        _draw_zipf(right, by_name)
        left.set_title(titles[source], loc="left", fontsize=10)


def _draw_coverage(panel: Any, by_name: Mapping[str, Evaluation]) -> None:
    for percent in PERCENTS:
        panel.axhline(percent / 100, color="0.75", linewidth=0.8, zorder=0)
    _draw_lines(panel, {name: found.coverage for name, found in by_name.items()})
    set_log_scale(panel, "x")
    panel.set_ylim(0, 1.02)
    panel.set_yticks([0, 0.25, 0.5, 0.75, *(percent / 100 for percent in PERCENTS)])
    panel.yaxis.set_major_formatter("{x:.0%}")
    panel.set_xlabel("most frequent types")
    panel.set_ylabel("share of the tokens that they cover")
    panel.legend(loc="lower right", frameon=False)


def _draw_zipf(panel: Any, by_name: Mapping[str, Evaluation]) -> None:
    _draw_lines(panel, {name: found.frequencies for name, found in by_name.items()})
    set_log_scale(panel, "x")
    set_log_scale(panel, "y")
    panel.set_xlabel("rank of the type")
    panel.set_ylabel("how often it occurs")
    panel.legend(loc="lower left", frameon=False)


def _draw_lines(panel: Any, heights: Mapping[str, Any]) -> None:
    """A line for each name, drawn at ranks that lie evenly on a logarithmic axis."""
    looks = zip(itertools.cycle(COLOURS), itertools.cycle(STYLES), strict=False)
    for (name, height), (colour, style) in zip(heights.items(), looks, strict=False):
        ranks = np.unique(np.geomspace(1, len(height), N_POINTS).round().astype(np.int64))
        panel.plot(ranks, height[ranks - 1], color=colour, linestyle=style, label=name)
    panel.grid(alpha=0.25)


def set_log_scale(panel: Any, axis: str) -> None:
    """Make the axis ``"x"`` or ``"y"`` logarithmic, with plain numbers: powers are formulas."""
    from matplotlib.ticker import LogFormatter

    panel.set(**{f"{axis}scale": "log"})
    ticks = getattr(panel, f"{axis}axis")
    ticks.set_major_formatter("{x:,.0f}")
    ticks.set_minor_formatter(LogFormatter())  # speaks where there are few powers of ten
