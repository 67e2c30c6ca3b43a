"""Tokenizers side by side in the terminal."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cygnet.xray.runs.view import plain
from cygnet.xray.terminal import BORDER, NOBODY, bracketed, cut, is_plain, totals
from cygnet.xray.tokens.comparison import Comparison, Disagreement
from cygnet.xray.trace import Trace, TraceToken

SPECIAL, DIFFERS, QUIET = "bold", "underline", "dim"
BAR = "▔"
MOST_SHOWN = 12  # disagreements


def print_comparison(
    comparison: Comparison, ids: bool = False, console: Console | None = None
) -> None:
    """Print the text with the borders of each tokenizer, and where they differ.

    Args:
        comparison: What to print.
        ids: Also print the id of each token beneath it.
    """
    console = console or Console()
    for name, trace in comparison.traces.items():
        console.print(Text(plain(name), style="bold"))
        differing = {i for one in comparison.disagreements for i in one.tokens.get(name, ())}
        for line in lines(trace, differing, console.width, ids, is_plain(console)):
            console.print(line, no_wrap=True, overflow="crop")
        words = totals(trace)
        if name in comparison.unfaithful:
            words += "; does not give back the text byte by byte"
        console.print(words, style="dim", highlight=False)
        console.print()
    _print_legend(comparison, console)
    _print_disagreements(comparison, console)


def lines(
    trace: Trace, differing: set[int], width: int, ids: bool = False, bars: bool = False
) -> list[Text]:
    """The tokens with borders, as wide as the terminal; beneath each its id if that is asked for.

    Args:
        trace: The tokens.
        differing: Positions of the tokens that other tokenizers cut differently: underlined.
        width: Columns.
        ids: Whether to print ids.
        bars: Whether to print bars beneath the tokens that training counts, where some do not.
    """
    bars = bars and not all(token.carries_loss for token in trace.tokens)
    found: list[Text] = []
    rows = _Rows(ids, bars)
    role = None
    for i, token in enumerate(trace.tokens):
        cell = cut(bracketed(token), width)
        if not rows.has_room(cell, token, width) or token.role != role:
            found += rows.take()
        if token.role != role:
            role = token.role
            found.append(Text(f"{role or NOBODY}:", style="dim"))
        rows.add(cell, token, i in differing)
        if token.bytes.endswith(b"\n"):
            found += rows.take()
    return found + rows.take()


class _Rows:
    """A line of tokens as it fills up, with what stands beneath them."""

    def __init__(self, ids: bool, bars: bool) -> None:
        self._ids, self._bars = ids, bars
        self._rows = Text(), Text(), Text()

    def has_room(self, cell: str, token: TraceToken, width: int) -> bool:
        return self._rows[0].cell_len + 1 + self._width(cell, token) <= width

    def add(self, cell: str, token: TraceToken, differs: bool) -> None:
        tokens, ids, bars = self._rows
        border = BORDER if tokens.plain else ""
        width = self._width(cell, token)
        tokens.append(border, style="dim").append(cell, style=_style(token, differs))
        tokens.append(" " * (width - cell_len(cell)))
        if self._ids:
            ids.append(" " * len(border) + str(token.id).ljust(width), style="dim")
        if self._bars:
            bars.append(" " * len(border) + (BAR if token.carries_loss else " ") * width)

    def take(self) -> list[Text]:
        """The line and what is beneath it, and begin a new one."""
        found = [row for row in self._rows if row.plain.strip()]
        self._rows = Text(), Text(), Text()
        return found

    def _width(self, cell: str, token: TraceToken) -> int:
        return max(cell_len(cell), len(str(token.id)) if self._ids else 0)


def _style(token: TraceToken, differs: bool) -> str:
    parts = [SPECIAL] if token.kind != "text" else []
    parts += [DIFFERS] if differs else []
    parts += [] if token.carries_loss else [QUIET]
    return " ".join(parts)


def _print_legend(comparison: Comparison, console: Console) -> None:
    """What the looks mean, as far as they occur."""
    tokens = [token for trace in comparison.traces.values() for token in trace.tokens]
    words = []
    if any(token.kind == "special" for token in tokens):
        words.append("⟦ ⟧ a special token")
    if not all(token.carries_loss for token in tokens):
        counted = {
            name: sum(token.carries_loss for token in trace.tokens)
            for name, trace in comparison.traces.items()
        }
        each = ", ".join(f"{n:,} in {plain(name)}" for name, n in counted.items())
        how = f", with {BAR} beneath" if is_plain(console) else "; the rest is dim"
        words.append(f"training counts what the assistant says ({each}){how}")
    if comparison.disagreements:
        words.append("underlined: cut differently by another")
    if words:
        console.print(Text("; ".join(words), style="dim"))


def _print_disagreements(comparison: Comparison, console: Console) -> None:
    n_compared = len(comparison.traces) - len(comparison.unfaithful)
    if n_compared < 2:
        return
    found = comparison.disagreements
    if not found:
        console.print("they cut the text alike", highlight=False)
        return
    n_bytes = sum(one.end - one.start for one in found)
    total = max(1, len(comparison.text.encode()))
    console.print(
        f"\nthey differ in {len(found):,} places, {n_bytes / total:.0%} of the bytes",
        highlight=False,
    )
    for one in found[:MOST_SHOWN]:
        _print_disagreement(comparison, one, console)
    if len(found) > MOST_SHOWN:
        console.print(f"  and {len(found) - MOST_SHOWN:,} more", style="dim", highlight=False)


def _print_disagreement(comparison: Comparison, one: Disagreement, console: Console) -> None:
    """A line for each way of cutting, with those who cut so."""
    ways: dict[str, list[str]] = {}
    for name, places in one.tokens.items():
        tokens = comparison.traces[name].tokens
        ways.setdefault(BORDER.join(bracketed(tokens[i]) for i in places), []).append(name)
    for number, (way, names) in enumerate(ways.items()):
        where = f"  byte {one.start:<6}" if number == 0 else " " * 13
        line = Text().append(where, style="dim").append(way)
        line.append(f"   {', '.join(map(plain, names))}", style="dim")
        console.print(line, overflow="fold")
