"""A ``Trace`` as HTML: tokens with borders, surprise as colour, figures under the pointer."""

import html

from cygnet.xray.markup import html_table
from cygnet.xray.pieces import BORDER, bracketed, percent
from cygnet.xray.shades import GROUNDS
from cygnet.xray.terminal import N_BEFORE, totals
from cygnet.xray.trace import Trace, TraceToken

STYLE = """
.cygnet-trace { line-height: 2.4; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: ui-monospace, monospace; }
.cygnet-token { position: relative; unicode-bidi: isolate; padding: 1px 2px; margin-right: 2px;
  display: inline-block; max-width: 100%; box-sizing: border-box; line-height: 1.45;
  border: 1px solid rgba(128,128,128,.55); border-radius: 3px; outline-offset: 1px; }
.cygnet-given { border-style: dashed; }
.cygnet-special, .cygnet-dead { font-weight: bold; border-width: 2px; }
.cygnet-quiet { font-style: italic; }
.cygnet-role { display: block; font-size: 12px; }
.cygnet-bar { position: absolute; left: 0; bottom: -7px; width: 100%; background: #d55e00; }
.cygnet-tip { display: none; position: absolute; left: 0; top: 1.9em; z-index: 9; padding: 6px 9px;
  background: #1d2733; color: #f4f1ea; border-radius: 5px; line-height: 1.45; white-space: pre;
  font-size: 12px; font-weight: normal; font-style: normal; pointer-events: none; }
.cygnet-token:hover .cygnet-tip, .cygnet-token:focus .cygnet-tip { display: block; }
.cygnet-totals { font-size: 13px; margin: 4px 0 14px; }
.cygnet-totals .cygnet-token { line-height: 1.1; }
@media print { .cygnet-tip { display: none !important; }
  .cygnet-token, .cygnet-bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
""" + "".join(
    f".cygnet-above-{bits} {{ background: {colour}; color: #000; }}\n"
    for bits, colour in GROUNDS.items()
)
MOST_SURPRISING = max(GROUNDS)  # bits at which the bar is at its highest
BAR = 6  # pixels


def trace_html(trace: Trace) -> str:
    """A trace as an HTML fragment; needs ``STYLE``. Everything is escaped."""
    return (
        f'<div class="cygnet-trace" dir="ltr">{"".join(_pieces(trace))}</div>'
        f'<div class="cygnet-totals">{totals(trace)}.{_legend(trace)}</div>'
    )


def _pieces(trace: Trace) -> list[str]:
    """Each token, and where somebody else speaks a line that says who."""
    pieces, role = [], None
    for token in trace.tokens:
        if token.role != role:
            role = token.role
            pieces.append(f'<span class="cygnet-role">{html.escape(role or "")}</span>')
        pieces.append(token_html(token))
    return pieces


def _legend(trace: Trace) -> str:
    """What the looks of the tokens mean, as far as they occur."""
    words = []
    origins = {token.origin for token in trace.tokens}
    if "given" in origins and len(origins) > 1:
        words.append("A dashed border: given, not drawn.")
    if any(token.figures for token in trace.tokens):
        scale = " ".join(
            f'<span class="cygnet-token cygnet-above-{bits}">{bits}</span>' for bits in GROUNDS
        )
        words.append(
            "The stronger the colour of a token, and the higher the bar beneath it, the more"
            f" surprising: shades above {scale} bits."
        )
    if not all(token.carries_loss for token in trace.tokens):
        words.append("Slanted tokens do not count in training.")
    return "".join(f" {sentence}" for sentence in words)


def surprising_html(trace: Trace, n: int = 5) -> str:
    """The most surprising places as a table, as an HTML fragment; nothing without figures."""
    places = trace.most_surprising(n)
    rows = [_place(trace, position) for position in places]
    table = html_table(("bits", "at", "text", "expected"), rows)
    return f"<p>The most surprising places:</p>{table}" if places else ""


def _place(trace: Trace, position: int) -> list[str]:
    token = trace.tokens[position]
    before = trace.tokens[max(0, position - N_BEFORE) : position]
    likeliest = token.alternatives[0] if token.alternatives else None
    expected = (
        "" if likeliest is None else "itself" if likeliest.id == token.id
        else f"{likeliest.text} {percent(likeliest.probability)}"
    )  # fmt: skip
    text = "".join(one.text for one in before) + BORDER + bracketed(token) + BORDER
    return [f"{token.surprise or 0:.1f}", str(position), text, expected]


def token_html(token: TraceToken) -> str:
    """One token as an HTML fragment; needs ``STYLE``."""
    kinds = ["cygnet-token", f"cygnet-{token.kind}", f"cygnet-{token.origin}"]
    kinds += [] if token.carries_loss else ["cygnet-quiet"]
    share = min(1.0, (token.surprise or 0.0) / MOST_SURPRISING)
    bar = f'<span class="cygnet-bar" style="height:{BAR * share:.1f}px"></span>'
    line_break = "<br>" if token.bytes.endswith(b"\n") else ""
    return (
        f'<span class="{" ".join(kinds)}{_shade_of(token)}" tabindex="0">'
        f"{html.escape(bracketed(token))}{bar if share else ''}"
        f'<span class="cygnet-tip">{html.escape(_tip(token))}</span></span>{line_break}'
    )


def _shade_of(token: TraceToken) -> str:
    """The class of its shade behind a blank, if it has one."""
    passed = [bits for bits in GROUNDS if bits < (token.surprise or 0.0)]
    return f" cygnet-above-{passed[-1]}" if passed else ""


def _tip(token: TraceToken) -> str:
    """The figures of one token, line by line."""
    name = f"id {token.id}{'' if token.kind == 'text' else f', {token.kind}'}"
    spelled = f"bytes {token.bytes.hex(' ') or 'none'}"
    if token.figures is None:
        return f"{name}\n{spelled}"
    lines = [
        f"{name}, rank {token.figures.rank:,}",
        spelled,
        f"probability {percent(token.figures.probability)}, {token.surprise:.1f} bits"
        f" (log p {token.figures.log_probability:.2f} nats)",
        f"entropy {token.figures.entropy:.1f} bits",
    ]
    if token.drawn_probability is not None:
        lines.append(f"drawn with {percent(token.drawn_probability)}")
    lines += [f"{percent(other.probability):>6}  {other.text}" for other in token.alternatives]
    return "\n".join(lines)
