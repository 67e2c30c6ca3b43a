"""Several ranks, started by torchrun, train as one process does; killed, they end and go on."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from conftest import ROOT, SMALL
from cygnet import cli, ranks
from cygnet.errors import InputError, RankError
from cygnet.tokens.batch import IGNORED
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from cygnet.transformer.meter import TIMINGS
from cygnet.transformer.rows import RankRows
from cygnet.transformer.snapshots import Snapshots
from cygnet.transformer.training import TrainingResult, check_options
from cygnet.xray.runs.traces import read_traces
from rank_trainings import BYTES, TRAININGS, run_training
from training_lab import StopError

HERE = Path(__file__).parent
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}


def start_ranks(*arguments: str | Path) -> "subprocess.Popen[str]":
    """Two ranks on this machine, under torchrun."""
    return subprocess.Popen(
        [*TORCHRUN, *map(str, arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lines_of_ours(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("cygnet: ")]


class Trained:
    """What two ranks left, and what they said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        process = start_ranks(HERE / "rank_jobs.py", folder)
        self.out, self.err = process.communicate(timeout=600)


def metrics_of(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in line.keys() - set(TIMINGS)} for line in lines]


def check_same_losses(folder: Path, expected: Path) -> None:
    found, wanted = metrics_of(folder), metrics_of(expected)
    assert len(found) == len(wanted) == 8
    for line, other in zip(found, wanted, strict=True):
        assert line == pytest.approx(other, rel=1e-5)


