"""A ``Trace`` in the terminal: borders, surprise as colour, bar and figures, alternatives."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from cygnet.errors import InputError
from cygnet.files import write_text
from cygnet.xray.pieces import AFTER_PROMPT, BORDER, FORCED, cut, directed, percent, shown
from cygnet.xray.shades import legend, shade_of, style_of
from cygnet.xray.token_lines import NARROW, table_lines
from cygnet.xray.trace import Trace, TraceToken

N_BEFORE = 6  # tokens shown before a surprising one
MOST, MOST_BEFORE = 20, 12  # columns of a token in a line of several


def print_trace(trace: Trace, console: Console | None = None, top: int = 5) -> None:
    """Print the text with token borders, the totals, the ``top`` most surprising places, and the
    figures of each token."""
    console = console or Console()
    print_inline(trace, console)
    console.print(totals(trace), style="dim", highlight=False)
    if trace.window:
        console.print(windows_of(trace.window), style="dim", highlight=False)
    places = trace.most_surprising(top)
    if places:
        console.print("\nthe most surprising places", style="dim")
    for i in places:
        _print_lines(place_lines(trace, i, console.width, is_plain(console)), console)
    if trace.tokens:
        console.print()
        _print_lines(table_lines(trace, console.width, is_plain(console)), console)


def is_plain(console: Console) -> bool:
    """Whether a terminal has no more than the sixteen colours that it chooses itself."""
    return console.color_system in ("standard", "windows")


def _print_lines(lines: Iterator[Text], console: Console) -> None:
    for line in lines:
        console.print(line, no_wrap=True, overflow="ellipsis")


def print_inline(trace: Trace, console: Console) -> None:
    """Print the text with token borders, bars beneath, and what these mean."""
    has_figures = any(token.figures for token in trace.tokens)
    for line, bars in inline(trace, console.width, is_plain(console)):
        console.print(line, no_wrap=True, overflow="crop")
        if has_figures:
            console.print(Text(bars), no_wrap=True, overflow="crop")
    if has_figures:
        console.print(legend(is_plain(console)))
    if words := _marks(trace):
        console.print(words, style="dim", highlight=False)


def _marks(trace: Trace) -> str:
    """What the borders mean that are not all alike."""
    borders = "".join(border_of(trace, i) for i in range(len(trace.tokens)))
    meanings = {AFTER_PROMPT: "end of the prompt", FORCED: "put, not drawn"}
    return "  ".join(f"{mark} {words}" for mark, words in meanings.items() if mark in borders)


def border_of(trace: Trace, position: int) -> str:
    """What stands before a token: the end of the prompt and tokens put by hand are marked."""
    token = trace.tokens[position]
    ends_prompt = position > 0 and not token.is_given and trace.tokens[position - 1].is_given
    marks = (AFTER_PROMPT if ends_prompt else "") + (FORCED if token.origin == "forced" else "")
    return marks or BORDER


def inline(trace: Trace, width: int, is_plain: bool = False) -> Iterator[tuple[Text, str]]:
    """Lines of tokens, each with a line of bars beneath that are as high as the surprise.

    Args:
        trace: The tokens; their newlines break lines.
        width: Columns.
        is_plain: The terminal has sixteen colours.
    """
    line, bars = Text(), ""
    for i, token in enumerate(trace.tokens):
        border = border_of(trace, i)
        name = Text(shown(token, width - (0 if border == BORDER else len(border))))
        if line.plain and line.cell_len + len(border) + name.cell_len > width:
            yield line, bars
            line, bars = Text(), ""
        border = "" if border == BORDER and not line.plain else border
        line.append(border, style="dim" if border == BORDER else "bold")
        line.append(name.plain, style=style_of(token, is_plain))
        bars += " " * len(border) + shade_of(token).bar * name.cell_len
        if token.bytes.endswith(b"\n"):
            yield line, bars
            line, bars = Text(), ""
    if line.plain:
        yield line, bars


def totals(trace: Trace) -> str:
    """Tokens, bytes, bits and bits per byte in one line; without figures, bytes per token."""
    if not trace.tokens:
        return "0 tokens: the text is empty"
    special = trace.kinds.get("special", 0)
    s = "" if len(trace.tokens) == 1 else "s"
    words = [
        f"{len(trace.tokens):,} token{s}{f' ({special:,} special)' if special else ''}",
        f"{trace.n_bytes:,} bytes",
    ]
    if any(token.figures for token in trace.tokens):
        words.append(f"{trace.bits:,.1f} bits")
        if trace.bits_per_byte is not None:
            words.append(f"{trace.bits_per_byte:.3f} bits per byte")
    elif trace.bytes_per_token is not None:
        words.append(f"{trace.bytes_per_token:.2f} bytes per token")
    return ", ".join(words)


def windows_of(window: int) -> str:
    """What is said of a text that is longer than the context."""
    return (
        f"longer than the context: read in windows of {window:,} tokens"
        f" that overlap by {window - max(1, window // 2):,}"
    )


def place_lines(trace: Trace, position: int, width: int, is_plain: bool = False) -> Iterator[Text]:
    """A surprising place: how much, the tokens before it, and what was expected instead; that in a
    line of its own where it has no room. Long tokens are cut."""
    token = trace.tokens[position]
    line = Text(f"{token.surprise or 0:5.1f} bits  at {position:<5} ")
    n_before = 1 if width < NARROW else N_BEFORE
    for before in trace.tokens[max(0, position - n_before) : position]:
        line.append(directed(cut(before.text, MOST_BEFORE)), style="dim")
    line.append(BORDER, style="dim")
    line.append(shown(token, MOST), style=style_of(token, is_plain))
    line.append(BORDER, style="dim")
    expected = Text(_expected(token), style="dim")
    if expected.plain and line.cell_len + 2 + expected.cell_len > width:
        yield line
        yield Text("      ").append(expected)
    else:
        yield line.append("  ").append(expected)


def _expected(token: TraceToken) -> str:
    if not token.alternatives or token.alternatives[0].id == token.id:
        return ""
    expected = token.alternatives[0]
    return f"expected {directed(cut(expected.text, MOST))} {percent(expected.probability)}"


def check_svg_file(path: Path) -> None:
    """Refuse a file that cannot be written, before any work is done for it.

    Raises:
        InputError: The name ends in something other than .svg, or its folder is missing.
    """
    if path.suffix.lower() != ".svg":
        raise InputError(f"{path} cannot be drawn: its name must end in .svg")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder: {path} cannot be written there")


def svg_console(width: int) -> Console:
    """A console whose output becomes a picture; with colours, whatever this terminal has."""
    return Console(
        record=True,
        width=width,
        file=io.StringIO(),
        force_terminal=True,
        no_color=False,
        color_system="truecolor",
    )


def write_svg(console: Console, path: Path, title: str) -> None:
    """Write what was printed on a ``svg_console``."""
    svg = console.export_svg(title=title, theme=DIMMED_MONOKAI)
    # rich refers to a web font; the fallback that it names is on every machine.
    write_text(path, re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL))
