"""What a terminal and a pipe show while a model trains."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import SMALL, cygnet
from cygnet.console import is_live
from cygnet.recipes import find_recipe
from cygnet.transformer.live_line import LiveLine

CONTROL = re.compile(r"\x1b\[[0-9;?]*([A-Za-z])")
LEFT = r"(-:--|(\d+:)?\d+:\d\d) left"
TRAINING = re.compile(rf"\d+% loss (-|\d\.\d{{3}}) (-|[\d.]+[kM]?) tok/s {LEFT}")
VALIDATING = re.compile(rf"validating \d+% loss \d\.\d{{3}} {LEFT}")
TRAIN = ("transformer", "train", "demo", *SMALL, "--transformer.steps", "100")


def in_terminal(columns: int, *arguments: str | Path, **environment: str) -> str:
    """What a command writes to a terminal."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR")}
    process = subprocess.Popen(
        [sys.executable, "-m", "cygnet", *map(str, arguments)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=variables | {"TERM": "xterm-256color"} | environment,
    )
    written = b""
    while True:  # the terminal stays open here, as it may lose what is unread when it is closed
        ended = process.poll() is not None
        while select.select([main], [], [], 0.1)[0]:
            written += os.read(main, 65536)
        if ended:
            break
    os.close(terminal)
    os.close(main)
    assert process.returncode == 0, written.decode()
    return written.decode()


def test_in_forty_columns(prepared: Path) -> None:
    """Each frame in one row, over the one before; nothing of it stays."""
    shown = in_terminal(40, *TRAIN, "--out", prepared, NO_COLOR="1")
    assert {found.group(1) for found in CONTROL.finditer(shown)} <= set("hlKA")
    parts = [CONTROL.sub("", part) for part in re.split("[\r\n]", shown)]
    frames = [part for part in parts if part.endswith(" left")]
    for frame in frames:
        assert TRAINING.fullmatch(frame) or VALIDATING.fullmatch(frame), frame
        assert len(frame) < 40
    assert re.match(r"100% loss [3-6]\.", frames[-1])
    assert frames[0].startswith("0% loss -")
    last = shown.index(frames[-1]) + len(frames[-1])
    assert "\x1b[2K" in shown[last : shown.index("valid: ")]
    assert "\x1b[?25h" in shown  # the cursor is back


def test_in_a_pipe(prepared: Path) -> None:
    result = cygnet(*TRAIN, "--out", prepared)
    assert result.returncode == 0, result.stderr
    assert not set(result.stderr) & {"\x1b", "\r"}
    lines = [line for line in result.stderr.splitlines() if "loss" in line]
    pattern = (
        r"  training  step {} of 100  loss \d\.\d{{3}}  valid \d\.\d{{4}} bits per byte"
        r"  [\d,]+ tokens/s  (\d+:)?\d+:\d\d left"
    )
    assert len(lines) == 5
    for step, line in zip(range(20, 101, 20), lines, strict=True):
        assert re.fullmatch(pattern.format(step), line)
    assert lines[-1].endswith("  0:00 left")


@pytest.mark.parametrize("width", [10, 25, 40, 60, 80, 200])
def test_as_wide_as_the_terminal(width: int) -> None:
    line = LiveLine(find_recipe("demo").transformer, is_live=True)
    line._step, line._loss, line._rate, line._doing = 1999, 10.123, 1_234_567, "validating 100%"
    texts: dict[int, Callable[[str], bool]] = {
        60: lambda text: "validating 100%" in text and "loss 10.123" in text,
        200: lambda text: "step 1,999 of 2,000" in text and "1,234,567 tokens/s" in text,
    }
    text = line.text(width)
    assert len(text) <= width
    assert width < 25 or "10.123" in text
    line._doing = "training"
    assert width != 60 or "1.23M tok/s" in line.text(width)
    assert texts.get(width, bool)(text)


def test_only_the_first_rank_and_a_terminal_that_can_have_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as rich tells a terminal
    monkeypatch.setenv("TERM", "xterm")
    assert is_live()
    monkeypatch.setenv("TERM", "dumb")
    assert not is_live()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not is_live()
