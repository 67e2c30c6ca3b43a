"""Pieces of text that the views of the terminal share."""

import unicodedata
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size

from cygnet.tokenizer.display import visible
from cygnet.xray.trace import Kind, TraceToken

BORDER, AFTER_PROMPT, FORCED = "│", "»", "►"
NOBODY, COUNTED = "nobody", "*"
BRACKETS: dict[Kind, tuple[str, str]] = {"text": ("", ""), "special": ("⟦", "⟧"), "dead": ("†", "")}
LEAST_PROBABILITY = 0.0005  # below, percents would all look like 0.0%
LEFT_TO_RIGHT = "\u200e"
REACH = 3  # tokens of a byte each that a character may have before or behind one of them


def percent(probability: float) -> str:
    """A probability in percent, and in powers of ten where that would be 0.0%.

    >>> percent(0.4), percent(0.00003)
    ('40.0%', '3e-05')
    """
    if probability < LEAST_PROBABILITY:
        return f"{probability:.0e}" if probability else "0"
    return f"{probability:.1%}"


def cut(text: str, width: int) -> str:
    """As much of a text as fits into a number of columns; … stands for the rest.

    >>> cut("antelope", 5), cut("天鹅湖", 5)
    ('ante…', '天鹅…')
    """
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def directed(text: str) -> str:
    """A text that takes its place from left to right, whichever way it is read itself.

    Terminals that know the directions of Unicode would put tokens of Hebrew or Arabic that stand
    side by side in the order of one long word. The marks take no columns.

    >>> len(directed("swan")), len(directed("ברבור"))
    (4, 7)
    """
    if any(unicodedata.bidirectional(character) in ("R", "AL", "AN") for character in text):
        return f"{LEFT_TO_RIGHT}{text}{LEFT_TO_RIGHT}"
    return text


def bracketed(token: TraceToken) -> str:
    """The text of a token; special ones in brackets, dead ones with a dagger."""
    before, after = BRACKETS[token.kind]
    return f"{before}{token.text}{after}"


def shown(token: TraceToken, width: int) -> str:
    """``bracketed`` for a terminal, cut to some columns."""
    return directed(cut(bracketed(token), width))


def part_of(tokens: Sequence[TraceToken], position: int) -> str:
    """Which characters the bytes of a token are part of, where they are no whole ones.

    >>> tokens = [TraceToken(byte, bytes([byte])) for byte in "é!".encode()]
    >>> part_of(tokens, 1), part_of(tokens, 2)
    ('byte 2 of 2 of é', '')
    """
    first = max(0, position - REACH)
    pieces = [token.bytes for token in tokens[first : position + REACH + 1]]
    begin = sum(map(len, pieces[: position - first]))
    end = begin + len(pieces[position - first])
    found, at = [], 0
    for character in b"".join(pieces).decode(errors="surrogateescape"):
        n_bytes = len(character.encode(errors="surrogateescape"))
        shared = range(max(begin, at), min(end, at + n_bytes))
        if 0 < len(shared) < n_bytes:
            found.append(_part(character, [i - at + 1 for i in shared], n_bytes))
        at += n_bytes
    return ", ".join(found)


def _part(character: str, places: Sequence[int], n_bytes: int) -> str:
    s, to = ("s", f"-{places[-1]}") if len(places) > 1 else ("", "")
    return f"byte{s} {places[0]}{to} of {n_bytes} of {directed(visible(character.encode()))}"


def joined(parts: Iterable[str], width: int, gap: str = "  ") -> list[str]:
    """Parts side by side, as many as fit in each line; none is broken.

    >>> joined(["12%", "3 bits", "rank 4"], 12)
    ['12%  3 bits', 'rank 4']
    """
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1] + gap + part) <= width:
            lines[-1] += gap + part
        else:
            lines.append(part)
    return lines
