"""Tokenizers side by side in the terminal."""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cygnet.xray.pieces import cut
from cygnet.xray.runs.view import plain
from cygnet.xray.terminal import totals
from cygnet.xray.tokens.blocks import COUNTED_BAR, DIFFERS, Layout, Piece, pieces_of
from cygnet.xray.tokens.comparison import Comparison
from cygnet.xray.trace import Trace

MOST_SHOWN = 12  # disagreements
FIGURES = 30  # columns of a row of counts


def print_comparison(
    comparison: Comparison, ids: bool = False, console: Console | None = None
) -> None:
    """Print the text stretch by stretch, a line for each tokenizer, and where they differ.

    Args:
        comparison: What to print.
        ids: Also print the id of each token beneath it.
    """
    console = console or Console()
    aligned = [name for name in comparison.traces if name not in comparison.unfaithful]
    if len(aligned) == 1:
        console.print(Text(plain(aligned[0]), style="bold"))
    _print_pieces(comparison, aligned, pieces_of(comparison), ids, console)
    for name in comparison.unfaithful:
        words = f"{plain(name)} (does not give back the text byte by byte)"
        console.print(Text(words, style="bold"))
        pieces = [Piece({name: (token,)}, False) for token in comparison.traces[name].tokens]
        _print_pieces(comparison, [name], pieces, ids, console)
    _print_counts(comparison, console)
    _print_legend(comparison, console)
    _print_disagreements(comparison, console)


def _print_pieces(
    comparison: Comparison, names: list[str], pieces: list[Piece], ids: bool, console: Console
) -> None:
    tokens = [token for name in names for token in comparison.traces[name].tokens]
    bars = not all(token.carries_loss for token in tokens)
    labels = {name: plain(name) for name in names}
    for line in Layout(labels, console.width, ids, bars).lines(pieces):
        console.print(line, no_wrap=True, overflow="crop")


def _print_counts(comparison: Comparison, console: Console) -> None:
    """A row of counts for each tokenizer; of one alone a line."""
    if len(comparison.traces) == 1 or not comparison.text:
        first = next(iter(comparison.traces.values()))
        console.print(Text(totals(first), style="dim"))
        return
    widest = max(cell_len(plain(name)) for name in comparison.traces)
    width = max(1, min(widest, console.width - FIGURES))
    header = f"{'':{width}}  tokens  bytes/token  special"
    console.print(Text(header, style="dim"), no_wrap=True, overflow="crop")
    for name, trace in comparison.traces.items():
        label = cut(plain(name), width)
        line = label + " " * (width - cell_len(label)) + _counts(trace)
        console.print(Text(line), no_wrap=True, overflow="crop")


def _counts(trace: Trace) -> str:
    each = "-" if trace.bytes_per_token is None else f"{trace.bytes_per_token:.2f}"
    return f"  {len(trace.tokens):6,} {each:>12} {trace.kinds.get('special', 0):8,}"


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
        how = f", with {COUNTED_BAR} beneath"
        words.append(f"training counts what the assistant says ({each}){how}")
    if comparison.disagreements:
        words.append(f"{DIFFERS} cut differently")
    if words:
        console.print(Text("; ".join(words), style="dim"))


def _print_disagreements(comparison: Comparison, console: Console) -> None:
    n_compared = len(comparison.traces) - len(comparison.unfaithful)
    if n_compared < 2 or not comparison.text:
        return
    found = comparison.disagreements
    if not found:
        console.print("they cut the text alike", highlight=False)
        return
    places = "1 place" if len(found) == 1 else f"{len(found):,} places"
    n_bytes = sum(one.end - one.start for one in found)
    share = n_bytes / max(1, len(comparison.text.encode()))
    where = ", ".join(f"{one.start:,}" for one in found[:MOST_SHOWN])
    more = f" and {len(found) - MOST_SHOWN:,} more" if len(found) > MOST_SHOWN else ""
    console.print(
        f"they differ in {places}, {share:.0%} of the bytes: at byte {where}{more}",
        highlight=False,
    )
