"""Tokens of a trace in the terminal, one after another, each with all its figures."""

from collections.abc import Iterator

from rich.text import Text

from cygnet.xray.pieces import (
    BORDER,
    COUNTED,
    FORCED,
    NOBODY,
    cut,
    directed,
    joined,
    part_of,
    percent,
    shown,
)
from cygnet.xray.shades import style_of
from cygnet.xray.trace import Trace, TraceToken

NARROW = 72  # columns below which the figures of a token take two lines
MOST, LEAST = 32, 12  # columns of a token beside its figures
FIGURES = 58  # columns of these, with position and id


def table_lines(trace: Trace, width: int, is_plain: bool = False) -> Iterator[Text]:
    """A heading, and for each token its position, id, probability, surprise, log-probability
    (nats), rank, entropy (bits), and what else it could have been. Where somebody else speaks, a
    line says who.

    Args:
        trace: The tokens.
        width: Columns. Where they are few, figures go on in a second line.
        is_plain: The terminal has sixteen colours.
    """
    has_roles = any(token.role for token in trace.tokens)
    yield Text(" " * has_roles + heading(width), style="dim")
    role = None
    for i, token in enumerate(trace.tokens):
        if i and not token.is_given and trace.tokens[i - 1].is_given:
            yield Text("» written from here", style="bold")
        if token.role != role:
            role = token.role
            yield Text(f"{role or NOBODY}:", style="dim")
        mark = COUNTED if token.role and token.carries_loss else " "
        part = part_of(trace.tokens, i)
        yield from token_lines(token, i, width, mark if has_roles else "", part, is_plain)
    if not all(token.carries_loss for token in trace.tokens):
        counted = sum(token.carries_loss for token in trace.tokens)
        words = f"{COUNTED} training counts it: {counted:,} of {len(trace.tokens):,} tokens"
        yield Text(words, style="dim")


def heading(width: int) -> str:
    """What the columns of ``token_lines`` are."""
    name = f"{'at':>4} token{' ' * 11}"
    if width < NARROW:
        return f"{name}  id      p  bits"
    return f"{name}     id      p  bits    log p   rank entropy"


def token_lines(
    token: TraceToken,
    position: int | None,
    width: int,
    mark: str = "",
    part: str = "",
    is_plain: bool = False,
) -> Iterator[Text]:
    """The lines of one token; what has no room in one stands whole in the next.

    Args:
        token: The token.
        position: In the text, from 0; none where it is not known.
        width: Columns.
        mark: Stands before it.
        part: What ``part_of`` says of it.
        is_plain: The terminal has sixteen colours.
    """
    line = Text(mark + (" " * 4 if position is None else f"{position:>4}"))
    line.append(FORCED if token.origin == "forced" else BORDER, style="dim")
    name = shown(token, min(MOST, max(LEAST, width - FIGURES)))
    line.append(name, style=style_of(token, is_plain))
    line.append(BORDER, style="dim")
    line.append(" " * (20 + len(mark) - line.cell_len))
    is_narrow = width < NARROW
    yield line.append(f"{token.id:>{5 if is_narrow else 7}} {_figures(token, is_narrow)}")
    indent = " " * (3 if is_narrow else 5)
    for more in (_narrow_entries(token) if is_narrow else [], _notes(token, part)):
        yield from (Text(indent + entries) for entries in joined(more, width - len(indent)))
    lead = "or "
    for entries in joined(_others(token), width - len(indent) - len(lead)):
        yield Text(indent).append(lead, style="dim").append(entries)
        lead = " " * len(lead)


def _figures(token: TraceToken, is_narrow: bool) -> str:
    figures = token.figures
    if figures is None or token.surprise is None:
        return "  no token before it" if token.is_given else "  not asked for"
    first = f"{percent(figures.probability):>6} {token.surprise:5.1f}"
    if is_narrow:
        return first
    return f"{first} {_log_p(token):8.2f} {figures.rank:6,} {figures.entropy:7.1f}"


def _log_p(token: TraceToken) -> float:
    assert token.figures is not None
    return round(token.figures.log_probability, 2) + 0.0  # never -0.00


def _narrow_entries(token: TraceToken) -> list[str]:
    if token.figures is None:
        return []
    figures = token.figures
    rest = (f"log p {_log_p(token):.2f}", f"rank {figures.rank:,}")
    return [*rest, f"entropy {figures.entropy:.1f}"]


def _notes(token: TraceToken, part: str) -> list[str]:
    notes = [part] if part else []
    notes += ["put, not drawn"] if token.origin == "forced" else []
    if token.drawn_probability is not None:
        notes.append(f"drawn from {percent(token.drawn_probability)}")
    return notes


def _others(token: TraceToken) -> list[str]:
    return [
        f"{percent(other.probability)} {directed(cut(other.text, MOST))}"
        for other in token.alternatives
        if other.id != token.id
    ]
