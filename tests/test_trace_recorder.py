"""Traces over a training: right, exact, and without any trace in the training itself."""

import dataclasses
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
from transformers import GPT2Config, GPT2LMHeadModel, TrainerCallback

import cygnet
from cygnet.errors import DamagedError, InputError, StaleError
from cygnet.recipe import XrayOptions, what_is_made
from cygnet.recipes import demo, tiny_llm
from cygnet.runner import describe
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.sampling import Sampling
from cygnet.xray.recorder import TraceRecorder
from cygnet.xray.runs.traces import read_traces
from cygnet.xray.tracing import trace, trace_generation
from recorder_lab import new_trainer
from training_lab import StopAt, StopError, make_store, options_of, run

BYTES = Tokenizer([])
PROMPTS = ("a cat", "")
DRAWN: dict[str, Any] = {"temperature": 0.7, "top_k": 20, "seed": 3}


def new_model() -> GPT2LMHeadModel:
    """With the dropout that GPT-2 has: the mode matters, and what is drawn at random."""
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=257, n_positions=16, n_embd=16, n_layer=1, n_head=2, use_cache=False,
            bos_token_id=256, eos_token_id=256,
        )
    )  # fmt: skip


def blocks() -> list[dict[str, torch.Tensor]]:
    ids = torch.from_numpy(np.random.default_rng(0).integers(0, 257, (64, 16)))
    return [{"input_ids": row, "labels": row} for row in ids]


def recorder(path: Path, **changes: Any) -> TraceRecorder:
    options: dict[str, Any] = {"every": 4, "max_tokens": 6, "sampling": Sampling(**DRAWN)}
    return TraceRecorder(path, BYTES, PROMPTS, **options | changes)


class Witness(TrainerCallback):
    """Keeps the weights and losses, and what a step finds of the model's modes."""

    def __init__(self) -> None:
        self.weights: dict[int, dict[str, torch.Tensor]] = {}
        self.losses: list[float] = []

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.keep(state.global_step, kwargs["model"])

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.keep(state.global_step, kwargs["model"])

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.losses += [
            kwargs["logs"][key] for key in ("loss", "grad_norm") if key in kwargs["logs"]
        ]

    def keep(self, step: int, model: GPT2LMHeadModel) -> None:
        self.weights[step] = {name: w.clone() for name, w in model.state_dict().items()}


def train(folder: Path, *callbacks: TrainerCallback, **arguments: Any) -> GPT2LMHeadModel:
    model = new_model()
    options = {"max_steps": 10, "logging_strategy": "steps", "logging_steps": 3} | arguments
    new_trainer(folder, callbacks, model, blocks(), **options).train()
    return model


def test_a_trace_is_what_the_model_said_then(tmp_path: Path) -> None:
    """Asked again, in a copy of the model, with the weights of each step."""
    witness = Witness()
    train(tmp_path, witness, recorder(tmp_path / "traces.jsonl"))
    found = cygnet.read_traces(tmp_path)
    assert [(one.step, one.prompt) for one in found] == [
        (step, prompt) for step in (0, 4, 8, 10) for prompt in PROMPTS
    ]
    copy = new_model().eval()
    for one in found:
        copy.load_state_dict(witness.weights[one.step])
        again = trace_generation(copy, BYTES, one.prompt, max_tokens=6, **DRAWN)
        assert one.trace == again
        assert one.trace.n_bytes > 0
    assert found[0].trace.tokens[:5] == trace(_with(copy, witness, 0), BYTES, "a cat").tokens
    assert found[0].trace != found[2].trace


def _with(model: GPT2LMHeadModel, witness: Witness, step: int) -> GPT2LMHeadModel:
    model.load_state_dict(witness.weights[step])
    return model


