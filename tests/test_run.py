"""A run: finished once, resumed after any kill, never silently stale."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import SMALL, child_seconds, cygnet, in_new_process, refused, start
from cygnet.runner import STAGES
from cygnet.transformer.meter import TIMINGS

SEEDS = 1
STRESS_SEEDS = 12


def state(folder: Path) -> dict[str, tuple[int, str]]:
    """Time of change and content of every file."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def products(folder: Path) -> dict[str, str]:
    """What a run made, by name: all that a kill must not change.

    Records and metrics hold times of the machine, and word counts are in the order in which threads
    found them: those are left out.
    """
    made = {name: digest for name, (_, digest) in state(folder).items()}
    for name in list(made):
        if Path(name).name in ("stage.json", "report.html", "recipe.json") or ".npz" in name:
            del made[name]
    lines = (folder / "transformer" / "metrics.jsonl").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    for line in metrics:
        assert min(line.pop(name) for name in TIMINGS) > 0
    made["transformer/metrics.jsonl"] = json.dumps(metrics)
    return made


def tokens_of(folder: Path) -> dict[str, str]:
    names = (name for name in state(folder / "tokens") if name != "stage.json")
    return {name: state(folder / "tokens")[name][1] for name in names}


def test_second_run_changes_no_file(finished_run: Path) -> None:
    before = state(finished_run)
    seconds = child_seconds()
    result = in_new_process("run", "demo", *SMALL, "--out", finished_run)
    assert result.returncode == 0
    assert child_seconds() - seconds < 3
    assert state(finished_run) == before
    assert result.stderr.count("is finished") == len(STAGES)


def test_what_is_left_behind(finished_run: Path) -> None:
    everything = state(finished_run)
    assert len([name for name in everything if name.startswith("word-counts/")]) == 1
    names = {n for n in everything if not n.startswith(("tokens/train-", "word-counts/"))}
    assert names == {
        "recipe.json",
        "text/stage.json",
        "text/train.txt",
        "text/valid.txt",
        "tokenizer/stage.json",
        "tokenizer/tokenizer.json",
        "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.txt",
        "tokens/manifest.json",
        "tokens/stage.json",
        "tokens/valid-00000.bin",
        "tokens/valid-00000.idx",
        "tokens/valid-counts.npy",
        "transformer/config.json",
        "transformer/generation_config.json",
        "transformer/metrics.jsonl",
        "transformer/model.safetensors",
        "transformer/stage.json",
        "transformer/tokenizer.json",
        "transformer/tokenizer_config.json",
        "transformer/traces.jsonl",
        "transformer/vocab.txt",
        "xray/report.html",
        "xray/samples.json",
        "xray/stage.json",
    }


BEGUN = {"transformer": "metrics.jsonl"}
"""The file that is written when a stage begins its work; ``started.json`` where not named."""


def changed(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def kill_when(begun: Callable[[], bool], stage: str, folder: Path, delay: float) -> bool:
    """Run, and kill -9 ``delay`` seconds after ``begun``; whether that hit ``stage``."""
    process = start("run", "demo", *SMALL, "--out", folder)
    deadline = time.monotonic() + 120
    while not begun() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    try:
        process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    return (folder / stage / "started.json").exists()


def kill_in(stage: str, folder: Path, delay: float) -> bool:
    """Kill a run ``delay`` seconds after a stage began its work."""
    begun = folder / stage / BEGUN.get(stage, "started.json")
    before = changed(begun) if stage in BEGUN else 0
    return kill_when(lambda: changed(begun) != before, stage, folder, delay)


def kill_at_checkpoint(folder: Path, delay: float) -> bool:
    """Kill a run ``delay`` seconds after its first checkpoint was finished."""
    seals = "transformer/checkpoints/*/seal.json"
    return kill_when(lambda: any(folder.glob(seals)), "transformer", folder, delay)


def check_kills(finished_run: Path, folder: Path, seed: int) -> None:
    """Kill a run in each stage, in training before and after a checkpoint, then let it finish."""
    chance = random.Random(seed)
    seconds = {
        stage: json.loads((finished_run / stage / "stage.json").read_text())["seconds"]
        for stage in STAGES
    }
    killed = [kill_in(s, folder, chance.uniform(0, 0.7) * seconds[s]) for s in STAGES[:3]]
    killed.append(kill_in("transformer", folder, chance.uniform(0, 0.1) * seconds["transformer"]))
    assert kill_at_checkpoint(folder, chance.uniform(0, 0.2) * seconds["transformer"])
    assert list(folder.glob("transformer/checkpoints/*/seal.json"))
    killed.append(kill_in("xray", folder, chance.uniform(0, 0.7) * seconds["xray"]))
    assert sum(killed) >= 4, killed
    result = cygnet("run", "demo", *SMALL, "--out", folder)
    assert result.returncode == 0, result.stderr
    assert products(folder) == products(finished_run)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_killed_anywhere_it_ends_with_the_same_bytes(
    finished_run: Path, tmp_path: Path, seed: int
) -> None:
    check_kills(finished_run, tmp_path / "killed", seed)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + STRESS_SEEDS))
