"""``cygnet xray sweep``: what it takes beside the fields of its recipe, and what it prints."""

from dataclasses import dataclass
from pathlib import Path

from cygnet.console import print_json
from cygnet.errors import CygnetError
from cygnet.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What a sweep takes beside the fields of its recipe."""

    layers: tuple[int, ...] = ()
    """Layers to try; those of the recipe if none are given."""
    batch_sizes: tuple[int, ...] = ()
    """Rows per step to try."""
    learning_rates: tuple[float, ...] = ()
    """Peak learning rates to try."""
    out: Path | None = None
    """The folder for the run folders of the cells; runs/NAME-sweep by default."""
    overwrite: bool = False
    """Build again what was made from other inputs or options, and what follows it."""
    json: bool = False
    """Print the figures as JSON."""


def run_sweep(recipe: Recipe, options: SweepOptions) -> None:
    """Train a recipe for every combination of options, and print what came out.

    Raises:
        CygnetError: A cell failed; the table that names it was printed.
    """
    from cygnet.xray.sweep.results import Failure
    from cygnet.xray.sweep.sweep import PLOTS, sweep
    from cygnet.xray.sweep.view import print_sweep

    out = options.out or Path("runs") / f"{recipe.name}-sweep"
    found = sweep(
        recipe,
        out,
        layers=options.layers,
        batch_sizes=options.batch_sizes,
        learning_rates=options.learning_rates,
        overwrite=options.overwrite,
    )
    if options.json:
        print_json([one.to_dict() for one in found])
    else:
        print_sweep(found)
        print(f"\nthe plot  {out / PLOTS[0]}")
    failed = [one for one in found if isinstance(one, Failure)]
    if failed:
        raise CygnetError(
            f"{len(failed)} of {len(found)} cells failed, the first is {failed[0].path}; the same"
            " command tries them again, and skips those that have finished"
        )
