"""A ``Trace`` as HTML: tokens with borders, surprise as colour, figures under the pointer."""

import html

from cygnet.xray.pieces import bracketed, percent
from cygnet.xray.terminal import totals
from cygnet.xray.trace import Trace, TraceToken

STYLE = """
.cygnet-trace { line-height: 2.1; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: ui-monospace, monospace; }
.cygnet-token { position: relative; unicode-bidi: isolate; padding: 1px 2px; margin-right: 2px;
  display: inline-block; max-width: 100%; box-sizing: border-box; line-height: 1.45;
  border: 1px solid rgba(128,128,128,.55); border-radius: 3px; outline-offset: 1px; }
.cygnet-given { border-style: dashed; }
.cygnet-special, .cygnet-dead { font-weight: bold; border-width: 2px; }
.cygnet-quiet { opacity: .55; }
.cygnet-role { display: block; font-size: 12px; opacity: .75; }
.cygnet-bar { position: absolute; left: 0; bottom: -4px; height: 3px; background: #c2410c; }
.cygnet-tip { display: none; position: absolute; left: 0; top: 1.9em; z-index: 9; padding: 6px 9px;
  background: #1d2733; color: #f4f1ea; border-radius: 5px; line-height: 1.45; white-space: pre;
  font-size: 12px; font-weight: normal; pointer-events: none; }
.cygnet-token:hover .cygnet-tip, .cygnet-token:focus .cygnet-tip { display: block; }
.cygnet-totals { font-size: 13px; opacity: .75; margin: 4px 0 14px; }
@media print { .cygnet-tip { display: none !important; }
  .cygnet-token { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
MOST_SURPRISING = 10.0  # bits at which the colour is at its strongest, and the bar at its longest


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
        pieces.append(_token_html(token))
    return pieces


def _legend(trace: Trace) -> str:
    """What the looks of the tokens mean, as far as they occur."""
    words = []
    origins = {token.origin for token in trace.tokens}
    if "given" in origins and len(origins) > 1:
        words.append("A dashed border: given, not drawn.")
    if any(token.figures for token in trace.tokens):
        words.append(
            "The darker a token, and the longer the bar beneath it, the more surprising:"
            f" {MOST_SURPRISING:.0f} bits and more are full."
        )
    if not all(token.carries_loss for token in trace.tokens):
        words.append("Pale tokens do not count in training.")
    return "".join(f" {sentence}" for sentence in words)


def _token_html(token: TraceToken) -> str:
    share = min(1.0, (token.surprise or 0.0) / MOST_SURPRISING)
    kinds = ["cygnet-token", f"cygnet-{token.kind}", f"cygnet-{token.origin}"]
    kinds += [] if token.carries_loss else ["cygnet-quiet"]
    bar = f'<span class="cygnet-bar" style="width:{share:.0%}"></span>' if token.figures else ""
    line_break = "<br>" if token.bytes.endswith(b"\n") else ""
    return (
        f'<span class="{" ".join(kinds)}" tabindex="0"'
        f' style="background:rgba(230,97,1,{0.65 * share:.2f})">{html.escape(bracketed(token))}'
        f'{bar}<span class="cygnet-tip">{html.escape(_tip(token))}</span></span>{line_break}'
    )


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
