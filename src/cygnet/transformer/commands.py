"""The verbs of ``cygnet transformer``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path
from typing import Literal

from cygnet.errors import InputError


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
    from json import dumps

    from cygnet.text.sources import Reading
    from cygnet.transformer.text_evaluation import evaluate_sources
    from cygnet.transformer.text_evaluation_view import print_losses, print_tokens

    reading = Reading(boundary, documents, column, errors)
    losses, tokenizer = evaluate_sources(path, text, reading, stride)
    if json:
        found = {name: loss.to_dict() for name, loss in losses.items()}
        for name, loss in losses.items() if tokens else ():
            found[name]["token_losses"] = list(loss.to_rows(tokenizer))
        print(dumps(found, indent=2))
        return
    print_losses(losses, tokenizer)
    if tokens:
        print_tokens(losses, tokenizer)
