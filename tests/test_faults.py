"""Real faults while token files are built: one line each, nothing lost, the same call goes on."""

import base64
import gzip
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import enlarge
from cygnet.errors import BusyError, DamagedError, InputError, StaleError, StorageError
from cygnet.files import atomic_folder, lock_folder, write_text
from cygnet.text.batch import TextBatch
from cygnet.text.sources import BOUNDARY, read_text
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.exports import export
from cygnet.tokens.imports import import_files
from cygnet.tokens.reading import SplitFiles
from cygnet.tokens.store import TokenStore
from killing import Builder

BYTES = Tokenizer([])
SHARD_TOKENS = 2_000_000
WRITE = {
    "a.txt": lambda path, texts: path.write_text(BOUNDARY.join(texts)),
    "a.txt.gz": lambda path, texts: path.write_bytes(
        gzip.compress(BOUNDARY.join(texts).encode(), 1)
    ),
    "a.txt.zst": lambda path, texts: path.write_bytes(
        pa.compress(BOUNDARY.join(texts).encode(), "zstd", asbytes=True)
    ),
    "a.parquet": lambda path, texts: pq.write_table(
        pa.table({"text": texts}), path, row_group_size=1000, compression="none"
    ),
}


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Ten megabytes that can hardly be compressed."""
    chance = random.Random(1)
    stories = [story(7, i) for i in range(500)]
    return [
        f"{stories[i % 500]} {base64.b64encode(chance.randbytes(900)).decode()}"
        for i in range(5_000)
    ]


@pytest.fixture(scope="module")
def whole(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The token files of an undisturbed build."""
    folder = tmp_path_factory.mktemp("whole")
    build(folder, BYTES, {"train": texts}, shard_tokens=SHARD_TOKENS)
    return files_of(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if "stage" not in path.name}


