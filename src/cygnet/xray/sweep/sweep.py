"""A whole sweep: its cells trained, one table, one plot."""

from collections.abc import Sequence
from pathlib import Path

from cygnet.files import write_json
from cygnet.recipe import Recipe
from cygnet.xray.sweep.grid import make_cells, run_cells
from cygnet.xray.sweep.results import Result, read_result
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
) -> list[Result]:
    """Train a recipe for every combination, and compare what they came to.

    Args:
        recipe: What all cells have in common.
        out: Gets a run folder for each cell, what they share in ``shared/``, and ``sweep.json``,
            ``sweep.png`` and ``sweep.svg``.
        layers, batch_sizes, learning_rates: The values; those of the recipe where empty.
        overwrite: Make again what was made from other inputs or options.

    Returns:
        The figures of each cell.

    Raises:
        InputError: A value is out of its range.
        CygnetError: As ``runner.run``; the cells that have finished stay.

    Cells that have finished are skipped, a killed one goes on where it was.
    """
    cells = make_cells(recipe, out, layers, batch_sizes, learning_rates)
    run_cells(recipe, out, cells, overwrite)
    results = [read_result(cell) for cell in cells]
    write_json(out / TABLE, [found.to_dict() for found in results])
    for name in PLOTS:
        draw_sweep(results, out / name)
    return results
