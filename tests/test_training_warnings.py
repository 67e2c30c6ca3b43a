"""Each warning: a tiny training that provokes it, and one that does not."""

import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerCallback

from conftest import ROOT, SMALL, cygnet, refused
from cygnet.errors import DivergedError
from cygnet.recipe import XrayOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from cygnet.transformer.alarms import ALARMS, STOP, Alarm, LossWatch
from cygnet.transformer.metrics import METRICS, as_line
from cygnet.transformer.warnings_file import WARNINGS
from cygnet.xray.stage import build as build_xray
from training_lab import StopAt, StopError, lines_of, make_store, options_of, run

WITH_DEAD = Tokenizer([], n_dead=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("tokens"))


def names_of(folder: Path) -> list[str]:
    return [line["name"] for line in lines_of(folder / WARNINGS)]


def steps_kept(folder: Path) -> list[int]:
    kept = (folder / "checkpoints").glob("checkpoint-*/seal.json")
    return sorted(int(path.parent.name.split("-")[1]) for path in kept)


def test_a_sound_training_gives_no_warning(
    store: TokenStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(store, tmp_path, options_of())
    assert not (tmp_path / WARNINGS).exists()
    assert "warning" not in capsys.readouterr().err


def test_large_vocabulary(
    store: TokenStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(store, tmp_path, options_of(n_layer=1, n_embd=4, steps=2))
    [found] = lines_of(tmp_path / WARNINGS)
    n_rows, n_all = 257 * 4, 257 * 4 + 32 * 4 + 12 * 16 + 13 * 4 + 2 * 4
    assert found["name"] == "large-vocabulary"
    assert found["seen"] == f"{n_rows / n_all:.0%} of the {n_all:,} parameters are embeddings"
    [line] = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    for key in ("name", "seen", "meaning", "remedy"):
        assert found[key] in line


def test_many_epochs(tmp_path: Path) -> None:
    store = make_store(tmp_path / "tokens", n_stories=2)
    per_epoch = store.split("train").tokens / (4 * 32)
    within = options_of(steps=math.floor(4 * per_epoch), log_every=50, eval_every=50)
    beyond = options_of(steps=math.ceil(4 * per_epoch), log_every=50, eval_every=50)
    run(store, tmp_path / "within", within)
    run(store, tmp_path / "beyond", beyond)
    assert names_of(tmp_path / "within") == []
    [found] = lines_of(tmp_path / "beyond" / WARNINGS)
    assert (found["name"], found["step"]) == ("many-epochs", 0)
    assert re.fullmatch(r"\d+ steps read the train split 4\.\d times", found["seen"])


def test_dead_rows_that_occur(tmp_path: Path) -> None:
    clean = [list(range(97, 122))] * 40
    dirty = [*clean, [100, 258, 258, 260, 100]]
    for name, documents in (("clean", clean), ("dirty", dirty)):
        splits = {"train": [(ids, None) for ids in documents], "valid": [(clean[0], None)]}
        build_from_ids(tmp_path / name, WITH_DEAD, splits)
        store, dead = TokenStore.open(tmp_path / name), [*WITH_DEAD.dead_ids]
        options = options_of(steps=2, eval_every=2)
        run(store, tmp_path / f"run {name}", options, WITH_DEAD, dead_ids=dead)
    assert names_of(tmp_path / "run clean") == []
    [found] = lines_of(tmp_path / "run dirty" / WARNINGS)
    assert found["seen"] == "2 of 5 dead rows occur in the train split, 3 times"


def test_learning_rate_too_high(store: TokenStore, tmp_path: Path) -> None:
    for rate in (1e-3, 1.0):
        options = options_of(learning_rate=rate, warmup_steps=0, steps=10, eval_every=10)
        run(store, tmp_path / str(rate), options)
    assert names_of(tmp_path / "0.001") == []
    [found] = lines_of(tmp_path / "1.0" / WARNINGS)
    assert found["name"] == "learning-rate-too-high"
    line = next(m for m in lines_of(tmp_path / "1.0" / METRICS) if m["step"] == found["step"])
    first = lines_of(tmp_path / "1.0" / METRICS)[0]["first_step_nats_per_token"]
    loss = line["train_nats_per_token"]
    assert found["seen"] == (
        f"the loss is {loss:.3f} at step {line['step']}, and was {first:.3f} at first"
    )


class Harm(TrainerCallback):
    """Does something to the weights at one step, and takes it back at a later one."""

    def __init__(self, step: int, value: float, until: int = -1) -> None:
        self.step, self.value, self.until = step, value, until

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        weight = kwargs["model"].transformer.ln_f.weight
        with torch.no_grad():
            if state.global_step == self.step:
                self.kept = weight.clone()
                weight.fill_(self.value)
            elif state.global_step == self.until:
                weight.copy_(self.kept)


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(
    store: TokenStore, tmp_path: Path
) -> None:
    """Also when it goes on: from the checkpoint, to the same end."""
    for _ in range(2):
        with pytest.raises(DivergedError, match="loss-not-finite") as stopped:
            run(store, tmp_path, options_of(), callbacks=[Harm(19, math.nan)])
        assert "the last good checkpoint, of step 16, is kept in" in str(stopped.value)
        assert steps_kept(tmp_path) == [8, 16]
        assert names_of(tmp_path) == ["loss-not-finite"]
        last = lines_of(tmp_path / METRICS)[-1]
        assert (last["step"], last["train_nats_per_token"]) == (20, None)
    run(store, tmp_path, options_of())
    assert names_of(tmp_path) == []


def test_weights_that_are_not_finite_are_not_saved(store: TokenStore, tmp_path: Path) -> None:
    """The loss of the step was fine; what the step made was not, and there is no validation."""
    only_train = TokenStore.open(store.folder)
    del only_train.manifest.splits["valid"]
    with pytest.raises(DivergedError, match="a weight is not finite at step 16"):
        run(only_train, tmp_path, options_of(), callbacks=[Harm(16, math.nan)])
    assert steps_kept(tmp_path) == [8]


SPIKE_AND_BACK = Harm(115, 60.0, until=121)
SPIKE: dict[str, Any] = {"steps": 140, "log_every": 1, "eval_every": 10, "eval_tokens": 32}


def test_a_spike_that_recovers_is_named_and_no_checkpoint_is_written_in_it(
    store: TokenStore, tmp_path: Path
) -> None:
    """Also where it is interrupted in the spike: the checkpoint is one from before it."""
    with pytest.raises(StopError):
        run(store, tmp_path, options_of(**SPIKE), callbacks=[SPIKE_AND_BACK, StopAt(123)])
    assert steps_kept(tmp_path) == [100, 110]  # none at 120, where the loss is high
    run(store, tmp_path, options_of(**SPIKE), callbacks=[SPIKE_AND_BACK])
    [found] = lines_of(tmp_path / WARNINGS)
    assert (found["name"], found["step"]) == ("loss-spike", 118)
    assert steps_kept(tmp_path) == [130, 140]


def test_a_spike_that_stays_stops_and_keeps_the_last_good_checkpoint(
    store: TokenStore, tmp_path: Path
) -> None:
    """A rate that rises until the model is lost; resumed, it stops at the same step."""
    options = options_of(**SPIKE | {"steps": 400}, learning_rate=30.0, warmup_steps=3000)
    seen = []
    for _ in range(2):
        with pytest.raises(DivergedError, match="loss-spike-stays") as stopped:
            run(store, tmp_path, options)
        seen.append((str(stopped.value), lines_of(tmp_path / WARNINGS), steps_kept(tmp_path)))
    assert seen[0] == seen[1]
    _, warnings, kept = seen[0]
    assert [line["name"] for line in warnings[-2:]] == ["loss-spike", "loss-spike-stays"]
    first_high = warnings[-2]["step"] - 2
    assert first_high - 11 <= max(kept) < first_high


def test_noise_and_a_falling_loss_are_no_spike() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        watch = LossWatch()
        losses = 2 + 6 * np.exp(-np.arange(400) / 40) + generator.normal(0, 0.05, 400)
        lines = [{"step": i, "train_nats_per_token": float(x)} for i, x in enumerate(losses)]
        assert [alarm for line in lines for alarm in watch.look(line)] == []


def test_command_stops_in_one_line(prepared: Path) -> None:
    rate = ("--transformer.learning-rate", "1e38", "--transformer.warmup-steps", "0")
    message = refused(cygnet("transformer", "train", "demo", *SMALL, *rate, "--out", prepared))
    assert "training has stopped, loss-not-finite: " in message
    assert "there is no checkpoint yet" in message
    assert not (prepared / "transformer" / "model.safetensors").exists()
    assert names_of(prepared / "transformer")[-1] == "loss-not-finite"


def test_warnings_are_in_the_report(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    alarm = Alarm(0, "many-epochs", "3 steps read the train split <9> times")
    (tmp_path / "run" / "transformer" / WARNINGS).write_text(as_line(alarm.to_dict()))
    build_xray(XrayOptions(prompts=("a",), max_tokens=1), tmp_path, tmp_path / "run")
    page = (tmp_path / "report.html").read_text()
    assert "many-epochs" in page and "train split &lt;9&gt; times" in page
    assert ALARMS["many-epochs"][1] in page
    assert "Warnings" not in (finished_run / "xray" / "report.html").read_text()


def test_every_warning_is_in_the_documents() -> None:
    table = (ROOT / "docs" / "training.md").read_text()
    for name in ALARMS:
        assert f"| `{name}` |" in table
    assert set(STOP) <= set(ALARMS)
