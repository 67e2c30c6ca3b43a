"""``cygnet run duckling-ii`` with its recorder, killed in the middle of its training."""

import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from conftest import cygnet, start

STEPS, SAVED_EVERY, RECORDED_EVERY = 160, 20, 4
OPTIONS = (
    *("--text.train", "stories:1:300", "--text.valid", "stories:2:20"),
    *("--tokenizer.vocab-size", "400", "--tokenizer.live", "350", "--tokenizer.dead", "50"),
    *("--transformer.block-size", "32", "--transformer.n-embd", "32"),
    *("--transformer.steps", str(STEPS), "--transformer.log-every", "10"),
    *("--transformer.eval-every", str(SAVED_EVERY), "--transformer.eval-tokens", "200"),
    *("--transformer.record", "W", "grad", "adam"),
    *("--transformer.record-every", str(RECORDED_EVERY), "--xray.max-tokens", "5"),
)


def last_step(run: Path) -> int:
    """The step of the last snapshot, also of a run that is at work; -1 before the first one."""
    try:
        steps = np.load(run / "transformer" / "recorder" / "steps.npy")
    except (OSError, EOFError, ValueError):  # not begun
        return -1
    return int(steps[-1]) if len(steps) else -1


def kill_at(run: Path, step: int, *command: str | Path) -> None:
    """Start a run, and kill it with SIGKILL once it has a snapshot of this step."""
    process = start(*command)
    while last_step(run) < step and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
    assert last_step(run) < STEPS


def files_of(run: Path) -> dict[str, bytes]:
    """What was learned and recorded."""
    folder = run / "transformer"
    paths = [*(folder / "recorder").iterdir(), folder / "model.safetensors"]
    return {path.name: path.read_bytes() for path in paths}


def check_killed_at(steps: list[int], base: Path, folder: Path) -> None:
    command = ("run", "duckling-ii", *OPTIONS, "--tokenizer.base", base, "--out")
    whole, killed = folder / "whole", folder / "killed"
    assert cygnet(*command, whole).returncode == 0
    for step in steps:
        kill_at(killed, step, *command, killed)
    result = cygnet(*command, killed)
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("is finished") == 3, "text, tokenizer and tokens stay"
    expected = files_of(whole)
    assert files_of(killed) == expected
    assert {"snapshots.npy", "grad.npy", "exp_avg.npy", "steps.npy"} < expected.keys()
    assert last_step(killed) == STEPS


def test_killed_in_training_it_ends_with_the_same_snapshots(
    finished_run: Path, tmp_path: Path
) -> None:
    """Behind the second checkpoint, with snapshots that the checkpoint does not know."""
    check_killed_at([2 * SAVED_EVERY + 4 * RECORDED_EVERY], finished_run, tmp_path)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(3))
def test_killed_again_and_again_it_ends_with_the_same_snapshots(
    finished_run: Path, tmp_path: Path, seed: int
) -> None:
    steps = sorted(random.Random(seed).sample(range(STEPS - 30), 4))
    check_killed_at(steps, finished_run, tmp_path)
