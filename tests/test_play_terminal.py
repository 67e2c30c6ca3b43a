"""A player in a real terminal, and that it leaves the terminal as it was."""

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

from cygnet.transformer.sampling import Sampling
from cygnet.xray.play.app import App
from cygnet.xray.play.plain import PlainApp
from cygnet.xray.play.player import Player
from cygnet.xray.writing import Writing
from forks import FORKS, forks
from small_models import BYTES, CONFIGS, new_model
from terminals import SECONDS, Terminal

SAMPLING = Sampling(temperature=0.8, seed=13)  # comes to no end of document below
COLOUR = r"\[[0-9;]*(38|48);"
Keys = Callable[[Player, Terminal], Awaitable[None]]


class SlowWriting(Writing):
    """Takes as long for a token as a test wants, as a large model does, or fails."""

    may_go = threading.Event()
    may_go.set()
    fails = False

    def step(self):  # type: ignore[no-untyped-def]
        assert self.may_go.wait(SECONDS)
        if self.fails:
            raise RuntimeError("out of memory")
        return super().step()


def play(keys: Keys, terminal: Terminal, app_type: type[App | PlainApp] = App) -> Player:
    """Play in this process while something types."""
    model = new_model(CONFIGS["qwen2"])
    player = Player(lambda p, s: SlowWriting(model, BYTES, p, s, n_alternatives=9), "ab", SAMPLING)

    async def both(app: App | PlainApp) -> None:
        async def types() -> None:
            try:
                await keys(player, terminal)
            except BaseException:  # else the player would wait for keys
                terminal.type("\x1b\x04")
                raise

        typing = asyncio.create_task(types())
        await app.run()
        await typing

    with (
        open(terminal.side, closefd=False) as source,
        open(terminal.side, "w", closefd=False) as sink,
    ):
        output = Vt100_Output.from_pty(
            sink, term=os.environ["TERM"], default_color_depth=ColorDepth.from_env()
        )
        with create_app_session(Vt100Input(source), output), redirect_stdout(sink):
            asyncio.run(both(app_type(player)))
    return player


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.005)


async def settled(player: Player, n_tokens: int) -> None:
    await until(lambda: len(player.picture.trace.tokens) == n_tokens and not player.is_busy)


@pytest.fixture(autouse=True)
def _xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_step_back_force_run_pause_and_quit() -> None:
    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        terminal.type("nnnb")
        await settled(player, 4)
        terminal.type("\x1b[D2")  # left, the second alternative
        await until(lambda: player.picture.trace.tokens[-1].origin == "forced")
        await settled(player, 4)
        terminal.type("Thot\r")
        await terminal.shows("temperature is a number from 0 on; found 'hot'")
        terminal.type("T")
        await until(lambda: player.asked == "temperature")
        n_written = len(terminal.written)
        terminal.type("\x0c")  # draws all again, not only what has changed
        await terminal.shows(r"temperature \(now 0\.8\):", n_written)
        terminal.type("\r")  # nothing typed changes nothing
        await until(lambda: player.asked is None)
        assert player.sampling.temperature == 0.8
        terminal.type("T0.25\r")  # what is typed takes the place of the old value
        await until(lambda: player.sampling.temperature == 0.25 and not player.is_busy)
        n_written = len(terminal.written)
        terminal.type("\x0c")
        await terminal.shows(r" paused  temperature 0\.25  [\s\S]+quit", n_written)
        await terminal.shows(r"[▏▎▍▌▋▊█]a[▏▎▍▌▋▊█]b»[▏▎▍▌▋▊█]", n_written)
        terminal.type("]" * 9 + " ")
        await until(lambda: len(player.picture.trace.tokens) >= 30)
        terminal.type(" ")
        await until(lambda: not player.running)
        n_tokens = len(player.picture.trace.tokens)
        await asyncio.sleep(0.05)
        assert len(player.picture.trace.tokens) == n_tokens
        terminal.type("p\x15zz\r")
        await settled(player, 2)
        terminal.type("q")

    with Terminal() as terminal:
        player = play(keys, terminal)
        assert player.picture.trace.text == "zz"
        terminal.assert_restored()


def test_keys_answer_while_the_model_is_at_work() -> None:
    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        SlowWriting.may_go.clear()
        terminal.type(" ")
        await terminal.shows("RUNS")
        terminal.type(" ")
        await until(lambda: not player.running)
        terminal.type("v?")
        await terminal.shows("run, or pause")
        terminal.type("\x03")

    try:
        with Terminal() as terminal:
            player = play(keys, terminal)
            assert not SlowWriting.may_go.is_set(), "the model is at work all the while"
            assert len(player.picture.trace.tokens) == 2
            terminal.assert_restored()
    finally:
        SlowWriting.may_go.set()


