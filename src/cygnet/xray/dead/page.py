"""The section of a run's report on dead and live rows."""

import html
from pathlib import Path

from cygnet.errors import InputError
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.dead.plots import analyses_svg
from cygnet.xray.dead.result import Analysis
from cygnet.xray.dead.runs import analyse_run
from cygnet.xray.dead.view import group_cells, settings_words
from cygnet.xray.markup import html_table


def rows_html(run_folder: Path, n_dead: int) -> str | None:
    """What the recorder of a run has seen, as HTML.

    Args:
        run_folder: A run whose training has finished.
        n_dead: Dead rows of its vocabulary.

    Returns:
        A fragment; None where nothing was recorded and no row is dead.

    Cost: as of ``analyse_run``.
    """
    try:
        Snapshots.open(run_folder)
    except InputError:
        return _not_recorded(n_dead) if n_dead else None
    try:
        return _analysis_html(analyse_run(run_folder))
    except InputError as error:  # e.g. one snapshot only
        return f"<p>{html.escape(str(error))}</p>"


def _not_recorded(n_dead: int) -> str:
    return (
        f"<p>{n_dead:,} rows of the embedding belong to dead tokens. What training did to them was"
        " not recorded: <code>--transformer.record W</code> does that.</p>"
    )


def _analysis_html(analysis: Analysis) -> str:
    tables = []
    for matrix, groups in analysis.matrices.items():
        header, rows = group_cells(groups)
        tables.append(html_table([f"{matrix}, first and last snapshot", *header[1:]], rows))
    words = "; ".join((settings_words(analysis), *analysis.notes))
    figure = analyses_svg({"": analysis})
    return f"<figure>{figure}</figure>{''.join(tables)}<p>{html.escape(words)}</p>"
