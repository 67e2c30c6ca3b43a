"""Downloads from a hub: each test is a real process that talks to a real server."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer, etag

SOURCE = str(Path(__file__).parents[1] / "src")
TRAIN = "TinyStoriesV2-GPT4-train.txt"
VALID = "TinyStoriesV2-GPT4-valid.txt"
REPO = "datasets/roneneldan/TinyStories"
OWN_FILES = "--text.train FILE --text.valid FILE"

CHILD = """
import json, sys
from cygnet.errors import CygnetError
from cygnet.text.hub import download
try:
    files = download(*sys.argv[1:])
    print(json.dumps({split: [str(path) for path in paths] for split, paths in files.items()}))
except CygnetError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub with one data set: an LFS file and a small one."""
    with HubServer({REPO: {TRAIN: text(300_000), VALID: text(3_000)}}) as server:
        yield server


def text(size: int) -> bytes:
    """Bytes that occur once, so that a part in the wrong place shows."""
    return random.Random(size).randbytes(size)


def start(env: dict[str, str], name: str = "tinystories") -> subprocess.Popen[str]:
    """Begin a download in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", CHILD, name],
        env=env | {"PYTHONPATH": SOURCE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(env: dict[str, str], name: str = "tinystories") -> dict[str, Any]:
    """Download, and return the paths or the error; nothing else may have gone wrong."""
    with start(env, name) as process:
        out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def error_line(result: dict[str, Any], kind: str) -> str:
    """The message of an error, which must be of this kind and one line."""
    assert result.get("error") == kind, result
    assert "\n" not in result["message"]
    return str(result["message"])


def assert_whole(result: dict[str, Any], hub: HubServer) -> None:
    """The paths must hold what the hub has."""
    files = hub.files(REPO)
    for split, name in (("train", TRAIN), ("valid", VALID)):
        (path,) = result[split]
        assert Path(path).name == name
        assert Path(path).read_bytes() == files[name]


def in_cache(home: Path) -> list[Path]:
    """Bodies, whole or not, and names of files in a cache."""
    repo = home / "hub" / "datasets--roneneldan--TinyStories"
    paths = [*repo.glob("blobs/*"), *repo.glob("snapshots/*/*")]
    return [path for path in paths if path.is_file() or path.is_symlink()]


def test_download_once(hub: HubServer, tmp_path: Path) -> None:
    """The bytes are right, and a second call asks for no body; nor does one offline."""
    assert_whole(run(hub.env(tmp_path, HF_TOKEN="hf_secret")), hub)
    assert len(hub.bodies(TRAIN)) == len(hub.bodies(VALID)) == 1
    # The token goes to the hub, and not to the other host that holds the bytes.
    assert hub.bodies(VALID)[0].authorization == "Bearer hf_secret"
    assert hub.bodies(TRAIN)[0].authorization is None

    hub.requests.clear()
    assert_whole(run(hub.env(tmp_path)), hub)
    about_files = [request for request in hub.requests if REPO in request.path]
    assert [request.method for request in about_files] == ["HEAD", "HEAD"]

    hub.requests.clear()
    assert_whole(run(hub.env(tmp_path, HF_HUB_OFFLINE="1")), hub)
    assert hub.requests == []


def test_new_commit(hub: HubServer, tmp_path: Path) -> None:
    """A file that has changed on the hub is downloaded, the other is not."""
    run(hub.env(tmp_path))
    hub.repos[REPO] = {TRAIN: text(200_000), VALID: text(3_000)}
    assert_whole(run(hub.env(tmp_path)), hub)
    assert (len(hub.bodies(TRAIN)), len(hub.bodies(VALID))) == (2, 1)
    assert_whole(run(hub.env(tmp_path, HF_HUB_OFFLINE="1")), hub)


def test_cache_without_links(hub: HubServer, tmp_path: Path) -> None:
    """Where the cache cannot link, it copies; that is checked too."""
    env = hub.env(tmp_path, HF_HUB_DISABLE_SYMLINKS="1")
    result = run(env)
    assert_whole(result, hub)
    assert not Path(result["train"][0]).is_symlink()
    assert_whole(run(env), hub)
    damage(Path(result["train"][0]))
    assert "damaged" in error_line(run(env), "DamagedError")
    assert_whole(run(env), hub)


def test_killed_download_goes_on(hub: HubServer, tmp_path: Path) -> None:
    """After ``kill -9`` the next run asks for the rest only, and the parts fit."""
    size = 24 << 20  # huggingface_hub writes 10 MiB at a time
    hub.repos[REPO] = {TRAIN: text(size), VALID: text(3_000)}
    hub.bytes_per_second = 40e6
    with start(hub.env(tmp_path)) as process:
        wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in in_cache(tmp_path)))
        process.send_signal(signal.SIGKILL)
    (partial,) = (path for path in in_cache(tmp_path) if path.suffix == ".incomplete")
    arrived = partial.stat().st_size
    assert 0 < arrived < size

    hub.bytes_per_second = None
    assert_whole(run(hub.env(tmp_path)), hub)
    first, second = hub.bodies(TRAIN)
    assert first.range is None
    assert second.range == f"bytes={arrived}-" and second.status == 206
    assert not partial.exists()


