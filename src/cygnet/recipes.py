"""The recipes that have a name: presets, each a function that returns one."""

import dataclasses
import difflib
from collections.abc import Callable
from pathlib import Path

from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.recipe import (
    Recipe,
    TextOptions,
    TokenizerOptions,
    TransformerOptions,
    XrayOptions,
    read_recipe,
)


def demo() -> Recipe:
    """Built-in stories, offline: a few minutes on two cores, ending in a report."""
    return Recipe(
        name="demo",
        text=TextOptions(train=("stories:1:24000",), valid=("stories:2:200",)),
        tokenizer=TokenizerOptions(vocab_size=2048, sample_mb=5),
        transformer=TransformerOptions(
            preset="llama",
            n_layer=2,
            n_head=4,
            n_embd=256,
            block_size=256,
            batch_size=6,
            steps=2000,
            learning_rate=3e-3,
            eval_every=250,
            eval_tokens=20_000,
        ),
        xray=XrayOptions(
            prompts=("Once upon a time", "There was once a", "One sunny day,"),
            temperature=0.6,
            trace_every=400,
        ),
    )


def tiny_llm() -> Recipe:
    """TinyStories, a BPE of 4,096 trained on a sample, and a model of about 4 M parameters."""
    return Recipe(
        name="tiny-llm",
        text=TextOptions(train=("tinystories",), valid=("tinystories",)),
        tokenizer=TokenizerOptions(vocab_size=4096, sample_mb=10),
        transformer=TransformerOptions(
            n_layer=4,
            n_head=4,
            n_embd=256,
            block_size=256,
            batch_size=8,
            steps=3500,
            learning_rate=2e-3,
            eval_tokens=100_000,
        ),
        xray=XrayOptions(
            prompts=("Once upon a time", "Lily and Tom", "One day, a little dog"), trace_every=700
        ),
    )


def adventures() -> Recipe:
    """TinyStories, a BPE of 8,192, and a model made to be looked at token by token."""
    return Recipe(
        name="adventures",
        text=TextOptions(train=("tinystories",), valid=("tinystories",)),
        tokenizer=TokenizerOptions(vocab_size=8192, sample_mb=50),
        transformer=TransformerOptions(
            n_layer=6,
            n_head=8,
            n_embd=256,
            block_size=512,
            batch_size=8,
            steps=5000,
            learning_rate=1e-3,
            eval_every=250,
            eval_tokens=100_000,
        ),
        xray=XrayOptions(
            prompts=("Once upon a time", "Lily and Tom", "One day, a little dog"),
            alternatives=10,
            trace_every=250,
        ),
    )


def duckling_transformer() -> TransformerOptions:
    """The reference model of the dead token experiments, and how it is trained.

    1,510,912 parameters where the vocabulary has 8,192 tokens. AdamW and its schedule are those of
    ``transformers.Trainer`` by default, without warm-up.
    """
    return TransformerOptions(
        preset="duckling-ii",
        n_layer=2,
        n_head=2,
        n_embd=128,
        block_size=512,
        batch_size=2,
        order="epoch",
        steps=20_000,
        learning_rate=1e-4,
        schedule="linear",
        warmup_steps=0,
        weight_decay=0.01,
        adam_beta2=0.999,
        max_grad_norm=1.0,
        precision="bf16",
        seed=42,
        log_every=100,
        eval_every=1000,
        eval_tokens=100_000,
        record=("W",),
    )


def duckling_ii() -> Recipe:
    """GPT-2's vocabulary cut to 6,144 live tokens and 2,048 dead rows, as in the original."""
    return Recipe(
        name="duckling-ii",
        text=TextOptions(train=("tinystories-v1",), valid=("tinystories-v1",)),
        tokenizer=TokenizerOptions(
            vocab_size=8192,
            base="hub:openai-community/gpt2",
            live=6144,
            dead=2048,
            sample=100_000,
            seed=42,
        ),
        transformer=duckling_transformer(),
    )


def duckling_lossless() -> Recipe:
    """The same with a BPE that encodes every text, and with a token between two stories."""
    faithful = duckling_ii()
    return dataclasses.replace(
        faithful,
        name="duckling-lossless",
        tokenizer=dataclasses.replace(
            faithful.tokenizer,
            lossless=True,
            special_tokens=("<|endoftext|>", "<|padding|>"),
        ),
    )


PRESETS: dict[str, Callable[[], Recipe]] = {
    "demo": demo,
    "tiny-llm": tiny_llm,
    "adventures": adventures,
    "duckling-ii": duckling_ii,
    "duckling-lossless": duckling_lossless,
}


def find_recipe(name: str) -> Recipe:
    """A preset by its name, or a saved recipe by its path.

    Args:
        name: A key of ``PRESETS``, or a ``recipe.json`` that a run saved.

    Raises:
        InputError: There is no such preset or file, or the file is no recipe.

    >>> find_recipe("demo").tokenizer.vocab_size
    2048
    """
    if name in PRESETS:
        return PRESETS[name]()
    if name.endswith(".json"):
        return read_recipe(read_json(Path(name)), where=name)
    close = difflib.get_close_matches(name, PRESETS, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise InputError(f"no recipe {name!r}{hint}: there are {', '.join(PRESETS)}, or a recipe.json")
