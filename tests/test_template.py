"""The template runs, and has the names that experiments are written with."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from conftest import ROOT, cygnet
from cygnet.cli import main

TEMPLATE = ROOT / "examples" / "duckling_template.py"
LOOK = """
import inspect, runpy, sys
names = runpy.run_path(sys.argv[1])
assert names["model"].num_parameters() == 1_510_912
assert names["model"].transformer.wte.weight is names["W"]
assert names["W"].shape == (8192, 128)
batch = names["collator"]([names["dataset"][0], names["dataset"][1]])
assert batch["input_ids"].shape == (2, 512) and (batch["labels"] == batch["input_ids"]).all()
assert names["dead_token_ids"] == list(names["tokenizer"].dead_ids)
assert type(names["tokenizer"]).__name__ == "CompactTokenizer"
assert len(names["tokenizer"]) == 8192
text = names["tokenizer"].decode(batch["input_ids"][0].tolist())
assert " the " in text and "." in text
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


def prepare(folder: Path, base: Path, live: int, *text: str | Path) -> None:
    """The commands at the head of the template, on other texts."""
    rows = "--tokenizer.live", str(live), "--tokenizer.dead", str(8192 - live)
    options = *text, "--tokenizer.base", base, *rows, "--out", "runs/duckling-ii"
    export = "runs/duckling-ii", "tokenized_dataset", "--format", "arrow", "--split", "train"
    for command in ("build", "duckling-ii", *options), ("export", *export):
        result = cygnet("tokens", *command, cwd=folder)
        assert result.returncode == 0, result.stderr


def run(folder: Path) -> None:
    environment = os.environ | {"DUCKLING_STEPS": "3", "MPLBACKEND": "Agg"}
    command = [sys.executable, "-W", "error", "-c", LOOK, str(TEMPLATE)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_template_runs_offline(finished_run: Path, tmp_path: Path) -> None:
    text = "--text.train", "stories:1:1000", "--text.valid", "stories:2:20"
    prepare(tmp_path, finished_run, 350, *text)
    run(tmp_path)
    recorder = tmp_path / "runs" / "duckling-template" / "recorder"
    assert np.load(recorder / "steps.npy").tolist() == [0, 1, 2, 3]
    assert np.load(recorder / "snapshots.npy", mmap_mode="r").shape == (4, 8192, 128)
    assert (recorder.parent / "rows.png").exists()
    assert main(["xray", "dead", str(recorder.parent), "--dead-ids", "350-8191"]) == 0


def test_template_takes_gpt2_and_real_stories(tmp_path: Path, data: Path) -> None:
    stories = data / "tinystories"
    text = ("--text.train", stories / "tinystories_train.txt")
    text += ("--text.valid", stories / "tinystories_valid.txt")
    prepare(tmp_path, data / "tokenizers" / "gpt2", 6144, *text)
    run(tmp_path)
    assert (tmp_path / "runs" / "duckling-template" / "rows.png").exists()


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
