"""How fast this machine trains, for plans: a short run of the model's own widths."""

import contextlib
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from transformers import (
    PretrainedConfig,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from cygnet.transformer.flops import flops_per_token
from cygnet.transformer.parameters import count_parameters
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train

LAYERS, TOKENS = 2, 2048
WARM_UP, STEPS = 2, 5


class _EnoughError(Exception):
    """Ends a training before it writes a checkpoint."""


class _StepTimes(TrainerCallback):
    """Notes when each step has ended, and ends the training after the last."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.ends.append(time.perf_counter())
        if len(self.ends) == WARM_UP + STEPS:
            raise _EnoughError


def measure_flops(config: PretrainedConfig, block_size: int) -> float:
    """FLOPs per second of a training on this machine, counted as plans count them.

    A model of the same widths, vocabulary and context, with two of the layers, takes seven steps of
    about 2,048 tokens, of which the median of the last five counts. It is trained as ``train``
    does it, on random tokens.

    Cost: the memory of that model in training (16 bytes a parameter and its activations); seven
    steps.
    """
    rows = max(1, TOKENS // block_size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short = _shorten(config, folder / "config.json")
        options = TransformerOptions(
            config=str(folder / "config.json"),
            block_size=block_size,
            batch_size=rows,
            steps=1000,
            learning_rate=0,
            log_every=1000,
            eval_every=1000,
        )
        tokenizer = Tokenizer([], n_dead=max(0, config.vocab_size - 257))
        build_from_ids(folder / "tokens", tokenizer, {"train": _documents(rows * block_size)})
        store = TokenStore.open(folder / "tokens")
        times = _StepTimes()
        model, lengths = new_model(options, tokenizer), tokenizer.token_lengths()
        with contextlib.suppress(_EnoughError):
            train(model, store, folder / "run", options, lengths, callbacks=[times])
    seconds = statistics.median(np.diff(times.ends)[WARM_UP - 1 :].tolist())
    n_flops = flops_per_token(short, block_size) or 6 * count_parameters(short).multiplied
    return n_flops * rows * block_size / float(seconds)


def _shorten(config: PretrainedConfig, path: Path) -> PretrainedConfig:
    """The model with a few of its layers, written where a recipe finds it."""
    values = config.to_diff_dict()
    n_layers = min(LAYERS, config.num_hidden_layers)
    name = type(config).attribute_map.get("num_hidden_layers", "num_hidden_layers")
    values[name] = n_layers
    if values.get("layer_types"):
        values["layer_types"] = values["layer_types"][:n_layers]
    short = type(config)(**values)
    short.to_json_file(path)
    return short


def _documents(n_tokens: int) -> Iterator[tuple[Any, None]]:
    ids = np.random.default_rng(0).integers(0, 256, (8, n_tokens))
    yield from ((row, None) for row in ids)
