"""A story as it is written: each token with its border, its probability and its alternatives."""

from collections.abc import Callable

from rich.console import Console

from cygnet.xray.terminal import token_line
from cygnet.xray.trace import TraceToken


def watch(prompt: str) -> Callable[[TraceToken], None]:
    """Print a heading, and return what prints a line for each token that is drawn."""
    console = Console(highlight=False)
    console.print(f"\n  {prompt!r} and on, token by token: probability, surprise, alternatives\n")
    return lambda token: console.print(token_line(token), no_wrap=True, overflow="ellipsis")
