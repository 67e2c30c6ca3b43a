"""A small real server that speaks the Hugging Face hub's protocol, for tests without a network.

    with HubServer({"datasets/owner/name": {"train.txt": b"Once upon a time"}}) as hub:
        env = hub.env(tmp_path)            # HF_ENDPOINT and HF_HOME, for a subprocess
        ...
        hub.bodies("train.txt")            # the requests that were answered with bytes of a file

As on the hub, a small file is a git blob and answered in place; a large one is an LFS file: its
etag is its sha256, and its address redirects to another host that holds the bytes.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LFS_BYTES = 10_000  # a file of this size or more is an LFS file
BLOCK = 64 << 10

REPO = r"[^/]+(?:/[^/]+)?"
RESOLVE = re.compile(rf"/((?:datasets/)?{REPO})/resolve/([^/]+)/(.+)")
API = re.compile(rf"/api/(models|datasets)/({REPO})(?:/(revision|tree)/([^/]+)(?:/(.*))?)?")

Files = Mapping[str, bytes] | Path


@dataclass(frozen=True)
class Request:
    """A request, and the status that it was answered with."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    status: int


class HubServer(ThreadingHTTPServer):
    """A hub on 127.0.0.1, for the length of a ``with`` block.

    Args:
        repos: Files by repository: ``"datasets/owner/name"`` or, for a model, ``"owner/name"``;
            each a folder on disk or a mapping from names to bytes.

    Attributes (all but the first two may be set at any time):
        url: What ``HF_ENDPOINT`` should be.
        requests: Every request so far.
        bytes_per_second: How fast bodies are sent; None for full speed.
        drop_after: Each body sent that is longer takes the first number off this list, and the
            connection is closed after that many bytes; where ``reset`` is set, as by a host that
            crashed.
        flip_byte: Position of a byte of each file that is sent with one bit wrong.
        page: How many files one answer lists.
        refuse: Status and ``X-Error-Code`` to answer every request with.
    """

    daemon_threads = False  # closing waits for the handlers, so that no socket is left open

    def __init__(self, repos: Mapping[str, Files]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos = dict(repos)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[Request] = []
        self.bytes_per_second: float | None = None
        self.drop_after: list[int] = []
        self.reset = False
        self.flip_byte: int | None = None
        self.page = 1000
        self.refuse: tuple[int, str] | None = None
        self.closing = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def __enter__(self) -> "HubServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def env(self, home: Path, **more: str) -> dict[str, str]:
        """Environment of a subprocess that takes this for its hub and has its cache in ``home``."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        hub = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "NO_PROXY": "127.0.0.1,localhost"}
        return own | hub | more

    def bodies(self, name: str) -> list[Request]:
        """The requests that were answered with bytes of the file ``name``, in order."""
        return [
            request
            for request in self.requests
            if request.method == "GET"
            and request.status in (200, 206)
            and request.path.endswith(f"/{name}")
        ]

    def files(self, repo: str) -> dict[str, bytes]:
        """All files of a repository."""
        files = self.repos[repo]
        if isinstance(files, Path):
            paths = sorted(path for path in files.rglob("*") if path.is_file())
            return {path.relative_to(files).as_posix(): path.read_bytes() for path in paths}
        return dict(files)

    def commit(self, repo: str) -> str:
        """A commit hash that changes with the files."""
        state = "".join(f"{name} {etag(body)}\n" for name, body in self.files(repo).items())
        return hashlib.sha1(state.encode()).hexdigest()


@functools.lru_cache
def etag(body: bytes) -> str:
    """What the hub names a body: its sha256, or its hash in git where it is small."""
    return hashlib.sha256(body).hexdigest() if len(body) >= LFS_BYTES else git_hash(body)


def git_hash(body: bytes) -> str:
    """The hash of a body as a git blob."""
    return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, then closes the connection."""

    server: HubServer
    protocol_version = "HTTP/1.1"
    timeout = 20

    def do_GET(self) -> None:
        """Answer a GET, or (without the body) a HEAD."""
        path = urlsplit(self.path).path
        if self.server.refuse:
            self._fail(*self.server.refuse)
        elif match := RESOLVE.fullmatch(path):
            self._resolve(*map(unquote, match.groups()))
        elif match := API.fullmatch(path):
            self._api(*(part and unquote(part) for part in match.groups()))
        else:
            self._fail(404, "")

    do_HEAD = do_GET

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        """``/owner/name/resolve/main/file``: the file, or where it is."""
        if not self._known(repo, revision):
            return
        body = self.server.files(repo).get(name)
        if body is None:
            self._fail(404, "EntryNotFound", repo)
        elif len(body) >= LFS_BYTES and urlsplit(self.path).query != "cdn":
            self._redirect(repo, body)
        else:
            self._send_file(repo, body)

    def _redirect(self, repo: str, body: bytes) -> None:
        """Point to the bytes of an LFS file, on what to a client is another host."""
        self._head(
            302,
            self._repo_headers(repo, git_hash(b"pointer to " + etag(body).encode()))
            | {
                "X-Linked-Etag": f'"{etag(body)}"',
                "X-Linked-Size": str(len(body)),
                "Location": f"http://localhost:{self.server.server_port}{self.path}?cdn",
                "Content-Length": "0",
            },
        )

    def _send_file(self, repo: str, body: bytes) -> None:
        """Send a file, or the part of it that ``Range`` asks for."""
        headers = self._repo_headers(repo, etag(body)) | {"Accept-Ranges": "bytes"}
        size, status, start, stop = len(body), 200, 0, len(body)
        if wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, stop = int(wanted[1]), min(int(wanted[2] or size) + 1, size)
            if start >= size:
                return self._head(416, headers | {"Content-Range": f"bytes */{size}"})
            status, headers["Content-Range"] = 206, f"bytes {start}-{stop - 1}/{size}"
        if (flip := self.server.flip_byte) is not None:
            body = body[:flip] + bytes([body[flip] ^ 1]) + body[flip + 1 :]
        self._head(status, headers | {"Content-Length": str(stop - start)})
        if self.command == "GET":
            self._write(memoryview(body)[start:stop])

    def _write(self, body: memoryview) -> None:
        """Send a body, as fast and as far as the server is told to."""
        drops = self.server.drop_after
        drop = drops.pop(0) if drops and len(body) > drops[0] else None
        rate = self.server.bytes_per_second
        for at in range(0, len(body[:drop]), BLOCK):
            block = body[:drop][at : at + BLOCK]
            with contextlib.suppress(ConnectionError):  # the client may have been killed
                self.wfile.write(block)
            if rate and self.server.closing.wait(len(block) / rate):
                return
        if drop is not None and self.server.reset:
            # Lingering for zero seconds, a socket says "reset" in place of "end".
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            os.close(self.connection.detach())

    def _api(
        self, kind: str, name: str, what: str | None, revision: str | None, folder: str | None
    ) -> None:
        """``/api/datasets/owner/name``: about a repository, or all files in one of its folders."""
        repo = name if kind == "models" else f"{kind}/{name}"
        if not self._known(repo, revision or "main"):
            return
        files = self.server.files(repo)
        if what != "tree":
            siblings = [{"rfilename": file} for file in files]
            self._json(repo, {"id": name, "sha": self.server.commit(repo), "siblings": siblings})
        else:
            inside = {
                file: body
                for file, body in files.items()
                if not folder or file.startswith(f"{folder}/")
            }
            if folder and not inside:
                return self._fail(404, "EntryNotFound", repo)
            self._page(repo, [_entry(file, body) for file, body in inside.items()])

    def _page(self, repo: str, entries: list[dict[str, Any]]) -> None:
        """Some of the files, and where the next ones are."""
        query = parse_qs(urlsplit(self.path).query)
        start = int(query.get("cursor", ["0"])[0])
        stop = start + self.server.page
        address = f"{self.server.url}{urlsplit(self.path).path}?recursive=true&cursor={stop}"
        link = {"Link": f'<{address}>; rel="next"'} if stop < len(entries) else {}
        self._json(repo, entries[start:stop], link)

    def _json(self, repo: str, value: Any, more: Mapping[str, str] = MappingProxyType({})) -> None:
        body = json.dumps(value).encode()
        headers = self._repo_headers(repo, git_hash(body)) | dict(more)
        length = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        self._head(200, headers | length)
        if self.command == "GET":
            self.wfile.write(body)

    def _known(self, repo: str, revision: str) -> bool:
        """Whether there is such a repository and revision; if not, that has been answered."""
        if repo not in self.server.repos:
            self._fail(404, "RepoNotFound")
        elif revision not in ("main", self.server.commit(repo)):
            self._fail(404, "RevisionNotFound", repo)
        else:
            return True
        return False

    def _fail(self, status: int, code: str, repo: str | None = None) -> None:
        headers = {"X-Error-Code": code, "Content-Length": "0"}
        if repo is not None:
            headers["X-Repo-Commit"] = self.server.commit(repo)
        self._head(status, headers)

    def _repo_headers(self, repo: str, tag: str) -> dict[str, str]:
        return {"X-Repo-Commit": self.server.commit(repo), "ETag": f'"{tag}"'}

    def _head(self, status: int, headers: dict[str, str]) -> None:
        """Log the request and send status and headers."""
        asked = self.headers
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(
            Request(self.command, path, asked.get("Range"), asked.get("Authorization"), status)
        )
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet: the log is ``HubServer.requests``."""


def _entry(name: str, body: bytes) -> dict[str, Any]:
    """A file as the list of files shows it."""
    entry: dict[str, Any] = {"type": "file", "path": name, "size": len(body), "oid": etag(body)}
    if len(body) >= LFS_BYTES:
        entry["lfs"] = {"oid": etag(body), "size": len(body), "pointerSize": 130}
    return entry
