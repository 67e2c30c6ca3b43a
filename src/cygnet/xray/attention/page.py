"""Attention for pages: small pictures that refer to nothing outside themselves.

A weight is the opacity of one colour, so that a picture reads on light and on dark ground alike.
"""

import base64
import html
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.xray.attention.heads import HeadSummary
from cygnet.xray.attention.result import Attention, Weights
from cygnet.xray.attention.shades import COLOUR
from cygnet.xray.glyphs import LABEL_LENGTH, shortened
from cygnet.xray.markup import html_table

CELL = 14
CHARACTER = 7.3  # of monospace text of 12 pixels
GAP = 2
MAP_LABELS = 20  # along one of the small maps
MAP_SIZE = 200  # of one, on the page
MOST_LABELS = 120
MOST_PIXELS = 1200
GREY = 255  # the index of what is no weight


def attention_svg(found: Attention, layer: int | None = None, head: int | None = None) -> str:
    """The map of one head, or of a mean, with the tokens on both axes, as one ``<svg>`` element.

    Args:
        found: The attention.
        layer, head: As for ``Attention.map``.

    Cost: some 200 bytes a token, and of the map less than a byte a weight.
    """
    labels = [html.escape(shortened(label)) for label in found.labels]
    n_tokens, margin = len(labels), 4 + CHARACTER * LABEL_LENGTH
    size, step = CELL * n_tokens, -(-n_tokens // MOST_LABELS)
    rows, columns = [], []
    for i in range(0, n_tokens, step):
        at = CELL * (i + 0.5)
        rows.append(f'<text x="-4" y="{at + 4:g}" text-anchor="end">{labels[i]}</text>')
        columns.append(f'<text transform="translate({at + 4:g} -4) rotate(-90)">{labels[i]}</text>')
    total = size + margin
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-margin:g} {-margin:g} {total:g}'
        f' {total:g}" width="{total:g}" style="max-width:100%;height:auto" role="img"'
        ' fill="currentColor" font-family="ui-monospace, monospace" font-size="12">'
        "<title>attention: rows look at columns</title>"
        f'<rect width="{size}" height="{size}" fill="none" stroke="currentColor" opacity=".4"/>'
        f'<image width="{size}" height="{size}" preserveAspectRatio="none"'
        f' style="image-rendering:pixelated" href="{data_uri(_png(found.map(layer, head)))}"/>'
        f"{''.join(rows)}{''.join(columns)}</svg>"
    )


def heads_png(found: Attention) -> bytes:
    """The maps of all heads in one PNG: a row for each layer, a column for each head.

    A pixel is a weight, or of long texts the greatest of several. A line stands between two maps.
    """
    step, size = _pixels(found)
    sheet = np.full((found.n_layer * (size + GAP) - GAP, found.n_head * (size + GAP) - GAP), np.nan)
    for layer in range(found.n_layer):
        for head in range(found.n_head):
            y, x = layer * (size + GAP), head * (size + GAP)
            sheet[y : y + size, x : x + size] = _greatest_of(found.weights[layer, head], step)
    return _png(sheet)


def _pixels(found: Attention) -> tuple[int, int]:
    """How many tokens a pixel of ``heads_png`` stands for, and how many pixels a map has."""
    n_tokens = len(found.tokens)
    step = -(-max(found.n_head, found.n_layer) * n_tokens // MOST_PIXELS)
    return step, -(-n_tokens // step)


def heads_svg(found: Attention) -> str:
    """The maps of all heads as one ``<svg>`` element, with tokens along its left and its top.

    Of more than 20 tokens some are named.

    Cost: as of ``heads_png``, and some 100 bytes for each token that is named.
    """
    step, size = _pixels(found)
    unit, margin = max(1.0, MAP_SIZE / size), 4 + CHARACTER * LABEL_LENGTH
    width, height = (unit * (n * (size + GAP) - GAP) for n in (found.n_head, found.n_layer))
    every = -(-len(found.tokens) // MAP_LABELS)
    named = [
        (unit * (i + 0.5) / step + 3.5, html.escape(shortened(label)))
        for i, label in enumerate(found.labels)
        if i % every == 0
    ]
    rows = (
        f'<text x="-4" y="{unit * layer * (size + GAP) + at:g}" text-anchor="end">{label}</text>'
        for layer in range(found.n_layer)
        for at, label in named
    )
    columns = (
        f'<text transform="translate({unit * head * (size + GAP) + at:g} -4) rotate(-90)">{label}'
        "</text>"
        for head in range(found.n_head)
        for at, label in named
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-margin:g} {-margin:g}'
        f' {width + margin:g} {height + margin:g}" width="{width + margin:g}"'
        ' style="max-width:100%;height:auto" role="img" fill="currentColor"'
        ' font-family="ui-monospace, monospace" font-size="10">'
        "<title>attention of all heads: rows look at columns</title>"
        f'<image width="{width:g}" height="{height:g}" preserveAspectRatio="none"'
        f' style="image-rendering:pixelated" href="{data_uri(heads_png(found))}"/>'
        f"{''.join(rows)}{''.join(columns)}</svg>"
    )


def attention_html(found: Attention) -> str:
    """All heads as one picture, and the summaries in a table, as an HTML fragment. It is escaped.

    Cost: less than a byte a weight, and at most 1.4 million pixels.
    """
    words = (
        f"{found.n_layer} layers, one below the other, with {found.n_head} heads each, over"
        f" {len(found.tokens):,} tokens. In each map a row is a token that looks, a column one"
        " that it looks at; the stronger, the more."
    )
    before = f" ^ stands before the text: {found.texts[0]}." if found.n_before else ""
    note = f" {found.note}." if found.note else ""
    table = html_table(SUMMARY_HEADER, [_cells(one) for one in found.summaries()])
    return (
        f'<figure class="cygnet-attention">{heads_svg(found)}'
        f"<figcaption>{words}{html.escape(before + note)}</figcaption></figure>{table}"
    )


SUMMARY_HEADER = ("head", "previous", "first", "itself", "tokens back", "bits", "")


def _cells(one: HeadSummary) -> list[str]:
    shares = [f"{share:.0%}" for share in (one.previous, one.first, one.itself)]
    name = f"L{one.layer}H{one.head}"
    return [name, *shares, f"{one.distance:.1f}", f"{one.entropy:.1f}", one.word]


def data_uri(png: bytes) -> str:
    """A PNG for the ``src`` of an image."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _greatest_of(weights: Weights, step: int) -> Weights:
    """The greatest weight in each square of so many tokens."""
    n_tokens = len(weights)
    size = -(-n_tokens // step)
    padded = np.zeros((size * step, size * step), weights.dtype)
    padded[:n_tokens, :n_tokens] = weights
    return np.asarray(padded.reshape(size, step, size, step).max(axis=(1, 3)))


def _png(weights: npt.NDArray[np.floating[Any]]) -> bytes:
    """A pixel for each weight, grey for what is none; the root of a weight is its opacity, so that
    small ones show."""
    from PIL import Image

    levels = np.sqrt(np.asarray(weights, np.float64).clip(0, 1)) * (GREY - 1)
    pixels = np.where(np.isnan(levels), GREY, levels.round()).astype(np.uint8)
    picture = Image.fromarray(pixels).convert("P")
    picture.putpalette(bytes(COLOUR) * GREY + bytes([128] * 3))
    opacities = np.append(np.linspace(0, 255, GREY), 96).round().astype(np.uint8)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, transparency=opacities.tobytes())
    return buffer.getvalue()
