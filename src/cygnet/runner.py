"""The runner: the stages of a recipe, one after the other, each built once.

The rooms are imported when their stage is built, so that asking for a finished run costs nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cygnet import ranks, stage
from cygnet.console import Stopwatch, say
from cygnet.errors import DamagedError, StaleError
from cygnet.files import lock_folder, make_folder, read_json, sha256_file, write_json
from cygnet.recipe import Recipe, to_dict, what_is_made
from cygnet.stage import Stage
from cygnet.transformer.loggers import check_loggers

STAGES = ("text", "tokenizer", "tokens", "transformer", "xray")
TRAINED = "transformer"  # the stage that several ranks build together
RECIPE = "recipe.json"
WORD_COUNTS = "word-counts"  # beside the stages, as it outlives the tokenizer that is made again
SCAFFOLDING = {"transformer": ("checkpoints", "saving")}
PROGRESS = {"tokens": "*.bin", "transformer": "checkpoints/*/seal.json"}
WRITES = {
    "text": "the list of files and their figures",
    "tokenizer": "the vocabulary, and vocab.txt",
    "tokens": "token files (.bin, .idx) and manifest.json",
    "transformer": "model.safetensors, metrics.jsonl",
    "xray": "samples.json, report.html",
}


def run(
    recipe: Recipe, out: str | Path | None = None, *, until: str = "xray", overwrite: bool = False
) -> Path:
    """Build every stage of a recipe that is not built yet.

    Args:
        recipe: What to build.
        out: The run folder; ``runs/NAME`` by default.
        until: The last stage to build.
        overwrite: Build a stage that was made from other inputs or options, or that is damaged,
            and all that follow it, again.

    Returns:
        The run folder.

    Raises:
        StaleError: A stage was made from other inputs or options, and ``overwrite`` is not set.
        DamagedError: A file of an earlier stage is missing or damaged.
        InputError: A logger that the training is to report to is not installed.
        BusyError: Another process is at work in the same folder.
        CygnetError: A stage cannot be built; what was finished stays.

    A killed run goes on where it was, and ends with the same bytes. Under ``torchrun`` the first
    rank does all of this, and the others train along.
    """
    names = STAGES[: STAGES.index(until) + 1]
    if TRAINED in names:
        check_loggers(recipe.transformer.report_to)
    folder = Path(out) if out else Path("runs") / recipe.name
    if ranks.rank():
        _train_along(recipe, folder, until)
        return folder
    make_folder(folder)
    with lock_folder(folder):
        stage.remove_cleared(folder)
        for name in names:
            _bring_up(describe(name, recipe, folder), recipe, folder, overwrite)
    return folder


def _bring_up(wanted: Stage, recipe: Recipe, folder: Path, overwrite: bool) -> None:
    """Make sure that a stage is finished: skip it, go on with it, or build it."""
    try:
        if wanted.is_finished():
            if overwrite:
                stage.verify(wanted.folder)
            say(f"{wanted.name:12}is finished: {wanted.folder}")
            if wanted.name == TRAINED:
                ranks.share(False)
            return
    except (StaleError, DamagedError):
        if not overwrite:
            raise
        wanted.clear()
    _save_recipe(recipe, folder)
    earlier = [folder / name for name in STAGES[: STAGES.index(wanted.name)]]
    for built in earlier:
        stage.verify(built)
    reads = (*recipe.text.train, *recipe.text.valid) if wanted.name == "text" else wanted.inputs
    say(f"{wanted.name:12}reads {', '.join(reads)}")
    say(f"{'':12}writes {WRITES[wanted.name]} to {wanted.folder}")
    watch = Stopwatch()
    if wanted.name == TRAINED:
        ranks.share(True)
    make = _maker(wanted.name, recipe, folder)
    try:
        wanted.build(make)
    except (DamagedError, StaleError):  # what it was to go on from
        if not overwrite:
            raise
        wanted.clear()
        wanted.build(make)
    say(f"{'':12}done in {watch.seconds:,.1f} s")


def _train_along(recipe: Recipe, folder: Path, until: str) -> None:
    """What other ranks do: wait until the first one trains, however long that takes, and join."""
    if STAGES.index(until) >= STAGES.index(TRAINED) and ranks.share():
        _maker(TRAINED, recipe, folder)(folder / TRAINED)


def describe(name: str, recipe: Recipe, folder: Path) -> Stage:
    """What a stage is to be made from: its section of the recipe and the stage before it.

    Args:
        name: One of ``STAGES``; those before it are finished.
        recipe: What is built.
        folder: The run folder.
    """
    position = STAGES.index(name)
    if position == 0:
        from cygnet.text.stage import inputs as text_inputs

        inputs = text_inputs(recipe.text, folder / name)
    else:
        before = STAGES[position - 1]
        inputs = {before: stage.identity(folder / before)}
    if name == "tokenizer" and recipe.tokenizer.base is not None:
        from cygnet.tokenizer.base_source import base_inputs

        inputs |= base_inputs(recipe.tokenizer.base)
    if name == TRAINED and recipe.transformer.config is not None:
        inputs |= {recipe.transformer.config: sha256_file(Path(recipe.transformer.config))}
    options = what_is_made(getattr(recipe, name))
    return Stage(
        name, folder / name, options, inputs, SCAFFOLDING.get(name, ()), PROGRESS.get(name, "")
    )


def _maker(name: str, recipe: Recipe, folder: Path) -> Callable[[Path], dict[str, Any]]:
    """The function that fills the folder of a stage."""
    text, tokenizer, tokens = (folder / room for room in STAGES[:3])
    if name == "text":
        from cygnet.text.stage import build as build_text

        return lambda out: build_text(recipe.text, out)
    if name == "tokenizer":
        from cygnet.tokenizer.stage import build as build_tokenizer

        return lambda out: build_tokenizer(recipe.tokenizer, out, text, folder / WORD_COUNTS)
    if name == "tokens":
        from cygnet.tokens.stage import build as build_tokens

        return lambda out: build_tokens(recipe.tokens, out, text, tokenizer)
    if name == "transformer":
        from cygnet.transformer.stage import build as build_transformer
        from cygnet.xray.recorder import trace_callbacks

        return lambda out: build_transformer(
            recipe.transformer,
            out,
            tokenizer,
            tokens,
            trace_callbacks(recipe.xray, out, tokenizer),
        )
    from cygnet.xray.stage import build as build_xray

    return lambda out: build_xray(recipe.xray, out, folder)


def _save_recipe(recipe: Recipe, folder: Path) -> None:
    content = to_dict(recipe)
    path = folder / RECIPE
    if not path.exists() or read_json(path) != content:
        write_json(path, content)
