"""Attention drawn: the map of one head with its tokens, or the maps of many heads."""

from pathlib import Path
from typing import Any

from cygnet.tokenizer.plots import save_figure
from cygnet.xray.attention.result import Attention
from cygnet.xray.glyphs import plain_glyphs, shortened

COLOURS = "Oranges"
SMALL = 0.5  # the exponent: most weights are small, and would all be white
INCHES, PANEL_INCHES = 9.0, 9.6
MOST_LABELS = 60


def draw_attention(
    found: Attention, path: Path, layer: int | None = None, head: int | None = None
) -> None:
    """Draw the map of one head, or a grid of the maps of all heads, or of those of a layer.

    Args:
        found: The attention.
        path: A file that ends in .png or .svg. The same figures give the same bytes.
        layer, head: Which ones; all by default.

    Raises:
        InputError: As ``tokenizer.plots.check_plot_file``; or there is no such layer or head.
    """
    layers = range(found.n_layer) if layer is None else [layer]
    heads = range(found.n_head) if head is None else [head]
    if len(layers) == len(heads) == 1:
        save_figure(path, INCHES, lambda figure: _draw_one(figure, found, layers[0], heads[0]))
    else:
        height = 0.6 + PANEL_INCHES / len(heads) * len(layers)
        save_figure(path, height, lambda figure: _draw_grid(figure, found, layers, heads))


def _draw_one(figure: Any, found: Attention, layer: int, head: int) -> None:
    panel = figure.subplots()
    image = _draw_map(panel, found, layer, head)
    step = -(-len(found.tokens) // MOST_LABELS)
    places = list(range(0, len(found.tokens), step))
    labels = [plain_glyphs(shortened(found.texts[i])) for i in places]
    panel.set_xticks(places, labels, rotation=90, fontsize=8)
    panel.set_yticks(places, labels, fontsize=8)
    panel.set(xlabel="is looked at", ylabel="looks")
    panel.set_title(f"layer {layer}, head {head}", loc="left", fontsize=10)
    _draw_scale(figure, image, panel)


def _draw_grid(figure: Any, found: Attention, layers: Any, heads: Any) -> None:
    panels = figure.subplots(len(layers), len(heads), squeeze=False)
    for row, layer in zip(panels, layers, strict=True):
        for panel, head in zip(row, heads, strict=True):
            image = _draw_map(panel, found, layer, head)
            panel.set_title(f"L{layer}H{head}", fontsize=7, pad=2)
            panel.set(xticks=[], yticks=[])
    figure.supylabel("token that looks", fontsize=9)
    figure.supxlabel("token that is looked at", fontsize=9)
    _draw_scale(figure, image, panels)


def _draw_map(panel: Any, found: Attention, layer: int, head: int) -> Any:
    from matplotlib.colors import PowerNorm

    scale = PowerNorm(SMALL, vmin=0, vmax=1)
    weights = found.map(layer, head)
    return panel.imshow(weights, cmap=COLOURS, norm=scale, interpolation="nearest")


def _draw_scale(figure: Any, image: Any, panels: Any) -> None:
    bar = figure.colorbar(image, ax=panels, shrink=0.6, pad=0.01, label="weight")
    bar.set_ticks([0, 0.02, 0.1, 0.25, 0.5, 1], labels=["0", "0.02", "0.1", "0.25", "0.5", "1"])
