"""A ``Trace`` in the terminal: borders, surprise as colour and as figures, alternatives."""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

from cygnet.errors import InputError
from cygnet.files import write_text
from cygnet.xray.trace import Kind, Trace, TraceToken

BORDER = "│"
# Background and foreground by surprise, from certain to very surprising: one hue that darkens, so
# that it reads without telling colours apart. Without colours a bar beneath says the same.
LEVELS = (
    (1.0, "", " "),
    (2.0, "black on rgb(254,230,206)", "▂"),
    (4.0, "black on rgb(253,174,107)", "▄"),
    (7.0, "white on rgb(217,72,1)", "▆"),
    (float("inf"), "bold white on rgb(127,39,4)", "█"),
)
GIVEN = "dim"
NOBODY, COUNTED = "nobody", "*"
BRACKETS: dict[Kind, tuple[str, str]] = {"text": ("", ""), "special": ("⟦", "⟧"), "dead": ("†", "")}
NARROW = 64  # columns below which a line has no room for all figures
N_BEFORE = 6  # tokens shown before a surprising one
MOST, MOST_NARROW, MOST_BEFORE = 32, 20, 12  # columns of a token beside figures
LEAST_PROBABILITY = 0.0005  # below, percents would all look like 0.0%


def print_trace(trace: Trace, console: Console | None = None, top: int = 5) -> None:
    """Print the text with token borders, the totals, the ``top`` most surprising places, and a line
    for each token."""
    console = console or Console()
    print_inline(trace, console)
    console.print(totals(trace), style="dim", highlight=False)
    places = trace.most_surprising(top)
    if places:
        console.print("\nthe most surprising places", style="dim")
    for i in places:
        n_before = 1 if console.width < NARROW else N_BEFORE
        console.print(place_line(trace, i, n_before), no_wrap=True, overflow="ellipsis")
    is_narrow = console.width < NARROW
    console.print()
    if trace.tokens:
        console.print(heading(is_narrow), style="dim", no_wrap=True, overflow="crop")
    _print_tokens(trace, console, is_narrow)


def _print_tokens(trace: Trace, console: Console, is_narrow: bool) -> None:
    """A line for each token, and where somebody else speaks one that says who."""
    role = None
    for token in trace.tokens:
        if token.role != role:
            role = token.role
            console.print(Text(f"{role or NOBODY}:", style="dim"))
        mark = COUNTED if token.role and token.carries_loss else " "
        line = token_line(token, is_narrow, mark)
        console.print(line, no_wrap=True, overflow="ellipsis")
    if not all(token.carries_loss for token in trace.tokens):
        counted = sum(token.carries_loss for token in trace.tokens)
        words = f"{COUNTED} training counts it: {counted:,} of {len(trace.tokens):,} tokens"
        console.print(Text(words, style="dim"))


def print_inline(trace: Trace, console: Console) -> None:
    """Print the text with token borders; where there are no colours, with bars beneath."""
    has_figures = any(token.figures for token in trace.tokens)
    if has_figures and is_plain(console):
        for line, bars in with_bars(trace.tokens, console.width):
            console.print(Text(line))  # of a string, rich makes emoji of :smile:
            console.print(bars, highlight=False, markup=False)
    else:
        console.print(inline(trace))


def is_plain(console: Console) -> bool:
    """Whether what is shown must be told without colours."""
    return console.no_color or not console.color_system


def inline(trace: Trace) -> Text:
    """The text as it runs, a border between tokens, coloured by surprise; newlines break lines."""
    text = Text()
    for token in trace.tokens:
        if text.plain and not text.plain.endswith("\n"):
            text.append(BORDER, style="dim")
        text.append(bracketed(token), style=style_of(token))
        if token.bytes.endswith(b"\n"):
            text.append("\n")
    return text


