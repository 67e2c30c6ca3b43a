"""A sweep: each cell a whole run, what they share made once, killed and gone on with."""

import dataclasses
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import cygnet, refused, start
from cygnet import stage
from cygnet.cli import main
from cygnet.errors import InputError, StaleError
from cygnet.recipe import Recipe, to_dict
from cygnet.recipes import find_recipe
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.sweep.grid import make_cells
from cygnet.xray.sweep.results import Result, read_cell
from cygnet.xray.sweep.training import train_cell
from cygnet.xray.sweep.view import draw_sweep, print_sweep

TINY = (
    *("--text.train", "stories:1:300", "--text.valid", "stories:2:20"),
    *("--tokenizer.vocab-size", "500", "--tokenizer.live", "440", "--tokenizer.dead", "60"),
    "--tokenizer.lossless",
    *("--transformer.n-embd", "16", "--transformer.n-head", "2", "--transformer.block-size", "32"),
    *("--transformer.batch-size", "2", "--transformer.steps", "40"),
    *("--transformer.log-every", "10", "--transformer.eval-every", "20"),
    *("--transformer.precision", "fp32"),
    *("--transformer.record", "W", "--transformer.record-every", "20"),
)
GRID = ("--layers", "1", "--learning-rates", "0.001", "0.01", "1e30")
FIRST, SECOND, DIVERGED = NAMES = [f"layers-1-batch-2-lr-{lr}" for lr in ("0.001", "0.01", "1e+30")]


def command(base: Path, out: Path, *more: str) -> tuple[str | Path, ...]:
    return ("xray", "sweep", "demo", *TINY, "--tokenizer.base", base, *GRID, "--out", out, *more)


Cells = list[dict[str, object]]


@pytest.fixture(scope="module")
def swept(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Cells]:
    """A sweep that was killed in its second cell and gone on with, and what it printed."""
    out = tmp_path_factory.mktemp("sweep") / "out"
    killed = start(*command(finished_run, out))
    while not list((out / SECOND / "transformer" / "checkpoints").glob("checkpoint-20/seal.json")):
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()  # which ends when the process of the cell has ended too
    assert not (out / SECOND / "transformer" / "stage.json").exists()
    assert not (out / "sweep.json").exists()
    before = times(out / FIRST)
    result = cygnet(*command(finished_run, out, "--json"))
    assert f"1 of 3 cells failed, the first is {out / DIVERGED}" in refused(result)
    assert times(out / FIRST) == before, "a finished cell was made again"
    printed: Cells = json.loads(result.stdout)
    return out, printed


def times(folder: Path) -> list[int]:
    return [path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))]


def test_each_cell_is_a_run_of_its_own(
    swept: tuple[Path, Cells], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, printed = swept
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"shared", *NAMES}
    assert [Path(str(found["path"])).name for found in printed] == NAMES
    for name, found in zip(NAMES, printed, strict=True):
        recipe = find_recipe(str(out / name / "recipe.json"))
        assert recipe.transformer.n_layer == found["n_layer"]
        assert recipe.transformer.learning_rate == found["learning_rate"]
        if name != DIVERGED:
            stage.verify(out / name / "transformer")
    # The cell that was killed has the bytes of a run that is made alone.
    again = [
        "transformer",
        "train",
        str(out / SECOND / "recipe.json"),
        "--out",
        str(tmp_path / "x"),
    ]
    assert main(again) == 0, capsys.readouterr()
    for file in ("transformer/model.safetensors", "transformer/recorder/snapshots.npy"):
        assert (tmp_path / "x" / file).read_bytes() == (out / SECOND / file).read_bytes()


def test_a_cell_that_diverges_is_named_and_stops_no_other(swept: tuple[Path, Cells]) -> None:
    _, (first, last, diverged) = swept
    assert diverged.keys() == {"path", "n_layer", "batch_size", "learning_rate", "failed"}
    reason = str(diverged["failed"])
    assert reason.startswith(
        "training has stopped, loss-not-finite: train_nats_per_token is nan at "
    )
    assert "train again with a lower learning_rate" in reason
    assert "valid_bits_per_byte" in first
    assert "valid_bits_per_byte" in last


def test_what_cells_share_is_there_once(swept: tuple[Path, Cells]) -> None:
    out, _ = swept
    for name in (FIRST, SECOND):
        for file in ("tokens/train-00000.bin", "tokenizer/tokenizer.json", "text/stage.json"):
            assert (out / name / file).samefile(out / "shared" / file)


def test_figures_are_those_of_the_runs(swept: tuple[Path, Cells]) -> None:
    out, printed = swept
    assert json.loads((out / "sweep.json").read_text()) == printed
    for name, found in zip(NAMES, printed, strict=True):
        if name == DIVERGED:
            continue
        last = json.loads((out / name / "transformer/metrics.jsonl").read_text().splitlines()[-1])
        for figure in ("valid_nats_per_token", "valid_bits_per_byte", "train_nats_per_token"):
            assert found[figure] == last[figure]
        assert found["tokens"] == last["tokens"] == 40 * 2 * 32
        dead = np.array(Snapshots.open(out / name).arrays["snapshots"][:, 440:], np.float64)
        spreads = [np.sqrt(((rows - rows.mean(0)) ** 2).mean()) for rows in dead]
        assert found["dead_spread"] == {"W": pytest.approx([spreads[0], spreads[-1]])}
    assert len({found["valid_bits_per_byte"] for found in printed[:2]}) == 2


