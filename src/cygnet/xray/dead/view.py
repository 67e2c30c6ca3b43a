"""An analysis as tables: one of a run, or one that compares several."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from rich.console import Console
from rich.table import Table

from cygnet.tokenizer.comparison import short_names
from cygnet.xray.dead.measures import Vector
from cygnet.xray.dead.result import COMPARED, MEASURES, Agreement, Analysis, Group

Cells = dict[str, str]
NONE = "-"
SETTINGS = {
    "tie_embeddings": "tied",
    "dead_rows": "dead rows",
    "weight_decay": "weight decay",
    "learning_rate": "learning rate",
    "schedule": "schedule",
    "steps": "steps",
    "batch_size": "batch size",
    "seed": "seed",
}


def print_analyses(found: Mapping[str, Analysis], console: Console | None = None) -> None:
    """Print one run with a column for each group, first and last values; or several side by side.

    Args:
        found: By the path of the run.
        console: Where to; the terminal by default.
    """
    console = console or Console()
    if len(found) == 1:
        for analysis in found.values():
            _print_one(analysis, console)
    else:
        _print_comparison(found, console)


def group_cells(groups: Mapping[str, Group]) -> tuple[list[str], list[list[str]]]:
    """The figures of the groups of one matrix.

    Returns:
        The header, and rows of a label and a cell for each group: the first value and the last.
    """
    columns = [_first_and_last(group) for group in groups.values()]
    header = ["", *(f"{name} ({group.n_rows:,} rows)" for name, group in groups.items())]
    return header, _rows(columns)


def settings_words(analysis: Analysis) -> str:
    """What tells a training from others, in one line."""
    parts = [f"{SETTINGS[name]} {_word(value)}" for name, value in analysis.settings.items()]
    first, last = analysis.steps[[0, -1]].tolist()
    return ", ".join([*parts, f"{len(analysis.steps):,} snapshots, step {first:,} to {last:,}"])


def _print_one(analysis: Analysis, console: Console) -> None:
    for matrix, groups in analysis.matrices.items():
        header, rows = group_cells(groups)
        header[0] = f"{matrix}, at the first and at the last snapshot"
        console.print(_table(header, rows))
        console.print()
    for line in (settings_words(analysis), *analysis.notes):
        console.print(line, style="dim", highlight=False)


def _print_comparison(found: Mapping[str, Analysis], console: Console) -> None:
    """One table: a column for each run and matrix, a section for each group, the last values."""
    names = short_names(list(found))
    runs = {
        names[path] + ("" if matrix == "W" else f" {matrix}"): (analysis, groups)
        for path, analysis in found.items()
        for matrix, groups in analysis.matrices.items()
    }
    settings = [_setting_cells(analysis) for analysis, _ in runs.values()]
    table = _table(["at the last snapshot", *runs], _rows(settings))
    for group in dict.fromkeys(name for _, groups in runs.values() for name in groups):
        table.add_section()
        table.add_row(group, style="bold")
        columns = [_last(groups[group]) if group in groups else {} for _, groups in runs.values()]
        for row in _rows(columns):
            table.add_row(*row)
    console.print(table)
    for note in dict.fromkeys(note for analysis in found.values() for note in analysis.notes):
        console.print(note, style="dim", highlight=False)


def _setting_cells(analysis: Analysis) -> Cells:
    cells = {SETTINGS[name]: _word(value) for name, value in analysis.settings.items()}
    return cells | {"last snapshot, step": f"{analysis.steps[-1]:,}"}


def _first_and_last(group: Group) -> Cells:
    cells = {}
    for name, values in group.series.items():
        first, last = _ends(values)
        cells[MEASURES[name]] = f"{_figure(name, first)} → {_figure(name, last)}"
    return {label: cells[label] for label in MEASURES.values() if label in cells} | _drift(group)


def _last(group: Group) -> Cells:
    cells = {MEASURES[name]: _figure(name, values[-1]) for name, values in group.series.items()}
    return {label: cells[label] for label in MEASURES.values() if label in cells} | _drift(group)


def _drift(group: Group) -> Cells:
    cells = {}
    for name, found in group.drift.items():
        cells[f"softmax gradient and {COMPARED[name]}"] = _agreement(found)
    return cells


def _agreement(found: Agreement) -> str:
    """Cosine of the means, and the share of equal signs."""
    if math.isnan(found.centroid):
        return NONE
    return f"{found.centroid:.3f}, {found.signs:.0%} of signs"


def _ends(values: Vector) -> tuple[float, float]:
    """The first value that there is, and the last."""
    known = values[~np.isnan(values)]
    return (float(known[0]) if len(known) else math.nan), float(values[-1])


def _figure(name: str, value: float) -> str:
    if math.isnan(value):
        return NONE
    return f"{value:.1%}" if name.endswith("below_ulp") else f"{value:.4g}"


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _rows(columns: Sequence[Cells]) -> list[list[str]]:
    """A row for each label that some column has."""
    labels = dict.fromkeys(label for column in columns for label in column)
    return [[label, *(column.get(label, NONE) for column in columns)] for label in labels]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(header[0], max_width=44)
    for name in header[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
