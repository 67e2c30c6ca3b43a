"""Serving the page until somebody stops it."""

import errno
import socket
import webbrowser
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from cygnet.errors import InputError
from cygnet.xray.serve.app import make_app
from cygnet.xray.serve.subject import Subject

HOST = "127.0.0.1"


def serve(
    folder: Path,
    against: tuple[Path, ...],
    tokenizers: tuple[Path, ...],
    port: int,
    opens: bool,
) -> None:
    """Load a model, say where its page is, and serve it until it is interrupted.

    Args:
        folder: A run folder or a model folder.
        against: More runs, for their curves, samples and tokenizers.
        tokenizers: More tokenizers, beside that of the model.
        port: Where; 0 for any that is free.
        opens: Open the page in a browser.

    Raises:
        InputError: The port is taken, or there is no model.
        KeyboardInterrupt: Somebody has stopped it.
    """
    with listen(port) as listening:
        subject = Subject.load(folder, against, tokenizers)
        address = f"http://{HOST}:{listening.getsockname()[1]}"
        server = make_server(make_app(subject, listening.getsockname()[1]))
        print(f"{address}  (Ctrl-C ends it)", flush=True)
        if opens:
            webbrowser.open(address)
        server.run(sockets=[listening])


def listen(port: int) -> socket.socket:
    """A socket that listens, on this machine alone.

    Raises:
        InputError: The port is taken, or there is none of that number.
    """
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen()
    except (OSError, OverflowError) as error:
        found.close()
        raise InputError(_why(port, error)) from error
    return found


def make_server(app: Starlette) -> uvicorn.Server:
    """A server that leaves its socket to others, and ends at once when it is told to."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="on",
            log_level="critical",  # the terminal has our line, and errors of a request are answers
            timeout_graceful_shutdown=0,  # a text that is being written would hold it up
        )
    )


def _why(port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} is taken: name another one, or --port 0 for any that is free"
    return f"port {port} cannot be listened at ({error}): name another one with --port"