def test_killed_often_it_ends_with_the_same_bytes(
    finished_run: Path, tmp_path: Path, seed: int
) -> None:
    check_kills(finished_run, tmp_path / "killed", seed)


def test_ctrl_c_says_how_to_go_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start("run", "demo", *SMALL, "--transformer.steps", "5000", "--out", folder)
    while not (folder / "transformer" / "checkpoints").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "cygnet: interrupted; the same command goes on where it was"
    assert "Traceback" not in err


TEXT_ONLY = ("--text.train", "stories:1:300", "--text.valid", "stories:2:20")
TOKENS = (*TEXT_ONLY, "--tokenizer.vocab-size", "300")


def test_changed_option_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert cygnet("tokens", "build", "demo", *TOKENS, "--out", folder).returncode == 0
    before = state(folder)
    changed = (*TOKENS[:-1], "320")
    message = refused(cygnet("tokens", "build", "demo", *changed, "--out", folder))
    assert "tokenizer.vocab_size was 300 and is now 320" in message
    assert "--overwrite" in message
    assert "--out" in message
    assert state(folder) == before

    result = cygnet("tokens", "build", "demo", *changed, "--out", folder, "--overwrite")
    assert result.returncode == 0, result.stderr
    after = state(folder)
    assert after["text/train.txt"] == before["text/train.txt"]
    assert after["tokens/train-00000.bin"][1] != before["tokens/train-00000.bin"][1]
    assert cygnet("tokens", "build", "demo", *changed, "--out", folder).returncode == 0
    assert state(folder) == after


def test_changed_input_is_refused_by_name(tmp_path: Path) -> None:
    source, folder = tmp_path / "mine.txt", tmp_path / "run"
    source.write_text("a story of a pit. " * 50)
    options = ("--text.train", source, "--text.valid", "stories:2:5", "--out", folder)
    command = ("tokenizer", "train", "demo", *options, "--tokenizer.vocab-size", "270")
    assert cygnet(*command).returncode == 0
    before = state(folder)
    source.touch()  # the same bytes at another time are the same input
    assert cygnet(*command).returncode == 0
    assert state(folder) == before
    source.write_text("another story of a pit. " * 50)
    message = refused(cygnet(*command))
    assert "text.train[0] mine.txt has changed since" in message
    assert state(folder) == before


def test_half_made_stage_of_other_options_is_refused(finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    for name in ("manifest.json", "train-counts.npy", "train-00003.bin"):
        (folder / "tokens" / name).unlink()
    record = json.loads((folder / "tokens" / "stage.json").read_text())
    del record["outputs"], record["results"]
    (folder / "tokens" / "stage.json").unlink()
    (folder / "tokens" / "started.json").write_text(json.dumps(record))
    before = state(folder)
    changed = (*SMALL, "--tokens.shard-tokens", "70000")
    message = refused(cygnet("tokens", "build", "demo", *changed, "--out", folder))
    assert "tokens.shard_tokens was 60000 and is now 70000" in message
    assert state(folder) == before
    assert cygnet("tokens", "build", "demo", *SMALL, "--out", folder).returncode == 0
    assert tokens_of(folder) == tokens_of(finished_run)


def test_stage_begun_without_progress_takes_other_options(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert kill_in("text", folder, delay=0.01)
    assert cygnet("tokenizer", "train", "demo", *TOKENS, "--out", folder).returncode == 0


def test_files_of_unknown_origin_are_refused(finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    (folder / "tokens" / "stage.json").unlink()
    message = refused(cygnet("tokens", "build", "demo", *SMALL, "--out", folder))
    assert "tokens holds files of unknown origin; --overwrite" in message
    command = ("tokens", "build", "demo", *SMALL, "--out", folder, "--overwrite")
    assert cygnet(*command).returncode == 0
    assert tokens_of(folder) == tokens_of(finished_run)


def test_a_removal_that_was_killed_is_finished(finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    (folder / "tokens").rename(folder / "tokens.tmp")
    shutil.copytree(finished_run / "text", folder / "text.old")  # a copy that someone keeps
    assert cygnet("tokens", "build", "demo", *SMALL, "--out", folder).returncode == 0
    assert tokens_of(folder) == tokens_of(finished_run)
    assert not (folder / "tokens.tmp").exists()
    assert state(folder / "text.old") == state(finished_run / "text")


def test_saved_recipe_runs_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert cygnet("tokens", "build", "demo", *TOKENS, "--out", first).returncode == 0
    recipe = first / "recipe.json"
    assert cygnet("tokens", "build", recipe, "--out", second).returncode == 0
    assert (second / "recipe.json").read_bytes() == recipe.read_bytes()
    ids = "tokens/train-00000.bin"
    assert (second / ids).read_bytes() == (first / ids).read_bytes()


def test_two_runs_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start("run", "demo", *SMALL, "--out", folder)
    while not (folder / "text").exists():
        time.sleep(0.001)
    message = refused(cygnet("run", "demo", *SMALL, "--out", folder))
    process.kill()
    process.communicate()
    assert "another cygnet is at work" in message
