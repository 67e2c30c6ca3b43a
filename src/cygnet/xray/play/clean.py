"""Text as it reads, with nothing in it that a terminal obeys."""

import unicodedata

from cygnet.tokenizer.display import visible

NON_JOINER, JOINER = "\u200c", "\u200d"
# Whether these widen the character before them, terminals disagree.
VARIATIONS = frozenset(map(chr, range(0xFE00, 0xFE10)))
VIRAMA = 9  # the combining class of signs that join Indic consonants


def clean(text: str) -> str:
    """A text with control characters visible; joiners pass where Unicode gives them a meaning.

    >>> clean("a b\\x1b") == "a b\\\\x1b", clean("\\u200da") == "\\\\u200da"
    (True, True)
    >>> clean("👩\\u200d💻") == "👩\\u200d💻"
    True
    """
    around = zip(["", *text], text, [*text[1:], ""], strict=False)
    return "".join(_clean(*characters) for characters in around)


def _clean(before: str, character: str, after: str) -> str:
    if character in " \n" or is_joiner(before, character, after):
        return character
    if unicodedata.category(character).startswith("M"):
        return character
    return visible(character.encode(errors="replace"))


def is_joiner(before: str, character: str, after: str) -> bool:
    """Whether a character only joins, parts or varies those beside it."""
    return in_emoji(before, character, after) or in_word(before, character, after)


def in_emoji(before: str, character: str, after: str) -> bool:
    """Whether it is a joiner or a variation selector within an emoji.

    >>> in_emoji("👩", "\\u200d", "💻"), in_emoji("a", "\\u200d", "b")
    (True, False)
    """
    if character in VARIATIONS:
        return _is_pictograph(before) or before in tuple("0123456789#*")
    varied = _is_pictograph(before) or before == "\ufe0f"
    return character == JOINER and varied and _is_pictograph(after)


def in_word(before: str, character: str, after: str) -> bool:
    """Whether it is a joiner that changes how letters beside it are written.

    After a virama, and between letters of scripts that join: appendix A of RFC 5892, but for
    Unicode's joining types, which Python does not know.
    """
    if character not in (JOINER, NON_JOINER) or not before:
        return False
    is_cursive = all(one and unicodedata.bidirectional(one) == "AL" for one in (before, after))
    return is_cursive or unicodedata.combining(before) == VIRAMA


def _is_pictograph(character: str) -> bool:
    """A symbol, or the shade of skin behind one."""
    is_shade = "\U0001f3fb" <= character <= "\U0001f3ff"
    return bool(character) and (is_shade or unicodedata.category(character) == "So")
