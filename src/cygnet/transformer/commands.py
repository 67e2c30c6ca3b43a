"""The verbs of ``cygnet transformer``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path


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
