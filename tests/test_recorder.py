"""The recorder: what it writes is what happened, whoever kills it and whoever reads it."""

import json
import os
import resource
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2LMHeadModel, TrainerCallback

from cygnet import stage
from cygnet.errors import DamagedError, InputError, StaleError, StorageError
from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore
from cygnet.transformer.growing_array import GrowingArray
from cygnet.transformer.presets import duckling_ii
from cygnet.transformer.recorder import EmbeddingRecorder, embedding_matrices, select_rows
from cygnet.transformer.snapshots import Snapshots, SnapshotWriter
from cygnet.transformer.stage import RECORDER, new_model, row_callbacks
from cygnet.transformer.training import train
from recorder_lab import BLOCK, EVERYTHING, STEPS, VOCAB, WIDTH, blocks, new_trainer
from recorder_lab import new_model as tiny_model

LAB = Path(__file__).with_name("recorder_lab.py")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Witness(TrainerCallback):
    """Keeps what the recorder should write, by other means and at other moments."""

    def __init__(self) -> None:
        self.W: dict[int, dict[str, torch.Tensor]] = {}
        self.grad: dict[int, dict[str, torch.Tensor]] = {}
        self.adam: dict[int, dict[str, dict[str, torch.Tensor]]] = {}

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.keep(state.global_step, kwargs)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        matrices = embedding_matrices(kwargs["model"])
        self.grad[state.global_step + 1] = {
            name: matrix.grad.clone()
            for name, matrix in matrices.items()
            if matrix.grad is not None
        }

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.keep(state.global_step, kwargs)

    def keep(self, step: int, kwargs: Any) -> None:
        matrices = embedding_matrices(kwargs["model"])
        self.W[step] = {name: matrix.detach().clone() for name, matrix in matrices.items()}
        state = kwargs["optimizer"].state_dict()["state"]
        numbers = {id(p): i for i, p in enumerate(_parameters(kwargs["optimizer"]))}
        self.adam[step] = {
            name: {key: value.clone() for key, value in state[numbers[id(matrix)]].items()}
            for name, matrix in matrices.items()
            if state
        }