def leave_partial(home: Path, name: str, body: bytes) -> Path:
    """Put a half-finished download into an empty cache."""
    blobs = home / "hub" / "datasets--roneneldan--TinyStories" / "blobs"
    blobs.mkdir(parents=True)
    partial = blobs / f"{name}.incomplete"
    partial.write_bytes(body)
    return partial


@pytest.mark.parametrize("extra", [0, 1])
def test_partial_of_full_length(hub: HubServer, tmp_path: Path, extra: int) -> None:
    """What was killed before its last step needs no byte; what is too long starts again."""
    train = hub.files(REPO)[TRAIN]
    leave_partial(tmp_path, etag(train), train + b"x" * extra)
    assert_whole(run(hub.env(tmp_path)), hub)
    assert len(hub.bodies(TRAIN)) == extra


def test_partial_of_something_else(hub: HubServer, tmp_path: Path) -> None:
    """A beginning that does not belong to the rest is noticed, and does not stay."""
    partial = leave_partial(tmp_path, etag(hub.files(REPO)[TRAIN]), b"x" * 1_000)
    error_line(run(hub.env(tmp_path)), "DamagedError")
    assert hub.bodies(TRAIN)[0].range == "bytes=1000-" and not partial.exists()
    assert_whole(run(hub.env(tmp_path)), hub)


def test_two_at_once(hub: HubServer, tmp_path: Path) -> None:
    """Of two processes one downloads, the other waits for it."""
    hub.bytes_per_second = 1e6
    with start(hub.env(tmp_path)) as one, start(hub.env(tmp_path)) as two:
        for process in (one, two):
            out, err = process.communicate(timeout=600)
            assert process.returncode == 0, err
            assert_whole(json.loads(out), hub)
    assert len(hub.bodies(TRAIN)) == 1


def wait_for(condition: Any, seconds: float = 20) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def test_closed_connection(hub: HubServer, tmp_path: Path) -> None:
    """A connection that ends early is opened again, within the same call."""
    hub.drop_after = [100_000]
    assert_whole(run(hub.env(tmp_path)), hub)
    assert len(hub.bodies(TRAIN)) == 2


def test_broken_connection(hub: HubServer, tmp_path: Path) -> None:
    """A connection that is reset is one line; the next run succeeds."""
    hub.drop_after, hub.reset = [100_000], True
    message = error_line(run(hub.env(tmp_path)), "InputError")
    assert hub.url in message and TRAIN in message and "try again" in message
    assert_whole(run(hub.env(tmp_path)), hub)


@pytest.mark.parametrize("name", [TRAIN, VALID])
def test_wrong_byte(hub: HubServer, tmp_path: Path, name: str) -> None:
    """A wrong byte is noticed, in an LFS file and in a small one, and does not stay."""
    run(hub.env(tmp_path))
    forget(tmp_path, name)
    hub.flip_byte = 2_000
    message = error_line(run(hub.env(tmp_path)), "DamagedError")
    assert name in message and "again" in message
    assert len(in_cache(tmp_path)) == 2  # the other file: its body and its name
    hub.flip_byte = None
    assert_whole(run(hub.env(tmp_path)), hub)


def forget(home: Path, name: str) -> None:
    """Take a file out of the cache."""
    for path in in_cache(home):
        if path.name == name:
            path.resolve().unlink()
            path.unlink()


def damage(path: Path) -> None:
    """Change one byte of a file in place."""
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize("offline", ["0", "1"])
def test_damage_on_disk(hub: HubServer, tmp_path: Path, offline: str) -> None:
    """A byte that changed in the cache is noticed, with the hub or without."""
    path = Path(run(hub.env(tmp_path))["train"][0])
    body = path.resolve()
    damage(path)
    error_line(run(hub.env(tmp_path, HF_HUB_OFFLINE=offline)), "DamagedError")
    assert not path.is_symlink() and not body.exists()
    assert_whole(run(hub.env(tmp_path)), hub)