def with_bars(tokens: Sequence[TraceToken], width: int) -> Iterator[tuple[str, str]]:
    """Lines of tokens, each with a line of bars beneath that are as high as the surprise."""
    line = bars = ""
    for token in tokens:
        shown = cut(bracketed(token), width)
        if line and cell_len(line) + 1 + cell_len(shown) > width:
            yield line, bars
            line = bars = ""
        line += (BORDER if line else "") + shown
        bars += (" " if bars else "") + level_of(token)[2] * cell_len(shown)
        if token.bytes.endswith(b"\n"):
            yield line, bars
            line = bars = ""
    if line:
        yield line, bars


def totals(trace: Trace) -> str:
    """Tokens, bytes, bits and bits per byte in one line; without figures, bytes per token."""
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


def place_line(trace: Trace, position: int, n_before: int = N_BEFORE) -> Text:
    """A surprising place: how much, the tokens before it, and what was expected instead; long
    tokens are cut."""
    token = trace.tokens[position]
    line = Text(f"{token.surprise or 0:5.1f} bits  at {position:<5} ")
    for before in trace.tokens[max(0, position - n_before) : position]:
        line.append(cut(before.text, MOST_BEFORE), style="dim")
    line.append(BORDER, style="dim")
    line.append(cut(bracketed(token), MOST_NARROW), style=style_of(token))
    line.append(BORDER, style="dim")
    if token.alternatives and token.alternatives[0].id != token.id:
        expected = token.alternatives[0]
        text = cut(expected.text, MOST_NARROW)
        line.append(f"  expected {text} {expected.probability:.0%}", style="dim")
    return line


def heading(is_narrow: bool) -> str:
    """What the columns of ``token_line`` are."""
    if is_narrow:
        return " token              p  bits  instead"
    return " token                   p   bits   log p   rank  entropy  instead"


def token_line(token: TraceToken, is_narrow: bool = False, mark: str = " ") -> Text:
    """One token: probability, surprise, log-probability (nats), rank, entropy (bits), and what else
    it could have been. A long token is cut, so that its figures have room."""
    line = Text(mark)
    line.append(BORDER, style="dim")
    line.append(cut(bracketed(token), MOST_NARROW if is_narrow else MOST), style=style_of(token))
    line.append(BORDER, style="dim")
    line.append(" " * max(1, (14 if is_narrow else 19) - line.cell_len))
    figures = token.figures
    if figures is None or token.surprise is None:
        line.append("no token before it" if token.is_given else "not asked for", style="dim")
        return line
    line.append(f"{percent(figures.probability):>6} {token.surprise:5.1f} ")
    if not is_narrow:
        log_p = round(figures.log_probability, 2) + 0.0  # never -0.00
        line.append(f"{log_p:7.2f} {figures.rank:6,} {figures.entropy:7.1f}  ")
    for other in token.alternatives:
        if other.id != token.id:
            line.append(f" {other.probability:4.0%} ", style="dim")
            line.append(other.text)
    return line


def percent(probability: float) -> str:
    """A probability in percent, and in powers of ten where that would be 0.0%.

    >>> percent(0.4), percent(0.00003)
    ('40.0%', '3e-05')
    """
    if probability < LEAST_PROBABILITY:
        return f"{probability:.0e}" if probability else "0"
    return f"{probability:.1%}"


def cut(text: str, width: int) -> str:
    """As much of a text as fits into a number of columns; … stands for the rest.

    >>> cut("antelope", 5), cut("天鹅湖", 5)
    ('ante…', '天鹅…')
    """
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def bracketed(token: TraceToken) -> str:
    """The text of a token; special ones in brackets, dead ones with a dagger."""
    before, after = BRACKETS[token.kind]
    return f"{before}{token.text}{after}"


def level_of(token: TraceToken) -> tuple[float, str, str]:
    """Limit, style and bar of a token's surprise."""
    return next(level for level in LEVELS if (token.surprise or 0.0) <= level[0])


def style_of(token: TraceToken) -> str:
    """The style of a token's text: by surprise where there is one, dim without figures."""
    return GIVEN if token.surprise is None else level_of(token)[1]


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
