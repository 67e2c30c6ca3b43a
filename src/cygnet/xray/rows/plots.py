"""Embedding rows drawn: where some lie among all, in the plane in which all vary most."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cygnet.tokenizer.plots import COLOURS, save_figure
from cygnet.xray.glyphs import plain_glyphs, shortened
from cygnet.xray.rows.embedding import Embedding
from cygnet.xray.rows.matrix import RowMatrix
from cygnet.xray.rows.result import DEAD, LIVE, SPECIAL, UNSEEN, By, TokenRow
from cygnet.xray.undertrained.indicators import Ids

INCHES = 7.5
LOOKS: dict[str, dict[str, Any]] = {
    LIVE: {"color": "0.65", "marker": ".", "s": 9},
    UNSEEN: {"color": COLOURS[1], "marker": "^", "s": 14},
    DEAD: {"color": COLOURS[0], "marker": "x", "s": 14, "linewidth": 0.8},
    SPECIAL: {"color": COLOURS[4], "marker": "*", "s": 60},
}
CHOSEN = {"s": 110, "facecolor": "none", "edgecolor": "black", "linewidth": 1.4, "zorder": 4}
NEAR = {"s": 40, "facecolor": "none", "edgecolor": "black", "linewidth": 0.6, "zorder": 3}


def draw_rows(
    embedding: Embedding, chosen: Sequence[TokenRow], path: Path, by: By = "cosine"
) -> None:
    """Draw all rows of each matrix, with some tokens and their neighbours by their names.

    Args:
        embedding: The rows.
        chosen: Tokens; none to draw the rows alone.
        path: A file that ends in .png or .svg. The same figures give the same bytes.
        by: Which neighbours.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``.
    """
    height = INCHES * len(embedding.matrices)
    save_figure(path, height, lambda figure: _draw(figure, embedding, chosen, by))


def _draw(figure: Any, embedding: Embedding, chosen: Sequence[TokenRow], by: By) -> None:
    panels = figure.subplots(len(embedding.matrices), 1, squeeze=False)[:, 0]
    for panel, (name, rows) in zip(panels, embedding.matrices.items(), strict=True):
        _draw_all(panel, rows, embedding.kinds)
        for row in chosen:
            near = [(one.name.id, one.name.text) for one in row.matrices[name].neighbours[by]]
            _mark(panel, rows, near, NEAR, 7, "normal")
            _mark(panel, rows, [(row.name.id, row.name.text)], CHOSEN, 10, "bold")
        panel.set_title(f"{name}, {len(rows.rows):,} rows", loc="left", fontsize=10)
        panel.legend(fontsize=8, loc="best")


def _draw_all(panel: Any, rows: RowMatrix, kinds: Mapping[str, Ids]) -> None:
    for kind, ids in kinds.items():
        label = f"{kind} ({len(ids):,})"
        panel.scatter(*rows.places[ids].T, label=label, rasterized=True, **LOOKS[kind])
    first, second = rows.plane.shares
    panel.set_xlabel(f"first principal axis of all rows, {first:.0%} of the variance", fontsize=9)
    panel.set_ylabel(f"second, {second:.0%}", fontsize=9)
    panel.set_aspect("equal", adjustable="datalim")
    panel.grid(alpha=0.25)


def _mark(
    panel: Any,
    rows: RowMatrix,
    tokens: Sequence[tuple[int, str]],
    look: dict[str, Any],
    size: int,
    weight: str,
) -> None:
    """Rings around rows, with the names of their tokens."""
    if not tokens:
        return
    places = rows.places[[token for token, _ in tokens]]
    panel.scatter(*places.T, **look)
    for (_, text), place in zip(tokens, places, strict=True):
        panel.annotate(
            plain_glyphs(shortened(text)),
            place,
            xytext=(5, 4),
            textcoords="offset points",
            fontsize=size,
            fontweight=weight,
        )