def finished(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of the files of finished shards."""
    shards = [path.stem for path in folder.glob("*.bin")]
    paths = [folder / f"{shard}.{suffix}" for shard in shards for suffix in ("bin", "idx")]
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def resume(folder: Path, text: Any) -> None:
    build(folder, BYTES, {"train": text}, shard_tokens=SHARD_TOKENS, resume=True)


def check_goes_on(folder: Path, text: Any, whole: dict[str, bytes]) -> None:
    """The same call keeps the finished shards and ends with the same bytes."""
    kept = finished(folder)
    for name in kept:
        assert (folder / name).read_bytes() == whole[name]
    resume(folder, text)
    assert files_of(folder) == whole
    assert kept.items() <= finished(folder).items()


# Writing


def test_a_disk_that_is_full_again_and_again(
    small_disk: Path, texts: list[str], whole: dict[str, bytes]
) -> None:
    """It is full at another place each time; the message names the file that did not fit."""
    folder, size = small_disk / "tokens", 3 << 20
    named = set()
    while True:
        enlarge(small_disk, str(size))
        kept = finished(folder) if folder.exists() else {}
        try:
            resume(folder, texts)
            break
        except StorageError as error:
            assert "the disk is full" in str(error)
            assert "free some space and run the same command again" in str(error)
            named.add(str(error).split()[4].rpartition(".")[2])
        assert kept.items() <= finished(folder).items()
        assert not list(folder.glob("*.tmp"))
        size += 1 << 20
    assert len(kept) >= 4
    assert "bin" in named
    assert files_of(folder) == whole


@pytest.mark.parametrize("left", [0, 4096, 3 * 4096])
def test_a_disk_that_is_full_at_the_end(small_disk: Path, left: int) -> None:
    """What is small may not fit either: the ends, the counts, the manifest."""
    folder, rest = small_disk / "tokens", small_disk / "rest"
    folder.mkdir()
    with rest.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(rest, rest.stat().st_size // 4096 * 4096 - left)
    with pytest.raises(StorageError, match="the disk is full"):
        resume(folder, ["abc"])
    assert not list(folder.glob("*.tmp"))
    rest.unlink()
    resume(folder, ["abc"])
    TokenStore.open(folder).verify(BYTES)


@pytest.fixture
def locked() -> Iterator[Callable[[Path], None]]:
    """Takes away the right to write into a folder; given back at the end, or with ``locked(None)``.

    Root may write into every folder, but not into an immutable one.
    """
    folders: list[Path] = []

    def change(folder: Path, flag: str, mode: int) -> None:
        if os.geteuid():
            folder.chmod(mode)
        elif subprocess.run(["chattr", flag, str(folder)], capture_output=True).returncode:
            pytest.skip("folders cannot be made immutable here")

    def lock(folder: Path | None) -> None:
        if folder:
            change(folder, "+i", 0o500)
            folders.append(folder)
        while folders and not folder:
            change(folders.pop(), "-i", 0o700)

    yield lock
    lock(None)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_permission_lost_midway(
    texts: list[str],
    whole: dict[str, bytes],
    tmp_path: Path,
    locked: Callable[[Path | None], None],
    share: float,
) -> None:
    folder = tmp_path / "tokens"
    folder.mkdir()

    def losing() -> Iterator[TextBatch]:
        for first in range(0, len(texts), 100):
            if first == 100 * int(share * len(texts) / 100):
                locked(folder)
            yield TextBatch.from_strings(texts[first : first + 100])

    with pytest.raises(StorageError, match=r"no permission to write .*choose another --out"):
        resume(folder, losing())
    locked(None)
    check_goes_on(folder, texts, whole)


def test_a_folder_that_is_removed_midway(texts: list[str], tmp_path: Path) -> None:
    def removing() -> Iterator[str]:
        yield from texts[:2000]
        shutil.rmtree(tmp_path / "tokens")
        yield from texts[2000:]

    with pytest.raises(StorageError, match=r"tokens/train-.* could not be written: its folder is"):
        resume(tmp_path / "tokens", removing())


def test_an_error_of_the_caller_is_not_taken_for_one_of_the_disk(tmp_path: Path) -> None:
    def failing() -> Iterator[str]:
        yield "a"
        Path("/proc/nothing").write_text("")

    with pytest.raises(FileNotFoundError, match="/proc/nothing"):
        resume(tmp_path / "tokens", failing())


# Reading


class FailingDisk:
    """A file system in a file, of which a part is taken away: reading there is an I/O error."""

    def __init__(self, folder: Path) -> None:
        self.image, self.mount = folder / "image", folder / "disk"
        self.mount.mkdir()
        with self.image.open("wb") as file:
            file.truncate(40 << 20)
        make = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", str(self.image)]
        mount = ["mount", "-o", "loop,noatime", str(self.image), str(self.mount)]
        for command in (make, mount):
            if (
                not shutil.which(command[0])
                or subprocess.run(command, capture_output=True).returncode
            ):
                pytest.skip("may not mount a file as a disk here")
        self.content = b""

    def fail(self, path: Path, n_bytes: int) -> None:
        """Let a file be readable only up to somewhere behind ``n_bytes``."""
        os.sync()
        self.content = self.image.read_bytes()
        for size in range(len(self.content), 0, -(1 << 20)):
            os.truncate(self.image, size)
            if (n_read := readable(path)) < path.stat().st_size:
                assert n_read >= n_bytes
                return

    def mend(self) -> None:
        """Put back what was taken away."""
        with self.image.open("r+b") as file:
            n_left = file.seek(0, 2)
            file.write(self.content[n_left:])

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.mount)], check=True)


def readable(path: Path) -> int:
    """How many bytes can be read from the disk itself, not from memory."""
    n_read = 0
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with suppress(OSError):
            while chunk := file.read(1 << 16):
                n_read += len(chunk)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return n_read


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[FailingDisk]:
    disk = FailingDisk(tmp_path)
    yield disk
    disk.close()


@pytest.mark.parametrize("name", WRITE)
def test_a_read_that_fails_halfway(
    failing_disk: FailingDisk, texts: list[str], whole: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    path, folder = failing_disk.mount / name, tmp_path / "tokens"
    WRITE[name](path, texts)
    failing_disk.fail(path, 1 << 20)
    with pytest.raises(InputError, match=f"{name} cannot be read: Input/output error"):
        resume(folder, read_text(str(path)))
    assert not list(folder.glob("*.tmp"))
    failing_disk.mend()
    check_goes_on(folder, read_text(str(path)), whole)


def test_token_files_that_cannot_be_read(
    failing_disk: FailingDisk, texts: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "tokens"
    build(folder, BYTES, {"train": texts})
    link = folder / "train-00000.bin"
    path = Path(shutil.move(link, failing_disk.mount))
    link.symlink_to(path)
    files = SplitFiles([link], np.array([path.stat().st_size // 2]), np.dtype("<u2"))
    files.read(0, 10)
    failing_disk.fail(path, 1 << 20)
    message = r"train-00000.bin cannot be read: Input/output error"
    with pytest.raises(InputError, match=message):
        files.read(len(files) - 10, len(files))
    store = TokenStore.open(folder)
    with pytest.raises(InputError, match=message):
        store.verify()
    for to in ("arrow", "nanogpt", "datatrove"):
        with pytest.raises(InputError, match=message):
            export(store, tmp_path / "out", to)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        import_files(link, tmp_path / "out", BYTES)
    assert not list(tmp_path.glob("out*"))
    (folder / "manifest.json").unlink()
    with pytest.raises(InputError, match=message):
        resume(folder, texts)
    failing_disk.mend()
    build(folder, BYTES, {"train": texts}, resume=True)
    TokenStore.open(folder).verify()


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.zst", "a.parquet"])
def test_a_source_cut_in_the_middle(
    texts: list[str], whole: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    path, folder = tmp_path / name, tmp_path / "tokens"
    WRITE[name](path, texts)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DamagedError, match=f"{name} is truncated or damaged"):
        resume(folder, read_text(str(path)))
    path.write_bytes(content)
    check_goes_on(folder, read_text(str(path)), whole)


# Sources that change


@pytest.fixture
def run(builder: Builder, texts: list[str], tmp_path: Path) -> tuple[Path, tuple[object, ...]]:
    """A run folder as far as its tokenizer, and the command that goes on with it."""
    path, folder = tmp_path / "corpus.txt", tmp_path / "run"
    WRITE["a.txt"](path, texts)
    recipe = "demo", "--text.train", path, "--text.valid", "stories:9:40"
    recipe += "--tokenizer.vocab-size", "260", "--tokens.shard-tokens", SHARD_TOKENS
    options = (*recipe, "--out", folder)
    assert builder.run("command", "tokenizer", "train", *options) == 0, builder.said()
    (folder / "tokens").mkdir()
    return folder, ("command", "tokens", "build", *options)


def last_line(builder: Builder) -> str:
    assert "Traceback" not in builder.said()
    return builder.said().splitlines()[-1]


def truncate(path: Path, content: bytes) -> None:
    os.truncate(path, len(content) * 9 // 10)


def overwrite(path: Path, content: bytes) -> None:
    path.write_bytes(content.replace(b"the", b"not"))


def append(path: Path, content: bytes) -> None:
    path.write_bytes(content + b" more")


@pytest.mark.parametrize("change", [truncate, overwrite, append, lambda path, _: path.unlink()])
def test_a_source_that_changes_while_it_is_encoded(
    builder: Builder,
    run: tuple[Path, tuple[object, ...]],
    change: Callable[[Path, bytes], None],
    tmp_path: Path,
) -> None:
    """What was read of it afterwards is in no shard; brought back, the build goes on."""
    folder, command = run
    source = tmp_path / "corpus.txt"
    status, content = source.stat(), source.read_bytes()
    pid = builder.stop_at(1, folder / "tokens", *command)
    change(source, content)
    assert builder.finish(pid) == 2, builder.said()
    assert "corpus.txt was removed or changed since its text stage ran" in last_line(builder)
    kept = finished(folder / "tokens")

    assert builder.run(*command) == 2  # refused by the text stage, as for every change
    assert "corpus.txt" in last_line(builder)
    source.write_bytes(content)
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert builder.run(*command) == 0, builder.said()
    assert kept.items() <= finished(folder / "tokens").items()
    fresh = (*command[:-1], tmp_path / "fresh")
    assert builder.run(*fresh) == 0, builder.said()
    assert files_of(folder / "tokens") == files_of(tmp_path / "fresh" / "tokens")


def test_a_source_that_changes_while_it_is_checked(builder: Builder, tmp_path: Path) -> None:
    source = tmp_path / "corpus.txt"
    source.write_text(BOUNDARY.join([story(3, 1)] * 60_000))
    options = (
        "demo",
        "--text.train",
        source,
        "--text.valid",
        "stories:9:40",
        "--out",
        tmp_path / "run",
    )
    (tmp_path / "run" / "text").mkdir(parents=True)
    pid = builder.stop_at(3, tmp_path / "run" / "text", "command", "tokenizer", "train", *options)
    with source.open("a") as file:
        file.write("more")
    code = builder.finish(pid)
    assert code == 2, builder.said()
    assert "corpus.txt was changed while it was read: run the same again" in last_line(builder)
    assert builder.run("command", "tokenizer", "train", *options) == 0, builder.said()


# Two at once


def test_two_builds_into_one_folder(
    builder: Builder, texts: list[str], whole: dict[str, bytes], tmp_path: Path
) -> None:
    BYTES.save(tmp_path / "tokenizer")
    source, folder = tmp_path / "a.txt", tmp_path / "tokens"
    WRITE["a.txt"](source, texts)
    folder.mkdir()
    pid = builder.stop_at(4, folder, "text", folder, tmp_path / "tokenizer", SHARD_TOKENS, source)
    before = set(folder.iterdir())
    with pytest.raises(BusyError, match=f"another cygnet is at work in {folder}"):
        resume(folder, texts)
    with pytest.raises(BusyError):
        build_from_ids(folder, BYTES, {"train": [([1], None)]}, resume=True)
    assert set(folder.iterdir()) == before
    assert builder.finish(pid) == 0, builder.said()
    assert {n: c for n, c in files_of(folder).items() if n.startswith("train")} == {
        n: c for n, c in whole.items() if n.startswith("train")
    }


def test_two_runs_into_one_folder(
    builder: Builder, run: tuple[Path, tuple[object, ...]], tmp_path: Path
) -> None:
    folder, command = run
    pid = builder.stop_at(8, folder / "tokens", *command)  # four are those of its record
    with pytest.raises(BusyError):
        build(folder / "tokens", BYTES, {"train": ["a"]}, resume=True)
    with pytest.raises(BusyError), lock_folder(folder):
        pass
    assert builder.finish(pid) == 0, builder.said()
    TokenStore.open(folder).verify()


@pytest.mark.parametrize("to", ["export", "import"])
def test_two_of_one_export_or_import(
    builder: Builder, texts: list[str], tmp_path: Path, to: str
) -> None:
    store, out = tmp_path / "store", tmp_path / "out"
    build(store, BYTES, {"train": texts}, shard_tokens=SHARD_TOKENS)
    BYTES.save(tmp_path / "tokenizer")
    if to == "export":
        job = "command", "tokens", "export", store, out, "--format", "nanogpt"
    else:
        flat = tmp_path / "train.bin"
        flat.write_bytes(b"".join(path.read_bytes() for path in sorted(store.glob("*.bin"))))
        job = "command", "tokens", "import", flat, out, "--tokenizer", tmp_path / "tokenizer"
    (tmp_path / "out.tmp").mkdir()
    pid = builder.stop_at(2, tmp_path / "out.tmp", *job)
    with pytest.raises(BusyError):
        export(TokenStore.open(store), out, "arrow")
    assert builder.finish(pid) == 0, builder.said()
    [path] = out.glob("train*.bin")
    assert path.read_bytes() == b"".join(p.read_bytes() for p in sorted(store.glob("*.bin")))
    assert not (tmp_path / "out.tmp").exists()
    assert builder.run(*job) == 2
    assert f"{out} exists already" in last_line(builder)


def test_a_killed_export_leaves_nothing_that_counts(
    builder: Builder, texts: list[str], tmp_path: Path
) -> None:
    build(tmp_path / "store", BYTES, {"train": texts}, shard_tokens=SHARD_TOKENS)
    export = "tokens", "export", tmp_path / "store", tmp_path / "out", "--format", "datatrove"
    job = "command", *export
    (tmp_path / "out.tmp").mkdir()
    assert builder.kill_at(1, tmp_path / "out.tmp", *job)
    assert not (tmp_path / "out").exists()
    assert builder.run(*job) == 0, builder.said()
    assert not (tmp_path / "out.tmp").exists()
    assert len(list((tmp_path / "out" / "train").glob("*.ds"))) > 2


def fill(folder: Path, number: int) -> bool:
    """Whether this thread is the one that made the folder."""
    try:
        with atomic_folder(folder) as inside:
            write_text(inside / "a", str(number))
            write_text(inside / "b", str(number))
        return True
    except (BusyError, InputError):
        return False


def test_one_of_many_makes_a_folder(tmp_path: Path) -> None:
    """Whoever comes second is refused, at whatever moment it comes; none fails in another way."""
    with ThreadPoolExecutor(6) as pool:
        for number in range(30):
            folder = tmp_path / str(number)
            made = list(pool.map(fill, [folder] * 6, range(6)))
            assert sorted(made) == [False] * 5 + [True]
            assert (folder / "a").read_bytes() == (folder / "b").read_bytes()
            assert not list(tmp_path.glob("*.tmp"))


# Damage between a kill and the call that goes on


@pytest.fixture
def stopped(tmp_path: Path) -> tuple[Path, list[Any]]:
    """Token files of a build with masks that was interrupted, and its documents."""
    chance = np.random.default_rng(1)
    documents = [(chance.integers(0, 256, 50), chance.integers(0, 2, 50)) for _ in range(20)]

    def interrupted() -> Iterator[Any]:
        yield from documents
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("cygnet.tokens.build_ids.BATCH_TOKENS", 50)
        build_from_ids(tmp_path / "ids", BYTES, {"train": interrupted()}, shard_tokens=200)
    return tmp_path / "ids", documents


@pytest.mark.parametrize("suffix", ["bin", "idx", "mask"])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99])
def test_a_bit_that_flips_before_a_build_goes_on_is_found(
    stopped: tuple[Path, list[Any]], suffix: str, place: float
) -> None:
    folder, documents = stopped
    path = folder / f"train-00002.{suffix}"
    content = path.read_bytes()
    for bit in range(8):
        changed = bytearray(content)
        changed[int(place * len(content))] ^= 1 << bit
        path.write_bytes(changed)
        with pytest.raises(DamagedError, match=r"train-00002.* is damaged.*--overwrite makes it"):
            build_from_ids(folder, BYTES, {"train": documents}, shard_tokens=200, resume=True)
        assert path.read_bytes() == changed
    path.write_bytes(content)
    build_from_ids(folder, BYTES, {"train": documents}, shard_tokens=200, resume=True)
    TokenStore.open(folder).verify()


@pytest.mark.parametrize("suffix", ["bin", "idx", "mask"])
@pytest.mark.parametrize("n_bytes", [-1, 1, -8, 8])
def test_a_shard_of_another_size_is_found(
    stopped: tuple[Path, list[Any]], suffix: str, n_bytes: int
) -> None:
    folder, documents = stopped
    path = folder / f"train-00002.{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[:n_bytes] if n_bytes < 0 else content + bytes(n_bytes))
    with pytest.raises(DamagedError, match="damaged"):
        build_from_ids(folder, BYTES, {"train": documents}, shard_tokens=200, resume=True)


def test_other_text_is_not_built_upon(tmp_path: Path) -> None:
    texts = [f"story number {i}" for i in range(60)]

    def interrupted() -> Iterator[TextBatch]:
        yield from (TextBatch.from_strings([text]) for text in texts[:40])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "ids", BYTES, {"train": interrupted()}, shard_tokens=200)  # type: ignore[dict-item]
    for other in (["a longer beginning", *texts], texts[:5]):
        with pytest.raises(StaleError, match=r"train-0000.\.bin was made from other text"):
            build(tmp_path / "ids", BYTES, {"train": other}, shard_tokens=200, resume=True)
    with pytest.raises(StaleError, match=r"train-00000\.bin ends at \d+ tokens"):
        build(tmp_path / "ids", BYTES, {"train": texts}, shard_tokens=500, resume=True)
    build(tmp_path / "ids", BYTES, {"train": texts}, shard_tokens=200, resume=True)
    with pytest.raises(StaleError, match=r"train-0000\d\.bin ends at \d+ tokens"):
        build(tmp_path / "ids", BYTES, {"train": [*texts, "more"]}, shard_tokens=200, resume=True)
    assert not list(tmp_path.glob("ids/*-0*.json"))


def test_a_flipped_bit_of_a_mask_is_found(stopped: tuple[Path, list[Any]]) -> None:
    folder, documents = stopped
    build_from_ids(folder, BYTES, {"train": documents}, shard_tokens=200, resume=True)
    path = folder / "train-00001.mask"
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"train-00001\.mask is damaged"):
        TokenStore.open(folder).verify()
