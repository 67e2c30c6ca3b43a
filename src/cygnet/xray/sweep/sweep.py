"""A whole sweep: its cells trained, one table, one plot."""

from collections.abc import Sequence
from pathlib import Path

from cygnet.files import write_json
from cygnet.recipe import Recipe
from cygnet.xray.sweep.grid import make_cells, run_cells
from cygnet.xray.sweep.results import Failure, Result, read_cell
from cygnet.xray.sweep.view import draw_sweep

TABLE, PLOTS = "sweep.json", ("sweep.png", "sweep.svg")


def sweep(
    recipe: Recipe,
    out: Path,
    *,
    layers: Sequence[int] = (),
    batch_sizes: Sequence[int] = (),
    learning_rates: Sequence[float] = (),
    overwrite: bool = False,
) -> list[Result | Failure]:
    """Train a recipe for every combination, and compare what they came to.

    Args:
        recipe: What all cells have in common.
        out: Gets a run folder for each cell, what they share in ``shared/``, and ``sweep.json``,
            ``sweep.png`` and ``sweep.svg``.
        layers, batch_sizes, learning_rates: The values; those of the recipe where empty.
        overwrite: Make again what was made from other inputs or options.

    Returns:
        The figures of each cell, or why it failed.

    Raises:
        InputError: A value is out of its range.
        StaleError: A cell was made from other options, and ``overwrite`` is not set.
        CygnetError: What the cells share cannot be made.

    Cells that have finished are skipped, a killed one goes on where it was, one that failed is
    tried again. None stops the others.
    """
    cells = make_cells(recipe, out, layers, batch_sizes, learning_rates)
    reasons = run_cells(recipe, out, cells, overwrite)
    results = [read_cell(*one) for one in zip(cells, reasons, strict=True)]
    write_json(out / TABLE, [found.to_dict() for found in results])
    for name in PLOTS:
        draw_sweep(results, out / name)
    return results
