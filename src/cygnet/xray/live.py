"""A story as it is written: each token with its border, its probability and its alternatives."""

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from cygnet.xray.terminal import is_plain
from cygnet.xray.token_lines import token_lines
from cygnet.xray.trace import TraceToken


def watch(prompt: str) -> Callable[[TraceToken], None]:
    """Print a heading, and return what prints a line for each token that is drawn."""
    console = Console(highlight=False)
    heading = f"\n  {prompt!r} and on, token by token: probability, surprise, alternatives\n"
    console.print(Text(heading))  # brackets in a prompt are no markup
    return lambda token: _print(token, console)


def _print(token: TraceToken, console: Console) -> None:
    for line in token_lines(token, None, console.width, is_plain=is_plain(console)):
        console.print(line, no_wrap=True, overflow="ellipsis")
