"""Surprise as a colour, a bar and a border, from certain to very surprising."""

import itertools
from dataclasses import dataclass

from rich.text import Text

from cygnet.xray.trace import TraceToken

GIVEN = "dim"


@dataclass(frozen=True)
class Shade:
    """How tokens of some surprise look.

    Attributes:
        limit: The most bits.
        bar: Stands beneath a token; the higher, the more surprising.
        border: Stands before a token; the thicker, the more surprising.
        ground: The colour behind it, if it has one.
        plain: The style in a plain terminal, whose sixteen colours are its own affair, so that
            only attributes are sure to be readable.
    """

    limit: float
    bar: str
    border: str
    ground: str
    plain: str

    @property
    def style(self) -> str:
        """With colours: black, whatever the terminal writes in, on the ground."""
        return self.ground and f"rgb(0,0,0) on {self.ground}"


# One hue of the same lightness (OKLCH 0.70, 48°) and more and more chroma: "more" is further from
# grey on a dark ground as on a light one, where darker or lighter would be more on one of them
# alone. Black on each of them has a contrast of 7 or more.
SHADES = (
    Shade(1, " ", "▏", "", ""),
    Shade(2, "▁", "▎", "rgb(169,155,148)", ""),
    Shade(4, "▂", "▍", "rgb(188,149,129)", "bold"),
    Shade(7, "▃", "▌", "rgb(193,143,112)", "bold"),
    Shade(10, "▄", "▋", "rgb(214,136,92)", "reverse"),
    Shade(14, "▆", "▊", "rgb(238,122,40)", "reverse"),
    Shade(float("inf"), "█", "█", "rgb(250,111,0)", "bold reverse"),
)
GROUNDS = {int(less.limit): shade.ground for less, shade in itertools.pairwise(SHADES)}
"""The colour of a token by the bits above which it has it; its text is black."""


def shade_of(token: TraceToken) -> Shade:
    """The shade of a token's surprise."""
    return next(shade for shade in SHADES if (token.surprise or 0.0) <= shade.limit)


def style_of(token: TraceToken, is_plain: bool = False) -> str:
    """The style of a token's text: by surprise where there is one, dim without figures."""
    if token.surprise is None:
        return GIVEN
    shade = shade_of(token)
    return shade.plain if is_plain else shade.style


def legend(is_plain: bool = False) -> Text:
    """The bars and shades in a line, each with the bits above which it begins.

    >>> legend().plain
    'bits above ▁1  ▂2  ▃4  ▄7  ▆10  █14 '
    """
    line = Text().append("bits above ", style="dim")
    for before, shade in itertools.pairwise(SHADES):
        style = shade.plain if is_plain else shade.style
        line.append(f"{shade.bar}{before.limit:.0f} ", style=style)
        line.append("" if shade is SHADES[-1] else " ")
    return line
