"""Plots as SVG text, ready to stand inside a page, and as files."""

import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cygnet.tokenizer.plots import COLOURS, PANEL_INCHES, STYLES, save_figure
from cygnet.xray.runs.curves import AXES, UNITS, Against, Curve

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
N_COLUMNS = 4  # of the legend
N_MARKERS = 8  # along a curve of train


def loss_curves(curves: Sequence[Curve], against: Against = "tokens") -> str:
    """Losses over a training, of one run or several: nats per token beside bits per byte.

    Args:
        curves: As from ``loss_curves_of``.
        against: What they run along.

    Returns:
        One ``<svg>`` element.
    """
    from matplotlib.figure import Figure

    with _plain_text():
        figure = Figure(figsize=(9, 3.4), layout="constrained")
        _draw_losses(figure, curves, against)
        return to_svg(figure)


def draw_loss_curves(curves: Sequence[Curve], path: Path, against: Against = "tokens") -> None:
    """Draw the same into a file that ends in .png or .svg.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``.
    """
    n_rows = -(-len(_labels(curves)) // N_COLUMNS)
    height = PANEL_INCHES + 0.2 * n_rows
    save_figure(path, height, lambda figure: _draw_losses(figure, curves, against))


def _draw_losses(figure: Any, curves: Sequence[Curve], against: Against) -> None:
    """A panel for each unit; a run has its colour, line style and marker in both."""
    panels = dict(zip(UNITS, figure.subplots(1, len(UNITS)), strict=True))
    names = [*dict.fromkeys(curve.run for curve in curves)]
    looks = dict(zip(names, _looks(), strict=False))
    drawn: dict[str, Any] = {}
    for curve, label in zip(curves, _labels(curves), strict=True):
        drawn[label] = _draw(panels[curve.unit], curve, *looks[curve.run])
    for unit, panel in panels.items():
        panel.set(xlabel=AXES[against][1], ylabel=UNITS[unit])
        panel.grid(alpha=0.3)
        _set_axes(panel, against)
    figure.legend(
        drawn.values(), drawn, loc="outside lower center", ncols=N_COLUMNS, frameon=False,
        fontsize=8,
    )  # fmt: skip


def _looks() -> Iterator[tuple[str, Any, str]]:
    """Colour, line style and marker; 56 runs before two look alike."""
    return zip(
        itertools.cycle(COLOURS), itertools.cycle(STYLES), itertools.cycle(MARKERS), strict=False
    )


def _labels(curves: Sequence[Curve]) -> list[str]:
    is_comparison = len({curve.run for curve in curves}) > 1
    return [
        f"{_name(curve.run)}, {curve.split}" if is_comparison else curve.split for curve in curves
    ]


def _name(run: str) -> str:
    """matplotlib leaves a label out that begins with an underscore."""
    return f" {run}" if run.startswith("_") else run


def _draw(panel: Any, curve: Curve, colour: str, style: Any, marker: str) -> Any:
    """Train thin with a few hollow markers, valid with full ones."""
    is_train = curve.split == "train"
    every = -(-len(curve.xs) // (N_MARKERS if is_train else 2 * N_MARKERS))
    [line] = panel.plot(
        curve.xs,
        curve.ys,
        color=colour,
        linestyle=style,
        linewidth=0.8 if is_train else 1.6,
        marker=marker,
        markersize=4.5,
        markerfacecolor="none" if is_train else colour,
        markevery=((every - 1) // 2, every),
    )
    return line


def _set_axes(panel: Any, against: Against) -> None:
    """Losses fall by a factor, and then by little: a logarithmic axis shows both."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.locator_params(axis="x", nbins=5)  # so that figures such as 12,500 stay apart
    panel.xaxis.set_major_formatter(EngFormatter(sep="") if against == "tokens" else "{x:,.0f}")


@contextmanager
def _plain_text() -> Iterator[None]:
    """Dollars in a name are no formula."""
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}):
        yield


def to_svg(figure: Any) -> str:
    """The ``<svg>`` element of a figure; text stays text, and equal figures give equal bytes."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cygnet"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
