"""The application: which path leads where. What comes in passes ``guards.py`` first."""

import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from cygnet.errors import CygnetError
from cygnet.xray.serve import looking
from cygnet.xray.serve.asking import LIMITS, Fields, read_fields
from cygnet.xray.serve.generating import Writer
from cygnet.xray.serve.guards import Guard, refused
from cygnet.xray.serve.looking import Look
from cygnet.xray.serve.subject import Subject
from cygnet.xray.serve.worker import Worker

Endpoint = Callable[[Request], Awaitable[Response]]
MEDIA = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def make_app(subject: Subject, port: int) -> Starlette:
    """The page of a run, as an ASGI application.

    Args:
        subject: What it is about.
        port: Where it will listen; requests to another address are refused.

    Returns:
        The application; ``state.writer`` is the ``Writer`` that serves all pages.
    """
    model, readers = Worker(), Worker()
    writer = Writer(subject, model)

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for worker in (model, readers):
            worker.close()

    app = Starlette(
        routes=[
            *_page(),
            Route("/api/about", _about(subject)),
            Route("/api/trace", _lines(writer.read), methods=["POST"]),
            Route("/api/write", _lines(writer.write), methods=["POST"]),
            *_questions(subject, model, looking.OF_MODEL),
            *_questions(subject, readers, looking.OF_FILES),
        ],
        middleware=[Middleware(Guard, port=port)],
        lifespan=lifespan,
        exception_handlers={HTTPException: _http_error, CygnetError: _input_error, 500: _failure},
    )
    app.state.writer = writer
    return app


def _page() -> list[Route]:
    """A route for each file of the page, and for no other."""
    found = []
    for file in sorted(files("cygnet.xray.serve").joinpath("page").iterdir(), key=lambda f: f.name):
        suffix = file.name.rpartition(".")[2]
        if suffix in MEDIA:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            found.append(Route(path, _static(file.read_bytes(), MEDIA[suffix])))
    return found


def _static(content: bytes, media_type: str) -> Endpoint:
    async def answer(request: Request) -> Response:
        return Response(content, media_type=media_type)

    return answer


def _about(subject: Subject) -> Endpoint:
    async def answer(request: Request) -> Response:
        return JSONResponse(subject.about() | {"limits": LIMITS})

    return answer


def _questions(subject: Subject, worker: Worker, looks: dict[str, Look]) -> list[Route]:
    return [
        Route(f"/api/{name}", _asked(subject, worker, look), methods=["POST"])
        for name, look in looks.items()
    ]


def _asked(subject: Subject, worker: Worker, look: Look) -> Endpoint:
    async def answer(request: Request) -> Response:
        return JSONResponse(await worker.do(look, subject, await read_fields(request)))

    return answer


def _lines(begin: Callable[[Fields], Awaitable[AsyncIterator[str]]]) -> Endpoint:
    """An answer that comes line by line, and ends where the page no longer listens."""

    async def answer(request: Request) -> Response:
        lines = await begin(await read_fields(request))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return answer


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refused(error.status_code, error.detail)


async def _input_error(request: Request, error: Exception) -> Response:
    return refused(422, str(error))


async def _failure(request: Request, error: Exception) -> Response:
    traceback.print_exception(error)
    return refused(500, f"the server has failed: {type(error).__name__}; its terminal says more")
