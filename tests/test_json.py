"""What ``--json`` prints: JSON and nothing else, for every command, terminal and pipe."""

import inspect
import io
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from cygnet.cli import ACTIONS, main
from cygnet.recipes import demo
from cygnet.xray.sweep import sweep
from cygnet.xray.sweep.command import SweepOptions, run_sweep
from cygnet.xray.sweep.results import Failure

ODD = "[red]é天🦢\x1b[31m\x9b\u202e:smile:"
"""Markup, an emoji, what terminals obey, and what ASCII lacks."""
RUN, DEAD, TEXT, NEW = "RUN", "DEAD", "TEXT", "NEW"
"""Folders and a file with that name, and a folder that is to be made."""
COMMANDS: dict[str, tuple[str, ...]] = {
    "text check": (TEXT,),
    "tokenizer eval": (RUN, "--text", TEXT),
    "tokenizer compact": (
        *("--base", RUN, "--text", TEXT, "--live", "270", "--dead", "4", "--lossless"),
        *("--out", NEW),
    ),
    "tokens stats": (RUN,),
    "tokens pack": (RUN,),
    "transformer eval": (RUN, "--text", TEXT, "--tokens"),
    "transformer plan": ("--preset", "tiny-llm"),
    "xray tokens": (ODD, RUN),
    "xray trace": (RUN, ODD),
    "xray attention": (RUN, ODD),
    "xray dead": (DEAD,),
    "xray undertrained": (RUN,),
    "xray play": (RUN, "--prompt", ODD, "--steps", "2"),
    "xray rows": (RUN, " the"),
    "xray runs": (RUN, "--samples"),
}


def test_every_command_with_json_is_here() -> None:
    have_json = {
        verb for verb, act in ACTIONS.items() if "json" in inspect.signature(act).parameters
    }
    assert have_json == {*COMMANDS}


@pytest.mark.parametrize("verb", COMMANDS)
def test_json_is_json_wherever_it_goes(
    verb: str, finished_run: Path, recorded_run: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for name, target in ((RUN, finished_run), (DEAD, recorded_run)):
        (tmp_path / f"{name}{ODD}").symlink_to(target)
    (tmp_path / f"{ODD}.txt").write_text(f"Once upon a time {ODD}\n<|endoftext|>\nthere was")
    places = {name: str(tmp_path / f"{name}{ODD}") for name in (RUN, DEAD, NEW)}
    places[TEXT] = str(tmp_path / f"{ODD}.txt")
    arguments = [*verb.split(), *(places.get(word, word) for word in COMMANDS[verb]), "--json"]

    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "40"}.items():  # of which rich makes much
        monkeypatch.setenv(name, value)
    found = read(run(arguments, monkeypatch, "utf-8"))
    monkeypatch.delenv("FORCE_COLOR")
    monkeypatch.setenv("NO_COLOR", "1")
    plain = run(arguments, monkeypatch, "ascii")
    assert plain.isascii()
    assert read(plain) == found


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch, encoding: str) -> str:
    """What a command prints where standard output has an encoding."""
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        assert main(arguments) == 0
        out.flush()
    return out.buffer.getvalue().decode()  # type: ignore[attr-defined]


def read(printed: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    assert all(line.isprintable() for line in printed.splitlines())
    return json.loads(printed, parse_constant=refuse)


def test_json_of_a_sweep(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Failure(path=f"runs/{ODD}", n_layer=1, batch_size=2, learning_rate=math.inf, failed=ODD)
    monkeypatch.setattr(sweep, "sweep", lambda *_, **__: [cell])
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(Exception, match="1 of 1 cells failed"):
        run_sweep(demo(), SweepOptions(json=True))
    [found] = read(capsys.readouterr().out)
    assert found == cell.to_dict() | {"learning_rate": None}
