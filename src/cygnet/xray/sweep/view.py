"""A sweep as one table and one plot."""

import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cygnet.tokenizer.plots import COLOURS, PANEL_INCHES, save_figure
from cygnet.xray.sweep.results import Failure, Result
from cygnet.xray.tables import print_whole

AXES = {"n_layer": "layers", "batch_size": "batch size", "learning_rate": "learning rate"}
COLUMNS: dict[str, Callable[[Result], str]] = {
    "parameters": lambda found: f"{found.n_parameters:,}",
    "tokens read": lambda found: f"{found.tokens:,}",
    "train nats/token": lambda found: f"{found.train_nats_per_token:.4f}",
    "valid nats/token": lambda found: _or_dash(found.valid_nats_per_token),
    "valid bits/byte": lambda found: _or_dash(found.valid_bits_per_byte),
    "spread of dead rows": lambda found: _spreads(found),
    "seconds": lambda found: f"{found.seconds:,.0f}",
}


def print_sweep(cells: Sequence[Result | Failure], console: Console | None = None) -> None:
    """Print a row for each cell, in the order of the grid."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in AXES.values():
        table.add_column(name, justify="right")
    results = finished(cells)
    shown = {name: read for name, read in COLUMNS.items() if any(read(one) for one in results)}
    for name in shown:
        table.add_column(name, justify="right")
    failed = [one for one in cells if isinstance(one, Failure)]
    if failed:
        table.add_column("failed")
    for cell in cells:
        table.add_row(*(f"{getattr(cell, name):g}" for name in AXES), *_cells(cell, shown))
    print_whole(table, console or Console())


def finished(cells: Sequence[Result | Failure]) -> list[Result]:
    """Those that did not fail."""
    return [one for one in cells if isinstance(one, Result)]


def _cells(cell: Result | Failure, shown: dict[str, Callable[[Result], str]]) -> list[str]:
    if isinstance(cell, Failure):
        return [*["-"] * len(shown), cell.failed]
    return [read(cell) for read in shown.values()]


def _or_dash(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _spreads(found: Result) -> str:
    return "\n".join(
        f"{matrix} {first:.5f} -> {last:.5f}" for matrix, (first, last) in found.dead_spread.items()
    )


def draw_sweep(cells: Sequence[Result | Failure], path: Path) -> None:
    """Draw the loss, and the spread of the dead rows where it was recorded, of every cell.

    Along the axis is what has most values; each combination of the others is a line.

    Args:
        cells: Those that failed have no point.
        path: A file that ends in .png or .svg. The same figures give the same bytes.
    """
    save_figure(path, PANEL_INCHES, lambda figure: _draw(figure, finished(cells)))


def _draw(figure: Any, results: Sequence[Result]) -> None:
    spreads = sorted({matrix for found in results for matrix in found.dead_spread})
    heights: dict[str, Callable[[Result], float | None]] = {_loss_name(results): _loss}
    for name in spreads:
        label = f"spread of dead rows, {name}, at the end"
        heights[label] = functools.partial(_spread_at_end, name)
    panels = figure.subplots(1, len(heights), squeeze=False)[0]
    for panel, (label, height) in zip(panels, heights.items(), strict=True):
        _draw_panel(panel, results, height)
        panel.set_ylabel(label)
    if results:
        panels[0].legend(frameon=False, fontsize=8)


def _spread_at_end(matrix: str, found: Result) -> float:
    return found.dead_spread[matrix][1]


def _draw_panel(
    panel: Any, results: Sequence[Result], height: Callable[[Result], float | None]
) -> None:
    # Of two axes with as many values, the later one: losses are mostly drawn over learning rates.
    axis = max(reversed(AXES), key=lambda name: len({getattr(found, name) for found in results}))
    others = [name for name in AXES if name != axis]

    def line(found: Result) -> tuple[Any, ...]:
        return tuple(getattr(found, name) for name in others)

    lines = itertools.groupby(sorted(results, key=line), key=line)
    for (values, group), colour in zip(lines, itertools.cycle(COLOURS), strict=False):
        cells = sorted(group, key=lambda found: float(getattr(found, axis)))
        label = ", ".join(f"{AXES[n]} {value:g}" for n, value in zip(others, values, strict=True))
        xs, ys = [getattr(found, axis) for found in cells], [height(found) for found in cells]
        panel.plot(xs, ys, marker="o", color=colour, label=label)
    panel.set(xscale="log", xlabel=AXES[axis])
    ticks = sorted({getattr(found, axis) for found in results})
    panel.set_xticks(ticks, [f"{value:g}" for value in ticks])
    panel.set_xticks([], minor=True)
    panel.grid(alpha=0.25)


def _loss_name(results: Sequence[Result]) -> str:
    has_valid = all(found.valid_bits_per_byte is not None for found in results)
    return "valid loss, bits per byte" if has_valid else "train loss, nats per token"


def _loss(found: Result) -> float:
    valid = found.valid_bits_per_byte
    return found.train_nats_per_token if valid is None else valid
