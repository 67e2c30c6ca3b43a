"""Builds in processes that can be killed: forked from one that has everything loaded.

A fork costs milliseconds where a fresh process costs a second, so a hundred kills are affordable.
What is killed is a process of its own all the same, with SIGKILL.
"""

import ctypes
import json
import os
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).parent
EVENTS = {0x2: "modify", 0x8: "close", 0x80: "rename", 0x100: "create"}
"""What inotify tells: IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE."""


class Event(NamedTuple):
    """What happened to a file of a watched folder."""

    kind: str
    name: str


class Watch:
    """The file events of a folder, in order, none left out. Linux only."""

    def __init__(self, folder: Path) -> None:
        if sys.platform != "linux":
            pytest.skip("file events are told by Linux's inotify")
        libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = libc.inotify_init1(os.O_NONBLOCK)
        mask = sum(EVENTS)
        assert libc.inotify_add_watch(self.descriptor, os.fsencode(folder), mask) >= 0
        self.events: list[Event] = []

    def read(self, seconds: float) -> list[Event]:
        """All events so far, after waiting for more."""
        if select.select([self.descriptor], [], [], seconds)[0]:
            content = os.read(self.descriptor, 1 << 20)
            while content:
                _, mask, _, size = struct.unpack_from("iIII", content)
                name = content[16 : 16 + size].rstrip(b"\0").decode()
                self.events.append(Event(EVENTS[mask & sum(EVENTS)], name))
                content = content[16 + size :]
        return self.events

    def close(self) -> None:
        os.close(self.descriptor)


class Builder:
    """A process with everything loaded, which forks one for each job of ``build_jobs``.

    Another script may add jobs of its own.
    """

    def __init__(self, log: Path, script: str = "build_jobs.py") -> None:
        self.log = log
        self._pid: int | None = None
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / script), str(log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def start(self, name: str, *arguments: object) -> int:
        """Start a job; returns the id of its process."""
        if self._pid is not None:  # of a test that failed
            self._kill(self._pid)
        self.log.write_text("")
        self._tell(json.dumps([name, *map(str, arguments)]))
        self._pid = int(self._answer())
        return self._pid

    def wait(self) -> int:
        """The exit code of the job that was started last; negative if a signal has ended it."""
        status, self._pid = int(self._answer()), None
        self._tell("seen")
        return status

    def run(self, name: str, *arguments: object) -> int:
        """Run a job to its end."""
        self.start(name, *arguments)
        return self.wait()

    def is_done(self, seconds: float = 0) -> bool:
        """Whether the job ends within some time."""
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def said(self) -> str:
        """What the last job wrote to its standard error."""
        return self.log.read_text()

    def kill_at(self, n_events: int, folder: Path, name: str, *arguments: object) -> bool:
        """Run a job and kill it at the n-th event of a folder; whether that was before its end."""
        with watched(folder) as watch:
            pid = self.start(name, *arguments)
            while len(watch.events) < n_events and not self.is_done():
                watch.read(0.005)
            return self._kill(pid)

    def kill_after(self, seconds: float, name: str, *arguments: object) -> bool:
        """Run a job and kill it after some time; whether that was before its end."""
        pid = self.start(name, *arguments)
        self.is_done(seconds)
        return self._kill(pid)

    def stop_at(self, n_events: int, folder: Path, name: str, *arguments: object) -> int:
        """Run a job and halt it at the n-th event of a folder; returns the id of its process."""
        with watched(folder) as watch:
            pid = self.start(name, *arguments)
            while len(watch.events) < n_events:
                assert not self.is_done(), self.said()
                watch.read(0.005)
            os.kill(pid, signal.SIGSTOP)
            return pid

    def finish(self, pid: int) -> int:
        """Let a job that was halted go on to its end; returns its exit code."""
        os.kill(pid, signal.SIGCONT)
        return self.wait()

    def _kill(self, pid: int) -> bool:
        os.kill(pid, signal.SIGKILL)
        return self.wait() == -signal.SIGKILL

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@contextmanager
def watched(folder: Path) -> Iterator[Watch]:
    """The file events of a folder, from now on."""
    watch = Watch(folder)
    try:
        yield watch
    finally:
        watch.close()
