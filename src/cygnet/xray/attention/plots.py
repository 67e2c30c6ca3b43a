"""Attention drawn: the map of one head with its tokens, or the maps of many heads."""

from pathlib import Path
from typing import Any

from cygnet.tokenizer.plots import save_figure
from cygnet.xray.attention.result import Attention
from cygnet.xray.glyphs import plain_glyphs, shortened

COLOURS = "Oranges"
SMALL = 0.5  # the exponent: most weights are small, and would all be white
INCHES, PANEL_INCHES = 9.0, 9.6
MOST_LABELS, MOST_SMALL_LABELS = 60, 30
POINTS = 72  # of an inch
LEAST_SIZE, MOST_SIZE = 5, 8  # of a label, in points


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
    places, labels = _labels(found, MOST_LABELS)
    panel.set_xticks(places, labels, rotation=90, fontsize=MOST_SIZE)
    panel.set_yticks(places, labels, fontsize=MOST_SIZE)
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
    _label_edges(found, panels)
    figure.supylabel("token that looks", fontsize=9)
    figure.supxlabel("token that is looked at", fontsize=9)
    _draw_scale(figure, image, panels)


def _label_edges(found: Attention, panels: Any) -> None:
    """Name tokens along the left and the bottom of a grid, as many as can be read."""
    room = POINTS * 0.8 * INCHES / len(panels[0])  # of a panel; beside it are labels and the scale
    most = max(1, min(MOST_SMALL_LABELS, int(room / (1.2 * LEAST_SIZE))))
    places, labels = _labels(found, most)
    size = max(LEAST_SIZE, min(MOST_SIZE, room / (1.2 * len(found.tokens))))
    for panel in panels[:, 0]:
        panel.set_yticks(places, labels, fontsize=size)
    for panel in panels[-1]:
        panel.set_xticks(places, labels, fontsize=size, rotation=90)


def _labels(found: Attention, most: int) -> tuple[list[int], list[str]]:
    """Evenly spread rows, and the names of their tokens."""
    places = list(range(0, len(found.tokens), -(-len(found.tokens) // most)))
    return places, [plain_glyphs(shortened(found.labels[i])) for i in places]


def _draw_map(panel: Any, found: Attention, layer: int, head: int) -> Any:
    from matplotlib.colors import PowerNorm

    scale = PowerNorm(SMALL, vmin=0, vmax=1)
    weights = found.map(layer, head)
    return panel.imshow(weights, cmap=COLOURS, norm=scale, interpolation="nearest")


def _draw_scale(figure: Any, image: Any, panels: Any) -> None:
    bar = figure.colorbar(image, ax=panels, shrink=0.6, pad=0.01, label="weight")
    bar.set_ticks([0, 0.02, 0.1, 0.25, 0.5, 1], labels=["0", "0.02", "0.1", "0.25", "0.5", "1"])