@pytest.mark.parametrize("app_type", [App, PlainApp])
def test_a_model_that_fails_leaves_the_terminal_in_order(
    app_type: type[App | PlainApp], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowWriting, "fails", True)

    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        terminal.type("n")

    with Terminal() as terminal:
        with pytest.raises(RuntimeError, match="out of memory"):
            play(keys, terminal, app_type)
        if app_type is App:
            terminal.assert_restored()


def test_a_drawing_that_fails_leaves_the_terminal_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        monkeypatch.setattr("cygnet.xray.play.app.draw", lambda *sizes: 1 / 0)
        terminal.type("n")

    with Terminal() as terminal:
        with pytest.raises(ZeroDivisionError):
            play(keys, terminal)
        terminal.assert_restored()


def test_another_size_is_drawn_at_once() -> None:
    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("temperature 0.8")
        for rows, columns, pattern in [
            (10, 40, "paused  temperature 0.8  seed 13"),
            (24, 100, "speed|a second"),
            (2, 9, "ab|a"),
        ]:
            n_written = len(terminal.written)
            terminal.resize(rows, columns)
            os.kill(os.getpid(), signal.SIGWINCH)
            await terminal.shows(pattern, n_written)
        terminal.type("n")
        await settled(player, 3)
        terminal.type("q")

    with Terminal() as terminal:
        play(keys, terminal)
        terminal.assert_restored()


@pytest.mark.parametrize("variable", [{}, {"NO_COLOR": "1"}])
def test_colour(variable: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variable.items():
        monkeypatch.setenv(name, value)

    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        terminal.type("nnnnq")

    with Terminal() as terminal:
        play(keys, terminal)
        assert bool(re.search(COLOUR, terminal.written)) == (not variable)


def test_a_terminal_that_cannot_place_its_cursor() -> None:
    async def keys(player: Player, terminal: Terminal) -> None:
        await terminal.shows("quit")
        terminal.type("nn2")
        await settled(player, 5)
        terminal.type("Tx\r")
        await terminal.shows("found 'x'")
        terminal.type("S9\x7f7\r")
        await until(lambda: player.sampling.seed == 7)
        terminal.type("]]]] ")
        await until(lambda: len(player.picture.trace.tokens) >= 9)
        terminal.type(" q")

    with Terminal(12, 40) as terminal:
        player = play(keys, terminal, PlainApp)
        terminal.read(0.1)
        assert player.sampling.seed == 7


def test_plain_text_has_no_control_sequence(folder: Path) -> None:
    with Terminal(12, 60) as terminal:
        begin(terminal, folder, TERM="dumb")
        terminal.type("nn")
        terminal.wait_for("step 3")
        terminal.type("\x04")
        assert forks().exit_code([]) == 0
        terminal.read(0.1)
        assert "\x1b" not in terminal.written
        terminal.written += "\x1b[?1049h\x1b[?1049l\x1b[?25l\x1b[?25h"  # that it never asked for
        terminal.assert_restored()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not FORKS:
        pytest.skip("commands are not forked here")
    folder = tmp_path_factory.mktemp("model")
    new_model(CONFIGS["qwen2"]).save_pretrained(folder)
    BYTES.save(folder)
    return folder


def begin(terminal: Terminal, folder: Path, **environment: str) -> None:
    arguments = ["xray", "play", str(folder), "--prompt", "hello", "--seed", "3"]
    forks().start(arguments, terminal.path, {"TERM": "xterm"} | environment)
    terminal.wait_for("quit|Error|cygnet: ")
    assert "quit" in terminal.text(), terminal.text()


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        ("q", 0),
        ("\x03", 0),
        ("\x04", 0),
        (signal.SIGINT, 0),
        (signal.SIGTERM, -signal.SIGTERM),
        (signal.SIGHUP, -signal.SIGHUP),
    ],
)
def test_every_way_out(folder: Path, leave: str | signal.Signals, code: int) -> None:
    with Terminal() as terminal:
        begin(terminal, folder)
        terminal.type(" ")
        terminal.wait_for("»")
        if isinstance(leave, str):
            terminal.type(leave)
        else:
            terminal.signal(leave)
        assert forks().exit_code([]) == code
        terminal.assert_restored()
        after = terminal.written[terminal.written.rindex("\x1b[?1049l") :]
        assert "hello" in after
        assert f"cygnet xray play {folder} --prompt hello --steps" in after


def test_a_terminal_that_is_closed_ends_it(folder: Path) -> None:
    terminal = Terminal()
    begin(terminal, folder)
    terminal.__exit__(None, None, None)
    assert forks().exit_code([]) != 0
