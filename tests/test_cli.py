"""The command line: help, verbs, and what each prints."""

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import child_seconds, cygnet, refused
from cygnet.cli import ACTIONS, BUILDS
from cygnet.recipe import to_dict
from cygnet.recipes import PRESETS, find_recipe


def seconds(*command: str) -> float:
    """Median CPU time of a process."""
    times = []
    for _ in range(5):
        before = child_seconds()
        subprocess.run(command, check=True, capture_output=True)
        times.append(child_seconds() - before)
    return statistics.median(times)


def test_help_is_instant() -> None:
    assert seconds(sys.executable, "-m", "cygnet", "--help") < 0.3
    assert seconds(sys.executable, "-c", "import cygnet") < 0.1


def test_light_rooms_do_not_load_torch() -> None:
    code = (
        "import sys, cygnet; cygnet.Tokenizer, cygnet.TokenStore, cygnet.build_tokens, cygnet.run;"
        "import cygnet.tokens.stage;"
        "assert not {'torch', 'transformers', 'matplotlib'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_torch_one_line_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from cygnet.cli import main;"
        f"sys.exit(main(['transformer', 'generate', {str(tmp_path)!r}]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'cygnet[train]'" in refused(result)


@pytest.mark.parametrize("verb", [*BUILDS, *ACTIONS])
def test_help_of_every_verb_has_an_example(verb: str) -> None:
    result = cygnet(*verb.split(), "--help")
    assert result.returncode == 0
    assert re.search(rf"Example: cygnet {verb}\b", result.stdout), result.stdout


def test_overview_names_every_verb_and_recipe() -> None:
    overview = cygnet("--help").stdout
    for name in (*BUILDS, *ACTIONS, *PRESETS):
        assert f"\n  {name} " in overview
    assert cygnet().stdout == overview
    assert cygnet("--version").stdout.startswith("cygnet ")


@pytest.mark.parametrize("words", [("xray",), ("xray", "--help"), ("xray", "-h")])
def test_a_room_has_a_part_of_the_overview(words: tuple[str, ...]) -> None:
    found, overview = cygnet(*words), cygnet("--help").stdout
    assert found.returncode == 0
    verbs = found.stdout.splitlines()[1:]
    assert verbs == [line for line in overview.splitlines() if line.startswith("  xray ")] != []


def test_names_of_files_do_nothing_to_the_terminal() -> None:
    message = refused(cygnet("xray", "trace", "no\x1b[2J\x9b\u202e\nrun", "a"))
    assert "no\\u001b[2J\\u009b\\u202e run" in message


def test_wrong_words() -> None:
    assert "did you mean tokens show?" in refused(cygnet("tokens", "shwo", "x"))
    assert "tokens what? There are: tokens build, tokens show" in refused(cygnet("tokens", "--x"))
    assert "did you mean demo?" in refused(cygnet("run", "dmo"))
    assert "name a recipe" in refused(cygnet("run", "--out", "x"))
    result = cygnet("run", "demo", "--tokenizer.vocab-sise", "3")
    assert result.returncode == 2
    assert "--tokenizer.vocab-size" in result.stderr


def test_recipe_files(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    content = to_dict(find_recipe("tiny-llm"))
    path.write_text(json.dumps(content))
    assert find_recipe(str(path)) == find_recipe("tiny-llm")
    path.write_text(json.dumps({**content, "txet": 1}))
    assert "no field 'txet' (did you mean text?)" in refused(cygnet("run", path))
    del content["tokenizer"]["vocab_size"]
    path.write_text(json.dumps(content))
    assert "vocab_size" in refused(cygnet("run", path))


def test_stories(tmp_path: Path) -> None:
    first = cygnet("text", "stories", "--n", "2", "--seed", "7").stdout
    assert first == cygnet("text", "stories", "--n", "2", "--seed", "7").stdout
    assert first != cygnet("text", "stories", "--n", "2", "--seed", "8").stdout


def test_tokens_show(finished_run: Path) -> None:
    out = cygnet("tokens", "show", finished_run, "--block-size", "6", "--rows", "2").stdout
    assert out.count("row ") == 2
    x, y = (line for line in out.splitlines()[1:4:2])
    ids_x = [int(cell) for cell in x[2:].split("│")]
    ids_y = [int(cell) for cell in y[2:].split("│")]
    assert ids_x[1:] == ids_y[:-1]


def test_generate_streams_text(finished_run: Path) -> None:
    options = ("--prompt", "One day é🍓", "--max-tokens", "30")
    result = cygnet("transformer", "generate", finished_run, *options)
    assert result.returncode == 0
    assert result.stderr == ""
    assert result.stdout.startswith("One day é🍓")
    assert result.stdout == cygnet("transformer", "generate", finished_run, *options).stdout
    other = cygnet("transformer", "generate", finished_run, *options, "--seed", "1").stdout
    assert other != result.stdout


def test_trace(finished_run: Path, tmp_path: Path) -> None:
    svg = tmp_path / "view.svg"
    result = cygnet("xray", "trace", finished_run, "Once upon a time", "--svg", svg)
    assert result.returncode == 0
    assert "bits per byte" in result.stdout
    assert svg.read_text().startswith("<svg")
    found = json.loads(cygnet("xray", "trace", finished_run, "Once", "--json").stdout)
    assert found["text"] == "Once"
    assert 0 < found["tokens"][0]["probability"] <= 1


def test_download_verb(tmp_path: Path) -> None:
    from hub_server import HubServer

    names = ("TinyStoriesV2-GPT4-train.txt", "TinyStoriesV2-GPT4-valid.txt")
    files = dict.fromkeys(names, b"a story\n<|endoftext|>\n" * 900)
    with HubServer({"datasets/roneneldan/TinyStories": files}) as hub:
        env = hub.env(tmp_path / "home")
        result = cygnet("text", "download", "tinystories", env=env)
        assert result.returncode == 0, result.stderr
        assert [line.split()[0] for line in result.stdout.splitlines()] == ["train", "valid"]
        folder = tmp_path / "run"
        options = ("--tokenizer.vocab-size", "260", "--out", folder)
        result = cygnet("tokens", "build", "tiny-llm", *options, env=env)
        assert result.returncode == 0, result.stderr
        record = json.loads((folder / "text" / "stage.json").read_text())
        assert record["results"]["train"]["documents"] == 900
        n_requests = len(hub.requests)
        result = cygnet("tokens", "build", "tiny-llm", *options, env=env)
        assert "is finished" in result.stderr
        assert len(hub.requests) == n_requests  # a finished run does not ask the hub
