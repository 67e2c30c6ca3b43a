"""Embedding rows on the terminal."""

import math
from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from cygnet.xray.rows.embedding import Embedding
from cygnet.xray.rows.result import (
    LIVE,
    By,
    KindFigures,
    Neighbour,
    RowFigures,
    RowName,
    TokenRow,
)


def print_row(row: TokenRow, by: By = "cosine", console: Console | None = None) -> None:
    """Print where the row of a token lies, and its neighbours.

    Args:
        row: The token.
        by: How near a neighbour is.
        console: Where to; the terminal by default.
    """
    console = console or Console(highlight=False)
    _print(console, [Text(f"token {_named(row.name)}", style="bold")])
    for matrix, figures in row.matrices.items():
        _print(console, _figure_lines(matrix, figures))
        _print(console, neighbour_lines(figures.neighbours[by], by))


def print_overview(embedding: Embedding, n: int, console: Console | None = None) -> None:
    """Print the norms of the kinds of rows, and the longest and shortest rows of each matrix.

    Args:
        embedding: The rows.
        n: How many of the longest and of the shortest.
        console: Where to; the terminal by default.
    """
    console = console or Console(highlight=False)
    for matrix, found in embedding.overview(n).items():
        _print(console, [Text(f"{matrix}, {embedding.n_rows:,} rows", style="bold")])
        _print(console, kind_lines(found.kinds))
        for title, rows in (("longest", found.longest), ("shortest", found.shortest)):
            _print(console, [Text(f"{title} rows", style="bold")] if rows else [])
            _print(console, (Text(f"{norm:9.4g}  {_named(name)}") for name, norm in rows))
    if embedding.counts is None:
        note = "no token files here: which tokens occur is not known"
        _print(console, [Text(note, style="dim")])


def kind_lines(kinds: Mapping[str, KindFigures]) -> list[Text]:
    """A line for each kind of rows; 40 cells wide."""
    lines = [Text("           rows   least  median greatest", style="dim")]
    for kind, one in kinds.items():
        norms = f"{one.least:8.3g}{one.median:8.3g}{one.greatest:9.3g}"
        lines.append(Text(f"{kind:7}{one.n_rows:>8,}{norms}"))
    far = [f"{kind} {one.centroid_from_live:.3g}" for kind, one in kinds.items() if kind != LIVE]
    words = f"norms; from the centroid of live rows to that of: {', '.join(far)}"
    return [*lines, Text(words if far and LIVE in kinds else "norms", style="dim")]


def neighbour_lines(neighbours: Iterable[Neighbour], by: By) -> list[Text]:
    """A line for each neighbour."""
    lines = [Text(f"cosine distance  nearest by {by}", style="dim")]
    for near in neighbours:
        cosine = "     -" if math.isnan(near.cosine) else f"{near.cosine:6.3f}"
        lines.append(Text(f"{cosine} {near.distance:8.4g}  {_named(near.name)}"))
    return lines if len(lines) > 1 else []


def _figure_lines(matrix: str, figures: RowFigures) -> list[Text]:
    longer = ", ".join(f"{share:.0%} of {kind}" for kind, share in figures.longer_than.items())
    to = ", ".join(f"{kind} {far:.3g}" for kind, far in figures.to_centroid.items())
    return [
        Text(f"{matrix}: norm {figures.norm:.4g}, longer than {longer or 'no other row'}"),
        Text(f"to the centroid of: {to}; cosine with the mean {figures.cosine_with_mean:.3f}"),
    ]


def _named(name: RowName) -> str:
    """Id, text, what it is if it is not live, and how often it occurs."""
    kind = "" if name.kind == LIVE else f", {name.kind}"
    count = "" if not name.count else f", {name.count:,} times"
    return f"{name.id} {name.text}{kind}{count}"


def _print(console: Console, lines: Iterable[Text]) -> None:
    for line in lines:
        console.print(line, overflow="fold")
