"""Tokenizers side by side as HTML: the same piece of the text one under another."""

import html
import itertools
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from cygnet.xray.markup import html_table
from cygnet.xray.page import STYLE, token_html, trace_html
from cygnet.xray.pieces import BORDER, bracketed
from cygnet.xray.tokens.comparison import Comparison, Stretch

LINE = 72  # characters of a line; the widest tokenizer counts
MOST_LISTED = 100  # places
COMPARISON_STYLE = f"""{STYLE}
.cygnet table.cygnet-side {{ font-family: ui-monospace, monospace; margin: 0 0 10px;
  display: table; }}
.cygnet table.cygnet-side th, .cygnet table.cygnet-side td {{ border: 0; padding: 1px 4px 1px 0;
  white-space: pre; }}
.cygnet table.cygnet-side th {{ padding-right: 14px; font-weight: normal; }}
.cygnet table.cygnet-side td.cygnet-differs {{ padding: 1px 3px;
  border: solid #d55e00; border-width: 0 2px; background: rgba(213,94,0,.12); }}
"""


def comparison_html(found: Comparison) -> str:
    """The text stretch by stretch, the tokenizers one under another; counts; where they differ.

    Args:
        found: The comparison.

    Returns:
        A fragment that needs ``COMPARISON_STYLE``. Everything in it is escaped. About 400 bytes for
        each token.
    """
    aligned = [name for name in found.traces if name not in found.unfaithful]
    lines = "".join(_line_html(found, line, aligned) for line in _lines(found))
    others = "".join(
        f"<p>{html.escape(name)} does not give back the text byte by byte:</p>"
        f"{trace_html(found.traces[name])}"
        for name in found.unfaithful
    )
    return f"{lines}{others}{_counts(found)}{_places(found) if len(aligned) > 1 else ''}"


def _lines(found: Comparison) -> Iterator[list[Stretch]]:
    """Stretches that stand in one line; the text's own lines end there too."""
    line: list[Stretch] = []
    width = 0
    for stretch in found.stretches:
        texts = [[found.traces[name].tokens[i] for i in at] for name, at in stretch.tokens.items()]
        needed = max(sum(cell_len(bracketed(token)) + 1 for token in text) for text in texts)
        if line and width + needed > LINE:
            yield line
            line, width = [], 0
        line.append(stretch)
        width += needed
        if any(text and text[-1].bytes.endswith(b"\n") for text in texts):
            yield line
            line, width = [], 0
    if line:
        yield line


def _line_html(found: Comparison, line: Sequence[Stretch], names: Sequence[str]) -> str:
    """A row for each tokenizer; what all cut alike between two differences is one cell."""
    cells = [
        cell
        for differs, group in itertools.groupby(line, lambda stretch: stretch.differs)
        for cell in (([one] for one in group) if differs else [list(group)])
    ]
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th>'
        f"{''.join(_cell(found, name, cell) for cell in cells)}</tr>"
        for name in names
    )
    return f'<table class="cygnet-side" dir="ltr">{rows}</table>'


def _cell(found: Comparison, name: str, stretches: Sequence[Stretch]) -> str:
    tokens = found.traces[name].tokens
    drawn = "".join(token_html(tokens[i]) for one in stretches for i in one.tokens[name])
    differs = ' class="cygnet-differs"' if stretches[0].differs else ""
    return f"<td{differs}>{drawn}</td>"


def _counts(found: Comparison) -> str:
    """A row of figures for each tokenizer."""
    rows = []
    for name, trace in found.traces.items():
        special = f"{trace.kinds.get('special', 0):,}"
        each = "–" if trace.bytes_per_token is None else f"{trace.bytes_per_token:.2f}"
        rows.append([name, f"{len(trace.tokens):,}", special, f"{trace.n_bytes:,}", each])
    return html_table(("tokenizer", "tokens", "special", "bytes", "bytes per token"), rows)


def _places(found: Comparison) -> str:
    """The places where they differ, in words and in a table."""
    places = found.disagreements
    if not places:
        return "<p>They cut the text alike.</p>"
    share = sum(one.end - one.start for one in places) / len(found.text.encode())
    s = "" if len(places) == 1 else "s"
    names = [*places[0].tokens]
    rows = [
        [str(one.start), *(_way(found, name, one) for name in names)]
        for one in places[:MOST_LISTED]
    ]
    left = len(places) - MOST_LISTED
    return (
        f"<p>They differ in {len(places):,} place{s}, {share:.0%} of the bytes; above, each stands"
        f" between two orange lines.</p>{html_table(('byte', *names), rows)}"
        f"{f'<p>And {left:,} more.</p>' if left > 0 else ''}"
    )


def _way(found: Comparison, name: str, one: Stretch) -> str:
    tokens = found.traces[name].tokens
    return BORDER.join(bracketed(tokens[i]) for i in one.tokens[name])