class Draws(TrainerCallback):
    """Lets a model draw at random whenever it is asked, and keeps a module out of training."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        kwargs["model"].register_forward_hook(lambda *_: torch.rand(1) and None)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        kwargs["model"].transformer.h[0].eval()


class Modes(TrainerCallback):
    def __init__(self) -> None:
        self.found: set[tuple[bool, bool]] = set()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step % 3 == 0:
            model = kwargs["model"]
            self.found.add((model.training, model.transformer.h[0].attn.training))


@pytest.mark.parametrize("half", [False, True])
def test_a_training_is_the_same_with_it(tmp_path: Path, half: bool) -> None:
    """Losses, gradients and weights, bit by bit: with dropout, and a model that draws as well."""
    with_it, without, modes = Witness(), Witness(), Modes()
    options = {"bf16": half, "logging_steps": 1}
    callbacks = recorder(tmp_path / "traces.jsonl", every=1), modes
    one = train(tmp_path / "one", Draws(), with_it, *callbacks, **options)
    other = train(tmp_path / "other", Draws(), without, **options)
    assert with_it.losses == without.losses
    assert len(with_it.losses) == 20
    assert all(torch.equal(w, other.state_dict()[name]) for name, w in one.state_dict().items())
    assert modes.found == {(True, False)}


def test_it_may_end_sooner_than_planned(tmp_path: Path) -> None:
    class Stops(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_training_stop = state.global_step == 6

    train(tmp_path, recorder(tmp_path / "traces.jsonl"), Stops())
    assert steps_of(tmp_path) == [0, 4, 6]


def steps_of(folder: Path) -> list[int]:
    return sorted({one.step for one in read_traces(folder)})


def test_a_training_that_goes_on_ends_with_the_same_bytes(tmp_path: Path) -> None:
    """Of anyone's own Trainer; its line is cut short, and behind the checkpoint are others."""
    saved = {"save_strategy": "steps", "save_steps": 5}
    train(tmp_path / "whole", recorder(tmp_path / "whole.jsonl"), **saved)
    path = tmp_path / "traces.jsonl"

    class Dies(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 9:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "r", recorder(path), Dies(), **saved)
    assert steps_of(path) == [0, 4, 8]
    path.write_bytes(path.read_bytes()[:-50])
    assert len(read_traces(path)) == 5
    trainer = new_trainer(
        tmp_path / "r", [recorder(path)], new_model(), blocks(), max_steps=10, **saved
    )
    trainer.train(resume_from_checkpoint=str(tmp_path / "r/out/checkpoint-5"))
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    # Trainer that goes on from its very last checkpoint takes a step too many.
    again = [recorder(path)]
    trainer = new_trainer(tmp_path / "r", again, new_model(), blocks(), max_steps=10, **saved)
    trainer.train(resume_from_checkpoint=str(tmp_path / "r/out/checkpoint-10"))
    assert path.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_recording_may_begin_at_a_checkpoint(tmp_path: Path) -> None:
    saved = {"save_strategy": "steps", "save_steps": 5}
    train(tmp_path, **saved)
    trainer = new_trainer(
        tmp_path, [recorder(tmp_path / "traces.jsonl")], new_model(), blocks(), max_steps=10
    )
    trainer.train(resume_from_checkpoint=str(tmp_path / "out/checkpoint-5"))
    assert steps_of(tmp_path) == [5, 8, 10]


def test_traces_of_another_training_stay(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    train(tmp_path / "a", recorder(path), max_steps=2)
    before = path.read_bytes()
    with pytest.raises(StaleError, match=r"traces of another training, steps 0 to 2: .*overwrite"):
        train(tmp_path / "b", recorder(path), max_steps=2)
    path.write_text("a diary\nof mine\n")
    with pytest.raises(DamagedError, match="line 1 is no object"):
        train(tmp_path / "b", recorder(path, overwrite=True), max_steps=2)
    assert path.read_text() == "a diary\nof mine\n"
    path.write_bytes(before)
    train(tmp_path / "c", recorder(path, overwrite=True, max_tokens=0), max_steps=1)
    assert steps_of(path) == [0, 1]
    assert {one.trace.text for one in read_traces(path)} == set(PROMPTS)


def test_tokenizers_of_others_do(tmp_path: Path) -> None:
    words = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({f"w{i}": i for i in range(257)}, unk_token="w0")
    )
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    taken = TraceRecorder(tmp_path / "t.jsonl", words, ["w3 w4"], every=1, max_tokens=2)
    train(tmp_path, taken, max_steps=1)
    first, last = read_traces(tmp_path / "t.jsonl")
    assert [token.id for token in last.trace.tokens[:2]] == [3, 4]
    assert first.trace.tokens[0].figures is None, "nothing is before it"


