"""Rows in a plane over a training, as a moving picture by matplotlib alone."""

import itertools
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.files import atomic_writer
from cygnet.transformer.snapshots import PREFIXES, Snapshots
from cygnet.xray.dead.analysis import find_places, spread_evenly
from cygnet.xray.dead.measures import Matrix, Vector
from cygnet.xray.dead.result import Ids
from cygnet.xray.row_colours import ROW_COLOURS

SUFFIXES = (".gif", ".mp4")
MAX_FRAMES = 80
FRAMES_PER_SECOND = 12
BLOCK = 8192  # rows that are copied at a time
HELD = 12  # frames for which the last one stays
LOOKS: dict[str, dict[str, Any]] = {
    "live": {"color": ROW_COLOURS["live"], "s": 3},
    "unseen live": {"color": ROW_COLOURS["unseen live"], "marker": "^", "s": 8},
    "dead": {"color": ROW_COLOURS["dead"], "marker": "x", "s": 8, "linewidth": 0.8},
}


@dataclass(frozen=True, eq=False)
class Plane:
    """The plane in which rows vary most over all snapshots.

    Attributes:
        origin: Their mean, shape ``(d,)``.
        axes: The first two principal axes, shape ``(2, d)``.
        shares: The share of the variance along each.
    """

    origin: Vector
    axes: Matrix
    shares: Vector

    @classmethod
    def of(cls, array: npt.NDArray[Any], places: Ids, taken: Ids) -> "Plane":
        """Fit it to the rows at ``places`` of snapshots, some rows at a time."""
        n = len(places) * len(taken)
        width = array.shape[-1]
        total, products = np.zeros(width), np.zeros((width, width))
        for at, first in itertools.product(taken, range(0, len(places), BLOCK)):
            rows = np.asarray(array[at][places[first : first + BLOCK]], np.float64)
            total += rows.sum(axis=0)
            products += rows.T @ rows
        origin = total / n
        values, vectors = np.linalg.eigh(products / n - np.outer(origin, origin))
        return cls(origin, vectors[:, :-3:-1].T, values[:-3:-1] / (values.sum() or 1.0))

    def project(self, rows: npt.NDArray[Any]) -> Matrix:
        """Rows in the plane, shape ``(n, 2)``."""
        return np.asarray((rows - self.origin) @ self.axes.T)


def check_animation_file(path: Path) -> None:
    """Refuse a file that cannot be made, before any work is done for it.

    Raises:
        InputError: The name ends in something other than .gif or .mp4, its folder is missing, or
            it is an .mp4 and there is no ffmpeg.
        ModuleNotFoundError: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} cannot be drawn: its name must end in {' or '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(f"{path.parent} is no folder: {path} cannot be written there")
    from matplotlib.animation import FFMpegWriter

    if path.suffix.lower() == ".mp4" and not FFMpegWriter.isAvailable():
        raise InputError(f"{path} needs ffmpeg, which is not here: install it, or name a .gif")


def animate(
    snapshots: Snapshots, groups: Mapping[str, Ids], path: Path, matrix: str | None = None
) -> None:
    """Draw the rows of a matrix over the training, in the plane in which dead rows vary most.

    The plane is that of the first two principal axes of all dead rows in all snapshots. Live rows
    are drawn as far as they come into the picture.

    Args:
        snapshots: At least two.
        groups: Ids of tokens by the name of their group; ``dead`` among them.
        path: A file that ends in .gif or, where there is ffmpeg, in .mp4.
        matrix: ``W_E`` or ``W_U`` where there are two; by default the output matrix, the one that
            the softmax moves.

    Raises:
        InputError: As ``check_animation_file``; or no dead row was recorded.

    Cost: 0.2 s for a frame, of which there are 80 at most.
    """
    check_animation_file(path)
    name = matrix or snapshots.settings["matrices"][-1]
    places = find_places(snapshots.rows, groups)
    if "dead" not in places:
        raise InputError("no dead row was recorded, and the picture is that of dead rows")
    array = snapshots.arrays[PREFIXES[name] + "snapshots"]
    taken = spread_evenly(len(snapshots.steps), MAX_FRAMES)
    plane = Plane.of(array, places["dead"], taken)
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / f"frames{path.suffix.lower()}"
        _draw_frames(drawn, snapshots.steps, array, places, taken, plane)
        with atomic_writer(path) as file:
            file.write(drawn.read_bytes())


def _draw_frames(
    path: Path,
    steps: Ids,
    array: npt.NDArray[Any],
    places: Mapping[str, Ids],
    taken: Ids,
    plane: Plane,
) -> None:
    from matplotlib.animation import FFMpegWriter, PillowWriter
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    dots = {name: panel.scatter([], [], label=name, **look) for name, look in LOOKS.items()
            if name in places}  # fmt: skip
    _set_up(panel, plane, square_around(array, places["dead"], taken, plane))
    kind = PillowWriter if path.suffix == ".gif" else FFMpegWriter
    writer = kind(fps=FRAMES_PER_SECOND)
    with writer.saving(figure, str(path), dpi=100):
        for at in [*taken, *[taken[-1]] * HELD]:
            panel.set_title(f"step {steps[at]:,}", loc="left", fontsize=10)
            for name, dot in dots.items():
                dot.set_offsets(plane.project(array[at][places[name]]))
            writer.grab_frame()


def _set_up(panel: Any, plane: Plane, limits: Matrix) -> None:
    panel.set_xlim(*limits[0])
    panel.set_ylim(*limits[1])
    panel.set_aspect("equal")
    panel.set_xlabel(f"first principal axis of dead rows, {plane.shares[0]:.0%} of the variance")
    panel.set_ylabel(f"second, {plane.shares[1]:.0%}")
    panel.grid(alpha=0.25)
    panel.legend(loc="upper right", fontsize=8)


def square_around(array: npt.NDArray[Any], places: Ids, taken: Ids, plane: Plane) -> Matrix:
    """A square that holds the rows at all times, with a margin; shape ``(2, 2)``."""
    low, high = np.full(2, math.inf), np.full(2, -math.inf)
    for at in taken:
        points = plane.project(array[at][places])
        low, high = np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))
    half = 0.55 * max(float((high - low).max()), 1e-9)
    center = (low + high) / 2
    return np.stack([center - half, center + half], axis=1)
