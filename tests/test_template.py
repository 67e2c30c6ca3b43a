"""The template runs, and has the names that experiments are written with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from conftest import ROOT

TEMPLATE = ROOT / "examples" / "duckling_template.py"
LOOK = """
import inspect, runpy, sys
names = runpy.run_path(sys.argv[1])
assert names["model"].num_parameters() == 1_510_912
assert names["model"].transformer.wte.weight is names["W"]
assert names["W"].shape == (8192, 128)
batch = names["collator"]([names["dataset"][0], names["dataset"][1]])
assert batch["input_ids"].shape == (2, 512) and (batch["labels"] == batch["input_ids"]).all()
assert len(names["dead_token_ids"]) + names["tokenizer"].vocab_size == 8192
assert names["device"].type in ("cpu", "cuda")
signature = inspect.signature(names["make_training_args"])
assert list(signature.parameters) == ["num_steps", "output_dir", "logging_steps"]
assert len(names["loss_tracker"].losses) == 3
assert names["loss_tracker"].losses[-1] < names["loss_tracker"].losses[0]
args = names["make_training_args"](5, sys.argv[1] + ".out", 1)
assert (args.learning_rate, args.weight_decay, args.max_grad_norm) == (1e-4, 0.01, 1.0)
assert (args.lr_scheduler_type, args.warmup_steps, args.seed) == ("linear", 0, 42)
assert args.bf16 and args.per_device_train_batch_size == 2
"""


def run(folder: Path, **variables: str) -> None:
    environment = os.environ | {"DUCKLING_STEPS": "3", "MPLBACKEND": "Agg"} | variables
    command = [sys.executable, "-W", "error", "-c", LOOK, str(TEMPLATE)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_template_runs_offline(tmp_path: Path) -> None:
    run(tmp_path)
    recorder = tmp_path / "runs" / "duckling-template" / "recorder"
    assert np.load(recorder / "steps.npy").tolist() == [0, 1, 2, 3]
    assert np.load(recorder / "snapshots.npy", mmap_mode="r").shape == (4, 8192, 128)
    assert (recorder.parent / "rows.png").exists()


def test_template_takes_real_text(tmp_path: Path, data: Path) -> None:
    text = data / "tinystories" / "tinystories_valid.txt"
    run(tmp_path, DUCKLING_TEXT=str(text), DUCKLING_OUT=str(tmp_path / "real"))
    assert (tmp_path / "real" / "rows.png").exists()


def test_template_is_a_notebook_in_percent_format() -> None:
    cells = re.split(r"^# %%", TEMPLATE.read_text(), flags=re.MULTILINE)
    assert cells[0] == ""
    for cell in cells[1:]:
        kind, _, body = cell.partition("\n")
        assert kind in ("", " [markdown]")
        lines = body.rstrip().splitlines()
        if kind:
            assert all(line.startswith("#") for line in lines if line)
        else:
            compile(body, "cell", "exec")
