"""The cells of a sweep, and how each becomes a run folder."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cygnet import stage
from cygnet.console import say
from cygnet.errors import DamagedError, InputError, StaleError
from cygnet.files import lock_folder, make_folder
from cygnet.recipe import Recipe
from cygnet.runner import describe, run
from cygnet.transformer.shapes import count_layers, with_layers
from cygnet.xray.sweep.training import LAST_STAGE, train_cell

SHARED = "shared"
SHARED_STAGES = ("text", "tokenizer", "tokens")


@dataclass(frozen=True)
class Cell:
    """One combination.

    Attributes:
        recipe: What is trained.
        folder: Its run folder.
    """

    recipe: Recipe
    folder: Path


def make_cells(
    recipe: Recipe,
    out: Path,
    layers: Sequence[int] = (),
    batch_sizes: Sequence[int] = (),
    learning_rates: Sequence[float] = (),
) -> list[Cell]:
    """Every combination; what is empty stays as the recipe has it.

    Args:
        recipe: What all cells have in common.
        out: Gets a folder for each.
        layers, batch_sizes, learning_rates: Values of ``n_layer``, ``batch_size`` and
            ``learning_rate``; each counts once.

    Raises:
        InputError: A value is out of its range.

    >>> from cygnet import find_recipe
    >>> cells = make_cells(find_recipe("duckling-ii"), Path("lab"), [2, 4], [], [1e-3, 1e-4])
    >>> [cell.folder.name for cell in cells][:2]
    ['layers-2-batch-2-lr-0.001', 'layers-2-batch-2-lr-0.0001']
    """
    base = recipe.transformer
    _check("--layers", layers, least=1)
    _check("--batch-sizes", batch_sizes, least=1)
    _check("--learning-rates", learning_rates, least=0)
    return [
        _make_cell(recipe, out, n_layer, batch_size, learning_rate)
        for n_layer in dict.fromkeys(layers or (count_layers(base),))
        for batch_size in dict.fromkeys(batch_sizes or (base.batch_size,))
        for learning_rate in dict.fromkeys(learning_rates or (base.learning_rate,))
    ]


def run_cells(
    recipe: Recipe, out: Path, cells: Sequence[Cell], overwrite: bool = False
) -> list[str | None]:
    """Train every cell that is not trained yet; a killed one goes on where it was.

    Text, tokenizer and token files are made once, in ``out/shared``, and are in the folder of each
    cell as hard links: they take no room, and each cell is a whole run.

    Args:
        recipe: What all cells have in common.
        out: The folder of the sweep.
        cells: From ``make_cells``.
        overwrite: Make again what was made from other inputs or options.

    Returns:
        For each cell, why it failed; none if it did not.

    Raises:
        StaleError: A cell was made from other inputs or options, and ``overwrite`` is not set; none
            was trained then.
        CygnetError: What the cells share cannot be made.
    """
    with lock_folder(make_folder(out)):
        shared = run(recipe, out / SHARED, until=SHARED_STAGES[-1], overwrite=overwrite)
        are_finished = [_prepare(cell, shared, overwrite) for cell in cells]
        reasons = []
        for number, (cell, is_finished) in enumerate(zip(cells, are_finished, strict=True), 1):
            say(f"\ncell {number} of {len(cells)}: {cell.folder.name}")
            if is_finished:
                say(f"{LAST_STAGE} is finished: {cell.folder}")
            reasons.append(None if is_finished else train_cell(cell.recipe, cell.folder, overwrite))
        return reasons


def _prepare(cell: Cell, shared: Path, overwrite: bool) -> bool:
    """Give a cell what all share; whether its training is finished."""
    with lock_folder(make_folder(cell.folder)):
        for name in SHARED_STAGES:
            stage.adopt(shared / name, cell.folder / name, overwrite)
        try:
            return describe(LAST_STAGE, cell.recipe, cell.folder).is_finished()
        except (StaleError, DamagedError):
            if not overwrite:
                raise
            return False


def _make_cell(
    recipe: Recipe, out: Path, n_layer: int, batch_size: int, learning_rate: float
) -> Cell:
    transformer = replace(
        with_layers(recipe.transformer, n_layer),
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    name = f"layers-{n_layer}-batch-{batch_size}-lr-{learning_rate:g}"
    return Cell(replace(recipe, transformer=transformer), out / name)


def _check(option: str, values: Sequence[float], least: int) -> None:
    for value in values:
        if value < least:
            raise InputError(f"{option} must be at least {least}, found {value}")
