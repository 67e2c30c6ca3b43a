"""Runs side by side as HTML: their loss curves and a table. Everything in it is escaped."""

import html

from cygnet.xray.markup import html_table
from cygnet.xray.plots import loss_curves
from cygnet.xray.runs.comparison import Comparison
from cygnet.xray.runs.view import FIGURES, NO_COMMON_UNIT, plain, value_cell


def comparison_html(found: Comparison) -> str:
    """The curves in both units, a column of figures for each run, options that differ.

    Cost: some 30 kB for each curve.
    """
    curves = loss_curves(found.curves, found.against) if found.curves else ""
    figure = f"<figure>{curves}</figure>" if curves else ""
    rows = [[label.strip(), *map(read, found.summaries)] for label, read in FIGURES.items()]
    rows += [
        [plain(option), *(value_cell(values.get(run.name)) for run in found.summaries)]
        for option, values in found.differences.items()
    ]
    notes = [*found.left_out(), *([] if found.has_one_vocabulary else [NO_COMMON_UNIT])]
    words = "".join(f"<p>{html.escape(plain(note))}</p>" for note in notes)
    header = ("run", *(plain(run.name) for run in found.summaries))
    return f"{figure}{words}{html_table(header, rows)}"
