"""A sweep as one table and one plot."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from cygnet.tokenizer.plots import COLOURS, PANEL_INCHES, save_figure
from cygnet.xray.sweep.results import Result

AXES = {"learning_rate": "learning rate", "n_layer": "layers", "batch_size": "batch size"}
COLUMNS: dict[str, Callable[[Result], str]] = {
    "layers": lambda found: f"{found.n_layer}",
    "batch size": lambda found: f"{found.batch_size}",
    "learning rate": lambda found: f"{found.learning_rate:g}",
    "parameters": lambda found: f"{found.n_parameters:,}",
    "tokens read": lambda found: f"{found.tokens:,}",
    "train nats/token": lambda found: f"{found.train_nats_per_token:.4f}",
    "valid nats/token": lambda found: _or_dash(found.valid_nats_per_token),
    "valid bits/byte": lambda found: _or_dash(found.valid_bits_per_byte),
    "spread of dead rows": lambda found: _spreads(found),
    "seconds": lambda found: f"{found.seconds:,.0f}",
}


def print_sweep(results: Sequence[Result], console: Console | None = None) -> None:
    """Print a row for each cell, in the order of the grid."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    shown = {name: read for name, read in COLUMNS.items() if any(read(one) for one in results)}
    for name in shown:
        table.add_column(name, justify="right")
    for found in results:
        table.add_row(*(read(found) for read in shown.values()))
    (console or Console()).print(table)


def _or_dash(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _spreads(found: Result) -> str:
    return "\n".join(
        f"{matrix} {first:.5f} -> {last:.5f}" for matrix, (first, last) in found.dead_spread.items()
    )


def draw_sweep(results: Sequence[Result], path: Path) -> None:
    """Draw the loss, and the spread of the dead rows where it was recorded, of every cell.

    Along the axis is what has most values; each combination of the others is a line.

    Args:
        results: Of the cells.
        path: A file that ends in .png or .svg. The same figures give the same bytes.
    """
    save_figure(path, PANEL_INCHES, lambda figure: _draw(figure, results))


def _draw(figure: Any, results: Sequence[Result]) -> None:
    spreads = sorted({matrix for found in results for matrix in found.dead_spread})
    heights: dict[str, Callable[[Result], float | None]] = {_loss_name(results): _loss}
    for name in spreads:
        heights[f"spread of dead rows, {name}, at the end"] = lambda found, name=name: (
            found.dead_spread[name][1]
        )
    panels = figure.subplots(1, len(heights), squeeze=False)[0]
    for panel, (label, height) in zip(panels, heights.items(), strict=True):
        _draw_panel(panel, results, height)
        panel.set_ylabel(label)
    panels[0].legend(frameon=False, fontsize=8)


def _draw_panel(
    panel: Any, results: Sequence[Result], height: Callable[[Result], float | None]
) -> None:
    axis = max(AXES, key=lambda name: len({getattr(found, name) for found in results}))
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
