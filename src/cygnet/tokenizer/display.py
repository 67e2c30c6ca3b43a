"""Tokens as people can read them: every space, newline and partial character visible."""

SPACE, NEWLINE, TAB, RETURN = "·", "⏎", "⇥", "␍"
_MARKS = {" ": SPACE, "\n": NEWLINE, "\t": TAB, "\r": RETURN}


def visible(token: bytes) -> str:
    """The text of a token with nothing hidden.

    Spaces become ``·``, newlines ``⏎``, tabs ``⇥``; other unprintable characters their escape;
    bytes that are not whole characters are written in hexadecimal, ``‹e2 80›``.

    >>> visible(b" upon"), visible(b"\\n\\n"), visible("é".encode()[:1]), visible(b"\\x1b")
    ('·upon', '⏎⏎', '‹c3›', '\\\\x1b')
    """
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return f"‹{token.hex(' ')}›"
    return "".join(_visible_character(character) for character in text)


def _visible_character(character: str) -> str:
    if character in _MARKS:
        return _MARKS[character]
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
