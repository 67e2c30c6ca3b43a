"""A real terminal for tests: keys in, and what is written to it."""

import asyncio
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType

CONTROL = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>78])")
LEFT = "\x1b[?1049l"  # the alternate screen
CURSOR_SHOWN = "\x1b[?25h"
SECONDS = 100.0
"""After these something is wrong."""


class Terminal:
    """A pseudo-terminal.

    Attributes:
        main: Our side.
        side: The side of the process.
        written: All that was written to it.
    """

    def __init__(self, rows: int = 24, columns: int = 80) -> None:
        self.main, self.side = pty.openpty()
        self.path = os.ttyname(self.side)
        self.resize(rows, columns)
        self.settings = termios.tcgetattr(self.side)
        self.written = ""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in (self.main, self.side):
            os.close(descriptor)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def read(self, seconds: float) -> None:
        while select.select([self.main], [], [], seconds)[0]:
            self.written += os.read(self.main, 65536).decode(errors="replace")
            seconds = 0

    def text(self, since: int = 0) -> str:
        """What was written, without control sequences."""
        return CONTROL.sub("", self.written[since:])

    def wait_for(self, pattern: str, since: int = 0) -> None:
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self.text(since)):
            assert time.monotonic() < end, f"no {pattern}:\n{self.text(since)}"
            self.read(0.05)

    async def shows(self, pattern: str, since: int = 0) -> None:
        """``wait_for`` while something else runs."""
        end = time.monotonic() + SECONDS
        while not re.search(pattern, self.text(since)):
            assert time.monotonic() < end, f"no {pattern}:\n{self.text(since)}"
            self.read(0)
            await asyncio.sleep(0.01)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the processes in the foreground."""
        os.killpg(os.tcgetpgrp(self.main), number)

    def assert_restored(self) -> None:
        self.read(0.1)
        assert termios.tcgetattr(self.side) == self.settings
        assert self.written.rfind(LEFT) > self.written.rfind(LEFT.replace("l", "h"))
        assert self.written.rfind(CURSOR_SHOWN) > self.written.rfind(CURSOR_SHOWN[:-1] + "l")
