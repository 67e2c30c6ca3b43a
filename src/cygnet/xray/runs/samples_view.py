"""Samples over a training: in the terminal, and as HTML."""

import html
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cygnet.xray.page import trace_html
from cygnet.xray.runs.samples import Sample, Samples
from cygnet.xray.runs.view import plain

COLUMN_WIDTH = 34  # the narrowest in which a text reads well
SAMPLES_STYLE = """
.cygnet-samples { border-collapse: collapse; width: 100%; }
.cygnet-samples th, .cygnet-samples td { text-align: left; vertical-align: top;
  padding: .3rem .8rem .3rem 0; border-bottom: 1px solid rgba(128,128,128,.3); }
.cygnet-samples th[scope=row] { white-space: nowrap; font-variant-numeric: tabular-nums; }
"""


def print_samples(found: Sequence[Samples], console: Console | None = None) -> None:
    """Print for each prompt what was written at each step, the runs side by side where they fit."""
    console = console or Console()
    for samples in found:
        console.print()
        console.print(Text(f"after {plain(samples.prompt)!r}", style="bold"))
        n_fitting = max(1, (console.width - 8) // COLUMN_WIDTH)
        for first in range(0, len(samples.runs), n_fitting):
            console.print(_table(samples, samples.runs[first : first + n_fitting]))


def _table(samples: Samples, runs: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=len(runs) > 1)
    table.add_column("step", justify="right", style="bold", vertical="top")
    for run in runs:
        table.add_column(Text(plain(run)), ratio=1, overflow="fold")
    for step, by_run in samples.by_step.items():
        if by_run.keys() & set(runs):
            table.add_row(f"{step:,}", *(_cell(by_run.get(run)) for run in runs))
    return table


def _cell(sample: Sample | None) -> Text:
    """The loss on the prompt, and what was written."""
    if sample is None:
        return Text("-", style="dim")
    return Text.assemble((_loss(sample), "dim"), "\n", plain(sample.written).strip("\n"), "\n")


def _loss(sample: Sample) -> str:
    known = sample.prompt_bits_per_byte
    return "" if known is None else f"prompt: {known:.3f} bits per byte"


def samples_html(found: Sequence[Samples]) -> str:
    """Samples over a training as an HTML fragment: a table for each prompt, a row for each step.

    Args:
        found: As from ``read_samples``.

    Returns:
        HTML that needs ``SAMPLES_STYLE`` and ``STYLE`` of ``xray/page.py``. Everything in it is
        escaped. About 1 kB for a token.
    """
    return "".join(map(_prompt_html, found))


def _prompt_html(samples: Samples) -> str:
    heads = "".join(f'<th scope="col">{html.escape(plain(run))}</th>' for run in samples.runs)
    rows = "".join(_row_html(step, row, samples.runs) for step, row in samples.by_step.items())
    return (
        f"<h3>After “{html.escape(plain(samples.prompt))}”</h3>"
        f'<table class="cygnet-samples"><tr><th scope="col">step</th>{heads}</tr>{rows}</table>'
    )


def _row_html(step: int, by_run: dict[str, Sample], runs: Sequence[str]) -> str:
    cells = "".join(f"<td>{_cell_html(by_run.get(run))}</td>" for run in runs)
    return f'<tr><th scope="row">{step:,}</th>{cells}</tr>'


def _cell_html(sample: Sample | None) -> str:
    return "–" if sample is None else f"<p>{_loss(sample)}</p>{trace_html(sample.trace)}"
