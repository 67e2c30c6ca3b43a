"""The verbs of ``cygnet transformer``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path
from typing import Literal

from cygnet.console import print_json as _print_json  # no verb
from cygnet.errors import InputError
from cygnet.recipe import ModelPreset


def generate(
    path: Path,
    /,
    prompt: tuple[str, ...] = ("Once upon a time",),
    n: int = 1,
    max_tokens: int = 200,
    temperature: float = 0.8,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int = 0,
    stop: tuple[str, ...] = (),
) -> None:
    """Write on from a prompt; the text comes as it is drawn.

    Several texts, of several prompts or of -n, are written side by side and printed at the end,
    each behind a line with its number. Text i is the one that its prompt would become alone with
    the seed SEED + i.

    Example: cygnet transformer generate runs/demo --prompt "One day," --seed 3

    Args:
        path: A run folder, or any folder with a causal language model and its tokenizer.
        prompt: What to write on from.
        n: Texts for each prompt.
        max_tokens: Longest continuation, in tokens.
        temperature: 0 takes the likeliest token, 1 draws from the model's own distribution.
        top_k: Draw from this many likeliest tokens only.
        top_p: Draw from the likeliest tokens that together reach this probability.
        min_p: Draw from tokens at least this many times as likely as the likeliest.
        seed: The same seed writes the same text.
        stop: Strings that end a text; they are not printed.
    """
    from cygnet.transformer.any_tokenizer import load_tokenizer
    from cygnet.transformer.generation import generate_batch
    from cygnet.transformer.model import load_model_quietly
    from cygnet.transformer.sampling import Sampling

    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
    if n < 1 or not prompt:
        raise InputError(f"nothing to write: {len(prompt)} prompts, {n} texts for each")
    prompts = [text for text in prompt for _ in range(n)]
    model, tokenizer = load_model_quietly(path), load_tokenizer(path)
    is_alone = len(prompts) == 1
    if is_alone:
        print(prompts[0], end="", flush=True)
    written = generate_batch(
        model,
        tokenizer,
        prompts,
        sampling,
        max_tokens=max_tokens,
        stop=stop,
        on_token=lambda _, token: print(token.text if is_alone else "", end="", flush=True),
    )
    if is_alone:
        print(written[0].rest)
        return
    for number, (text, sampler) in enumerate(zip(prompts, written, strict=True)):
        print(f"--- {number}\n{text}{sampler.text}")


def eval(
    path: Path,
    /,
    text: tuple[str, ...] = (),
    stride: int | None = None,
    documents: Literal["boundary", "file", "line"] = "boundary",
    boundary: str = "<|endoftext|>",
    column: str | None = None,
    errors: Literal["strict", "replace"] = "strict",
    tokens: bool = False,
    json: bool = False,
) -> None:
    """Measure the loss of a model on texts: bits per byte, nats per token.

    Long texts are read in windows of the model's context that overlap; every token is predicted
    once. Bytes are counted in the text itself, so that bits per byte can be compared between any
    two models.

    Example: cygnet transformer eval runs/demo --text runs/demo/text/valid.txt

    Args:
        path: A run folder, or any folder with a causal language model and its tokenizer.
        text: Texts, each with a line of its own: whatever text.train takes; of a named corpus the
            part to validate on.
        stride: Tokens by which a window moves, half the context by default. The whole context is
            what the validation of a training does.
        documents: What a document of a .txt file is: between two boundaries, the file, or a line.
        boundary: The string between two documents in a .txt file.
        column: The column of a .parquet file, or key of a .jsonl file, that holds the text.
        errors: Bytes that are not UTF-8: refuse the file, or replace them by U+FFFD.
        tokens: Also print the loss of each token.
        json: Print the figures as JSON.
    """
    from cygnet.text.sources import Reading
    from cygnet.transformer.text_evaluation import evaluate_sources
    from cygnet.transformer.text_evaluation_view import print_losses, print_tokens

    reading = Reading(boundary, documents, column, errors)
    losses, tokenizer = evaluate_sources(path, text, reading, stride)
    if json:
        found = {name: loss.to_dict() for name, loss in losses.items()}
        for name, loss in losses.items() if tokens else ():
            found[name]["token_losses"] = list(loss.to_rows(tokenizer))
        _print_json(found)
        return
    print_losses(losses, tokenizer)
    if tokens:
        print_tokens(losses, tokenizer)


def import_(checkpoint: Path, out: Path, /, tokenizer: Path | None = None) -> None:
    """Make a model folder out of a checkpoint of llama2.c.

    Transformers loads it, and so do cygnet transformer generate and cygnet xray trace.

    Example: cygnet transformer import stories260K.bin stories260K

    Args:
        checkpoint: A .bin file of version 0 or 1.
        out: The folder to write.
        tokenizer: Its vocabulary: tok512.bin or the like, or any that cygnet reads. By default
            tokN.bin, for N tokens, or tokenizer.bin beside the checkpoint.
    """
    from cygnet.transformer.importing import import_llama2c
    from cygnet.transformer.model import quiet_transformers

    quiet_transformers()
    model = import_llama2c(checkpoint, out, tokenizer)
    print(f"{model.num_parameters():,} parameters  {out}")


def plan(
    preset: ModelPreset = "nanochat",
    depth: int | None = None,
    params: str | None = None,
    budget_hours: float | None = None,
    config: Path | None = None,
    vocab_size: int | None = None,
    block_size: int | None = None,
    batch_size: int = 32,
    tokens_per_parameter: float = 20,
    characters_per_token: float = 4.8,
    accelerator: str = "H100",
    devices: int = 1,
    utilisation: float = 0.4,
    measure: bool = False,
    json: bool = False,
) -> None:
    """Say what a training will take: parameters, tokens, text, disk, memory, hours.

    Names a model by preset, depth or config; or looks for the depth that has so many parameters,
    or that is trained within so many hours. Nothing is trained, and no memory is taken.

    Example: cygnet transformer plan --depth 20

    Args:
        preset: As transformer.preset of a recipe.
        depth: Of nanochat and qwen2.5; 20 if nothing else is named.
        params: Look for the depth of about so many parameters: 561M.
        budget_hours: Look for the greatest depth that the accelerator trains in so many hours; with
            --measure, that this machine does.
        config: The config.json of any causal model, in place of a preset.
        vocab_size: Rows of the vocabulary; that of the preset if none, 65,536 for nanochat.
        block_size: Context, in tokens; that of the preset if none, 2,048 for nanochat.
        batch_size: Rows that a device computes at a time.
        tokens_per_parameter: Tokens to train on: 20 by the Chinchilla rule.
        characters_per_token: Of the tokenizer on the text.
        accelerator: Whose hours the budget counts; all are listed.
        devices: How many of them.
        utilisation: Share of the peak that is reached.
        measure: Train a part of the model for some steps, to say how long this machine takes.
        json: Print the figures as JSON.
    """
    from cygnet.transformer.plan import Assumptions
    from cygnet.transformer.plan_search import Asked, plan_for
    from cygnet.transformer.plan_view import print_plan

    asked = Asked(
        preset=preset,
        depth=depth,
        config=None if config is None else str(config),
        vocab_size=vocab_size,
        block_size=block_size,
    )
    given = Assumptions(
        block_size=asked.context,
        batch_size=batch_size,
        tokens_per_parameter=tokens_per_parameter,
        characters_per_token=characters_per_token,
        utilisation=utilisation,
        devices=devices,
    )
    found = plan_for(asked, given, params, budget_hours, accelerator, measure)
    if json:
        _print_json(found.to_dict())
    else:
        print_plan(found)
