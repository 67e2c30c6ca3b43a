"""Tokens as labels of plots and pictures."""

from functools import lru_cache
from typing import Any

LABEL_LENGTH = 16


def shortened(text: str) -> str:
    """A text that fits a label, of at most 16 characters.

    >>> shortened("antidisestablishment"), shortened("·upon")
    ('antidisestablis…', '·upon')
    """
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"


def plain_glyphs(text: str) -> str:
    """A text for matplotlib: characters that its font lacks by their numbers.

    Its own, DejaVu Sans, has no CJK and few emoji; in their place it draws a box and warns.

    >>> plain_glyphs("·cygne"), plain_glyphs("鹅")
    ('·cygne', 'U+9E45')
    """
    font = _font()
    return "".join(
        character if font.get_char_index(ord(character)) else f"U+{ord(character):04X}"
        for character in text
    )


@lru_cache(1)
def _font() -> Any:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return FT2Font(findfont(FontProperties()))
