"""Compiled kernels: made once per machine, kept, and executed only where they are sound and ours.

To compile takes 15 s or more. So one test does it; for the others the compiler is replaced by one
that hands out what it made before.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import ROOT
from cygnet import machine_code
from cygnet.machine_code import ObjectCode, cache_folder, fingerprint, kernels

ANNOUNCEMENT = "compiling kernels, once per machine (about 15 s)"
NOT_KEPT = "  they cannot be kept ("

USE = """
import sys, time
from cygnet import Tokenizer
from cygnet.machine_code import kernels

begin = time.process_time()
kernels()
seconds = time.process_time() - begin
ids = Tokenizer([(104, 117), (256, 103)]).encode("hug hugs")
print(ids == [257, 32, 257, 115], "numba" in sys.modules, seconds < 1.0)
"""
"""What a process sees: whether the ids are right, Numba is there, and the kernels came quickly."""


def start(code: str, cache: Path) -> "subprocess.Popen[str]":
    """Run Python in a process of its own whose kernels are kept in ``cache``."""
    environment = {**os.environ, "CYGNET_CACHE": str(cache), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]") -> tuple[str, list[str]]:
    """What a process printed: one line of results, and its lines on stderr."""
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out.strip(), err.splitlines()


@pytest.fixture
def found() -> list[ObjectCode]:
    """What the compiler made of the kernels as they are."""
    return machine_code.object_code()


Compilations = SimpleNamespace


@pytest.fixture
def cache(tmp_path: Path, found: list[ObjectCode], monkeypatch: pytest.MonkeyPatch) -> Compilations:
    """An empty cache and a compiler that takes no time: where the file is, and how often it ran."""
    folder = tmp_path / "cache"
    seen = Compilations(folder=folder, path=folder / f"kernels-{fingerprint()}.bin", n=0)

    def compile_at_once() -> list[ObjectCode]:
        seen.n += 1
        return found

    monkeypatch.setattr(machine_code, "_compile", compile_at_once)
    monkeypatch.setenv("CYGNET_CACHE", str(folder))
    return seen


# From the first use on.


def test_first_use_compiles_and_says_so_and_the_next_one_loads_without_numba(
    tmp_path: Path,
) -> None:
    first, news = finish(start(USE, tmp_path))
    assert (first, news) == ("True True False", [ANNOUNCEMENT])
    assert [path.suffix for path in tmp_path.iterdir()] == [".bin"]
    assert finish(start(USE, tmp_path)) == ("True False True", [])


def test_compiled_once_they_are_read_and_the_same(
    cache: Compilations, found: list[ObjectCode], capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine_code.object_code() == found
    assert capsys.readouterr().err.splitlines() == [ANNOUNCEMENT]
    assert machine_code.object_code() == found
    assert cache.n == 1
    assert capsys.readouterr().err == ""


# Where nothing can be kept.


def below_a_file(folder: Path) -> Path:
    folder.write_text("")
    return folder / "cache"


def read_only(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    folder.mkdir(mode=0o500)
    return folder


@pytest.mark.parametrize("make", [below_a_file, read_only])
def test_without_a_cache_that_can_be_written_it_works_and_says_so(
    cache: Compilations,
    make: Callable[[Path], Path],
    found: list[ObjectCode],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CYGNET_CACHE", str(make(cache.folder)))
    assert machine_code.object_code() == found
    first, second = capsys.readouterr().err.splitlines()
    assert first == ANNOUNCEMENT
    assert second.startswith(NOT_KEPT) and "CYGNET_CACHE" in second and str(cache.folder) in second


@pytest.mark.stress
def test_a_process_without_a_cache_gives_the_same_ids(tmp_path: Path) -> None:
    result, news = finish(start(USE, below_a_file(tmp_path / "file")))
    assert result == "True True False"
    assert len(news) == 2 and news[1].startswith(NOT_KEPT)


def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CYGNET_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "cygnet"


# What is executed.


def flip(place: float) -> Callable[[bytes], bytes]:
    """Flip a bit at a place given as a share of the file."""

    def damage(content: bytes) -> bytes:
        i = int(place * (len(content) - 1))
        return content[:i] + bytes([content[i] ^ 16]) + content[i + 1 :]

    return damage


DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "checksum": flip(0.0),
    "listing": lambda content: content.replace(b"i64 u8*", b"u8* i64", 1),
    "code": flip(0.5),
    "last byte": flip(1.0),
    "truncated": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "empty": lambda content: b"",
    "another thing": lambda content: b"{}\n" * 99,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_compiled_anew(
    cache: Compilations, found: list[ObjectCode], damage: Callable[[bytes], bytes]
) -> None:
    machine_code.object_code()
    whole = cache.path.read_bytes()
    assert damage(whole) != whole
    cache.path.write_bytes(damage(whole))
    assert machine_code.object_code() == found
    assert cache.n == 2
    assert cache.path.read_bytes() == whole


def test_a_file_of_other_kernels_under_this_name_is_compiled_anew(cache: Compilations) -> None:
    machine_code.object_code()
    machine_code._write(cache.path.with_name("kernels-1.bin"), [])
    cache.path.with_name("kernels-1.bin").rename(cache.path)
    assert machine_code.object_code()
    assert cache.n == 2


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_file_that_others_may_write_is_compiled_anew(cache: Compilations, mode: int) -> None:
    machine_code.object_code()
    cache.path.chmod(mode)
    machine_code.object_code()
    assert cache.n == 2
    assert cache.path.stat().st_mode & 0o777 == 0o644


def test_a_file_is_ours_whatever_the_umask(cache: Compilations) -> None:
    before = os.umask(0)
    try:
        machine_code.object_code()
    finally:
        os.umask(before)
    machine_code.object_code()
    assert cache.n == 1


@pytest.mark.parametrize(
    ("owner", "mode", "trusted"),
    [(1000, 0o644, True), (0, 0o644, True), (1001, 0o644, False), (1000, 0o664, False)],
)
def test_a_file_is_trusted_if_it_belongs_to_the_user_or_root(
    owner: int, mode: int, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    status = os.stat_result((0o100000 | mode, 1, 1, 1, owner, 1, 1, 0, 0, 0))
    assert machine_code._is_trusted(status) is trusted


# Which file it is.


def test_an_edit_of_a_kernel_changes_the_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = Path(shutil.copytree(machine_code.SOURCES, tmp_path / "kernels"))
    before = fingerprint()
    monkeypatch.setattr(machine_code, "SOURCES", copies)
    assert fingerprint() == before
    for source in sorted(copies.glob("*.py")):
        content = source.read_bytes()
        source.write_bytes(content + b"#")
        assert fingerprint() != before, source.name
        source.write_bytes(content)
    assert fingerprint() == before


def test_another_compiler_or_processor_changes_the_fingerprint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import llvmlite
    import llvmlite.binding as llvm

    found = {fingerprint()}
    for module, name, another in [
        (llvmlite, "__version__", "another"),
        (llvm, "get_host_cpu_name", lambda: "another"),
        (llvm, "get_process_triple", lambda: "another"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(module, name, another)
            found.add(fingerprint())
    assert len(found) == 4


def test_the_newest_files_are_kept_and_nothing_else_is_touched(cache: Compilations) -> None:
    cache.folder.mkdir()
    names = [f"kernels-{i:02}.bin" for i in range(20)] + ["kernels-20.bin.123.tmp", "notes.txt"]
    for age, name in enumerate(reversed(names)):
        (cache.folder / name).write_bytes(b"")
        os.utime(cache.folder / name, (time.time() - 100 - age,) * 2)
    machine_code.object_code()
    left = sorted(path.name for path in cache.folder.iterdir())
    newest = names[-machine_code.FILES_KEPT : -1]
    assert left == sorted([cache.path.name, *newest, "notes.txt"])


# Several processes.

WRITE = """
from cygnet import machine_code

