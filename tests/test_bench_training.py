"""The benchmark of the training step: what it compares is the same model."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import GPT2LMHeadModel

from conftest import ROOT
from cygnet.transformer.presets import duckling_ii

SHAPE = {"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 32}


def test_the_loop_by_hand_trains_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    plain_gpt = importlib.import_module("plain_gpt")
    model = GPT2LMHeadModel(duckling_ii(60, **SHAPE))
    by_hand = plain_gpt.GPT(model)
    ids = torch.randint(0, 60, (2, 20))
    expected = model(input_ids=ids, labels=ids).loss
    assert torch.allclose(by_hand(ids[:, :-1], ids[:, 1:]), expected, atol=1e-5)
    batches = iter([(ids[:, :-1], ids[:, 1:])] * 3)
    first, second, third = plain_gpt.losses_of_steps(by_hand, batches, 1e-2)
    assert first > second > third


@pytest.mark.stress
@pytest.mark.parametrize("engine", ["Trainer as published", "loop by hand", "cygnet"])
def test_an_engine_of_the_benchmark_works(
    engine: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    training = importlib.import_module("training")
    run = importlib.import_module("cygnet.runner").run
    run(training.recipe(data), tmp_path / "run", until="tokens")
    command = [sys.executable, "bench/training.py", "--work", engine, str(tmp_path / "run")]
    done = subprocess.run(
        [*command, "2", "4", "0"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert 8 < found["loss"] < 10 and 0 < found["seconds"] < 60 and found["bytes"] > 1e8
