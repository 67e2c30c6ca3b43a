"""A story as it is written: each token with its border, its probability and its alternatives."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from cygnet.xray.terminal import NARROW, token_line
from cygnet.xray.trace import TraceToken


def watch(prompt: str) -> Callable[[TraceToken], None]:
    """Print a heading, and return what prints a line for each token that is drawn."""
    console = Console(highlight=False)
    heading = f"\n  {prompt!r} and on, token by token: probability, surprise, alternatives\n"
    console.print(Text(heading))  # brackets in a prompt are no markup
    is_narrow = console.width < NARROW
    return lambda token: console.print(
        token_line(token, is_narrow), no_wrap=True, overflow="ellipsis"
    )
