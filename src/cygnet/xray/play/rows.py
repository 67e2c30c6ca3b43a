"""Rows of a terminal: characters with their widths, broken where they may be."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prompt_toolkit.utils import get_cwidth

from cygnet.xray.play.clean import VARIATIONS

Row = list[tuple[str, str]]
"""Styles, as rich writes them, with their text."""
ALONE = "◌"  # carries a combining mark that has no character before it, as Unicode's charts do


@dataclass(slots=True)
class Cell:
    """A character on the screen, with the marks that combine with it.

    Attributes:
        text, style: What is drawn.
        width: In columns of the terminal.
        owner: The number of its token.
        may_break: A row may begin with it.
        ends_row: The next one begins another row.
    """

    text: str
    style: str
    owner: int
    width: int = 1
    may_break: bool = False
    ends_row: bool = False


def cells(text: str, style: str, owner: int) -> Iterator[Cell]:
    """The cells of a text without control characters.

    >>> [len(cell.text) for cell in cells("ae\\u0301", "", 0)]
    [1, 2]
    >>> "".join(cell.text for cell in cells("\\ufe0f", "", 0))
    '\\\\ufe0f'
    """
    last: Cell | None = None
    for character in "".join(map(_visible_variation, text)):
        if width := get_cwidth(character):
            if last:
                yield last
            last = Cell(character, style, owner, width)
        elif last:
            last.text += character
        else:
            last = Cell(ALONE + character, style, owner)
    if last:
        yield last


def _visible_variation(character: str) -> str:
    return f"\\u{ord(character):x}" if character in VARIATIONS else character


def wrapped(found: Iterable[Cell], width: int) -> list[list[Cell]]:
    """Cells in rows of some columns, broken where they may be if there is such a place.

    >>> words = [cell for word in ("ab", "cd") for cell in cells(word, "", 0)]
    >>> words[2].may_break = True
    >>> ["".join(cell.text for cell in row) for row in wrapped(words, 3)]
    ['ab', 'cd']
    """
    rows: list[list[Cell]] = [[]]
    n_columns = 0
    for cell in found:
        if n_columns + cell.width > width and rows[-1]:
            rows.append(_carried(rows[-1], cell))
            n_columns = sum(one.width for one in rows[-1])
        if cell.width <= width:
            rows[-1].append(cell)
            n_columns += cell.width
        if cell.ends_row:
            rows.append([])
            n_columns = 0
    return rows


def _carried(row: list[Cell], following: Cell) -> list[Cell]:
    """What moves from the end of a full row to the next one."""
    if following.may_break:
        return []
    place = next((i for i in range(len(row) - 1, 0, -1) if row[i].may_break), len(row))
    carried = row[place:]
    del row[place:]
    return carried


def drawn(row: Iterable[Cell]) -> Row:
    """Cells as styles with text."""
    found: Row = []
    for cell in row:
        if found and found[-1][0] == cell.style:
            found[-1] = (cell.style, found[-1][1] + cell.text)
        else:
            found.append((cell.style, cell.text))
    return found


def cut(row: Row, width: int) -> Row:
    """A row that ends where the screen does.

    >>> cut([("bold", "ab"), ("", "cd")], 3)
    [('bold', 'ab'), ('', 'c')]
    """
    found = (cell for style, text in row for cell in cells(text, style, 0))
    return drawn(wrapped(found, width)[0])


def columns(row: Row) -> int:
    """How wide a row is."""
    return sum(get_cwidth(text) for _, text in row)


def filled(row: Row, width: int, style: str) -> Row:
    """A row with blanks up to the end of the screen."""
    row = cut(row, width)
    return [*row, (style, " " * (width - columns(row)))]
