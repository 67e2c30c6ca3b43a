"""Many files from a hub: shards of named corpora, and patterns; real processes, a real server."""

import json
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import cygnet, refused
from cygnet.errors import InputError, StorageError
from cygnet.text.corpora import find_corpus
from cygnet.text.hub import check_room
from cygnet.text.hub_plan import FEW
from cygnet.text.stories import story
from hub_server import HubServer
from test_hub import error_line, run, start, wait_for
from test_sources import parquet_bytes

FINEWEB = "datasets/karpathy/fineweb-edu-100b-shuffle"
CLIMBMIX = "datasets/karpathy/climbmix-400b-shuffle"
OTHER = "datasets/owner/name"


def shard(number: int, size: int = 30_000) -> bytes:
    return random.Random(number).randbytes(size)


def shards(n: int, size: int = 30_000) -> dict[str, bytes]:
    return {f"shard_{i:05d}.parquet": shard(i, size) for i in range(n)}


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub with two corpora in shards, and a data set of several formats."""
    stories = {f"data/{i}.parquet": parquet_bytes([story(i, 0), story(i, 1)]) for i in range(3)}
    files = {**stories, "README.md": b"x", "more/a.txt": b"Once", "b.jsonl": b'{"text": "b"}'}
    climbmix = shards(3) | {"shard_06542.parquet": shard(6542)}
    with HubServer({FINEWEB: shards(50), CLIMBMIX: climbmix, OTHER: files}) as server:
        yield server


def names(result: dict[str, Any], split: str) -> list[str]:
    return [Path(path).name for path in result[split]]


def assert_bytes(result: dict[str, Any], size: int = 30_000) -> None:
    for paths in result.values():
        for path in paths:
            assert Path(path).read_bytes() == shard(int(Path(path).stem[-5:]), size)


def n_bodies(hub: HubServer) -> int:
    """How many answers held bytes of a file."""
    asked = (request for request in hub.requests if "/resolve/" in request.path)
    return sum(request.method == "GET" and request.status in (200, 206) for request in asked)


def test_shards_of_a_corpus(hub: HubServer, tmp_path: Path) -> None:
    result = run(hub.env(tmp_path), "fineweb-edu:3")
    assert names(result, "train") == ["shard_00000.parquet", "shard_00001.parquet"]
    assert names(result, "valid") == ["shard_00002.parquet"]
    assert_bytes(result)
    assert n_bodies(hub) == 3
    more = run(hub.env(tmp_path), "fineweb-edu:5")
    assert names(more, "valid") == ["shard_00004.parquet"]
    assert n_bodies(hub) == 5
    result = run(hub.env(tmp_path), "climbmix:2")
    assert names(result, "train") == ["shard_00000.parquet", "shard_00001.parquet"]
    assert names(result, "valid") == ["shard_06542.parquet"]
    assert run(hub.env(tmp_path, HF_HUB_OFFLINE="1"), "fineweb-edu:5") == more


def test_many_shards_are_looked_up_at_once(hub: HubServer, tmp_path: Path) -> None:
    n, hub.page = FEW + 8, 20
    result = run(hub.env(tmp_path), f"fineweb-edu:{n}")
    assert_bytes(result)
    assert len(result["train"]) == n - 1
    listings = [request for request in hub.requests if "/tree/" in request.path]
    assert len(listings) == 3  # 50 files, 20 at a time
    hub.requests.clear()
    assert run(hub.env(tmp_path), f"fineweb-edu:{n}") == result
    assert {request.path.split("/")[1] for request in hub.requests} == {"api"}
    assert run(hub.env(tmp_path, HF_HUB_OFFLINE="1"), f"fineweb-edu:{n}") == result


def test_a_killed_download_of_many_goes_on(hub: HubServer, tmp_path: Path) -> None:
    size = 12 << 20  # huggingface_hub writes 10 MiB at a time
    hub.repos[FINEWEB] = shards(4, size) | {"shard_00001.parquet": shard(1, size)}
    hub.bytes_per_second = 60e6
    blobs = tmp_path / "hub" / "datasets--karpathy--fineweb-edu-100b-shuffle" / "blobs"
    with start(hub.env(tmp_path), "fineweb-edu:4") as process:
        wait_for(lambda: sum(path.stat().st_size > 0 for path in blobs.glob("*")) >= 2)
        process.send_signal(signal.SIGKILL)
    arrived = [path.stat().st_size for path in blobs.glob("*")]
    assert 0 < sum(arrived) < 4 * size
    env = hub.env(tmp_path)
    plan = cygnet("text", "download", "fineweb-edu", "-n", "4", "--dry-run", env=env).stdout
    assert f"{4 * size - sum(arrived):,} bytes" in plan.splitlines()[-1]
    hub.bytes_per_second = None
    hub.requests.clear()
    result = run(env, "fineweb-edu:4")
    assert_bytes(result, size)
    ranges = [request.range for request in hub.requests if request.status == 206]
    n_partial = sum(0 < found < size for found in arrived)
    assert len(ranges) == n_partial >= 1
    assert n_bodies(hub) == 4 - sum(found == size for found in arrived)


def test_one_error_ends_all(hub: HubServer, tmp_path: Path) -> None:
    hub.flip_byte = 100
    message = error_line(run(hub.env(tmp_path), "fineweb-edu:4"), "DamagedError")
    assert "shard_0000" in message and "run the same command again" in message
    hub.flip_byte = None
    assert_bytes(run(hub.env(tmp_path), "fineweb-edu:4"))


def test_dry_run_fetches_nothing(hub: HubServer, tmp_path: Path) -> None:
    env = hub.env(tmp_path)
    command = ("text", "download", "climbmix", "-n", "3", "--dry-run")
    first = cygnet(*command, env=env)
    assert first.returncode == 0, first.stderr
    assert n_bodies(hub) == 0 and not list(tmp_path.glob("**/blobs"))
    train, valid, disk = first.stdout.splitlines()
    assert "3 files" in train and "90,000 bytes" in train and "90,000 to download" in train
    assert "1 files" in valid and "30,000 to download" in valid
    assert "120,000 bytes" in disk and disk.endswith("free: enough")
    run(env, "climbmix:2")
    assert " 30,000 bytes" in cygnet(*command, env=env).stdout.splitlines()[-1]


def test_no_room_is_one_line() -> None:
    with pytest.raises(StorageError, match=r"bytes are to be downloaded and the disk .* has"):
        check_room(1 << 60)


def test_a_wrong_number_of_shards() -> None:
    for source, message in [
        ("fineweb-edu", "fineweb-edu has 1,823 shards .* say how many, for example fineweb-edu:8"),
        ("fineweb-edu:1", "take 2 to 1,823 of them, or -1 for all; 1 is asked for"),
        ("climbmix:0", "take 1 to 6,543 of them"),
        ("fineweb-edu:1824", "take 2 to 1,823 of them"),
        ("fineweb-edu:x", "write fineweb-edu:8 for 8 shards"),
        ("tinystories:3", "tinystories is not in shards"),
    ]:
        with pytest.raises(InputError, match=message):
            find_corpus(source)
    whole = find_corpus("climbmix", -1)
    assert (len(whole.train), whole.valid) == (6542, ("shard_06542.parquet",))
    whole = find_corpus("fineweb-edu:-1")
    assert (len(whole.train), whole.valid) == (1822, ("shard_01822.parquet",))


def test_patterns_of_a_data_set(hub: HubServer, tmp_path: Path) -> None:
    env = hub.env(tmp_path)
    commit = hub.commit(OTHER)
    for source, expected in [
        ("hub:owner/name", ["b.jsonl", "0.parquet", "1.parquet", "2.parquet", "a.txt"]),
        ("hub:owner/name/data", ["0.parquet", "1.parquet", "2.parquet"]),
        ("hub:owner/name/data/", ["0.parquet", "1.parquet", "2.parquet"]),
        ("hub:owner/name/*.parquet", ["0.parquet", "1.parquet", "2.parquet"]),
        ("hub:owner/name/data/[01].parquet@main", ["0.parquet", "1.parquet"]),
        (f"hub:owner/name/more/a.txt@{commit}", ["a.txt"]),
    ]:
        assert names(run(env, source), "files") == expected, source
    assert n_bodies(hub) == 5
    offline = hub.env(tmp_path, HF_HUB_OFFLINE="1")
    assert names(run(offline, "hub:owner/name/data"), "files") == [f"{i}.parquet" for i in range(3)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "hub:owner/name/*.csv",
            "(main) has no file that matches '*.csv'; it holds data/0.parquet",
        ),
        ("hub:owner/none", "does not have the data set owner/none"),
        ("hub:owner/name@v9", "has no revision 'v9'"),
        ("hub:owner/name/README.md", "README.md does not end in .txt, .jsonl, .parquet"),
        ("hub:owner", "write hub:owner/name[/pattern][@revision]"),
        ("hub:owner/name@", "write hub:owner/name[/pattern][@revision]"),
    ],
)
def test_patterns_refused(hub: HubServer, tmp_path: Path, source: str, message: str) -> None:
    assert message in error_line(run(hub.env(tmp_path), source), "InputError")
    assert n_bodies(hub) == 0


def test_a_recipe_on_a_data_set(hub: HubServer, tmp_path: Path) -> None:
    env, folder = hub.env(tmp_path / "home"), tmp_path / "run"
    options = (
        *("--text.train", "hub:owner/name/*.parquet", "--text.valid-fraction", "0.4"),
        *("--tokenizer.vocab-size", "260", "--out", folder),
    )
    command = ("tokens", "build", "demo", *options)
    result = cygnet(*command, env=env)
    assert result.returncode == 0, result.stderr
    record = json.loads((folder / "text" / "stage.json").read_text())["results"]
    assert record["train"]["documents"] + record["valid"]["documents"] == 6
    hub.requests.clear()
    again = cygnet(*command, env=env)
    assert again.stderr.count("is finished") == 3
    assert hub.requests == []  # a finished run does not ask the hub
    home = hub.env(tmp_path / "other", HF_HUB_OFFLINE="1")
    command = ("tokens", "build", "demo", *options[:-1], tmp_path / "new")
    assert "HF_HUB_OFFLINE is set" in refused(cygnet(*command, env=home))
