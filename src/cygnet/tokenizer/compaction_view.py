"""What a compact vocabulary costs, as a table and as a plot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from cygnet.tokenizer.compaction import Compaction
from cygnet.tokenizer.plots import COLOURS, PANEL_INCHES, save_figure, set_log_scale


def print_compaction(found: Compaction, console: Console | None = None) -> None:
    """Print what was cut, from how much text, and what it costs."""
    console = console or Console()
    figures = found.to_dict()
    console.print(
        f"{figures['kind']}: {figures['live']:,} live and {figures['dead']:,} dead rows, cut from"
        f" {figures['base_rows']:,}",
        style="bold",
        highlight=False,
    )
    console.print(
        f"counted on {figures['sample_documents']:,} of {figures['documents']:,} documents,"
        f" {figures['sample_bytes']:,} bytes of text",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for row in _rows(figures):
        table.add_row(*row)
    console.print(table)


def _rows(figures: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each figure: its name, its value, and what it means."""
    base, cut, lossy = figures["base"], figures["compact"], figures["kind"] == "faithful"
    yield "tokens of the base", f"{base['tokens']:,}", f"{figures['types']:,} types"
    for percent, n_types in figures["types_for_percent"].items():
        yield f"  types for {percent}%", f"{n_types:,}", ""
    yield "coverage", f"{figures['coverage']:.4%}", "of the tokens of the base are still tokens"
    missing = "become id 0" if lossy else "are spelled with smaller tokens"
    yield "out of vocabulary", f"{figures['out_of_vocabulary']:.4%}", missing
    for name in ("first", "last"):
        token = figures[f"{name}_live"]
        count = f"{token['count']:,} times"
        yield f"{name} live token", token["text"], f"{count}, {token['base_id']} in the base"
    if lossy:
        zero = figures["id_0"]
        share = zero["unknown"] / zero["occurs"]
        what = f"of {zero['occurs']:,} ids 0 are other tokens in disguise: {share:.2%}"
        yield "disguised unknowns", f"{zero['unknown']:,}", what
    else:
        yield "unknown tokens", f"{figures['unknown_tokens']:,}", "every text can be decoded"
    yield "single bytes", f"{figures['single_bytes']:,}", "of 256 are live"
    yield "live, not in the sample", f"{figures['unused_live']:,}", "rows"
    per_document = f"{base['tokens_per_document']:,.1f} with the base"
    yield "tokens per document", f"{cut['tokens_per_document']:,.1f}", per_document
    yield (
        "bytes per token",
        f"{cut['bytes_per_token']:.3f}",
        f"{base['bytes_per_token']:.3f} with the base",
    )


def draw_compaction(found: Compaction, path: Path) -> None:
    """Draw the coverage curve, and how often each rank occurs; a line marks the cut.

    Args:
        found: A vocabulary and its figures.
        path: A file that ends in .png or .svg. The same figures give the same bytes.

    Raises:
        InputError: As ``plots.check_plot_file``.
    """
    save_figure(path, PANEL_INCHES, lambda figure: _draw(figure, found))


def _draw(figure: Any, found: Compaction) -> None:
    left, right = figure.subplots(1, 2)
    ranks, shares = np.array(found.curve()).T
    left.plot(ranks, shares, color=COLOURS[0])
    left.set_ylabel("share of the tokens that they cover")
    left.set_ylim(0, 1.02)
    counts = found.before.counts[found.before.ranked]
    right.plot(ranks, counts[ranks.astype(np.int64) - 1], color=COLOURS[1])
    right.set_ylabel("how often the type of this rank occurs")
    set_log_scale(right, "y")
    for panel in (left, right):
        set_log_scale(panel, "x")
        panel.axvline(len(found.kept), color="0.3", linewidth=1)
        panel.set_xlabel(f"types of the base, most frequent first; {len(found.kept):,} are kept")
        panel.grid(alpha=0.25)
