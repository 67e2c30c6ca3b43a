"""Plots as SVG text, ready to stand inside a page."""

import io
from typing import Any

Metrics = list[dict[str, float]]


def loss_curves(metrics: Metrics) -> str:
    """Loss against tokens seen, train and valid: nats per token beside bits per byte.

    Args:
        metrics: The lines of ``metrics.jsonl``.

    Returns:
        One ``<svg>`` element.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    panels = figure.subplots(1, 2)
    for panel, unit in zip(panels, ("nats_per_token", "bits_per_byte"), strict=True):
        for split, style in (("train", "-"), ("valid", "o--")):
            _draw(panel, metrics, f"{split}_{unit}", split, style)
        panel.set_xlabel("tokens seen")
        panel.set_ylabel(unit.replace("_", " "))
        panel.grid(alpha=0.3)
        panel.legend()
    return to_svg(figure)


def _draw(panel: Any, metrics: Metrics, key: str, label: str, style: str) -> None:
    points = [(line["tokens"], line[key]) for line in metrics if key in line]
    if points:
        panel.plot(*zip(*points, strict=True), style, label=label, markersize=4)


def to_svg(figure: Any) -> str:
    """The ``<svg>`` element of a figure; text stays text, and equal figures give equal bytes."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "cygnet"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    svg = buffer.getvalue()
    return svg[svg.index("<svg") :]