def test_body_in_the_shared_store(hub: HubServer, tmp_path: Path) -> None:
    """Other programs' downloads link on to a store whose names are not sha256."""
    path = Path(run(hub.env(tmp_path))["train"][0])
    body, store = path.resolve(), tmp_path / "hub" / "blobs" / "ab" / ("ab" * 32)
    store.parent.mkdir(parents=True)
    body.rename(store)
    body.symlink_to(os.path.relpath(store, body.parent))
    assert_whole(run(hub.env(tmp_path)), hub)
    damage(store)
    error_line(run(hub.env(tmp_path)), "DamagedError")
    assert not store.exists()


def test_missing(hub: HubServer, tmp_path: Path) -> None:
    """A file or a data set that the hub lacks."""
    message = error_line(run(hub.env(tmp_path), "tinystories-v1"), "InputError")
    assert "has no file TinyStories-train.txt" in message and OWN_FILES in message
    del hub.repos[REPO]
    message = error_line(run(hub.env(tmp_path)), "InputError")
    assert "does not have the data set roneneldan/TinyStories" in message and OWN_FILES in message


@pytest.mark.parametrize("answer", [(401, ""), (401, "GatedRepo"), (403, "GatedRepo")])
def test_refused(hub: HubServer, tmp_path: Path, answer: tuple[int, str]) -> None:
    """What needs a login says so."""
    hub.refuse = answer
    message = error_line(run(hub.env(tmp_path)), "InputError")
    assert f"({answer[0]})" in message and "hf auth login" in message and OWN_FILES in message


def test_unreachable(hub: HubServer, tmp_path: Path) -> None:
    """A hub that is down is one line, at once; a filled cache makes up for it."""
    env = hub.env(tmp_path / "filled")
    run(env)
    hub.refuse = (503, "")
    assert "it answers 503" in error_line(run(hub.env(tmp_path / "empty")), "InputError")
    assert_whole(run(env), hub)

    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    begin = time.monotonic()
    message = error_line(run(hub.env(tmp_path / "empty") | nowhere), "InputError")
    assert time.monotonic() - begin < 10
    assert "http://127.0.0.1:9" in message and "refused" in message
    assert "HF_ENDPOINT" in message and OWN_FILES in message
    assert_whole(run(env | nowhere), hub)


@pytest.mark.parametrize("endpoint", ["huggingface.co", "http://hub\x7f"])
def test_endpoint_that_is_no_address(hub: HubServer, tmp_path: Path, endpoint: str) -> None:
    """A slip in HF_ENDPOINT is one line that shows it."""
    message = error_line(run(hub.env(tmp_path, HF_ENDPOINT=endpoint)), "InputError")
    assert endpoint in message and OWN_FILES in message


def test_offline(hub: HubServer, tmp_path: Path) -> None:
    """HF_HUB_OFFLINE and an empty cache: what was tried, and what to pass instead."""
    message = error_line(run(hub.env(tmp_path, HF_HUB_OFFLINE="1")), "InputError")
    assert "HF_HUB_OFFLINE is set" in message and str(tmp_path) in message and TRAIN in message
    assert OWN_FILES in message
    assert hub.requests == []


def test_full_disk(hub: HubServer, tmp_path: Path) -> None:
    """A disk without room for the file is one line."""
    partial = leave_partial(tmp_path, etag(hub.files(REPO)[TRAIN]), b"")
    partial.unlink()
    partial.symlink_to("/dev/full")
    message = error_line(run(hub.env(tmp_path)), "StorageError")
    assert "the disk is full" in message and str(tmp_path) in message and "HF_HOME" in message


def test_unknown_name(hub: HubServer, tmp_path: Path) -> None:
    """A name that is not in the list."""
    message = error_line(run(hub.env(tmp_path), "tinystory"), "InputError")
    assert "did you mean 'tinystories'?" in message and "tinystories-v1" in message
    message = error_line(run(hub.env(tmp_path), "zebra"), "InputError")
    assert "did you mean" not in message and "tinystories, tinystories-v1" in message


def test_server_answers_the_hub_client(hub: HubServer, tmp_path: Path) -> None:
    """The look-alike is good enough for the rest of huggingface_hub."""
    hub.repos["owner/model"] = {"config.json": b"{}", "deep/weights.bin": text(20_000)}
    program = """
from huggingface_hub import HfApi, snapshot_download
api = HfApi()
assert [file.rfilename for file in api.model_info("owner/model").siblings][0] == "config.json"
assert api.dataset_info("roneneldan/TinyStories", revision="main").sha
tree = list(api.list_repo_tree("owner/model", recursive=True))
assert [file.path for file in tree] == ["config.json", "deep/weights.bin"]
print(snapshot_download("owner/model"))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env=hub.env(tmp_path), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    snapshot = Path(done.stdout.strip())
    assert (snapshot / "deep" / "weights.bin").read_bytes() == text(20_000)
