"""What ``cygnet xray play`` does, in a terminal and without one."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from prompt_toolkit.utils import is_dumb_terminal

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import open_model
from cygnet.transformer.model import quiet_transformers
from cygnet.transformer.sampling import Sampling
from cygnet.xray.play.app import App
from cygnet.xray.play.farewell import command, text_of
from cygnet.xray.play.plain import PlainApp
from cygnet.xray.play.player import Player
from cygnet.xray.play.script import parse_forced, write
from cygnet.xray.trace import Trace
from cygnet.xray.writing import Writing


def scripted(
    path: Path,
    prompt: str,
    sampling: Sampling,
    n_steps: int,
    force: Sequence[str],
    n_alternatives: int,
) -> Trace:
    """Write some steps of a text."""
    if n_steps < 0:
        raise InputError(f"--steps must not be negative, found {n_steps}")
    quiet_transformers()
    model, tokenizer = open_model(path)
    forced = parse_forced(force, tokenizer, n_steps)
    writing = Writing(model, tokenizer, prompt, sampling, n_alternatives=n_alternatives)
    return write(writing, n_steps, forced)


def check_terminal() -> None:
    """See that there is a terminal to play in.

    Raises:
        InputError: There is none.
    """
    streams = {"standard input": sys.stdin, "standard output": sys.stdout}
    others = [name for name, stream in streams.items() if not stream or not stream.isatty()]
    if others:
        raise InputError(
            f"xray play needs a terminal, and {' and '.join(others)} is none: --steps N writes N"
            " tokens without one, --steps N --json prints their figures"
        )


def in_terminal(path: Path, prompt: str, sampling: Sampling, n_alternatives: int) -> None:
    """Play, and print what was written."""
    check_terminal()
    quiet_transformers()
    model, tokenizer = open_model(path)

    def new_writing(prompt: str, sampling: Sampling) -> Writing:
        return Writing(model, tokenizer, prompt, sampling, n_alternatives=n_alternatives)

    player = Player(new_writing, prompt, sampling, n_alternatives)
    ended_by = None
    try:
        ended_by = asyncio.run(_play(player))
    finally:
        _say_farewell(path, player)
    if ended_by:  # as if it had not been caught
        signal.signal(ended_by, signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)


async def _play(player: Player) -> signal.Signals | None:
    app = PlainApp(player) if is_dumb_terminal() else App(player)
    await app.run()
    return app.engine.ended_by


def _say_farewell(path: Path, player: Player) -> None:
    try:
        print(text_of(player.picture))
        if again := command(path, player.picture):
            print(f"\n{again}", file=sys.stderr)
        sys.stdout.flush()
    except OSError:  # the terminal is gone, and nobody reads it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
