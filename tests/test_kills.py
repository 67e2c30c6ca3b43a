"""Token files are built by processes that are killed: at any moment, again and again."""

import hashlib
import random
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cygnet.text.batch import BATCH_BYTES
from cygnet.text.sources import BOUNDARY
from cygnet.text.stories import story
from cygnet.tokens.store import TokenStore
from killing import Builder, Event, watched

STORIES = [story(7, i) for i in range(2_000)]
NAMES = ["plain", "long", "rows", "masked", "run"]
KILLS = 6
STRESS_KILLS = 12
RECORDS = {"started.json", "stage.json"}
Kept = dict[str, tuple[int, int]]
"""Inode and time of change of the files of finished shards."""


class Case(NamedTuple):
    """A build, and what it gives undisturbed."""

    job: tuple[object, ...]
    """Its name and arguments; the folder is the first of them, or the last where it is a run."""
    prepared: Path | None
    """A run folder as far as its tokenizer."""
    whole: Path
    events: list[Event]
    seconds: float

    def of(self, folder: Path) -> tuple[object, ...]:
        """The job that builds into a folder."""
        name, *arguments = self.job
        return (name, *arguments, "--out", folder) if self.prepared else (name, folder, *arguments)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same kind of text in several shapes."""
    folder = tmp_path_factory.mktemp("sources")
    long = " ".join(STORIES * 6)  # one document, read in parts
    assert len(long) > 2 * BATCH_BYTES
    (folder / "plain.txt").write_text(BOUNDARY.join(STORIES))
    (folder / "long.txt").write_text(BOUNDARY.join([*STORIES[:500], long, *STORIES[500:1000]]))
    pq.write_table(pa.table({"text": STORIES}), folder / "rows.parquet", row_group_size=300)
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def cases(
    builder: Builder, sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Case]:
    """Each build, done once without a disturbance."""
    run = tmp_path_factory.mktemp("prepared") / "run"
    recipe = "demo", "--text.train", sources["plain"], "--text.valid", "stories:9:40"
    recipe += "--tokenizer.vocab-size", "400", "--tokens.shard-tokens", "60000"
    assert builder.run("command", "tokenizer", "train", *recipe, "--out", run) == 0, builder.said()
    (run / "tokens").mkdir()
    jobs = {name: ("text", run, 60_000, path) for name, path in sources.items()}
    jobs["masked"] = "conversations", run, 60_000
    jobs["run"] = "command", "tokens", "build", *recipe
    folder = tmp_path_factory.mktemp("whole")
    return {name: undisturbed(builder, job, run, folder / name) for name, job in jobs.items()}


def undisturbed(builder: Builder, job: tuple[object, ...], run: Path, whole: Path) -> Case:
    case = Case(job, run if job[0] == "command" else None, whole, [], 0)
    begin(case, whole)
    with watched(tokens_of(case, whole)) as watch:
        started = time.monotonic()
        assert builder.run(*case.of(whole)) == 0, builder.said()
        case = case._replace(seconds=time.monotonic() - started, events=list(watch.read(0)))
    TokenStore.open(whole).verify()
    assert len(list(tokens_of(case, whole).glob("train-*.bin"))) >= 3
    return case


def begin(case: Case, folder: Path) -> None:
    """Make the folder as it is before the build."""
    if case.prepared:
        shutil.copytree(case.prepared, folder)
    else:
        folder.mkdir()


def tokens_of(case: Case, folder: Path) -> Path:
    return folder / "tokens" if case.prepared else folder


def hashes_of(folder: Path) -> dict[str, str]:
    """The content of every file, hashed, but for what is noted of a build until its end."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix != ".json" or path.name == "manifest.json"
    }


def check_folder(case: Case, folder: Path, kept: Kept) -> None:
    """A killed build leaves whole files, in order, and no finished shard is written again."""
    tokens, whole = tokens_of(case, folder), hashes_of(tokens_of(case, case.whole))
    found = {name: sha for name, sha in hashes_of(tokens).items() if not name.endswith(".tmp")}
    assert found.items() <= whole.items()
    finished = [name for name in found if name.endswith(".bin")]
    for split in ("train-", "valid-"):
        shards = sorted(name for name in finished if name.startswith(split))
        expected = sorted(name for name in whole if name.startswith(split) and name in shards)
        assert shards == expected[: len(shards)]
    for name in finished:
        for path in tokens.glob(name.replace(".bin", ".[bim]*")):
            status = path.stat()
            now = status.st_ino, status.st_mtime_ns
            assert kept.setdefault(path.name, now) == now
    assert "manifest.json" not in found or found == whole


