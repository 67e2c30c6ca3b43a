"""The command line: one verb, one function. ``tyro`` reads its arguments off the signature.

The verbs of a room are in its ``commands.py``. Heavy imports happen inside the functions, so that
help is instant.
"""

import difflib
import inspect
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from cygnet import ranks
from cygnet.console import printable
from cygnet.errors import CygnetError, InputError
from cygnet.files import DISK_FULL
from cygnet.recipe import Recipe
from cygnet.recipes import PRESETS, find_recipe
from cygnet.text import commands as text
from cygnet.tokenizer import commands as tokenizer
from cygnet.tokens import commands as tokens
from cygnet.transformer import commands as transformer
from cygnet.xray import commands as xray
from cygnet.xray.sweep.command import SweepOptions, run_sweep

USAGE, INTERRUPTED = 2, 130
HELP = {"-h", "--help"}
TRAIN_LIBRARIES = (
    *("torch", "transformers", "accelerate", "safetensors", "matplotlib"),
    *("prompt_toolkit", "starlette", "uvicorn"),
)
CHECK_LIBRARIES = ("ftfy", "rensa")


def run(recipe: Recipe, until: str, out: Path | None, overwrite: bool) -> None:
    """Build a recipe up to a stage, and say where to look."""
    from cygnet.runner import run as run_recipe

    folder = run_recipe(recipe, out, until=until, overwrite=overwrite)
    if ranks.rank():
        return
    print(folder / until)
    if until == "xray":
        print(f"\nthe report          {folder}/xray/report.html")
        print(f"a page to play with cygnet xray serve {folder}")
        print(f"another story       cygnet transformer generate {folder} --seed 2")
        print(f"a closer look       cygnet xray trace {folder} 'Once upon a time'")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a verb that builds a recipe takes beside its fields."""

    out: Path | None = None
    """The run folder; runs/NAME by default."""
    overwrite: bool = False
    """Build again what was made from other inputs or options, and what follows it."""


def _run_until(until: str) -> Callable[[Recipe, RunOptions], None]:
    return lambda recipe, options: run(recipe, until, options.out, options.overwrite)


@dataclass(frozen=True)
class Build:
    """A verb that builds a recipe: what it does, the function, and what that takes."""

    about: str
    act: Callable[[Recipe, Any], None]
    options: type[Any] = RunOptions
    example: str = "--out runs/demo"


BUILDS = {
    "run": Build("Build a whole recipe, from raw text to a report.", _run_until("xray")),
    "tokenizer train": Build("Build a recipe as far as its tokenizer.", _run_until("tokenizer")),
    "tokens build": Build("Build a recipe as far as its token files.", _run_until("tokens")),
    "transformer train": Build(
        "Build a recipe as far as its trained model.", _run_until("transformer")
    ),
    "xray sweep": Build(
        "Train a recipe over layers, batch sizes and learning rates, and compare.",
        run_sweep,
        SweepOptions,
        example="--layers 1 2 --out runs/sweep",
    ),
}
ROOMS = {room.__name__.split(".")[1]: room for room in (text, tokenizer, tokens, transformer, xray)}
# Verbs that do one thing: every public function of a room's commands; its docstring is its help.
ACTIONS: dict[str, Callable[..., None]] = {
    f"{room} {name.rstrip('_')}": function  # import_ is no keyword
    for room, module in ROOMS.items()
    for name, function in vars(module).items()
    if inspect.isfunction(function) and not name.startswith("_")
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for an error, 130 when interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    builds = any(" ".join(arguments[:n]) in BUILDS for n in (1, 2))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a character shows "?"
        sys.stdout.reconfigure(errors="replace")
    if ranks.rank() and not builds:  # nothing but a training wants several processes
        return 0
    try:
        with ranks.ended_together():
            _dispatch(arguments)
    except KeyboardInterrupt:
        _fail("interrupted" + ("; the same command goes on where it was" if builds else ""))
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        sys.stderr.close()
        return USAGE if builds else 0
    except (CygnetError, OSError, ModuleNotFoundError) as error:
        if debug:
            raise
        _fail(_one_line(error))
        return USAGE
    return 0


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_LIBRARIES:
        return f"this needs {error.name}: pip install 'cygnet[train]'"
    if isinstance(error, ModuleNotFoundError) and error.name in CHECK_LIBRARIES:
        return f"this needs {error.name}: pip install 'cygnet[check]'"
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"the disk is full ({error.filename or 'no file named'}); free some space, run again"
    if not isinstance(error, CygnetError):
        return f"{type(error).__name__}: {error} (--debug shows where)"
    return " ".join(str(error).split())


def _fail(message: str) -> None:
    if ranks.is_first_to_speak():
        who = f"rank {ranks.rank()}: " if ranks.rank() else ""
        print(f"cygnet: {who}{printable(message)}", file=sys.stderr)


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in HELP:
        print(_overview())
        return
    if arguments[0] in ROOMS and not {*arguments[1:]} - HELP:
        print(f"commands (cygnet COMMAND --help)\n{_table([arguments[0]])}")
        return
    if arguments == ["--version"]:
        from cygnet import __version__

        print(f"cygnet {__version__}")
        return
    verb = _find_verb(arguments)
    rest = arguments[len(verb.split()) :]
    if verb in BUILDS:
        _build(verb, rest)
    else:
        import tyro

        # An alias in the signature would need tyro there, which takes 0.1 s to import.
        words = ["--n" if word == "-n" else word for word in rest]
        tyro.cli(ACTIONS[verb], prog=f"cygnet {verb}", args=words)


def _build(verb: str, arguments: list[str]) -> None:
    """Parse ``RECIPE [options]``: the options are the fields of that recipe."""
    import tyro

    build = BUILDS[verb]
    has_recipe = bool(arguments) and not arguments[0].startswith("-")
    if not has_recipe and not HELP & {*arguments}:
        raise InputError(f"name a recipe: cygnet {verb} {'|'.join(PRESETS)}, or a recipe.json")
    default = find_recipe(arguments[0] if has_recipe else "demo")
    if _gives(arguments, "--text.valid-fraction") and not _gives(arguments, "--text.valid"):
        default = replace(default, text=replace(default.text, valid=()))  # those of the preset

    parts = {"recipe": Recipe, "options": build.options}
    arguments_type = make_dataclass(
        "Arguments",
        [(name, Annotated[part, tyro.conf.arg(name="")]) for name, part in parts.items()],
    )
    parsed = tyro.cli(
        arguments_type,
        prog=f"cygnet {verb} {default.name if has_recipe else 'RECIPE'}",
        description=f"{build.about} RECIPE is {', '.join(PRESETS)} or a saved recipe.json; the"
        f" defaults below are those of {default.name}.\n\nExample: cygnet {verb} demo"
        f" {build.example}",
        args=arguments[has_recipe:],
        default=arguments_type(recipe=default, options=build.options()),
    )
    build.act(_settle(parsed.recipe, arguments), parsed.options)


def _settle(recipe: Recipe, arguments: list[str]) -> Recipe:
    """The recipe without the numbers of its model that an option has replaced."""
    from cygnet.transformer.shapes import settle

    names = ("preset", "depth", "config", "n_layer", "n_head", "n_embd", "learning_rate")
    given = {name for name in names if _gives(arguments, f"--transformer.{name}".replace("_", "-"))}
    return replace(recipe, transformer=settle(recipe.transformer, given))


def _gives(arguments: list[str], option: str) -> bool:
    """Whether an option is among the arguments, in any of the ways to write it."""
    words = (word.partition("=")[0].replace("_", "-") for word in arguments)
    return option in words


def _find_verb(arguments: list[str]) -> str:
    for n_words in (1, 2):
        verb = " ".join(arguments[:n_words])
        if verb in BUILDS or verb in ACTIONS:
            return verb
    verbs = [*BUILDS, *ACTIONS]
    asked = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    in_room = [verb for verb in verbs if verb.split()[0] == asked.split()[0]] if asked else []
    if in_room and len(asked.split()) == 1:
        raise InputError(f"{asked} what? There are: {', '.join(in_room)}")
    close = difflib.get_close_matches(asked, verbs, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise InputError(f"no command {asked!r}{hint}; cygnet --help lists them")


def _overview() -> str:
    """The help of ``cygnet`` itself: every verb with the first line of its help."""
    table = _table(["run", *ROOMS])
    recipes = "\n".join(
        f"  {name:21} {(inspect.getdoc(preset) or '').splitlines()[0]}"
        for name, preset in PRESETS.items()
    )
    return (
        "cygnet turns raw text into a small language model that you can see inside.\n\n"
        f"commands (cygnet COMMAND --help)\n{table}\n\nrecipes\n{recipes}\n\n"
        "--debug shows the traceback of an error.\n\nExample: cygnet run demo"
    )


def _table(rooms: Sequence[str]) -> str:
    """The verbs of some rooms with the first lines of their help."""
    lines = {verb: build.about for verb, build in BUILDS.items()}
    lines |= {verb: (inspect.getdoc(act) or "").splitlines()[0] for verb, act in ACTIONS.items()}
    verbs = [verb for room in rooms for verb in lines if verb.split()[0] == room]
    return "\n".join(f"  {verb:21} {lines[verb]}" for verb in verbs)
