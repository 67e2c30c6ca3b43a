"""Trainings that take a second: a byte-level model of a few thousand weights on a few stories."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from cygnet.recipe import TransformerOptions
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import TrainingResult, train

BYTES = Tokenizer([])


class StopError(Exception):
    """A training that ends early, as after a kill."""


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise StopError


def options_of(**changes: Any) -> TransformerOptions:
    options: dict[str, Any] = {
        "n_layer": 2,
        "n_head": 2,
        "n_embd": 32,
        "block_size": 32,
        "batch_size": 4,
        "steps": 24,
        "learning_rate": 1e-3,
        "warmup_steps": 4,
        "log_every": 2,
        "eval_every": 8,
        "precision": "fp32",
    }
    return TransformerOptions(**options | changes)


def make_store(folder: Path, tokenizer: Tokenizer = BYTES, n_stories: int = 60) -> TokenStore:
    texts = [story(5, i) for i in range(n_stories)]
    build(folder, tokenizer, {"train": texts, "valid": [story(6, i) for i in range(3)]})
    return TokenStore.open(folder)


def run(
    store: TokenStore,
    folder: Path,
    options: TransformerOptions,
    tokenizer: Tokenizer = BYTES,
    callbacks: Sequence[TrainerCallback] = (),
    dead_ids: Sequence[int] = (),
    on_validation: Callable[[float], None] = lambda share: None,
) -> TrainingResult:
    model = new_model(options, tokenizer)
    lengths = tokenizer.token_lengths()
    return train(model, store, folder, options, lengths, callbacks, dead_ids, on_validation)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
