"""Attention on the terminal: summaries of heads, a map, and what one token looks at."""

import math
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cygnet.xray.attention.heads import HeadSummary
from cygnet.xray.attention.result import BEFORE, Attention, Position
from cygnet.xray.attention.shades import COLOUR, legend, shade
from cygnet.xray.pieces import cut

STYLE = f"rgb({','.join(map(str, COLOUR))})"
LABEL_CELLS = 10
LEAST_SHOWN = 0.05
N_LISTED = 5


def print_attention(
    found: Attention,
    layer: int | None = None,
    head: int | None = None,
    console: Console | None = None,
) -> None:
    """Print the summaries of the heads and the map of one head, or of a mean.

    Args:
        found: The attention.
        layer, head: As for ``Attention.map``; of the summaries, those of the layer and head.
        console: Where to; the terminal by default.
    """
    console = console or Console(highlight=False)
    drawn = map_lines(found, layer, head, console.width)
    _print(console, *summary_lines(_chosen(found, layer, head)), Text())
    _print(console, Text(_name(layer, head), style="bold"), *drawn)
    _print_before(console, found)
    _print_note(console, found)


def print_token(
    found: Attention,
    token: Position,
    layer: int | None = None,
    head: int | None = None,
    console: Console | None = None,
) -> None:
    """Print what one token looks at and who looks at it, and each head by itself.

    Arguments as of ``print_attention``; ``token`` is a position, as of ``Attention.looks_at``.
    """
    console = console or Console(highlight=False)
    row = found.row(token)
    weights, at = found.map(layer, head)[row], found.positions[row]
    title = f"token {at}, {found.texts[row]}: {_name(layer, head)}"
    _print(console, Text(title, style="bold"), _line_of_tokens(found, weights[: row + 1]))
    _print(console, _listed(found, "looks at", found.looks_at(at, layer, head, N_LISTED)))
    _print(console, _listed(found, "is seen by", found.seen_by(at, layer, head, N_LISTED)), Text())
    if layer is None or head is None:
        _print(console, *_heads_of(found, row, layer, head))
    _print(console, Text(legend(), style="dim"))
    _print_before(console, found)
    _print_note(console, found)


def summary_lines(summaries: Sequence[HeadSummary]) -> list[Text]:
    """A line for each head; 40 cells wide where layers and heads have one digit."""
    if any(math.isnan(one.entropy) for one in summaries):
        return [Text("heads have summaries where the text has three tokens or more", style="dim")]
    names = [_head(one) for one in summaries]
    width = max(map(len, names))
    lines = [Text(f"{'head':{width}} prev first self  back bits", style="dim")]
    for name, one in zip(names, summaries, strict=True):
        line = Text(f"{name:{width}}")
        for share, n_cells in ((one.previous, 5), (one.first, 6), (one.itself, 5)):
            line.append(f"{share:{n_cells}.0%}", style="bold" if share > 0.5 else "")
        line.append(f"{one.distance:6.1f}{one.entropy:5.1f}")
        lines.append(line.append(f" {one.word}" if one.word else ""))
    words = "prev, first, self: shares of attention; back: mean distance in tokens; bits: entropy"
    return [*lines, Text(words, style="dim")]


def map_lines(found: Attention, layer: int | None, head: int | None, width: int) -> list[Text]:
    """The map as characters: a row for each token that looks, a column for each it looks at.

    Args:
        found: The attention.
        layer, head: As for ``Attention.map``.
        width: Cells of a line; a map that is wider is left out, in words.
    """
    positions, n_tokens = found.positions, len(found.tokens)
    n_digits = max(len(str(at)) for at in positions)
    room = width - LABEL_CELLS - n_digits - 2
    if n_tokens > room:
        words = f"a map of {n_tokens:,} tokens does not fit here: --token N looks at one of them,"
        return [Text(f"{words} and --plot FILE draws it")]
    n_cells = 2 if 2 * n_tokens <= room else 1
    lines = []
    for i, row in enumerate(found.map(layer, head)):
        label = cut(found.texts[i], LABEL_CELLS)
        padding = " " * (LABEL_CELLS + 1 - cell_len(label))
        line = Text(f"{positions[i]:>{n_digits}} {label}{padding}")
        line.append("".join(shade(weight) * n_cells for weight in row[: i + 1]), style=STYLE)
        lines.append(line)
    units = "".join(str(at)[-1].ljust(n_cells) for at in positions)
    feet = " " * (n_digits + LABEL_CELLS + 2) + units
    return [*lines, Text(feet.rstrip(), style="dim"), Text(legend(), style="dim")]


def _line_of_tokens(found: Attention, weights: Sequence[float]) -> Text:
    """Tokens as they run, each behind the shade of its weight."""
    line = Text()
    for text, weight in zip(found.texts, weights, strict=False):
        line.append(shade(weight).replace(" ", "│"), style=STYLE if weight >= 0.02 else "dim")
        line.append(text, style="bold" if weight >= 0.1 else "")
    return line


def _listed(found: Attention, what: str, places: Sequence[tuple[Position, float]]) -> Text:
    line = Text(f"{what:10} ")
    labels = dict(zip(found.positions, found.labels, strict=True))
    line.append("  ".join(f"{labels[at]} {weight:.0%}" for at, weight in places) or "none")
    return line


def _heads_of(found: Attention, row: int, layer: int | None, head: int | None) -> list[Text]:
    """A line for each head: the tokens with weight, in the order of the text."""
    chosen = _chosen(found, layer, head)
    return [Text(f"{_head(one)} ").append_text(_shares(found, one, row)) for one in chosen]


def _chosen(found: Attention, layer: int | None, head: int | None) -> list[HeadSummary]:
    in_layer = [one for one in found.summaries() if layer in (None, one.layer)]
    return [one for one in in_layer if head in (None, one.head)]


def _shares(found: Attention, one: HeadSummary, row: int) -> Text:
    line, was_shown = Text(), True
    for i, weight in enumerate(found.weights[one.layer, one.head, row, : row + 1].tolist()):
        if weight >= LEAST_SHOWN:
            line.append(f" {shade(weight)}", style=STYLE).append(f"{found.texts[i]} {weight:.0%}")
        elif was_shown:
            line.append(" …", style="dim")
        was_shown = weight >= LEAST_SHOWN
    return line


def _head(one: HeadSummary) -> str:
    return f"L{one.layer}H{one.head}"


def _name(layer: int | None, head: int | None) -> str:
    layers = "all layers" if layer is None else f"layer {layer}"
    heads = "all heads" if head is None else f"head {head}"
    mean = "the mean over " if layer is None or head is None else ""
    return f"{mean}{layers}, {heads}"


def _print(console: Console, *lines: Text) -> None:
    for line in lines:
        console.print(line, overflow="fold")


def _print_before(console: Console, found: Attention) -> None:
    if found.n_before:
        words = f"{BEFORE} stands before the text: {found.texts[0]}"
        _print(console, Text(words, style="dim"))


def _print_note(console: Console, found: Attention) -> None:
    if found.note:
        _print(console, Text(found.note, style="dim"))
