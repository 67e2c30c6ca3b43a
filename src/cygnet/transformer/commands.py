"""The verbs of ``cygnet transformer``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path

from cygnet.recipe import ModelPreset


def generate(
    path: Path,
    /,
    prompt: str = "Once upon a time",
    max_tokens: int = 200,
    temperature: float = 0.8,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
) -> None:
    """Write on from a prompt; the text comes as it is drawn.

    Example: cygnet transformer generate runs/demo --prompt "One day," --seed 3

    Args:
        path: A run folder.
        prompt: What to write on from.
        max_tokens: Longest continuation, in tokens.
        temperature: 0 takes the likeliest token, 1 draws from the model's own distribution.
        top_k: Draw from this many likeliest tokens only.
        top_p: Draw from the likeliest tokens that together reach this probability.
        seed: The same seed writes the same text.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.transformer.generation import generate
    from cygnet.transformer.model import load_model_quietly

    model, tokenizer = load_model_quietly(path), Tokenizer.load(path)
    drawn = generate(
        model,
        tokenizer,
        prompt,
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        n_alternatives=1,
    )
    print(prompt, end="", flush=True)
    for text in tokenizer.decode_stream(figures.id for figures in drawn):
        print(text, end="", flush=True)
    print()


def import_(checkpoint: Path, out: Path, /, tokenizer: Path | None = None) -> None:
    """Make a model folder out of a checkpoint of llama2.c.

    Transformers loads it, and so do cygnet transformer generate and cygnet xray trace.

    Example: cygnet transformer import stories260K.bin stories

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
    from rich.console import Console

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
        Console().print_json(data=found.to_dict())
    else:
        print_plan(found)
