"""The text of a player: its tokens, as clean text, or a line for each with its figures."""

import codecs
import unicodedata
from collections.abc import Iterator

from prompt_toolkit.utils import get_cwidth

from cygnet.tokenizer.display import visible
from cygnet.xray.pieces import (
    AFTER_PROMPT,
    FORCED,
    LEFT_TO_RIGHT,
    bracketed,
    directed,
    percent,
)
from cygnet.xray.play.clean import in_emoji, in_word
from cygnet.xray.play.picture import Picture
from cygnet.xray.play.player import Player
from cygnet.xray.play.rows import Cell, Row, cells, columns, cut, drawn, wrapped
from cygnet.xray.shades import shade_of, style_of
from cygnet.xray.trace import Alternative, TraceToken

HERE = "_"  # the cursor behind the last token
CURSOR = "reverse"
GIVEN = "bold"  # the prompt, in clean text
NAME_COLUMNS = 14


def mark_of(token: TraceToken) -> str:
    """The border before a token: the more surprising, the thicker, so that it can be seen without
    colour; one that was put there by hand is marked."""
    return shade_of(token).border + (FORCED if token.origin == "forced" else "")


def text_rows(player: Player, width: int, height: int) -> list[Row]:
    """The part of the text around the cursor, in ``height`` rows."""
    if player.view == "figures":
        rows = _figure_rows(player.picture, player.position, width, height)
    else:
        rows = _flowing_rows(player, width, height)
    return rows + [[] for _ in range(height - len(rows))]


def _flowing_rows(player: Player, width: int, height: int) -> list[Row]:
    picture, cursor = player.picture, player.position
    # Tokens before and behind the cursor that take half a screen at least, from a place that moves
    # in leaps, so that rows are broken at the same places while the cursor moves.
    leap = max(1, width * height // 4)
    begin = max(0, (cursor // leap - 1) * leap)
    view = _token_cells if player.view == "tokens" else _clean_cells
    found = [*view(picture, begin, begin + 3 * leap)]
    if begin + 3 * leap > len(picture.trace.tokens):
        found.append(Cell(HERE, "", len(picture.trace.tokens), may_break=True))
    for cell in found:
        if cell.owner == cursor:
            cell.style = f"{cell.style} {CURSOR}".strip()
    rows = wrapped(found, width)
    with_cursor = [i for i, row in enumerate(rows) if any(c.owner == cursor for c in row)]
    first = _first_row(with_cursor[-1] if with_cursor else 0, len(rows), height)
    return [drawn(row) for row in rows[first : first + height]]


def _first_row(wanted: int, n_rows: int, height: int) -> int:
    """Rows are shown from here: the wanted one in the middle, unless an end is near."""
    return max(0, min(wanted - height // 2, n_rows - height))


def _token_cells(picture: Picture, begin: int, end: int) -> Iterator[Cell]:
    for i, token in enumerate(picture.trace.tokens[begin:end], begin):
        style = _style(token)
        mark, *forced = cells(mark_of(token), "dim", i)
        mark.may_break = True
        if i == picture.n_given and i:
            yield Cell(AFTER_PROMPT, "bold", -1, may_break=True)
            mark.may_break = False
        name = bracketed(token)
        found = [mark, *forced, *cells(name, style, i)]
        if directed(name) != name:  # from left to right, beside others
            found[len(forced)].text += LEFT_TO_RIGHT
            found[-1].text += LEFT_TO_RIGHT
        found[-1].ends_row = token.bytes.endswith(b"\n")
        yield from found


def _style(token: TraceToken) -> str:
    """By surprise; tokens that are no text slanted, those that were put there underlined."""
    no_text = "italic" if token.kind != "text" else ""
    forced = "underline" if token.origin == "forced" else ""
    return " ".join(filter(None, (style_of(token), no_text, forced)))


def _clean_cells(picture: Picture, begin: int, end: int) -> Iterator[Cell]:
    """The text as it reads; a character belongs to the token that completes it."""
    found = [*_characters(picture, begin, end)]
    text = ["", *(character for character, _ in found), ""]
    last: Cell | None = None
    for i, (character, owner) in enumerate(found, 1):
        if in_emoji(text[i - 1], character, text[i + 1]):
            continue  # how wide the whole is, terminals disagree; its parts are as wide in all
        shown = character if in_word(text[i - 1], character, text[i + 1]) else _clean(character)
        if last and not last.ends_row and not get_cwidth(shown):
            last.text += shown
            continue
        for cell in cells(shown, GIVEN if owner < picture.n_given else "", owner):
            cell.may_break, cell.ends_row = text[i - 1] == " ", character == "\n"
            last = cell
            yield cell


def _characters(picture: Picture, begin: int, end: int) -> Iterator[tuple[str, int]]:
    """The characters of some tokens, each with the token that completes it."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    tokens = picture.trace.tokens[begin:end]
    for i, token in enumerate(tokens, begin):
        is_last = i - begin == len(tokens) - 1
        for character in decoder.decode(token.bytes, final=is_last):
            yield character, i


def _clean(character: str) -> str:
    """A character that stands for itself; a line break is a blank that ends its row."""
    is_mark = unicodedata.category(character).startswith("M") and not get_cwidth(character)
    return " " if character in " \n" else character if is_mark else visible(character.encode())


def _figure_rows(picture: Picture, cursor: int, width: int, height: int) -> list[Row]:
    n_tokens = len(picture.trace.tokens)
    first = _first_row(cursor, n_tokens + 1, height)
    rows = []
    for i in range(first, min(n_tokens + 1, first + height)):
        row = [("", HERE)] if i == n_tokens else _figure_row(picture, i)
        rows.append(cut([(CURSOR if i == cursor else "", _numbers(picture, i)), *row], width))
    return rows


def _numbers(picture: Picture, position: int) -> str:
    return f"{position:>4} {_part(picture, position):>8} "


def _figure_row(picture: Picture, number: int) -> Row:
    """A token with its probability, bits, rank and entropy, and what else it could have been."""
    token = picture.trace.tokens[number]
    name = cut([(_style(token), bracketed(token))], NAME_COLUMNS)
    row: Row = [("dim", mark_of(token)), *name]
    row.append(("", " " * (NAME_COLUMNS + 3 - columns(row))))
    if token.figures is None:
        return [*row, ("dim", "no token before it")]
    figures = (
        f"{percent(token.figures.probability):>6} {token.surprise:5.1f} bits"
        f"  rank {token.figures.rank:<5} entropy {token.figures.entropy:4.1f} "
    )
    return [*row, ("", figures), ("dim", others(token))]


def others(token: TraceToken) -> str:
    """The alternatives of a token in a line."""
    return "".join(_other(one) for one in token.alternatives if one.id != token.id)


def _other(one: Alternative) -> str:
    return f"  {percent(one.probability)} {directed(one.text)}"


def place(picture: Picture, position: int) -> str:
    """What a position is called: they count in the text from 0, and steps of writing from 1."""
    return f"at {position}, {_part(picture, position)}"


def _part(picture: Picture, position: int) -> str:
    if position < picture.n_given:
        return "prompt"
    return f"step {position - picture.n_given + 1}"
