"""Tokens as people can read them: every space, newline and partial character visible."""

import re
import unicodedata

SPACE, NEWLINE, TAB, RETURN = "·", "⏎", "⇥", "␍"
_MARKS = {" ": SPACE, "\n": NEWLINE, "\t": TAB, "\r": RETURN}
_LONE_BYTES = re.compile("[\udc80-\udcff]+")  # as "surrogateescape" decodes them
_CIRCLE = "◌"  # what Unicode shows a combining mark on that has nothing to stand on


def visible(token: bytes) -> str:
    """The text of a token with nothing hidden.

    Spaces become ``·``, newlines ``⏎``, tabs ``⇥``; other unprintable characters their escape, and
    so do those that turn the direction of a text; bytes that are not whole characters are written
    in hexadecimal, ``‹e2 80›``; a combining mark that begins a token stands on ``◌``.

    >>> visible(b" upon"), visible(b"\\n\\n"), visible("é".encode()[:1]), visible(b"\\x1b")
    ('·upon', '⏎⏎', '‹c3›', '\\\\x1b')
    >>> visible(b" \\xe2\\x80"), visible("\u0301s".encode())
    ('·‹e2 80›', '◌́s')
    """
    text = token.decode(errors="surrogateescape")
    begins_with_mark = text[:1] and unicodedata.category(text[0]).startswith("M")
    shown = "".join(map(_visible_character, text))
    return (_CIRCLE if begins_with_mark else "") + _LONE_BYTES.sub(_in_hexadecimal, shown)


def _in_hexadecimal(found: re.Match[str]) -> str:
    return f"‹{found[0].encode(errors='surrogateescape').hex(' ')}›"


def _visible_character(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    if character.isprintable() or "\udc80" <= character <= "\udcff":
        return character
    return character.encode("unicode_escape").decode()