def finish(builder: Builder, case: Case, folder: Path, kept: Kept) -> None:
    """The same call goes on, and ends with the same bytes."""
    assert builder.run(*case.of(folder)) == 0, builder.said()
    check_folder(case, folder, kept)
    tokens, whole = tokens_of(case, folder), tokens_of(case, case.whole)
    assert hashes_of(tokens) == hashes_of(whole)
    assert {path.name for path in tokens.iterdir()} == {path.name for path in whole.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_ls_shows_how_far_a_build_is(cases: dict[str, Case], name: str) -> None:
    """``*.tmp``, then the shard, its ``.bin`` last; counts behind all shards; the manifest last.

    Before the ``.bin`` is renamed its hash is noted; that is removed behind the manifest.
    """
    case = cases[name]
    events = [event for event in case.events if Path(event.name).stem not in RECORDS]
    assert all(event.name.endswith(".tmp") for event in events if event.kind != "rename")
    renamed = [
        event.name for event in events if event.kind == "rename" and event.name not in RECORDS
    ]
    assert renamed[-1] == "manifest.json"
    suffixes = ["json", *["mask"] * (name == "masked"), "idx", "bin"]
    expected = []
    for split in ("train", "valid"):
        shards = sorted(path.stem for path in tokens_of(case, case.whole).glob(f"{split}-*.bin"))
        expected += [f"{shard}.{suffix}" for shard in shards for suffix in suffixes]
        expected += [f"{split}-counts.npy"] * bool(shards)
    assert renamed[:-1] == expected
    assert not list(tokens_of(case, case.whole).glob("*-0*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_a_build_killed_again_and_again_ends_with_the_same_bytes(
    builder: Builder, cases: dict[str, Case], tmp_path: Path, name: str
) -> None:
    """At some event each time, and in between at any moment: it gets a little further."""
    case, folder, chance = cases[name], tmp_path / "killed", random.Random(name)
    begin(case, folder)
    kept: Kept = {}
    n_killed = 0
    for _ in range(KILLS // 2):
        moment = chance.randint(1, len(case.events) // KILLS)
        n_killed += builder.kill_at(moment, tokens_of(case, folder), *case.of(folder))
        check_folder(case, folder, kept)
        n_killed += builder.kill_after(chance.uniform(0, 0.4) * case.seconds, *case.of(folder))
        check_folder(case, folder, kept)
    assert n_killed >= 2
    finish(builder, case, folder, kept)


def check_kill(builder: Builder, case: Case, folder: Path, moment: int) -> bool:
    """Kill a fresh build at an event; whether that was before its end."""
    begin(case, folder)
    kept: Kept = {}
    killed = builder.kill_at(moment, tokens_of(case, folder), *case.of(folder))
    check_folder(case, folder, kept)
    finish(builder, case, folder, kept)
    shutil.rmtree(folder)
    return killed


@pytest.mark.parametrize("name", NAMES)
def test_a_build_killed_near_its_end_ends_with_the_same_bytes(
    builder: Builder, cases: dict[str, Case], tmp_path: Path, name: str
) -> None:
    """While the counts or the manifest are written."""
    case = cases[name]
    manifest = [event.name for event in case.events].index("manifest.json.tmp")
    for moment in (manifest - 1, manifest + 1):
        check_kill(builder, case, tmp_path / "killed", moment)


@pytest.mark.stress
@pytest.mark.parametrize("name", NAMES)
def test_a_build_killed_at_each_event_ends_with_the_same_bytes(
    builder: Builder, cases: dict[str, Case], tmp_path: Path, name: str
) -> None:
    """Some three hundred kills in all."""
    case = cases[name]
    moments = range(1, len(case.events) + 1)
    killed = [check_kill(builder, case, tmp_path / "killed", moment) for moment in moments]
    assert sum(killed) > len(killed) // 2


@pytest.mark.stress
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_a_build_killed_at_any_moment_ends_with_the_same_bytes(
    builder: Builder, cases: dict[str, Case], tmp_path: Path, name: str, seed: int
) -> None:
    case, folder, chance = cases[name], tmp_path / "killed", random.Random(seed)
    begin(case, folder)
    kept: Kept = {}
    for _ in range(STRESS_KILLS):
        builder.kill_after(chance.uniform(0, 0.8) * case.seconds, *case.of(folder))
        check_folder(case, folder, kept)
    finish(builder, case, folder, kept)
