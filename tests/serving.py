"""The page of a small model, served by a real server in a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cygnet.xray.serve.app import make_app
from cygnet.xray.serve.generating import Writer
from cygnet.xray.serve.serving import HOST, listen, make_server
from cygnet.xray.serve.subject import Subject


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


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it has not come to pass"
        time.sleep(0.01)
