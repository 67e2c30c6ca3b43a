"""Pieces of HTML that several views share. Everything that comes from data is escaped."""

import html
from collections.abc import Iterable, Sequence


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


def _is_figure(value: str) -> bool:
    return value.lstrip("-−").replace(",", "").replace(".", "").rstrip("%").isdecimal()


def _cell(value: str, is_figure: bool) -> str:
    return f"<td{' class=figure' if is_figure else ''}>{html.escape(value)}</td>"