def test_table_and_plot(swept: tuple[Path, Cells], capsys: pytest.CaptureFixture[str]) -> None:
    out, printed = swept
    cells = make_cells(find_recipe(str(out / FIRST / "recipe.json")), out, [1], [], [1e-3, 1e30])
    cells = [read_cell(cells[0], None), read_cell(cells[1], "killed by SIGKILL")]
    print_sweep(cells)
    header, first, failed = capsys.readouterr().out.splitlines()
    columns = re.split(r"  +", header.strip())
    assert columns[:3] == ["layers", "batch size", "learning rate"]
    assert columns[-1] == "failed"
    assert f"{printed[0]['valid_bits_per_byte']:.4f}" in first
    assert "W 0.0" in first
    assert re.split(r"  +", failed.strip())[:4] == ["1", "2", "1e+30", "-"]
    assert failed.rstrip().endswith("killed by SIGKILL")
    assert (out / "sweep.png").read_bytes()[:4] == b"\x89PNG"
    drawn = (out / "sweep.svg").read_text()
    for words in ("valid loss, bits per byte", "spread of dead rows, W", "layers 1, batch size 2"):
        assert words in drawn
    draw_sweep(cells[1:], out / "none.svg")  # all have failed


OUT_OF_MEMORY = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
sys.argv = ["cell"]
runpy.run_module("cygnet.xray.sweep.training", run_name="__main__")
"""
KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


def train_instead(code: str, recipe: Recipe, folder: Path, patch: pytest.MonkeyPatch) -> str:
    patch.setattr("cygnet.xray.sweep.training.COMMAND", [sys.executable, "-c", code])
    return train_cell(recipe, folder) or ""


def test_a_cell_that_is_killed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = train_instead(KILLED, find_recipe("demo"), tmp_path, monkeypatch)
    assert said == "killed by SIGKILL, perhaps for want of memory"


@pytest.mark.stress
def test_want_of_memory_is_said(
    swept: tuple[Path, Cells], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = swept
    recipe = find_recipe(str(out / FIRST / "recipe.json"))
    wide = dataclasses.replace(recipe.transformer, n_embd=1 << 15)
    shutil.copytree(out / FIRST, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "transformer")
    recipe = dataclasses.replace(recipe, transformer=wide)
    said = train_instead(OUT_OF_MEMORY, recipe, tmp_path / "run", monkeypatch)
    assert "alloc" in said or "memory" in said
    assert "\n" not in said


def test_other_options_are_refused_before_any_cell(
    finished_run: Path, swept: tuple[Path, Cells], capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = swept
    for changed, where in (
        (("--tokenizer.live", "430", "--tokenizer.dead", "70"), "shared/tokenizer was made diff"),
        (("--transformer.steps", "60"), f"{FIRST}/transformer was made differently"),
    ):
        assert main([*map(str, command(finished_run, out, *changed))]) == 2
        out_text, err = capsys.readouterr()
        message = err.splitlines()[-1]
        assert where in message
        assert "--overwrite" in message
        assert out_text == ""


def test_grid_is_every_combination_once() -> None:
    recipe = find_recipe("duckling-ii")
    cells = make_cells(recipe, Path("x"), [2, 4, 2], [1, 2], [1e-4])
    assert [cell.folder.name for cell in cells] == [
        f"layers-{n}-batch-{b}-lr-0.0001" for n in (2, 4) for b in (1, 2)
    ]
    changed = to_dict(cells[3].recipe.transformer).items() ^ to_dict(recipe.transformer).items()
    assert {key for key, _ in changed} == {"n_layer"}
    assert [cell.recipe for cell in make_cells(recipe, Path("x"))] == [recipe]
    with pytest.raises(InputError, match="--layers must be at least 1, found 0"):
        make_cells(recipe, Path("x"), [0])


def test_adopted_stage(tmp_path: Path) -> None:
    def make(folder: Path, content: str) -> Path:
        def fill(folder: Path) -> dict[str, int]:
            (folder / "a").write_text(content)
            return {}

        stage.Stage("text", folder, {"content": content}, {}).build(fill)
        return folder

    first, second = make(tmp_path / "first" / "text", "1"), make(tmp_path / "second" / "text", "2")
    target = tmp_path / "third" / "text"
    target.parent.mkdir()
    stage.adopt(first, target)
    stage.verify(target)
    inode = target.stat().st_ino
    stage.adopt(first, target)
    assert target.stat().st_ino == inode
    with pytest.raises(StaleError, match="--overwrite"):
        stage.adopt(second, target)
    assert (target / "a").read_text() == "1"
    stage.adopt(second, target, overwrite=True)
    assert (target / "a").read_text() == "2"
    assert (first / "a").read_text() == "1"
    assert [path.name for path in target.parent.iterdir()] == ["text"]


def test_adopting_without_links_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: str, target: str) -> None:
        raise OSError("cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    test_adopted_stage(tmp_path)


def test_plot_has_a_line_for_each_combination(tmp_path: Path) -> None:
    base = Result(
        path="x", n_layer=2, batch_size=2, learning_rate=1e-3, n_parameters=1, steps=1, tokens=1,
        train_nats_per_token=3.0, valid_nats_per_token=None, valid_bits_per_byte=None,
        dead_spread={}, seconds=1.0,
    )  # fmt: skip
    results = [
        dataclasses.replace(base, n_layer=n, batch_size=b) for n in (2, 4, 8) for b in (1, 2)
    ]
    draw_sweep(results, tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert "train loss, nats per token" in drawn
    for label in ("batch size 1, learning rate 0.001", "batch size 2, learning rate 0.001"):
        assert label in drawn
    assert ">layers<" in drawn
