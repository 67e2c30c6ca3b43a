"""The figures of token files as a table and as plots."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from cygnet.tokenizer.plots import COLOURS, N_POINTS, PANEL_INCHES, save_figure, set_log_scale
from cygnet.tokens.stats import PERCENTILES, Lengths, Stats

BAR_WIDTH = 30
ROWS: tuple[tuple[str, Callable[[Stats], str]], ...] = (
    ("tokens", lambda found: f"{found.tokens:,}"),
    ("documents", lambda found: f"{found.documents:,}"),
    ("bytes of text", lambda found: f"{found.text_bytes:,}"),
    ("bytes per token", lambda found: f"{found.bytes_per_token:.3f}"),
    ("ids in the vocabulary", lambda found: f"{len(found.counts):,}"),
    ("ids never used", lambda found: f"{len(found.never_used):,}"),
    ("entropy, bits per token", lambda found: f"{found.entropy:.3f}"),
    ("tokens of a document: least", lambda found: f"{int(found.lengths.values[0]):,}"),
    *(
        (
            f"  {percent}% have at most",
            lambda found, percent=percent: f"{found.lengths.percentile(percent):,}",
        )
        for percent in PERCENTILES
    ),
    ("  most", lambda found: f"{int(found.lengths.values[-1]):,}"),
    ("  mean", lambda found: f"{found.lengths.mean:,.1f}"),
    ("steps per epoch", lambda found: f"{found.steps_per_epoch:,.1f}"),
)


def print_stats(found: Mapping[str, Stats], console: Console | None = None) -> None:
    """Print a table with a column for each split, and the lengths of the documents as bars."""
    console = console or Console()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column()
    for name in found:
        table.add_column(name, justify="right")
    for label, figure in ROWS:
        table.add_row(label, *map(figure, found.values()))
    console.print(table)
    shape = next(iter(found.values()))
    console.print(
        f"a step is {shape.batch_size:,} rows of {shape.block_size:,} tokens; a document has its"
        " boundary as a token",
        style="dim",
        highlight=False,
    )
    for name, split in found.items():
        console.print(f"\nlengths of documents in {name}, in tokens", style="bold")
        console.print(_bars(split.lengths))


def _bars(lengths: Lengths) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(justify="right")
    table.add_column()
    bins = lengths.histogram()
    most = max(count for _, _, count in bins)
    for start, stop, count in bins:
        span = f"{start:,}" if start == stop else f"{start:,} to {stop:,}"
        table.add_row(span, f"{count:,}", "█" * round(BAR_WIDTH * count / most))
    return table


def draw_stats(found: Mapping[str, Stats], path: Path) -> None:
    """Draw a row for each split: lengths of documents, and how often each id occurs, by rank.

    Args:
        found: The figures by split.
        path: A file that ends in .png or .svg. The same figures give the same bytes.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``.
    """
    save_figure(path, PANEL_INCHES * len(found), lambda figure: _draw_rows(figure, found))


def _draw_rows(figure: Any, found: Mapping[str, Stats]) -> None:
    rows = figure.subplots(len(found), 2, squeeze=False)
    for (left, right), (name, split) in zip(rows, found.items(), strict=True):
        left.set_title(name, loc="left", fontsize=10)
        _draw_lengths(left, split.lengths)
        _draw_counts(right, split)


def _draw_lengths(panel: Any, lengths: Lengths) -> None:
    """Bins on a logarithmic axis, four to a doubling, none narrower than a token."""
    ends = lengths.values[[0, -1]].clip(1)
    n_bins = max(1, int(4 * np.log2(ends[1] / ends[0] + 1)))
    edges = np.unique(np.geomspace(ends[0], ends[1] + 1, n_bins + 1).round())
    panel.hist(lengths.values.clip(1), bins=edges, weights=lengths.documents, color=COLOURS[0])
    panel.axvline(lengths.percentile(50), color="0.3", linewidth=1)
    set_log_scale(panel, "x")
    panel.set_xlabel("tokens of a document; the line is the median")
    panel.set_ylabel("documents")


def _draw_counts(panel: Any, split: Stats) -> None:
    counts = np.sort(split.counts[split.counts > 0])[::-1]
    ranks = np.unique(np.geomspace(1, len(counts), N_POINTS).round().astype(np.int64))
    panel.plot(ranks, counts[ranks - 1], color=COLOURS[1])
    set_log_scale(panel, "x")
    set_log_scale(panel, "y")
    panel.set_xlabel(f"rank of the id; {len(split.never_used):,} are never used")
    panel.set_ylabel("how often it occurs")
    panel.grid(alpha=0.25)
