"""The verbs of ``cygnet xray``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path


def trace(
    path: Path, text: str, /, alternatives: int = 5, json: bool = False, svg: Path | None = None
) -> None:
    """Show what a model thinks of every token of a text.

    Example: cygnet xray trace runs/demo "Once upon a time" --alternatives 3

    Args:
        path: A run folder.
        text: Any text.
        alternatives: How many likely tokens to show at each position.
        json: Print the figures as JSON.
        svg: Also draw what is printed into this file.
    """
    from rich.console import Console

    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.transformer.model import load_model_quietly
    from cygnet.xray.terminal import print_trace, save_svg
    from cygnet.xray.trace import trace

    found = trace(load_model_quietly(path), Tokenizer.load(path), text, n_alternatives=alternatives)
    if json:
        Console().print_json(data=found.to_dict())
    else:
        print_trace(found)
    if svg:
        save_svg(found, svg)
