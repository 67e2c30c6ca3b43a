"""Recorded traces whose JSON is right and whose figures are not: one line, or no harm."""

import copy
import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from commands import cygnet, refused
from cygnet.errors import DamagedError, InputError
from cygnet.xray.runs.reading import Run
from cygnet.xray.runs.samples import read_samples
from cygnet.xray.runs.samples_view import print_samples, samples_html
from cygnet.xray.terminal import print_trace
from cygnet.xray.trace import Trace

Place = tuple[str | int, ...]
WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(10**18, 10**19),
    st.just(10**400),
    st.floats(),
    st.text(alphabet="0af \x1b<\ud800é", max_size=4),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["id", "kind"]), st.integers(), max_size=1),
)
DERIVED = {"text", "bits", "bits_per_byte", "probability", "surprise"}
"""What is computed again when a trace is read, and not read itself."""


@pytest.fixture(scope="module")
def recorded(finished_run: Path) -> list[dict[str, Any]]:
    lines = (finished_run / "transformer" / "traces.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[:2]]


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    if path:
        yield path
    inside = {list: enumerate, dict: dict.items}.get(type(value), lambda _: ())
    for key, inner in inside(value):
        yield from places(inner, (*path, key))


def damage(lines: list[dict[str, Any]], path: Place, data: st.DataObject) -> None:
    """Put something else at a place, or take it away."""
    *before, last = path
    holder: Any = lines
    for key in before:
        holder = holder[key]
    if len(path) == 1:  # a line that is gone is no damage
        holder[last] = {}
    elif data.draw(st.booleans(), label="gone"):
        del holder[last]
    else:
        holder[last] = data.draw(WRONG, label="instead")


@settings(max_examples=400)
@given(data=st.data())
def test_damage_is_named_by_file_and_line_or_does_no_harm(
    recorded: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    lines = copy.deepcopy(recorded)
    path = data.draw(st.sampled_from([*places(lines)]), label="place")
    damage(lines, path, data)
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    file = folder / "traces.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    try:
        found = read_samples([Run("damaged", (), folder)])
    except DamagedError as error:
        assert re.match(rf"{re.escape(str(file))} is damaged: line {int(path[0]) + 1} ", str(error))
        assert "\n" not in str(error)
        assert "\x1b" not in str(error)
        assert path[-1] not in DERIVED or "alternatives" in path
    else:
        draw_all(found)


def draw_all(found: Any) -> None:
    """Everything that draws samples takes what was read."""
    console = Console(file=io.StringIO(), width=60)
    print_samples(found, console)
    samples_html(found).encode()
    json.dumps([one.to_dict() for one in found], allow_nan=False)
    for row in found[0].by_step.values():
        for sample in row.values():
            print_trace(sample.trace, console)
            assert Trace.from_dict(sample.trace.to_dict()) == sample.trace


def test_what_was_recorded_is_read_as_it_was(recorded: list[dict[str, Any]]) -> None:
    for line in recorded:
        assert Trace.from_dict(line["trace"]).to_dict() == line["trace"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rank", "1", "token 1 of the trace: rank is '1', not a whole number from 1 on"),
        ("rank", None, "token 1 of the trace: rank is None, not a whole number from 1 on"),
        ("entropy", 99, "token 1 of the trace: entropy is 99, not a number from -0.001 to 64"),
        ("entropy", True, "token 1 of the trace: entropy is True, not a number from -0.001 to 64"),
        ("bytes", "6", "token 1 of the trace: bytes is '6', not bytes in hexadecimal"),
        ("kind", [], "token 1 of the trace: kind is [], not one of text, special, dead"),
        ("alternatives", [5], "alternative 0 of token 1 of the trace is 5, not an object"),
        ("role", "\ud800", r"token 1 of the trace: role is '\ud800', not a text"),
    ],
)
def test_what_is_wrong_is_said(
    recorded: list[dict[str, Any]], key: str, value: Any, said: str
) -> None:
    values = copy.deepcopy(recorded[0]["trace"])
    values["tokens"][1][key] = value
    with pytest.raises(InputError) as caught:
        Trace.from_dict(values)
    assert str(caught.value) == said


def test_commands_say_it_in_one_line(finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    file = run / "transformer" / "traces.jsonl"
    lines = file.read_text().splitlines()
    (file.parent / "stage.json").unlink()  # that of a finished training has a checksum of it
    lines[1] = lines[1].replace('"carries_loss": true', '"carries_loss": "no"', 1)
    file.write_text("\n".join(lines) + "\n")
    for command in (("xray", "runs", run, "--samples"), ("xray", "report", run)):
        said = refused(cygnet(*command))
        assert said.startswith(
            f"cygnet: {file} is damaged: line 2 is no trace: token 0 of the trace: "
        )