objects = machine_code._read(machine_code.Path({kept!r}))
path = machine_code.cache_folder() / {name!r}
for _ in range(200):
    machine_code._keep(path, objects)
    assert machine_code._read(path) == objects
"""


def test_processes_that_write_at_once_do_no_harm(tmp_path: Path, found: list[ObjectCode]) -> None:
    kept = cache_folder() / f"kernels-{fingerprint()}.bin"
    machine_code._write(tmp_path / kept.name, found)
    code = WRITE.format(kept=str(tmp_path / kept.name), name=kept.name)
    cache = tmp_path / "cache"
    processes = [start(code, cache) for _ in range(3)]
    assert [finish(process) for process in processes] == [("", [])] * 3
    assert [path.name for path in cache.iterdir()] == [kept.name]


@pytest.mark.stress
def test_processes_that_compile_at_once_do_no_harm(tmp_path: Path) -> None:
    processes = [start(USE, tmp_path) for _ in range(2)]
    for process in processes:
        assert finish(process) == ("True True False", [ANNOUNCEMENT])
    assert finish(start(USE, tmp_path)) == ("True False True", [])


# Calls.


def test_a_kernel_refuses_arrays_of_another_type_or_with_gaps() -> None:
    kernel = kernels()["index_pairs"]
    keys, index = np.zeros(4, np.uint64), np.full(8, -1, np.int32)
    assert kernel(keys, 0, index, 3) == 0
    with pytest.raises(TypeError, match="index_pairs takes a contiguous array of uint64"):
        kernel(keys.astype(np.int64), 0, index, 3)
    with pytest.raises(TypeError, match="not a strided one of int32"):
        kernel(keys, 0, np.full(16, -1, np.int32)[::2], 3)
    with pytest.raises(ValueError, match="argument"):
        kernel(keys, 0, index)