def _parameters(optimizer: Any) -> list[torch.nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@pytest.mark.parametrize("tied", [True, False])
def test_snapshots_are_what_happened(tmp_path: Path, tied: bool) -> None:
    model, witness = tiny_model(tied), Witness()
    first = {name: W.detach().clone() for name, W in embedding_matrices(model).items()}
    recorder = EmbeddingRecorder(
        tmp_path / "r", every=5, rows=[3, 1, 39], what=EVERYTHING, dead_ids=[38, 39]
    )
    # A bound on the gradients that is always passed: what is recorded is what is left.
    trainer = new_trainer(tmp_path, [witness, recorder], model, max_steps=20, max_grad_norm=0.01)
    trainer.train()

    names = {"W": ""} if tied else {"W_E": "", "W_U": "W_U-"}
    steps = np.load(tmp_path / "r" / "steps.npy")
    assert steps.tolist() == [0, 5, 10, 15, 20]
    assert np.load(tmp_path / "r" / "rows.npy").tolist() == [3, 1, 39]
    for name, prefix in names.items():
        files = ("snapshots", "grad", "exp_avg", "exp_avg_sq")
        arrays = {file: np.load(tmp_path / "r" / f"{prefix}{file}.npy") for file in files}
        assert all(array.shape == (5, 3, WIDTH) for array in arrays.values())
        assert all(array.dtype == np.float32 for array in arrays.values())
        assert np.array_equal(arrays["snapshots"][0], first[name][[3, 1, 39]])
        assert np.isnan(arrays["grad"][0]).all()
        assert not arrays["exp_avg"][0].any()
        for i, step in enumerate(steps.tolist()):
            assert np.array_equal(arrays["snapshots"][i], witness.W[step][name][[3, 1, 39]])
            if step:
                assert np.array_equal(arrays["grad"][i], witness.grad[step][name][[3, 1, 39]])
                adam = witness.adam[step][name]
                assert np.array_equal(arrays["exp_avg"][i], adam["exp_avg"][[3, 1, 39]])
                assert np.array_equal(arrays["exp_avg_sq"][i], adam["exp_avg_sq"][[3, 1, 39]])
    assert len(list((tmp_path / "r").glob("*snapshots.npy"))) == len(names)


@pytest.mark.parametrize("tied", [True, False])
def test_gradient_is_that_of_autograd(tmp_path: Path, tied: bool) -> None:
    """The first step again by hand, on the batch that the trainer took."""
    model, batches = tiny_model(tied), []
    recorder = EmbeddingRecorder(tmp_path / "r", every=1, what=("W", "grad"))
    trainer = new_trainer(tmp_path, [recorder], model, max_steps=1, max_grad_norm=0)
    model.register_forward_pre_hook(
        lambda module, args, inputs: batches.append(inputs), with_kwargs=True
    )
    trainer.train()

    again = tiny_model(tied)
    [batch] = batches
    again(**batch).loss.backward()
    found = Snapshots.open(tmp_path / "r")
    for name, matrix in embedding_matrices(again).items():
        file = "W_U-grad" if name == "W_U" else "grad"
        assert matrix.grad is not None
        np.testing.assert_allclose(found.arrays[file][1], matrix.grad, rtol=1e-4, atol=1e-7)


def test_gradient_of_untied_dead_rows(tmp_path: Path) -> None:
    """Input rows of tokens that never occur receive none at all, output rows do."""
    recorder = EmbeddingRecorder(
        tmp_path / "r", every=1, rows="dead", what=EVERYTHING, dead_ids=[38, 39]
    )
    data = blocks(n_live=38)
    new_trainer(tmp_path, [recorder], tiny_model(tied=False), data, max_steps=3).train()
    arrays = Snapshots.open(tmp_path / "r").arrays
    assert not arrays["grad"][1:].any()
    assert not arrays["exp_avg"][1:].any()
    assert np.abs(arrays["W_U-grad"][1:]).min() > 0


def test_one_matrix_of_two(tmp_path: Path) -> None:
    recorder = EmbeddingRecorder(tmp_path / "r", every=1, matrices=["W_U"])
    new_trainer(tmp_path, [recorder], tiny_model(tied=False), max_steps=1).train()
    assert set(Snapshots.open(tmp_path / "r").arrays) == {"W_U-snapshots"}


def test_bf16_training_is_recorded_in_fp32(tmp_path: Path) -> None:
    recorder = EmbeddingRecorder(tmp_path / "r", every=1)
    model = tiny_model()
    new_trainer(tmp_path, [recorder], model, max_steps=2, bf16=True).train()
    last = Snapshots.open(tmp_path / "r").arrays["snapshots"][-1]
    assert np.array_equal(last, model.transformer.wte.weight.detach())
    assert (last != torch.from_numpy(last.copy()).bfloat16().float().numpy()).any()


def test_killed_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    check_kills(tmp_path, ["1", "2"])


@pytest.mark.stress
def test_killed_often_it_ends_with_the_same_bytes(tmp_path: Path) -> None:
    check_kills(tmp_path, [str(seed) for seed in range(3, 23)])


def check_kills(folder: Path, seeds: list[str]) -> None:
    command = [sys.executable, str(LAB), str(folder), *seeds]
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert sum(map(int, result.stdout.split())) >= 3 * len(seeds)
    whole = without_extra_steps(contents(folder / "whole" / RECORDER))
    assert np.load(folder / "whole/recorder/steps.npy").tolist() == list(range(0, STEPS + 1, 3))
    for seed in seeds:
        assert without_extra_steps(contents(folder / seed / RECORDER)) == whole


def without_extra_steps(files: dict[str, Any]) -> dict[str, Any]:
    """Without the checkpoints that ``Trainer`` makes when its training had reached its end."""
    marks = json.loads(files["checkpoints.json"])
    return files | {
        "checkpoints.json": {at: mark for at, mark in marks.items() if int(at) <= STEPS}
    }


READER = """
import sys, numpy as np
folder = sys.argv[1]
steps = np.load(f"{folder}/steps.npy")
W = np.load(f"{folder}/snapshots.npy", mmap_mode="r")[: len(steps)]
print(steps.tolist(), W.shape, float(W[-1].sum()), "torch" in sys.modules)
"""


def test_numpy_alone_reads_it_while_it_is_written(tmp_path: Path) -> None:
    read = []

    class Reader(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            array = np.load(tmp_path / "r" / "snapshots.npy", mmap_mode="r")
            steps = np.load(tmp_path / "r" / "steps.npy")
            assert len(array) == len(steps) == state.global_step + 1
            read.append(float(array[-1].sum()))

    recorder = EmbeddingRecorder(tmp_path / "r", every=1)
    new_trainer(tmp_path, [recorder, Reader()], max_steps=4).train()
    out = subprocess.check_output([sys.executable, "-c", READER, str(tmp_path / "r")], text=True)
    assert out == f"[0, 1, 2, 3, 4] (5, {VOCAB}, {WIDTH}) {read[-1]} False\n"


def test_growing_array_is_a_file_of_numpy(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    array = GrowingArray(path, "<f4", (2, 3))
    entries = np.arange(72, dtype="<f4").reshape(12, 2, 3)
    for n, entry in enumerate(entries, start=1):
        array.append(entry)
        assert np.array_equal(np.load(path), entries[:n])
    np.save(tmp_path / "b.npy", entries)
    assert path.read_bytes() == (tmp_path / "b.npy").read_bytes()
    array.cut(5)
    np.save(tmp_path / "b.npy", entries[:5])
    assert path.read_bytes() == (tmp_path / "b.npy").read_bytes()
    array = GrowingArray(path, "<f4", (2, 3))
    array.append(entries[5])
    assert np.array_equal(np.load(path), entries[:6])
    with pytest.raises(DamagedError, match="no array of float64"):
        GrowingArray(path, "<f8", (2, 3))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="shorter than its header says"):
        GrowingArray(path, "<f4", (2, 3))
    path.write_bytes(b"something else")
    with pytest.raises(DamagedError, match="no array"):
        GrowingArray(path, "<f4", (2, 3))


def test_killed_between_an_array_and_the_steps(tmp_path: Path) -> None:
    rows, values = np.arange(2), np.ones((2, 3))
    given = {"matrices": ["W"], "n_rows": 2, "width": 3}
    writer = SnapshotWriter(tmp_path, given, rows, 3, ["snapshots"])
    GrowingArray(tmp_path / "snapshots.npy", "<f4", (2, 3)).append(values)
    assert Snapshots.open(tmp_path).arrays["snapshots"].shape == (0, 2, 3)
    writer = SnapshotWriter(tmp_path, given, rows, 3, ["snapshots"])
    writer.append(0, {"snapshots": 2 * values})
    assert Snapshots.open(tmp_path).arrays["snapshots"].tolist() == [(2 * values).tolist()]
    (tmp_path / "snapshots.npy").unlink()
    with pytest.raises(DamagedError, match="it holds 0 snapshots, 1 were taken"):
        SnapshotWriter(tmp_path, given, rows, 3, ["snapshots"])


def test_full_disk_keeps_what_is_finished(tmp_path: Path) -> None:
    array = GrowingArray(tmp_path / "a.npy", "<f4", (1000,))
    array.append(np.ones(1000))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
    try:
        with pytest.raises(StorageError, match="the finished ones are kept"):
            array.append(np.ones(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert np.load(tmp_path / "a.npy").shape == (1, 1000)
    array.append(np.zeros(1000))
    assert np.load(tmp_path / "a.npy").sum() == 1000


@given(st.integers(0, 10**9))
def test_log_schedule(step: int) -> None:
    recorder = EmbeddingRecorder("unused", schedule="log")
    digits = len(str(step))
    due = [digit * 10 ** (digits - 1) for digit in range(10)]
    assert recorder.is_due(step) == (step in due)
    assert all(map(recorder.is_due, due))


@given(st.integers(1, 10**4), st.integers(0, 10**6))
def test_even_schedule(every: int, step: int) -> None:
    recorder = EmbeddingRecorder("unused", every=every)
    assert recorder.is_due(0)
    assert sum(recorder.is_due(step + i) for i in range(every)) == 1


def test_rows() -> None:
    assert select_rows("all", 4).tolist() == [0, 1, 2, 3]
    assert select_rows("dead", 5, [4, 1]).tolist() == [4, 1]
    assert select_rows("live", 5, [4, 1]).tolist() == [0, 2, 3]
    assert select_rows("7,0-2", 9).tolist() == [7, 0, 1, 2]
    wrong: list[tuple[Any, str]] = [
        ("deaf", "rows is 'deaf'"),
        ("dead", "needs a vocabulary with dead tokens, or their dead_ids"),
        ([1, 9], "row 9 is not in the embedding, which has 9 rows"),
        ([-1], "row -1 is not"),
        ([1, 1], "occurs twice"),
        ([], "no rows"),
    ]
    for rows, message in wrong:
        with pytest.raises(InputError, match=message):
            select_rows(rows, 9)


def test_arguments_out_of_range() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"every": 0}, "every must be at least 1, found 0"),
        ({"schedule": "lin"}, "schedule is 'lin'"),
        ({"what": ["W", "V"]}, "what has 'V'"),
        ({"what": []}, "what is empty"),
        ({"matrices": ["W"]}, "matrices has 'W'"),
    ]
    for arguments, message in wrong:
        with pytest.raises(InputError, match=message):
            EmbeddingRecorder("unused", **arguments)


def test_a_matrix_that_changes_its_size_is_refused(tmp_path: Path) -> None:
    class Grows(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 3:
                kwargs["model"].resize_token_embeddings(VOCAB + 2)

    recorder = EmbeddingRecorder(tmp_path / "r", every=2)
    with pytest.raises(InputError, match=r"is now \(42, 8\) and was \(40, 8\).*which are kept"):
        new_trainer(tmp_path, [recorder, Grows()], max_steps=6).train()
    assert Snapshots.open(tmp_path / "r").steps.tolist() == [0, 2]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_snapshots_of_another_run_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    saved = {"save_strategy": "steps", "save_steps": 4, "max_steps": 4}
    new_trainer(tmp_path / "a", [EmbeddingRecorder(folder, every=2)], **saved).train()
    new_trainer(tmp_path / "b", [], tiny_model(seed=1), **saved).train()
    before = contents(folder)

    def refused(message: str, resume: Path | None = None, **options: Any) -> None:
        recorder = EmbeddingRecorder(folder, **({"every": 2} | options))
        trainer = new_trainer(tmp_path / "c", [recorder], max_steps=8)
        with pytest.raises(StaleError, match=message) as error:
            trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        assert "\n" not in str(error.value)
        assert contents(folder) == before

    refused("holds the snapshots of another run, steps 0 to 4")
    checkpoint = tmp_path / "b/out/checkpoint-4"
    refused("rows at step 4 are not those of the checkpoint", checkpoint)
    refused("every was 2 and is now 3", checkpoint, every=3)
    refused("rows was 40 and is now 2", checkpoint, rows=[1, 2])
    refused("snapshots of other rows", checkpoint, rows=list(range(VOCAB))[::-1])
    refused("arrays was", checkpoint, what=["W", "grad"])

    recorder = EmbeddingRecorder(folder, every=2)
    checkpoint = tmp_path / "a/out/checkpoint-4"
    trainer = new_trainer(tmp_path / "c", [recorder], max_steps=8)
    trainer.train(resume_from_checkpoint=str(checkpoint))
    assert Snapshots.open(folder).steps.tolist() == [0, 2, 4, 6, 8]
    recorder = EmbeddingRecorder(folder, every=1, overwrite=True)
    new_trainer(tmp_path / "c", [recorder], max_steps=1).train()
    assert Snapshots.open(folder).steps.tolist() == [0, 1]


def test_files_of_unknown_origin_stay(tmp_path: Path) -> None:
    np.save(tmp_path / "snapshots.npy", np.ones(3))
    np.save(tmp_path / "mine.npy", np.ones(3))
    before = contents(tmp_path)
    recorder = EmbeddingRecorder(tmp_path, overwrite=True)
    with pytest.raises(StaleError, match=r"snapshots\.npy is of unknown origin"):
        new_trainer(tmp_path, [recorder]).train()
    (tmp_path / "out").rmdir()
    assert contents(tmp_path) == before


def test_recording_may_begin_at_a_checkpoint(tmp_path: Path) -> None:
    saved = {"save_strategy": "steps", "save_steps": 4, "max_steps": 4}
    new_trainer(tmp_path, [], **saved).train()
    recorder = EmbeddingRecorder(tmp_path / "r", every=3)
    trainer = new_trainer(tmp_path, [recorder], max_steps=8)
    trainer.train(resume_from_checkpoint=str(tmp_path / "out/checkpoint-4"))
    assert Snapshots.open(tmp_path / "r").steps.tolist() == [4, 6]


def test_adam_needs_adam(tmp_path: Path) -> None:
    recorder = EmbeddingRecorder(tmp_path / "r", what=["adam"])
    with pytest.raises(InputError, match="found SGD: leave 'adam' out"):
        new_trainer(tmp_path, [recorder], optim="sgd").train()


def test_snapshots_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no snapshots"):
        Snapshots.open(tmp_path)
    new_trainer(tmp_path, [EmbeddingRecorder(tmp_path / "r")], max_steps=1).train()
    (tmp_path / "r/snapshots.npy").write_bytes(b"12")
    with pytest.raises(DamagedError, match="cannot be read"):
        Snapshots.open(tmp_path / "r")


BYTES = Tokenizer([])
OPTIONS: dict[str, Any] = {
    **{"n_layer": 1, "n_head": 1, "n_embd": 16, "block_size": 16, "batch_size": 2, "steps": 6},
    **{"learning_rate": 1e-2, "log_every": 2, "eval_every": 4},
}


def test_recipe_records(tmp_path: Path) -> None:
    """A training of cygnet, killed before its first checkpoint and begun again."""
    build(tmp_path / "tokens", BYTES, {"train": ["a red ball and a blue ball. " * 4]})
    store = TokenStore.open(tmp_path / "tokens")
    options = TransformerOptions(
        **OPTIONS,
        precision="fp32",  # auto measures, and two runs could decide differently
        record=("W", "adam"),
        record_every="log",
        record_rows="0-9",
        tie_embeddings=False,
    )

    class Dies(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 3:
                raise KeyboardInterrupt

    def go(folder: Path, *more: TrainerCallback) -> None:
        callbacks = [*row_callbacks(options, folder, []), *more]
        model = new_model(options, BYTES)
        train(model, store, folder, options, BYTES.token_lengths(), callbacks=callbacks)

    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "run", Dies())
    go(tmp_path / "run")
    go(tmp_path / "whole")
    assert contents(tmp_path / "run" / RECORDER) == contents(tmp_path / "whole" / RECORDER)
    found = Snapshots.open(tmp_path / "run")
    assert found.steps.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert found.arrays["W_U-exp_avg"].shape == (7, 10, 16)
    assert json.loads((tmp_path / "run" / RECORDER / "recorder.json").read_text())["every"] == "log"


def test_a_stage_describes_snapshots_without_loading_them(tmp_path: Path) -> None:
    def make(folder: Path) -> dict[str, Any]:
        with open(folder / "snapshots.npy", "wb") as file:
            file.truncate(1 << 28)
        return {}

    made = stage.Stage("transformer", tmp_path / "t", {}, {})
    tracemalloc.start()
    made.build(make)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.is_finished()
    assert peak < 1 << 22


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_snapshots(tmp_path: Path) -> None:
    resident: dict[int, int] = {}

    class Memory(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            pages = Path("/proc/self/statm").read_text().split()[1]
            resident[state.global_step] = int(pages) * resource.getpagesize()

    config = duckling_ii(n_layer=1, block_size=BLOCK)
    recorder = EmbeddingRecorder(tmp_path / "r", every=1)
    model = GPT2LMHeadModel(config)
    new_trainer(tmp_path, [recorder, Memory()], model, max_steps=30).train()
    written = (tmp_path / "r" / "snapshots.npy").stat().st_size
    assert written > 31 * 8192 * 128 * 4
    assert resident[30] - resident[5] < written / 4
