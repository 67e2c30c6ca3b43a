"""Embedding rows as HTML fragments. Everything in them is escaped."""

import html
from collections.abc import Mapping

from cygnet.xray.markup import html_table
from cygnet.xray.rows.result import MatrixOverview, Neighbour, RowFigures, RowName, TokenRow


def row_html(row: TokenRow) -> str:
    """Where the row of a token lies, and its nearest neighbours."""
    name = html.escape(", ".join([f"token {row.name.id}", row.name.text, *_facts(row.name)]))
    parts = (_figures(matrix, figures) for matrix, figures in row.matrices.items())
    return f"<p><b>{name}</b></p>{''.join(parts)}"


def overview_html(found: Mapping[str, MatrixOverview]) -> str:
    """The norms of the kinds of rows, and the shortest and the longest rows, by matrix."""
    return "".join(_overview(matrix, one) for matrix, one in found.items())


def _figures(matrix: str, figures: RowFigures) -> str:
    longer = ", ".join(f"{share:.0%} of {kind}" for kind, share in figures.longer_than.items())
    far = ", ".join(f"{kind} {distance:.3g}" for kind, distance in figures.to_centroid.items())
    facts = [
        (matrix, ""),
        ("norm", f"{figures.norm:.4g}"),
        ("longer than", longer or "no other row"),
        ("to the centroid of", far),
        ("cosine with the mean", f"{figures.cosine_with_mean:.3f}"),
    ]
    near = (
        html_table((f"nearest by {by}", "id", "", "cosine", "distance"), map(_near, neighbours))
        for by, neighbours in figures.neighbours.items()
        if neighbours
    )
    return html_table((), facts) + "".join(near)


def _near(one: Neighbour) -> list[str]:
    words = ", ".join(_facts(one.name))
    return [one.name.text, str(one.name.id), words, f"{one.cosine:.3f}", f"{one.distance:.4g}"]


def _overview(matrix: str, found: MatrixOverview) -> str:
    kinds = [
        [kind, f"{one.n_rows:,}", *(f"{x:.3g}" for x in (one.least, one.median, one.greatest))]
        for kind, one in found.kinds.items()
    ]
    ends = [
        [title, name.text, str(name.id), ", ".join(_facts(name)), f"{norm:.4g}"]
        for title, rows in (("longest", found.longest), ("shortest", found.shortest))
        for name, norm in rows
    ]
    header = (matrix, "rows", "least norm", "median", "greatest")
    return html_table(header, kinds) + html_table(("", "row", "id", "", "norm"), ends)


def _facts(name: RowName) -> list[str]:
    """What it is, and how often it occurs where that is known."""
    return [name.kind, *([f"{name.count:,} times"] if name.count else [])]
