"""A ``Trace`` as HTML: tokens with borders, surprise as colour, figures under the pointer."""

import html

from cygnet.xray.trace import Trace, TraceToken

STYLE = """
.cygnet-trace { line-height: 2.1; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: ui-monospace, monospace; }
.cygnet-token { position: relative; border: 1px solid rgba(128,128,128,.55); border-radius: 3px;
  padding: 1px 2px; margin-right: 2px; outline-offset: 1px; }
.cygnet-given { border-style: dashed; }
.cygnet-tip { display: none; position: absolute; left: 0; top: 1.9em; z-index: 9; padding: 6px 9px;
  background: #1d2733; color: #f4f1ea; border-radius: 5px; line-height: 1.45; white-space: pre;
  font-size: 12px; pointer-events: none; }
.cygnet-token:hover .cygnet-tip, .cygnet-token:focus .cygnet-tip { display: block; }
.cygnet-totals { font-size: 13px; opacity: .75; margin: 4px 0 14px; }
@media print { .cygnet-tip { display: none !important; } }
"""
MOST_SURPRISING = 10.0  # bits at which the colour is at its strongest


def trace_html(trace: Trace) -> str:
    """A trace as an HTML fragment; needs ``STYLE``. Everything is escaped."""
    n_bytes = sum(len(token.bytes) for token in trace.tokens)
    pieces = [_token_html(token) for token in trace.tokens]
    return (
        f'<div class="cygnet-trace">{"".join(pieces)}</div>'
        f'<div class="cygnet-totals">{len(trace.tokens):,} tokens, {n_bytes:,} bytes,'
        f" {trace.bits:,.1f} bits, {trace.bits_per_byte:.3f} bits per byte."
        " A dashed border: given, not drawn. The darker, the more surprising.</div>"
    )


def _token_html(token: TraceToken) -> str:
    strength = 0.75 * min(1.0, (token.surprise or 0.0) / MOST_SURPRISING)
    kind = "cygnet-token cygnet-given" if token.is_given else "cygnet-token"
    line_break = "<br>" if token.bytes.endswith(b"\n") else ""
    return (
        f'<span class="{kind}" tabindex="0" style="background:rgba(230,97,1,{strength:.2f})">'
        f"{html.escape(token.text)}"
        f'<span class="cygnet-tip">{html.escape(_tip(token))}</span></span>{line_break}'
    )


def _tip(token: TraceToken) -> str:
    """The figures of one token, line by line."""
    if token.figures is None:
        return f"id {token.id}\nno token before it"
    lines = [
        f"id {token.id}, rank {token.figures.rank}",
        f"probability {token.figures.probability:.2%}, {token.surprise:.1f} bits",
        f"entropy {token.figures.entropy:.1f} bits",
    ]
    lines += [f"{other.probability:7.2%}  {other.text}" for other in token.alternatives]
    return "\n".join(lines)
