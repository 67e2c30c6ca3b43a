"""The page of a small model, served by a real server in a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from cygnet.xray import tracing
from cygnet.xray.serve.app import make_app
from cygnet.xray.serve.generating import Writer
from cygnet.xray.serve.serving import HOST, listen, make_server
from cygnet.xray.serve.subject import Subject
from cygnet.xray.writing import Writing


@dataclass(frozen=True)
class Served:
    address: str
    port: int
    subject: Subject
    writer: Writer


@contextmanager
def serving(subject: Subject) -> Iterator[Served]:
    with listen(0) as socket:
        port = socket.getsockname()[1]
        app = make_app(subject, port)
        server = make_server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Served(f"http://{HOST}:{port}", port, subject, app.state.writer)
        finally:
            server.should_exit = True
            thread.join(timeout=30)
    assert not thread.is_alive()


class Gate:
    """Where the model waits before each token it writes and each part of a text it reads.

    No machine is too busy then for a test of what happens between two tokens.

    Attributes:
        passed: The texts whose tokens have passed, one for each token; none for a part.
    """

    def __init__(self) -> None:
        self.passed: list[Writing | None] = []
        self._passes = threading.Semaphore(0)
        self._is_open = False

    def let(self, n: int) -> None:
        """Let the next ``n`` tokens be written."""
        self._passes.release(n)

    def let_until(self, job: Future[Any]) -> None:
        """Let them pass one by one until something that another thread does is done."""
        while not job.done():
            n_passed = len(self.passed)
            self.let(1)
            wait_until(lambda n=n_passed: len(self.passed) > n or job.done())  # type: ignore[misc]

    def open(self) -> None:
        self._is_open = True
        self._passes.release()

    def wait(self, writing: Writing | None) -> None:
        if not self._is_open:
            assert self._passes.acquire(timeout=60), "the test lets nobody pass"
        if self._is_open:
            self._passes.release()  # for whoever else waits
        self.passed.append(writing)


@contextmanager
def gated() -> Iterator[Gate]:
    """All that is written or read meanwhile waits at a gate."""
    gate, step, figures = Gate(), Writing.step, tracing.token_figures

    def step_behind_the_gate(writing: Writing) -> Any:
        gate.wait(writing)
        return step(writing)

    def figures_behind_the_gate(*arguments: Any) -> Any:
        gate.wait(None)
        return figures(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Writing, "step", step_behind_the_gate)
        patch.setattr(tracing, "token_figures", figures_behind_the_gate)
        try:
            yield gate
        finally:
            gate.open()


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.01)
