"""Embedding rows drawn: where some lie among all, in the plane in which all vary most."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cygnet.tokenizer.plots import save_figure
from cygnet.xray.glyphs import plain_glyphs, shortened
from cygnet.xray.row_colours import ROW_COLOURS
from cygnet.xray.rows.embedding import Embedding
from cygnet.xray.rows.matrix import RowMatrix
from cygnet.xray.rows.result import DEAD, LIVE, SPECIAL, UNSEEN, By, RowName, TokenRow
from cygnet.xray.undertrained.indicators import Ids

INCHES = 7.5
LOOKS: dict[str, dict[str, Any]] = {
    LIVE: {"color": ROW_COLOURS[LIVE], "marker": ".", "s": 9, "alpha": 0.6},
    UNSEEN: {"color": ROW_COLOURS[UNSEEN], "marker": "^", "s": 14},
    DEAD: {"color": ROW_COLOURS[DEAD], "marker": "x", "s": 14, "linewidth": 0.8},
    SPECIAL: {"color": ROW_COLOURS[SPECIAL], "marker": "*", "s": 60},
}
CHOSEN = {"s": 110, "facecolor": "none", "edgecolor": "black", "linewidth": 1.4, "zorder": 4}
NEAR = {"s": 40, "facecolor": "none", "edgecolor": "black", "linewidth": 0.6, "zorder": 3}
CHOSEN_SIZE, NEAR_SIZE = 10, 7  # of their names, in points
POINTS = 72  # of an inch
HEIGHT, GAP = 1.3, 2  # of a name, over its size; between two, in points
DISTANCES, N_TURNS, FAR = (7, 14, 24, 36, 50, 66), 8, 12
Box = tuple[float, float, float, float]


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
        near = [[one.name for one in row.matrices[name].neighbours[by]] for row in chosen]
        _ring(panel, rows, [row.name for row in chosen], CHOSEN)
        _ring(panel, rows, [*itertools.chain(*near)], NEAR)
        panel.set_title(f"{name}, {len(rows.rows):,} rows", loc="left", fontsize=10)
        panel.legend(fontsize=8, loc="best")
        by_turns = itertools.chain(*itertools.zip_longest(*near))  # the nearest of each first
        _name_rows(panel, rows, [row.name for row in chosen], [one for one in by_turns if one])


def _draw_all(panel: Any, rows: RowMatrix, kinds: Mapping[str, Ids]) -> None:
    for kind, ids in kinds.items():
        label = f"{kind} ({len(ids):,})"
        panel.scatter(*rows.places[ids].T, label=label, rasterized=True, **LOOKS[kind])
    first, second = rows.plane.shares
    panel.set_xlabel(f"first principal axis of all rows, {first:.0%} of the variance", fontsize=9)
    panel.set_ylabel(f"second, {second:.0%}", fontsize=9)
    panel.set_aspect("equal", adjustable="datalim")
    panel.grid(alpha=0.25)


def _ring(panel: Any, rows: RowMatrix, names: Sequence[RowName], look: dict[str, Any]) -> None:
    if names:
        panel.scatter(*rows.places[[name.id for name in names]].T, **look)


def _name_rows(
    panel: Any, rows: RowMatrix, chosen: Sequence[RowName], near: Sequence[RowName]
) -> None:
    """Write the tokens beside their rows where no other name stands; one without room has none."""
    if not chosen:
        return
    panel.figure.draw_without_rendering()  # only then does a row have its place in the figure
    to_points = POINTS / panel.figure.dpi
    (left, bottom), (right, top) = panel.get_window_extent().get_points() * to_points
    taken: list[Box] = []
    sizes = dict.fromkeys([*chosen, *near], NEAR_SIZE) | dict.fromkeys(chosen, CHOSEN_SIZE)
    for name, size in sizes.items():
        text = plain_glyphs(shortened(name.text))
        x, y = panel.transData.transform(rows.places[name.id]) * to_points
        for dx, dy, box in _places(x, y, _width(text, size) + GAP, HEIGHT * size):
            is_inside = left < box[0] and box[2] < right and bottom < box[1] and box[3] < top
            if is_inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                _write(panel, text, rows.places[name.id], (dx, dy), size)
                break


def _places(x: float, y: float, width: float, height: float) -> Iterator[tuple[float, float, Box]]:
    """Offsets of a name around its row, the nearest first, with the box that it would fill."""
    for distance, turn in itertools.product(DISTANCES, range(N_TURNS)):
        angle = math.pi * (0.25 + 2 * turn / N_TURNS)
        dx, dy = distance * math.cos(angle), distance * math.sin(angle)
        left, bottom = x + dx - (width if dx < 0 else 0), y + dy - height / 2
        yield dx, dy, (left, bottom, left + width, bottom + height)


def _width(text: str, size: int) -> float:
    """Of a name, in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=size, weight=_weight(size))
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def _weight(size: int) -> str:
    return "bold" if size == CHOSEN_SIZE else "normal"


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _write(panel: Any, text: str, place: Any, offset: tuple[float, float], size: int) -> None:
    """A name at an offset in points; a line leads to one that is far."""
    is_far = math.hypot(*offset) > FAR
    panel.annotate(
        text,
        place,
        xytext=offset,
        textcoords="offset points",
        ha="right" if offset[0] < 0 else "left",
        va="center",
        fontsize=size,
        fontweight=_weight(size),
        arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "0.4"} if is_far else None,
        bbox={"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.3},
        zorder=5,
    )
