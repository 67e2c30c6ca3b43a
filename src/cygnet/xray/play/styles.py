"""Styles of ``rich`` as those of ``prompt_toolkit``."""

import functools

from rich.color import Color
from rich.style import Style


@functools.cache
def as_prompt_toolkit(style: str, is_plain: bool = False) -> str:
    """The same style for ``prompt_toolkit``.

    Args:
        style: As rich writes it.
        is_plain: The terminal chooses its sixteen colours itself: none of them is used, as what is
            readable on which is not known.

    >>> as_prompt_toolkit("bold black on rgb(253,174,107)")
    'bold fg:#000000 bg:#fdae6b'
    """
    found = Style.parse(style)
    names = ("bold", "dim", "italic", "underline", "reverse")
    words = [name for name in names if getattr(found, name)]
    words += [f"fg:{_hex(found.color)}"] if found.color and not is_plain else []
    words += [f"bg:{_hex(found.bgcolor)}"] if found.bgcolor and not is_plain else []
    return " ".join(words)


def _hex(color: Color) -> str:
    return color.get_truecolor().hex
