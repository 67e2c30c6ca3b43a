"""The server of the page: who may ask, for how much, and how several share a model."""

import copy
import json
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import torch

from conftest import cygnet, refused, start
from cygnet.errors import InputError
from cygnet.transformer.sampling import Sampling
from cygnet.xray.attention.reading import attention
from cygnet.xray.rows.embedding import open_embedding
from cygnet.xray.runs.comparison import compare_runs
from cygnet.xray.runs.reading import read_runs
from cygnet.xray.serve.asking import MOST_ALTERNATIVES, MOST_BODY, MOST_TOKENS, MOST_WRITTEN
from cygnet.xray.serve.serving import listen
from cygnet.xray.serve.subject import Subject, check_inside
from cygnet.xray.tracing import trace, trace_generation
from cygnet.xray.writing import Writing
from serving import Gate, Served, gated, serving, wait_until
from small_models import BYTES, CONFIGS, new_model

JSON = {"content-type": "application/json"}
LONG = {"text": "ab" * 1000, "alternatives": 0}
"""Many parts of a trace, as the context of the small model is 48 tokens."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("model")
    with serving(Subject(folder, new_model(copy.deepcopy(CONFIGS["gpt2"])), BYTES)) as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.address, timeout=60) as found:
        yield found


def written(client: httpx.Client, **order: Any) -> list[dict[str, Any]]:
    """The events of a text that is written to its end."""
    answer = client.post("/api/write", json=order)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def read(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    """The tokens of a text that is read to its end."""
    lines = client.post("/api/trace", json=asked).text.splitlines()
    *parts, end = [json.loads(line) for line in lines]
    assert end == {"end": "length"}
    return [token for part in parts for token in part["figures"]]


def tokens(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["token"] for event in events if "token" in event]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:PORT"}, 200),
        ({"host": "[::1]:PORT"}, 200),
        ({"host": "evil.example:PORT"}, 403),  # a name that was made to point here
        ({"host": "127.0.0.1.evil.example:PORT"}, 403),
        ({"host": "127.0.0.1"}, 403),
        ({"host": "127.0.0.1:1"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://127.0.0.1:PORT"}, 200),
        ({"origin": "http://localhost:PORT"}, 403),
        ({"origin": "https://127.0.0.1:PORT"}, 403),
        ({"origin": "http://127.0.0.1:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/"), ("POST", "/api/tokens")])
def test_only_the_page_itself_may_ask(
    served: Served,
    client: httpx.Client,
    headers: dict[str, str],
    status: int,
    method: str,
    path: str,
) -> None:
    sent = {name: value.replace("PORT", str(served.port)) for name, value in headers.items()}
    content = b"{}" if method == "POST" else None
    answer = client.request(method, path, headers=JSON | sent, content=content)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["/", "/main.js", "/api/about", "/nothing", "/api/trace"])
def test_every_answer_keeps_the_page_to_itself(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert not [name for name in headers if name.startswith("access-control")]


def test_the_page_has_nothing_inline(client: httpx.Client) -> None:
    page = client.get("/").text
    assert "<style" not in page and 'style="' not in page
    assert page.count("<script") == page.count('<script type="module" src="') == 1
    assert "http" not in page


def test_a_form_of_another_page_is_refused(client: httpx.Client) -> None:
    kinds = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
    for kind in kinds:
        answer = client.post("/api/tokens", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415
    assert client.get("/api/write").status_code == 405
    assert client.request("OPTIONS", "/api/write").status_code == 405


def test_it_listens_on_this_machine_alone() -> None:
    with listen(0) as found:
        assert found.getsockname()[0] == "127.0.0.1"
        with pytest.raises(InputError, match="is taken: name another one"):
            listen(found.getsockname()[1])
    with pytest.raises(InputError, match="port 99999 cannot be listened at"):
        listen(99999)


HALF = b'{"text": "\\ud800"}'
BAD = [
    ("trace", b"", 400, "no JSON"),
    ("trace", b"[1]", 400, "no JSON object"),
    ("trace", b"\xff\xfe\xff", 400, "no JSON"),
    ("trace", b'{"text": NaN}', 400, "NaN"),
    ("trace", b'{"alternatives": Infinity}', 400, "Infinity"),
    ("trace", b'{"alternatives": 1e999}', 422, "alternatives"),
    ("trace", b'{"alternatives": ' + b"9" * 5000 + b"}", 400, "no JSON"),
    ("trace", b"[" * 200_000, 400, "no JSON"),
    ("trace", b'{"text": ' + b"[" * 300 + b"]" * 300 + b"}", 422, "a string"),
    ("trace", HALF, 422, "half of a character"),
    ("trace", b'{"text": 5}', 422, "text must be a string, found 5"),
    ("trace", b'{"txet": "a"}', 422, "no field 'txet'"),
    ("trace", b'{"alternatives": true}', 422, "alternatives"),
    ("trace", b'{"special": 1}', 422, "special must be true or false"),
    ("trace", f'{{"alternatives": {MOST_ALTERNATIVES + 1}}}'.encode(), 422, "alternatives"),
    ("trace", b'{"text": "%s"}' % (b"a" * (MOST_TOKENS + 1)), 413, "4,001 tokens are too many"),
    ("trace", b'{"text": "%s"}' % (b"a" * 100_001), 413, "too long: at most 100,000 bytes"),
    ("trace", b'{"text": "%s"}' % ("é".encode() * 50_001), 413, "at most 100,000 bytes"),
    ("tokens", b'{"text": "%s"}' % (b"a" * MOST_BODY), 413, "at most 1,000,000 bytes"),
    ("tokens", b'{"text": "%s"}' % (b"a" * 10_000_000), 413, "at most 1,000,000 bytes"),
    ("write", b'{"max_tokens": 1000000000}', 422, "max_tokens must be a whole number from 1"),
    ("write", f'{{"max_tokens": {MOST_WRITTEN + 1}}}'.encode(), 422, "max_tokens"),
    ("write", b'{"max_tokens": 0}', 422, "max_tokens"),
    ("write", b'{"max_tokens": 3.0}', 422, "max_tokens"),
    ("write", b'{"seed": -1}', 422, "seed"),
    ("write", b'{"seed": 1e3}', 422, "seed"),
    ("write", b'{"temperature": -1}', 422, "temperature"),
    ("write", b'{"temperature": 1e-300}', 422, "temperature"),
    ("write", b'{"temperature": "hot"}', 422, "temperature must be a number, found 'hot'"),
    ("write", b'{"top_k": 0}', 422, "top_k"),
    ("write", b'{"top_p": 1.5}', 422, "top_p"),
    ("write", b'{"min_p": -0.1}', 422, "min_p"),
    ("write", b'{"given": "abc"}', 422, "given must be a list of token ids"),
    ("write", b'{"given": [1, true]}', 422, "given"),
    ("write", b'{"given": [-1]}', 422, "token id -1 is out of range"),
    ("write", b'{"written": [257]}', 422, "token id 257 is out of range"),
    ("write", b'{"written": [99999999999999999999999]}', 422, "out of range"),
    ("write", b'{"force": 257}', 422, "force"),
    ("write", b'{"text": "a", "given": [1]}', 422, "either text or given"),
    ("write", b'{"given": %s}' % json.dumps([1] * MOST_TOKENS).encode(), 413, "too many"),
]


@pytest.mark.parametrize(
    ("path", "body", "status", "words"), BAD, ids=[f"{i}-{bad[3]}" for i, bad in enumerate(BAD)]
)
def test_what_is_refused_is_refused_in_one_line(
    served: Served, client: httpx.Client, path: str, body: bytes, status: int, words: str
) -> None:
    before = served.writer.n_steps
    answer = client.post(f"/api/{path}", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]
    assert words in message and len(message) < 300 and message.isprintable()
    assert served.writer.n_steps == before  # the model was not asked
    assert served.writer.n_active == 0


@pytest.mark.parametrize(
    "path",
    [
        "/../app.py",
        "/..%2fapp.py",
        "/%2e%2e/app.py",
        "//etc/passwd",
        "/page/index.html",
        "/index.html",
        "/app.py",
        "/main.js%00.css",
        "/..\\app.py",
    ],
)
def test_only_the_files_of_the_page_are_there(served: Served, path: str) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        host = f"127.0.0.1:{served.port}"
        raw.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:60]
    assert b"import" not in answer and b"root:" not in answer


def test_links_out_of_a_run_are_seen(tmp_path: Path) -> None:
    run, secret = tmp_path / "run", tmp_path / "secret"
    (run / "transformer").mkdir(parents=True)
    secret.mkdir()
    (run / "transformer" / "inside").symlink_to(run / "recipe.json")
    check_inside(run)
    (tmp_path / "again").symlink_to(run)
    check_inside(tmp_path / "again")  # the folder itself may be named by a link
    for target in (secret, secret / "absent", Path("/etc/passwd"), Path("../../secret")):
        link = run / "transformer" / "metrics.jsonl"
        link.symlink_to(target)
        with pytest.raises(InputError, match=r"transformer/metrics\.jsonl leads out of the run"):
            check_inside(run)
        link.unlink()


def test_a_trace_is_that_of_the_library(served: Served, client: httpx.Client) -> None:
    text = "a <b>‮ 🦢\x00\n"
    for asked in (text, text * 20, ""):  # longer than the context, too
        found = read(client, text=asked, alternatives=3)
        whole = trace(served.subject.model, BYTES, asked, n_alternatives=3)
        assert found == [token.to_dict() for token in whole.tokens]  # their order is their position
    alone = client.post("/api/tokens", json={"text": text}).json()["tokens"]
    assert [token["id"] for token in alone] == list(text.encode())
    assert alone[0]["probability"] is None


def test_special_tokens_count_where_they_are_asked_for(client: httpx.Client) -> None:
    [name] = BYTES.special_tokens
    for special, n in ((True, 1), (False, len(name))):
        found = client.post("/api/tokens", json={"text": name, "special": special}).json()["tokens"]
        assert len(found) == n and (found[0]["kind"] == "special") is special


def test_what_is_written_is_what_the_library_writes(served: Served, client: httpx.Client) -> None:
    sampling = {"temperature": 0.9, "top_k": 50, "top_p": 0.95, "min_p": 0.001, "seed": 3}
    events = written(client, text="ab", max_tokens=60, alternatives=4, with_prompt=True, **sampling)
    generated = trace_generation(
        served.subject.model, BYTES, "ab", max_tokens=60, n_alternatives=4, **sampling
    )
    whole = [token.to_dict() for token in generated.tokens]
    assert tokens(events)[: len(whole) - 2] == whole[2:]  # beyond the context, too
    assert [token["id"] for token in events[0]["prompt"]] == list(b"ab")
    assert list(events[1]) == ["token"], "the first token does not wait for the prompt's figures"
    assert events[2]["figures"] == whole[:2]
    assert events[-1]["end"] in ("length", "boundary")


def test_the_server_keeps_nothing_so_that_a_page_can_go_on(client: httpx.Client) -> None:
    at_once = [token["id"] for token in tokens(written(client, text="ab", max_tokens=20))]
    given, parts = list(b"ab"), at_once[:7]
    rest = tokens(written(client, given=given, written=parts, max_tokens=len(at_once) - 7))
    assert parts + [token["id"] for token in rest] == at_once


def test_another_token_is_put_and_written_on_from(served: Served, client: httpx.Client) -> None:
    order = {"given": list(b"ab"), "written": [99], "force": 120, "max_tokens": 5}
    found = tokens(written(client, **order))
    writing = Writing(served.subject.model, BYTES, b"ab", Sampling(), written=[99])
    expected = [writing.force(120), *(writing.step() for _ in range(len(found) - 1))]
    assert [token["id"] for token in found] == [token.id for token in expected]
    assert [token["origin"] for token in found][:2] == ["forced", "drawn"]
    assert found[0]["rank"] == expected[0].figures.rank  # type: ignore[union-attr]


def test_a_document_that_ends_says_so(client: httpx.Client) -> None:
    events = written(client, text="ab", force=256, max_tokens=5)
    assert [token["kind"] for token in tokens(events)] == ["special"]
    assert events[-1] == {"end": "boundary"}


def test_two_people_share_the_model_token_by_token(served: Served, client: httpx.Client) -> None:
    order = {"text": "ab", "max_tokens": MOST_WRITTEN, "alternatives": 0, "temperature": 0}
    with gated() as gate, client.stream("POST", "/api/write", json=order) as first:
        gate.let(4)
        arriving = first.iter_lines()
        assert len(tokens([json.loads(next(arriving)) for _ in range(4)])) == 4
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(written, client, **order | {"max_tokens": 40})
            gate.let_until(second)
        assert len(tokens(second.result())) == 40
        assert served.writer.n_active == 1, "it did not wait for the first one to end"
        assert in_turn(gate)
    wait_until(lambda: served.writer.n_active == 0)


def in_turn(gate: Gate) -> bool:
    """Whether the second who came got each other turn."""
    [second] = {id(one) for one in gate.passed} - {id(gate.passed[0])}
    turns = [i for i, one in enumerate(gate.passed) if id(one) == second]
    return {after - before for before, after in pairwise(turns)} == {2}


def test_a_closed_page_stops_its_text(served: Served, client: httpx.Client) -> None:
    order = {"text": "ab", "max_tokens": MOST_WRITTEN, "alternatives": 0, "temperature": 0}
    before = served.writer.n_steps
    with gated() as gate:
        with client.stream("POST", "/api/write", json=order) as answer:
            gate.let(3)
            arriving = answer.iter_lines()
            for _ in range(3):
                next(arriving)
        wait_until(lambda: served.writer.n_active == 0)
    time.sleep(0.3)
    assert served.writer.n_steps <= before + 4, "but for the one that had begun"


def test_a_token_does_not_wait_for_a_whole_text_that_is_read(
    served: Served, client: httpx.Client
) -> None:
    order = {"given": list(b"ab"), "max_tokens": 5, "alternatives": 0, "temperature": 0}
    with gated() as gate, client.stream("POST", "/api/trace", json=LONG):
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(written, client, **order)
            gate.let_until(second)
        assert len(tokens(second.result())) == 5
        assert served.writer.n_active == 1, "the first is still being read"
        assert in_turn(gate)
    wait_until(lambda: served.writer.n_active == 0)


@pytest.mark.parametrize("path", ["trace", "write"])
def test_a_text_that_nobody_waits_for_is_read_no_further(
    served: Served, client: httpx.Client, path: str
) -> None:
    order = LONG if path == "trace" else LONG | {"with_prompt": True, "max_tokens": 1}
    with gated() as gate:
        with client.stream("POST", f"/api/{path}", json=order) as answer:
            gate.let(4)
            lines = map(json.loads, answer.iter_lines())
            assert any("figures" in line for line in lines)
        wait_until(lambda: served.writer.n_active == 0)
    client.post("/api/tokens", json={"text": "which the model's thread does last"})
    assert len(gate.passed) <= 5, "but for the part that had begun"


def test_a_model_that_has_diverged_ends_the_text_with_a_line(tmp_path: Path) -> None:
    model = new_model(copy.deepcopy(CONFIGS["gpt2"]))
    with torch.no_grad():
        model.get_input_embeddings().weight.fill_(float("nan"))
    with serving(Subject(tmp_path, model, BYTES)) as found:
        answer = httpx.post(f"{found.address}/api/write", json={"text": "a"})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        read_lines = httpx.post(f"{found.address}/api/trace", json={"text": "a"}).text.splitlines()
    assert "not finite" in lines[-1]["error"]
    assert "not finite" in json.loads(read_lines[-1])["error"]
    assert found.writer.n_active == 0


def test_the_command_serves_a_run_until_it_is_interrupted(finished_run: Path) -> None:
    process = start("xray", "serve", finished_run, "--port", "0")
    try:
        assert process.stdout and process.stderr
        address = process.stdout.readline().split()[0]
        port = address.rpartition(":")[2]
        taken = refused(cygnet("xray", "serve", finished_run, "--port", port))
        assert f"port {port} is taken" in taken
        assert httpx.get(f"{address}/api/about").json()["name"] == finished_run.name
        order = {"text": "Once", "max_tokens": MOST_WRITTEN}
        with httpx.stream("POST", f"{address}/api/write", json=order) as answer:
            next(answer.iter_lines())
            process.send_signal(signal.SIGINT)
            since = time.monotonic()
            assert process.wait(timeout=30) in (0, 130)
            assert time.monotonic() - since < 10
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "holds no model" in refused(cygnet("xray", "serve", tmp_path, "--port", "0"))


def test_runs_to_compare_with_are_checked_at_once(finished_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no run"):
        Subject.load(finished_run, (tmp_path,))


def test_what_a_run_has_is_what_the_library_finds(finished_run: Path) -> None:
    run = finished_run
    subject = Subject.load(run)
    text, token = "Once upon a time", subject.tokenizer.encode(" a")[0]
    with serving(subject) as served, httpx.Client(base_url=served.address, timeout=60) as client:

        def ask(path: str, **fields: Any) -> dict[str, Any]:
            answer = client.post(f"/api/{path}", json=fields)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        assert client.get("/api/about").json()["has"]["runs"]
        found = attention(subject.model, subject.tokenizer, text)
        looked = ask("attention", text=text, layer=1, head=0, token=2)
        assert looked == plain(found.to_dict(1, 0, 2))
        row = open_embedding(run).token(token, 3)
        assert ask("row", id=token, neighbours=3) == ask("row", text=" a", neighbours=3)
        assert ask("row", id=token, neighbours=3) == plain(row.to_dict())
        assert set(ask("rows")["pictures"]) == set(row.matrices)
        compared = compare_runs(read_runs([run]), "time").to_dict()
        assert ask("runs", against="time").items() >= plain(compared).items()
        assert (
            "against must be one of steps"
            in client.post("/api/runs", json={"against": "luck"}).text
        )
        missing = client.post("/api/film", json={})
        assert missing.status_code == 422 and "holds no snapshots" in missing.json()["error"]


def plain(values: Any) -> Any:
    """As JSON has it."""
    return json.loads(json.dumps(values))