def check_same_weights(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.allclose(one[name], other[name], atol=1e-4), name


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one process trains."""
    folder = tmp_path_factory.mktemp("alone")
    build_tokens(folder)
    return folder


@pytest.fixture(scope="module")
def alone(here: Path) -> dict[str, TrainingResult]:
    """The trainings in one process; the masked one all rows at a time."""
    return {
        name: run_training(here / name, here, dataclasses.replace(options, micro_batch_size=None))
        for name, options in TRAININGS.items()
    }


def build_tokens(folder: Path) -> None:
    texts = [f"{name} had a red ball and lost it. " * 3 for name in ("Mia", "Tom", "Ben")]
    build(folder / "tokens", BYTES, {"train": texts, "valid": texts[:2]})
    chance = np.random.default_rng(1)
    documents = [
        (chance.integers(97, 105, n), chance.random(n) < share)
        for n, share in zip(chance.integers(4, 60, 40), chance.choice([0.1, 1.0], 40), strict=True)
    ]
    build_from_ids(folder / "masked-tokens", BYTES, {"train": documents, "valid": documents[:9]})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("ranks")
    build_tokens(folder)
    with pytest.raises(StopError):
        run_training(folder / "begun-alone", folder, TRAININGS["masked"], stop_at=5)
    return Trained(folder)


@pytest.mark.parametrize("name", TRAININGS)
def test_two_ranks_train_as_one_process(
    trained: Trained, here: Path, alone: dict[str, TrainingResult], name: str
) -> None:
    check_same_losses(trained.folder / name, here / name)
    models = [torch.load(trained.folder / f"{name}-rank{rank}.pt") for rank in (0, 1)]
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[0])
    check_same_weights(models[0], dict(alone[name].model.state_dict()))


def test_ranks_differ_in_what_they_predict(here: Path) -> None:
    """So that a mean over ranks of their means would be another."""
    store = TokenStore.open(here / "masked-tokens")
    shape: Any = {"batch_size": 6, "block_size": 24, "seed": 42, "order": "packed"}
    batches = [store.get_batch("train", step=step, **shape) for step in range(8)]
    counts = [[(rows != IGNORED).sum() for rows in (b.y[:3], b.y[3:])] for b in batches]
    assert max(max(pair) / min(pair) for pair in counts) > 1.5


def test_the_recorder_sees_the_gradient_of_all_ranks(
    trained: Trained, here: Path, alone: dict[str, TrainingResult]
) -> None:
    found, expected = Snapshots.open(trained.folder / "masked"), Snapshots.open(here / "masked")
    assert found.steps.tolist() == expected.steps.tolist() == list(range(9))
    assert np.array_equal(found.arrays["snapshots"][0], expected.arrays["snapshots"][0])
    assert np.allclose(found.arrays["grad"][1:], expected.arrays["grad"][1:], atol=1e-5)
    assert np.abs(expected.arrays["grad"][1:]).max() > 1e-2


def test_a_checkpoint_of_two_ranks_goes_on_in_one(
    trained: Trained, here: Path, alone: dict[str, TrainingResult]
) -> None:
    assert len((trained.folder / "stopped" / "metrics.jsonl").read_text().splitlines()) == 4
    result = run_training(trained.folder / "stopped", trained.folder, TRAININGS["masked"])
    check_same_losses(trained.folder / "stopped", here / "masked")
    check_same_weights(dict(result.model.state_dict()), dict(alone["masked"].model.state_dict()))


def test_a_checkpoint_of_one_process_goes_on_in_two(
    trained: Trained, here: Path, alone: dict[str, TrainingResult]
) -> None:
    check_same_losses(trained.folder / "begun-alone", here / "masked")
    model = torch.load(trained.folder / "begun-alone-rank1.pt")
    check_same_weights(model, dict(alone["masked"].model.state_dict()))


def test_rank_0_alone_writes(trained: Trained) -> None:
    writes = [json.loads((trained.folder / f"writes-{rank}.json").read_text()) for rank in (0, 1)]
    assert len(writes[0]) > 100
    assert writes[1] == []
    assert [one.step for one in read_traces(trained.folder / "masked")] == [0, 3, 6, 8]


def test_an_error_of_one_rank_is_one_line(trained: Trained) -> None:
    assert lines_of_ours(trained.err) == ["cygnet: rank 1: only this rank has no memory"]


def test_rows_of_ranks_are_those_of_one_process() -> None:
    for world_size in (1, 2, 3, 6):
        for micro in (None, 1, 2, 4, 9):
            parts = [list(RankRows(3, 12, micro, rank, world_size)) for rank in range(world_size)]
            assert len({len(rows) for rows in parts}) == 1
            n_parts = RankRows(3, 12, micro, 0, world_size).n_parts
            for step in range(3):
                of_step = [
                    row
                    for rank in parts
                    for part in rank[step * n_parts : (step + 1) * n_parts]
                    for row in part
                ]
                assert of_step == list(range(step * 12, step * 12 + 12))
            assert max(map(len, parts[0])) <= (micro or 12)


def test_a_batch_that_ranks_cannot_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(InputError, match=r"share a batch of 6 rows evenly: take .* 8,"):
        check_options(TRAININGS["masked"], None)  # type: ignore[arg-type]


def test_a_process_alone_shares_with_itself() -> None:
    assert ranks.share({"a": 1}) == {"a": 1}
    assert (ranks.rank(), ranks.world_size(), ranks.is_first_to_speak()) == (0, 1, True)


def test_what_a_lost_connection_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RankError, match="goes on from the last checkpoint"), ranks.ended_together():
        raise RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    with pytest.raises(RuntimeError, match="shapes"), ranks.ended_together():
        raise RuntimeError("shapes do not match")
    with pytest.raises(RankError), ranks.ended_together():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    # Verbs that build nothing are the business of the first rank alone.
    assert cli.main(["no", "such", "verb"]) == 0


def rank_processes(parent: int) -> dict[int, int]:
    """The processes that torchrun started, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            status = (path / "stat").read_text().rpartition(")")[2].split()
            variables = (path / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(status[1]) == parent:
            names = dict(v.decode().partition("=")[::2] for v in variables if v)
            found[int(names.get("RANK", -1))] = int(path.name)
    return found


def check_kill(finished_run: Path, folder: Path, rank: int) -> None:
    """Kill a rank in a run from the command line; the other ends, and one process goes on."""
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    command = ("transformer", "train", "demo", *SMALL, "--out", folder)
    process = start_ranks("-m", "cygnet", *command)
    while not list(folder.glob("transformer/checkpoints/*/seal.json")):
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(rank_processes(process.pid)[rank], signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode
    assert len(lines_of_ours(err)) == 1
    assert "the same command goes on from the last checkpoint" in lines_of_ours(err)[0]
    assert err.count("parameters, 240 steps") == 1  # rank 0 alone speaks
    assert not (folder / "transformer" / "stage.json").exists()
    assert cli.main([*map(str, command)]) == 0
    found, expected = (metrics_of(path / "transformer") for path in (folder, finished_run))
    assert [line["step"] for line in found] == [line["step"] for line in expected]
    for line, other in zip(found, expected, strict=True):
        assert line == pytest.approx(other, rel=2e-2)  # small differences grow over 240 steps
    for line, other in zip(found[:20], expected, strict=False):
        assert line == pytest.approx(other, rel=1e-4)


def test_a_killed_rank_ends_the_training_and_it_goes_on(finished_run: Path, tmp_path: Path) -> None:
    check_kill(finished_run, tmp_path / "run", rank=1)


@pytest.mark.stress
def test_a_killed_first_rank_ends_the_training_and_it_goes_on(
    finished_run: Path, tmp_path: Path
) -> None:
    check_kill(finished_run, tmp_path / "run", rank=0)


@pytest.mark.stress
def test_ranks_build_a_whole_run(finished_run: Path, tmp_path: Path) -> None:
    """The first rank builds text, tokenizer and tokens while the other waits."""
    folder = tmp_path / "run"
    for _ in range(2):
        process = start_ranks("-m", "cygnet", "run", "demo", *SMALL, "--out", folder)
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert out.count("the report") == 1
        assert lines_of_ours(err) == []
    assert err.count("is finished") == 5
    record = json.loads((folder / "transformer" / "stage.json").read_text())
    assert record["results"]["n_ranks"] == 2
    found, expected = (metrics_of(path / "transformer")[-1] for path in (folder, finished_run))
    assert found == pytest.approx(expected, rel=2e-2)


@pytest.mark.stress
def test_a_wrong_recipe_is_refused_in_one_line(finished_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    process = start_ranks(
        *("-m", "cygnet", "run", "demo", *SMALL, "--transformer.batch-size", "7", "--out", folder)
    )
    _, err = process.communicate(timeout=600)
    assert process.returncode
    [line] = lines_of_ours(err)
    assert "2 ranks cannot share a batch of 7 rows evenly: take --transformer.batch-size 8" in line