def test_arguments_out_of_range(tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"every": 0}, "every must be at least 1, found 0"),
        ({"max_tokens": -1}, "max_tokens must be at least 0, found -1"),
        ({"n_alternatives": -1}, "n_alternatives must be at least 0"),
        ({"prompts": "a cat"}, "prompts is one text"),
        ({"prompts": []}, "prompts is empty"),
        ({"tokenizer": "gpt2"}, "is no tokenizer that can be read"),
    ]
    for arguments, message in wrong:
        given = {"tokenizer": BYTES, "prompts": PROMPTS} | arguments
        with pytest.raises(InputError, match=message):
            TraceRecorder(tmp_path / "t.jsonl", **given)


def test_a_model_that_has_diverged(tmp_path: Path) -> None:
    class Breaks(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 1:
                kwargs["model"].lm_head.weight.data.fill_(torch.nan)

    for max_tokens in (0, 3):
        path = tmp_path / f"{max_tokens}.jsonl"
        with pytest.raises(InputError, match=r"not finite.*diverged"):
            train(tmp_path, recorder(path, every=1, max_tokens=max_tokens), Breaks(), max_steps=4)
        assert steps_of(path) == [0, 1]


def test_traces_that_are_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no traces\.jsonl: train with --xray.trace-every"):
        read_traces(tmp_path)
    for line in ('{"step": 1}', "[1]", '{"step": "x", "prompt": "", "trace": {"tokens": []}}'):
        (tmp_path / "traces.jsonl").write_text(line + "\n")
        with pytest.raises(DamagedError, match="line 1"):
            read_traces(tmp_path)


def test_the_rate_of_training_leaves_traces_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock on which each trace takes an hour, some of them at steps that are logged."""
    store = make_store(tmp_path / "tokens", n_stories=20)
    real, hours = time.perf_counter, itertools.count()
    now = next(hours)
    monkeypatch.setattr(time, "perf_counter", lambda: real() + 3600 * now)

    class Slow(TraceRecorder):
        def _trace(self, *arguments: Any) -> Any:
            nonlocal now
            now = next(hours)
            return super()._trace(*arguments)

    taken = Slow(tmp_path / "r/traces.jsonl", BYTES, ["a"], every=8, max_tokens=1)
    (tmp_path / "r").mkdir()
    run(store, tmp_path / "r", options_of(eval_every=24), callbacks=[taken])
    lines = [json.loads(line) for line in (tmp_path / "r/metrics.jsonl").read_text().splitlines()]
    tokens_in_a_line = 2 * 4 * 32
    assert all(line["tokens_per_second"] > tokens_in_a_line / 600 for line in lines)
    assert lines[-1]["seconds"] > 3600 * 2


def test_presets_trace_some_six_times() -> None:
    for recipe in (demo(), tiny_llm()):
        every, options = recipe.xray.trace_every, recipe.transformer
        assert every is not None
        assert every % options.log_every == 0
        assert len(range(0, options.steps + 1, every)) == 6


def test_options_of_traces_make_nothing_stale(finished_run: Path) -> None:
    """A finished model has the traces that it has."""
    assert what_is_made(XrayOptions(trace_every=5)) == what_is_made(XrayOptions())
    recipe = cygnet.find_recipe(str(finished_run / "recipe.json"))
    other = XrayOptions(trace_every=7, trace_tokens=3, prompts=("x",))
    changed = dataclasses.replace(recipe, xray=other)
    assert describe("transformer", changed, finished_run).is_finished()


def test_a_recipe_that_was_interrupted_ends_with_the_same_traces(tmp_path: Path) -> None:
    store = make_store(tmp_path / "tokens", n_stories=20)

    def go(folder: Path, *more: TrainerCallback) -> None:
        taken = recorder(folder / "traces.jsonl", every=6, overwrite=True)
        folder.mkdir(exist_ok=True)
        run(store, folder, options_of(), callbacks=[taken, *more])

    for stop in (3, 19):  # before the first checkpoint, and behind the second
        with pytest.raises(StopError):
            go(tmp_path / "r", StopAt(stop))
    go(tmp_path / "r")
    go(tmp_path / "whole")
    assert steps_of(tmp_path / "r") == [0, 6, 12, 18, 24]
    for name in ("r", "whole"):
        assert (tmp_path / name / "traces.jsonl").exists()
    assert (tmp_path / "r/traces.jsonl").read_bytes() == (
        tmp_path / "whole/traces.jsonl"
    ).read_bytes()
