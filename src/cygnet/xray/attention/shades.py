"""How much attention a weight is, as a shade: a character for it, and one colour."""

# Densities of one colour, so that they sort in the same way on dark and on light ground, and
# without any colour. Most weights are small: even steps would leave most of a map empty.
SHADES = ((0.5, "█"), (0.25, "▓"), (0.1, "▒"), (0.02, "░"))
COLOUR = (230, 97, 1)


def shade(weight: float) -> str:
    """The character of a weight, 0..1; a blank below 0.02.

    >>> [shade(weight) for weight in (0.01, 0.05, 0.2, 0.3, 0.7)]
    [' ', '░', '▒', '▓', '█']
    """
    return next((character for least, character in SHADES if weight >= least), " ")


def legend() -> str:
    """What the characters stand for.

    >>> legend()
    '░ from 2%  ▒ from 10%  ▓ from 25%  █ from 50%'
    """
    return "  ".join(f"{character} from {least:.0%}" for least, character in reversed(SHADES))
