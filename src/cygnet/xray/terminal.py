"""A ``Trace`` in the terminal: borders, surprise as colour and as figures, alternatives."""

import io
import re
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from cygnet.files import write_text
from cygnet.xray.trace import Trace, TraceToken

BORDER = "│"
# Background and foreground by surprise, from certain to very surprising: one hue that darkens, so
# that it reads without telling colours apart. The figures beside it say the same.
LEVELS = (
    (1.0, ""),
    (2.0, "black on rgb(254,230,206)"),
    (4.0, "black on rgb(253,174,107)"),
    (7.0, "white on rgb(217,72,1)"),
    (float("inf"), "bold white on rgb(127,39,4)"),
)
GIVEN = "dim"


def print_trace(trace: Trace, console: Console | None = None) -> None:
    """Print the text with token borders, the totals, and a line for each token."""
    console = console or Console()
    console.print(inline(trace))
    console.print(totals(trace), style="dim", highlight=False)
    console.print()
    for token in trace.tokens:
        console.print(token_line(token), no_wrap=True, overflow="ellipsis")


def inline(trace: Trace) -> Text:
    """The text as it runs, a border between tokens, coloured by surprise; newlines break lines."""
    text = Text()
    for token in trace.tokens:
        if text.plain and not text.plain.endswith("\n"):
            text.append(BORDER, style="dim")
        text.append(token.text, style=style_of(token))
        if token.bytes.endswith(b"\n"):
            text.append("\n")
    return text


def totals(trace: Trace) -> str:
    """Tokens, bytes, bits and bits per byte in one line."""
    n_bytes = sum(len(token.bytes) for token in trace.tokens)
    return (
        f"{len(trace.tokens):,} tokens, {n_bytes:,} bytes, {trace.bits:,.1f} bits,"
        f" {trace.bits_per_byte:.3f} bits per byte"
    )


def token_line(token: TraceToken) -> Text:
    """One token: its text, probability and surprise, and what else it could have been."""
    line = Text(" ")
    line.append(BORDER, style="dim")
    line.append(token.text, style=style_of(token))
    line.append(BORDER, style="dim")
    line.append(" " * max(1, 18 - line.cell_len))
    if token.figures is None or token.surprise is None:
        line.append("no token before it", style="dim")
        return line
    line.append(f"{token.figures.probability:6.1%} {token.surprise:5.1f} bits  ")
    others = [other for other in token.alternatives if other.id != token.id]
    for other in others:
        line.append(f" {other.probability:4.0%} ", style="dim")
        line.append(other.text)
    return line


def style_of(token: TraceToken) -> str:
    """The style of a token's text: by surprise if it was drawn or traced, dim without figures."""
    if token.surprise is None:
        return GIVEN
    return next(style for limit, style in LEVELS if token.surprise < limit)


def save_svg(trace: Trace, path: Path, width: int = 92) -> None:
    """Draw what ``print_trace`` prints as an SVG that refers to nothing outside itself."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    print_trace(trace, console)
    svg = console.export_svg(title="cygnet xray trace", theme=DIMMED_MONOKAI, unique_id="cygnet")
    # rich refers to a web font; the fallback that it names is on every machine.
    write_text(path, re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))
