"""Curves in the terminal: dots of Braille, two across and four down in a cell, figures on the axes.

https://www.unicode.org/charts/PDF/U2800.pdf has the characters: a bit for each dot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.text import Text

BLANK = 0x2800
DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bit of each dot of a cell, by row and column."""
DOWN, ACROSS = DOTS.shape
AXIS_WIDTH = 7
HEIGHT = 10
Points = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Line:
    """A curve of a chart.

    Attributes:
        mark: The character that names it, set upon it once.
        style: Of its dots and its mark, as rich writes it.
        xs, ys: Its points, ``xs`` rising. What is not above zero has no place on the axis.
    """

    mark: str
    style: str
    xs: Sequence[float]
    ys: Sequence[float]


def chart(lines: Sequence[Line], width: int, height: int = HEIGHT) -> list[Text]:
    """Draw curves over a logarithmic axis.

    Args:
        lines: At least one with a point above zero, else there is nothing to draw.
        width: Of the whole, in columns.
        height: Of the canvas, in rows; the axis below takes two more.

    Returns:
        Lines of text, each ``width`` columns at most.

    >>> for row in chart([Line("a", "", (0, 2), (4, 1))], width=15, height=3):
    ...     print(row.plain.rstrip())
          4 ┤⠑⢄
          2 ┤  a⢄
          1 ┤    ⠑⢄
            └──────
             0    2
    """
    points = [_points(line) for line in lines]
    known = [point for point in points if len(point[0])]
    if not known:
        return []
    frame = _Frame.around(known)
    bits = np.zeros((height, max(2, width - AXIS_WIDTH - 2)), np.int64)
    styles: dict[Cell, str] = {}
    marks: dict[Cell, str] = {}
    for number, (line, point) in enumerate(zip(lines, points, strict=True), start=1):
        cells = _draw(bits, frame, *point)
        styles |= dict.fromkeys(cells, line.style)
        if cells:
            marks[_at_share(cells, number / (len(lines) + 1))] = line.mark
    return _with_axes(list(_rows(bits, styles, marks)), frame, bits.shape[1])


@dataclass(frozen=True)
class _Frame:
    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def around(cls, points: Sequence[Points]) -> "_Frame":
        xs, ys = (np.concatenate(parts) for parts in zip(*points, strict=True))
        return cls(float(xs.min()), float(xs.max()), float(ys.min()), float(ys.max()))


def _points(line: Line) -> Points:
    """Its points with logarithms of the losses."""
    xs, ys = np.array(line.xs, np.float64), np.array(line.ys, np.float64)
    return xs[ys > 0], np.log(ys[ys > 0])


def _draw(
    bits: npt.NDArray[np.int64],
    frame: _Frame,
    xs: npt.NDArray[np.float64],
    ys: npt.NDArray[np.float64],
) -> list[Cell]:
    """Set the dots of a curve, joined down each column; gives its cells from left to right."""
    if not len(xs):
        return []
    n_down, n_across = bits.shape[0] * DOWN, bits.shape[1] * ACROSS
    places = (n_across - 1) * _share(xs, frame.left, frame.right)
    heights = _share(ys, frame.bottom, frame.top)
    # Every column has the curve, and every point its dot: a spike must not fall between two.
    between = np.arange(np.ceil(places[0]), np.floor(places[-1]) + 1)
    heights = np.concatenate([heights, np.interp(between, places, heights)])
    places = np.concatenate([places, between])
    order = np.argsort(places, kind="stable")
    columns = np.rint(places[order]).astype(int).tolist()
    rows = np.rint((n_down - 1) * (1 - heights[order])).astype(int).tolist()
    cells: dict[Cell, None] = {}
    for column, row, before in zip(columns, rows, [rows[0], *rows[:-1]], strict=True):
        for dot in range(min(row, before + 1), max(row, before - 1) + 1):
            cell = dot // DOWN, column // ACROSS
            bits[cell] |= DOTS[dot % DOWN, column % ACROSS]
            cells[cell] = None
    return list(cells)


def _share(values: npt.NDArray[np.float64], least: float, most: float) -> npt.NDArray[np.float64]:
    """Where values lie between two, 0 to 1; in the middle where the two are one."""
    return (values - least) / (most - least) if most > least else np.full(len(values), 0.5)


def _at_share(cells: Sequence[Cell], share: float) -> Cell:
    """A cell of a curve, as far along as a share of its columns."""
    left, right = cells[0][1], cells[-1][1]
    column = left + int(share * (right - left))
    return next(cell for cell in cells if cell[1] == column)


def _rows(
    bits: npt.NDArray[np.int64], styles: dict[Cell, str], marks: dict[Cell, str]
) -> Iterator[Text]:
    for row, values in enumerate(bits):
        text = Text()
        for column, value in enumerate(values):
            dots = chr(BLANK + int(value)) if value else " "
            text.append(marks.get((row, column), dots), style=styles.get((row, column), ""))
        yield text


def _with_axes(rows: list[Text], frame: _Frame, n_columns: int) -> list[Text]:
    """The rows with figures beside and below them."""
    ticks = _ticks(frame, len(rows))
    drawn = []
    for number, row in enumerate(rows):
        label = f"{_figure(np.exp(ticks[number]))} ┤" if number in ticks else "│"
        drawn.append(Text(label.rjust(AXIS_WIDTH + 2), style="dim") + row)
    left, right = f"{frame.left:,.0f}", f"{frame.right:,.0f}"
    if len(left) + len(right) >= n_columns:
        left = ""
    between = " " * (n_columns - len(left) - len(right))
    corner = " " * (AXIS_WIDTH + 1)
    drawn.append(Text(f"{corner}└{'─' * n_columns}", style="dim"))
    drawn.append(Text(f"{corner} {left}{between}{right}", style="dim"))
    return drawn


def _figure(value: float) -> str:
    """With four digits, or as many as there is room for beside the axis."""
    written = (f"{value:.{n_digits}g}" for n_digits in (4, 3, 2, 1))
    return next(figure for figure in written if len(figure) <= AXIS_WIDTH)


def _ticks(frame: _Frame, n_rows: int) -> dict[int, float]:
    """The logarithm at the top, in the middle and at the bottom, by row."""
    last = n_rows - 1
    if frame.top == frame.bottom:
        return {last // 2: frame.top}
    middle = frame.top + (frame.bottom - frame.top) * (last // 2) / last
    return {last // 2: middle, 0: frame.top, last: frame.bottom}
