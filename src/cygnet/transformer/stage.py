"""The transformer stage of a run: a model of the recipe's shape, trained on the token files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    PretrainedConfig,
    PreTrainedModel,
    TrainerCallback,
)

from cygnet import ranks
from cygnet.console import is_live, live_line, say
from cygnet.errors import InputError
from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.batch import Order
from cygnet.tokens.store import TokenStore
from cygnet.transformer.blocked_attention import BLOCKED
from cygnet.transformer.causality import check_attention, takes_any_attention
from cygnet.transformer.checkpoints import storing
from cygnet.transformer.dead_rows import FrozenRows, mask_rows
from cygnet.transformer.devices import settle_device
from cygnet.transformer.live_line import LiveLine
from cygnet.transformer.model import quiet_transformers
from cygnet.transformer.presets import make_config
from cygnet.transformer.presets.config_file import refusals
from cygnet.transformer.recorder import EmbeddingRecorder
from cygnet.transformer.training import check_options, train

RECORDER = "recorder"


def build(
    options: TransformerOptions,
    folder: Path,
    tokenizer_folder: Path,
    tokens_folder: Path,
    callbacks: Sequence[TrainerCallback] = (),
) -> dict[str, Any]:
    """Train a model, save it with its tokenizer into ``folder`` and return its figures.

    Args:
        options: The model and its training.
        folder: Gets the model, its tokenizer, and what the training writes.
        tokenizer_folder, tokens_folder: The stages before.
        callbacks: Others to call while it trains, as of ``training.train``.

    Raises:
        InputError: The options do not fit the token files, e.g. a block longer than the data.
        StaleError: The token files were written by another tokenizer.
    """
    quiet_transformers()
    tokenizer = Tokenizer.load(tokenizer_folder)
    store = TokenStore.open(tokens_folder)
    store.check_tokenizer(tokenizer)
    check_options(options, store)
    model = new_model(options, tokenizer)
    line = LiveLine(options, is_live())
    own = [line, *row_callbacks(options, folder, [*tokenizer.dead_ids])]
    n_parameters = model.num_parameters()
    say(f"  {n_parameters:,} parameters, {options.steps:,} steps of {_batch_words(options)}")
    with live_line(line.text):
        result = train(
            model,
            store,
            folder,
            options,
            tokenizer.token_lengths(),
            [*own, *callbacks],
            [*tokenizer.dead_ids],
            line.on_validation,
        )
    if ranks.rank():
        return {}
    save_model(result.model, folder)
    tokenizer.save(folder)
    figures: dict[str, Any] = {
        "n_parameters": n_parameters,
        "precision": result.precision,
        "device": result.device,
        "n_ranks": ranks.world_size(),
    }
    figures |= {key: value for key, value in result.metrics.items() if key.startswith("valid_")}
    if "valid_bits_per_byte" in figures:
        say(
            f"  valid: {figures['valid_nats_per_token']:.4f} nats per token,"
            f" {figures['valid_bits_per_byte']:.4f} bits per byte"
        )
    return figures


def save_model(model: PreTrainedModel, folder: Path) -> None:
    """Write the files of a model folder; each appears whole under its name."""
    saving = folder / "saving"
    with storing(saving):
        model.save_pretrained(saving)
        for path in saving.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    for path in saving.iterdir():
        path.replace(folder / path.name)
    saving.rmdir()


def new_model(options: TransformerOptions, tokenizer: BaseTokenizer) -> PreTrainedModel:
    """A model of the recipe's shape with its first weights, which depend on the seed alone."""
    config = make_config(options, tokenizer.vocab_size, tokenizer.boundary_id)
    torch.manual_seed(options.seed)
    attention = _attention(options.order, settle_device(options.device))
    if options.config is None:
        model = _build(config, attention)
    else:
        with refusals(options.config):
            model = _build(config, "eager")
            check_attention(model, options.block_size, packed=options.order == "packed")
            if takes_any_attention(model):
                model.set_attn_implementation(attention)
    if options.dead_rows == "masked":
        mask_rows(model, _known([*tokenizer.dead_ids]))
    return model


def _build(config: PretrainedConfig, attention: str) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
        config, attn_implementation=attention
    )
    return model


def row_callbacks(
    options: TransformerOptions, folder: Path, dead_ids: list[int]
) -> list[TrainerCallback]:
    """What keeps dead rows frozen and what records rows, as far as the options ask for it."""
    found: list[TrainerCallback] = []
    if options.dead_rows == "frozen":
        found.append(FrozenRows(_known(dead_ids)))
    if options.record:
        every = options.record_every
        recorder = EmbeddingRecorder(
            folder / RECORDER,
            every=100 if every == "log" else every,
            schedule="log" if every == "log" else None,
            rows=options.record_rows,
            what=options.record,
            dead_ids=dead_ids,
            overwrite=True,  # the stage knows that they are its own, begun before a checkpoint
        )
        found.append(recorder)
    return found


def _known(dead_ids: list[int]) -> list[int]:
    if not dead_ids:
        raise InputError(
            "dead_rows needs a tokenizer with dead tokens, and this one has none: leave dead_rows"
            " at train"
        )
    return dead_ids


def _attention(order: Order, device: str) -> str:
    """The implementation of attention that trains fastest.

    On a CPU the fused kernel's backward pass is slow: of a step of the reference model at 2 x 512
    tokens ``sdpa`` took 11 ms, ``eager`` 8. With documents to keep apart, blocks do not help.
    """
    if device != "cpu":
        return "sdpa"
    return "eager" if order == "packed" else BLOCKED


def _batch_words(options: TransformerOptions) -> str:
    return f"{options.batch_size} x {options.block_size} tokens"
