"""Every code block of README and docs, and every example of a help text, is executed.

They run in a folder that holds a finished run ``runs/demo``, as after ``make demo``, and with
``runs/duckling`` one that has dead rows and recorded them.
What takes minutes is made short, here and in plain sight: see ``shortened``.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM

from conftest import ROOT, SMALL, cygnet
from cygnet.cli import ACTIONS, BUILDS
from cygnet.text.stories import story
from hub_server import HubServer
from llama2c import make_pieces, write_checkpoint, write_vocabulary

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXECUTED = {"python", "sh"}
NOT_CODE = {"text"}
QUICK = " ".join(SMALL[4:])
"""The small recipe without its texts."""
SHAPELESS = " ".join([*SMALL[:10], *SMALL[16:]])
"""The small recipe without the shape of its model."""
FEW_STEPS = "--transformer.steps 40"
"""Of a recipe that is trained several times."""


@pytest.fixture(scope="module")
def sandbox(
    finished_run: Path, recorded_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, dict[str, str]]]:
    """A reader's folder, and an environment whose hub is on this machine."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(finished_run, folder / "runs" / "demo")
    write_story_model(folder)
    shutil.copytree(recorded_run, folder / "runs" / "duckling")
    files = {}
    for name, n_stories in (("train", 600), ("valid", 60)):
        text = "".join(f"{story(3, i)}\n<|endoftext|>\n" for i in range(n_stories))
        (folder / f"{name}.txt").write_text(text)
        files[f"TinyStoriesV2-GPT4-{name}.txt"] = text.encode()
    with HubServer({"datasets/roneneldan/TinyStories": files}) as hub:
        environment = hub.env(folder / "home")
        scripts = str(Path(sys.executable).parent)
        environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
        yield folder, environment


def write_story_model(folder: Path) -> None:
    """Two files with the names of a real model of llama2.c, which is small enough to be made up."""
    pieces = make_pieces([" a", "he"])
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    config = LlamaConfig(
        **shape, vocab_size=len(pieces), num_attention_heads=2, max_position_embeddings=64,
        tie_word_embeddings=True,
    )  # fmt: skip
    write_checkpoint(folder / "stories260K.bin", LlamaForCausalLM(config))
    write_vocabulary(folder / f"tok{len(pieces)}.bin", pieces)


def shortened(line: str) -> str:
    """A command of the documents as the tests run it: the same command, with less to compute."""
    if line.startswith("make demo"):  # the small recipe instead of the whole one
        return f"make -C {ROOT} demo RUN_ARGS='{' '.join(SMALL)} --out {{runs}}/demo'"
    if line.startswith("make "):  # this is what is running: show the steps only
        return line.replace("make", f"make -C {ROOT} --dry-run", 1)
    if "--transformer.depth" in line:  # which gives the model its shape
        return f"{line} {SHAPELESS}"
    if line.startswith("cygnet xray serve"):  # until it is interrupted
        waits = "for i in $(seq 600); do grep -q http: address && break; sleep 0.1; done"
        return f"{line} --port 0 > address & {waits}; kill -INT $! && wait $!"
    if line.startswith("cygnet run demo"):
        return f"{line} {' '.join(SMALL)}"
    if line.startswith("cygnet run tiny-llm"):
        return f"{line} {QUICK}"
    if line.startswith("cygnet xray sweep demo"):
        return f"{line} {' '.join(SMALL)} {FEW_STEPS}"
    return line


def run_shell(line: str, folder: Path, environment: dict[str, str]) -> None:
    command = shortened(line).format(runs=folder / "runs")
    result = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


def run_python(blocks: list[str], folder: Path, environment: dict[str, str]) -> None:
    """The python blocks of one document share their names, as in a notebook."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(blocks)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_code_blocks(path: Path, sandbox: tuple[Path, dict[str, str]]) -> None:
    blocks = BLOCK.findall(path.read_text())
    assert {language for language, _ in blocks} <= EXECUTED | NOT_CODE
    assert len(blocks) == path.read_text().count("\n```") / 2, "a block without a language"
    for language, code in blocks:
        if language == "sh":
            for line in code.replace("\\\n", " ").splitlines():
                run_shell(line, *sandbox)
    run_python([code for language, code in blocks if language == "python"], *sandbox)


@pytest.mark.parametrize("verb", [*BUILDS, *ACTIONS])
def test_example_of_help(verb: str, sandbox: tuple[Path, dict[str, str]]) -> None:
    text = " ".join(cygnet(*verb.split(), "--help").stdout.split())
    found = re.search(r"Example: (cygnet .*?)(?: ╭|$)", text)
    assert found
    line = found.group(1)
    if verb in BUILDS:
        line += " " + " ".join(map(shlex.quote, SMALL))
    run_shell(line, *sandbox)


def test_links_lead_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert target.startswith("https://") or (path.parent / target).exists(), target


def test_help_is_in_the_readme() -> None:
    """The list of commands in the README is that of the program."""
    assert cygnet("--help").stdout.strip() in (ROOT / "README.md").read_text()
