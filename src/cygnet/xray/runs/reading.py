"""A run as its files tell it, also while it is being trained or after it was killed.

Nothing here loads torch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import say
from cygnet.errors import DamagedError, InputError
from cygnet.files import read_json
from cygnet.tokenizer.comparison import short_names
from cygnet.xray.runs.json_lines import read_json_lines

METRICS, RECIPE, MANIFEST = "metrics.jsonl", "recipe.json", "manifest.json"
TRAINED, TOKENS = "transformer", "tokens"
Line = dict[str, Any]


class NoLinesError(InputError):
    """A training has begun, and has not come to its first line."""


@dataclass(frozen=True)
class Run:
    """A training as far as it has come.

    Attributes:
        name: Tells it from those that it is read with.
        lines: Those of ``metrics.jsonl``, at least one; docs/formats.md has the keys.
        path: The run folder, or a folder that holds ``metrics.jsonl`` itself.
        recipe: As in ``recipe.json``; empty where there is none.
        n_parameters: Of the model; none before the training has finished.
        vocab_size, tokenizer: Of the token files, rows and sha256; none where they are not there.
        is_finished: Whether the training has come to its end.
    """

    name: str
    lines: tuple[Line, ...]
    path: Path = Path()
    recipe: dict[str, Any] | None = None
    n_parameters: int | None = None
    vocab_size: int | None = None
    tokenizer: str | None = None
    is_finished: bool = False

    @property
    def steps_planned(self) -> int | None:
        """How many steps its recipe asks for."""
        section = (self.recipe or {}).get(TRAINED)
        return section.get("steps") if isinstance(section, dict) else None


def read_runs(paths: Sequence[str | Path]) -> list[Run]:
    """Read several runs; one that is named twice is read once.

    One that has just begun, and has no line of metrics yet, is left out, which is said.

    Args:
        paths: Run folders, or folders that hold ``metrics.jsonl`` themselves.

    Raises:
        InputError: None is named, one has no metrics, or none has a line of them yet.
        DamagedError: A file is not what was written.

    Cost: a read of their ``metrics.jsonl``.
    """
    if not paths:
        raise InputError("name a run folder, or several")
    folders = list(dict.fromkeys(run_folder(Path(path)) for path in paths))
    names = short_names([str(folder) for folder in folders])
    found: list[Run] = []
    begun: list[NoLinesError] = []
    for folder in folders:
        try:
            found.append(_read_run(folder, names[str(folder)]))
        except NoLinesError as error:
            begun.append(error)
    if not found:
        raise begun[0]
    for one in begun:
        say(f"{one}: it is left out")
    return found


def as_runs(runs: Sequence[Run | str | Path]) -> Sequence[Run]:
    """Runs that may have been read already; errors as of ``read_runs``."""
    paths = [run for run in runs if not isinstance(run, Run)]
    read = [run for run in runs if isinstance(run, Run)]
    return [*read, *(read_runs(paths) if paths or not runs else ())]


def run_folder(path: Path) -> Path:
    """The run folder that a path stands for; its folder ``transformer`` stands for it too.

    Raises:
        InputError: There is no training in it.
    """
    folder = path.resolve()
    if not folder.exists():
        raise InputError(f"{path} does not exist: name a run folder")
    if folder.name == TRAINED and (folder.parent / RECIPE).exists():
        folder = folder.parent
    if not (_trained(folder) / METRICS).is_file():
        raise InputError(
            f"{path} is no run: there is no {METRICS} in it or in {TRAINED}/, which is there once"
            " its training has begun"
        )
    return folder


def in_training(folder: Path, name: str) -> Path:
    """A file that a training writes, in a run folder as from ``run_folder``."""
    return _trained(folder) / name


def _trained(folder: Path) -> Path:
    return folder / TRAINED if (folder / TRAINED / METRICS).is_file() else folder


def _read_run(folder: Path, name: str) -> Run:
    trained = _trained(folder)
    record = stage.read_record(trained) or {}
    results = record.get("results", {})
    manifest = _read_object(folder / TOKENS / MANIFEST)
    return Run(
        name=name,
        lines=read_metrics(trained / METRICS),
        path=folder,
        recipe=_read_object(folder / RECIPE) or None,
        n_parameters=results.get("n_parameters"),
        vocab_size=manifest.get("vocab_size"),
        tokenizer=manifest.get("tokenizer_sha256"),
        is_finished="results" in record,
    )


def read_metrics(path: Path) -> tuple[Line, ...]:
    """The lines of a ``metrics.jsonl``; one that is cut short at the end is left out.

    Raises:
        InputError: It cannot be read.
        NoLinesError: It has no line.
        DamagedError: A line is none of metrics.
    """
    lines = tuple(line for _, line in read_json_lines(path, ("step", "tokens")))
    if not lines:
        raise NoLinesError(f"{path} is empty: its training has not come to its first line yet")
    for number, line in enumerate(lines, start=1):
        known = all(map(_is_figure, line.values()))
        if not known or None in (figure(line, "step"), figure(line, "tokens")):
            raise DamagedError(f"{path} is damaged: line {number} has a figure that is no number")
    return lines


def figure(line: Line, key: str) -> float | None:
    """A figure of a line, if there is one and it is finite."""
    value = line.get(key)
    return value if value is not None and math.isfinite(value) else None


def _is_figure(value: Any) -> bool:
    if type(value) is int:
        return abs(value) < 1 << 63  # more is no float, and no count of anything
    return value is None or isinstance(value, float)


def _read_object(path: Path) -> dict[str, Any]:
    """What a file of JSON holds; nothing where there is none."""
    if not path.is_file():
        return {}
    found = read_json(path)
    if not isinstance(found, dict):
        raise DamagedError(f"{path} is damaged: it holds no object")
    return found
