"""What a long job says: a line per stage, and a progress bar with rate and time left.

News goes to standard error, so that standard output holds results alone. Where that is no
terminal, the lines stay and the bars are left out. Of several ranks only the first speaks.
"""

import codecs
import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from cygnet import ranks


def say(line: str) -> None:
    """Print one line of news to standard error."""
    if not ranks.rank():
        print(printable(line), file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, to standard output.

    What a terminal would obey is escaped: JSON itself leaves U+009B and marks of direction as they
    are. So is what the output's encoding lacks. What is infinite or no number is null. Colours
    would take a thousand times as long: rich took 12 s for a trace of 4,000 tokens.

    >>> print_json({"swan": "天鹅\\x9b", "bits": math.inf})
    {
      "swan": "天鹅\\u009b",
      "bits": null
    }
    """
    lacks_some = codecs.lookup(sys.stdout.encoding or "utf-8").name != "utf-8"
    try:
        text = json.dumps(value, indent=2, ensure_ascii=lacks_some, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), indent=2, ensure_ascii=lacks_some)
    for line in text.split("\n"):
        print(printable(line))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [*map(_finite, value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def printable(line: str) -> str:
    """A line with what a terminal would obey, in a file's name for instance, escaped as in JSON.

    >>> printable("runs/\\x1b[2J")
    'runs/\\\\u001b[2J'
    """
    return line if line.isprintable() else "".join(map(_escaped, line))


def _escaped(character: str) -> str:
    return character if character.isprintable() else json.dumps(character)[1:-1]


@contextlib.contextmanager
def progress(label: str, total: float, unit: str) -> Iterator[Callable[..., None]]:
    """Show a progress bar while the block runs.

    Args:
        label: What is being done.
        total: How much there is to do, in ``unit``.
        unit: The unit that is counted, e.g. ``"MB"`` or ``"step"``.

    Yields:
        A function that takes how much more has been done and, if it has changed, the label.

    >>> with progress("counting", 2, "word") as advance:
    ...     advance(1)
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Task as ProgressTask
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: ProgressTask) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.1f} {unit}/s")

    console = Console(stderr=True)
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(bar_width=30),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f} " + unit),
        Rate(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=bool(ranks.rank()) or not console.is_terminal,
    ) as bar:
        task = bar.add_task(label, total=total)
        yield lambda amount, label=None: bar.update(task, advance=amount, description=label)


def is_live() -> bool:
    """Whether standard error is a terminal that can show a line that changes; one rank has it."""
    if ranks.rank():
        return False
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal and not console.is_dumb_terminal


@contextlib.contextmanager
def live_line(text: Callable[[int], str]) -> Iterator[None]:
    """Show a line that changes while the block runs, if standard error is a terminal.

    Args:
        text: Gives the line, for a number of columns; called twice a second.

    >>> with live_line(lambda width: "half of it"):
    ...     pass
    """
    if not is_live():
        yield
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)

    def render() -> Text:
        return Text(text(console.width - 1), no_wrap=True, overflow="crop")

    with Live(console=console, get_renderable=render, refresh_per_second=2, transient=True):
        yield


class Stopwatch:
    """Seconds since it was made.

    >>> Stopwatch().seconds < 1
    True
    """

    def __init__(self) -> None:
        self._start = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.perf_counter() - self._start
