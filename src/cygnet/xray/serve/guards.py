"""Who may ask: this machine's own page, and nobody else's.

A browser lets any page on the web send requests to 127.0.0.1. What tells them apart is in headers
that a page cannot set: ``Host`` (another name for this machine: DNS rebinding), ``Origin`` and
``Sec-Fetch-Site`` (another page; W3C, "Fetch Metadata Request Headers").
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = ("127.0.0.1", "localhost", "[::1]")
OWN_SITES = ("same-origin", "none")
"""From the page itself, or typed by a person."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Answers strangers itself, and gives every answer the headers that keep a page to itself.

    Args:
        app: Whom others are let through to.
        port: Where it listens.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in NAMES}
        if port == 80:
            self._hosts |= set(NAMES)  # browsers leave the usual port out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope["method"], Headers(scope=scope))
        answer = refusal or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, method: str, headers: Headers) -> JSONResponse | None:
        host = headers.get("host", "").lower()
        if host not in self._hosts:
            return refused(403, "this is not the address of the page: take the one it printed")
        if headers.get("origin", f"http://{host}").lower() != f"http://{host}":
            return refused(403, "only the page itself may ask")
        if headers.get("sec-fetch-site", "none") not in OWN_SITES:
            return refused(403, "only the page itself may ask: type its address to open it")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method == "POST" and kind != "application/json":
            return refused(415, "a request is JSON: content-type application/json")
        return None


def refused(status: int, message: str) -> JSONResponse:
    """An answer that says in one line why there is no other."""
    return JSONResponse({"error": " ".join(message.split())}, status)
