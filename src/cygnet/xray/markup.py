"""Pieces of HTML that several views share. Everything that comes from data is escaped."""

import html
from collections.abc import Iterable, Sequence

NOTEBOOK_STYLE = """
.cygnet table { border-collapse: collapse; margin: 6px 0; display: block; overflow-x: auto; }
.cygnet th, .cygnet td { text-align: left; padding: 2px 14px 2px 0; vertical-align: top;
  background: none; color: inherit; border-bottom: 1px solid rgba(128,128,128,.4); }
.cygnet td.figure { text-align: right; font-variant-numeric: tabular-nums; }
.cygnet figure { margin: 0 0 8px; width: fit-content; max-width: 100%;
  background: #fbfaf7; color: #1d2733; overflow-x: auto; }
"""


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as HTML; everything in it is escaped.

    Args:
        header: Names of the columns; with them, columns of figures stand on the right.
        rows: As many cells each.

    >>> html_table(("split", "tokens"), [("train", "1,000")])[-58:]
    '<tr><td>train</td><td class=figure>1,000</td></tr></table>'
    """
    rows = [list(row) for row in rows]
    are_figures = [
        bool(any(header) and all(map(_is_figure, column))) for column in zip(*rows, strict=True)
    ]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header) if any(header) else ""
    body = "".join(f"<tr>{''.join(map(_cell, row, are_figures))}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def in_notebook(content: str, style: str = "") -> str:
    """An HTML fragment that a notebook shows by itself, whatever colours it has.

    Args:
        content: The fragment.
        style: CSS that it needs.
    """
    return f'<div class="cygnet"><style>{NOTEBOOK_STYLE}{style}</style>{content}</div>'


def _is_figure(value: str) -> bool:
    return value.lstrip("-−").replace(",", "").replace(".", "").rstrip("%").isdecimal()


def _cell(value: str, is_figure: bool) -> str:
    return f"<td{' class=figure' if is_figure else ''}>{html.escape(value)}</td>"
