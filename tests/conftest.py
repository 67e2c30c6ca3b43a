"""What several test files need: real data, a finished small run, the command line."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from cygnet.machine_code import kernels
from forks import FORKS, forks
from killing import Builder

# A shell that starts the tests in the background has told them, and all that they start, to ignore
# Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

# On a busy machine a first call may take long; how fast things are is measured elsewhere.
settings.register_profile("cygnet", deadline=None)
settings.load_profile("cygnet")

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("CYGNET_TEST_DATA", ROOT.parent / "shared" / "data"))
SMALL = (
    *("--text.train", "stories:1:3000", "--text.valid", "stories:2:60"),
    *("--tokenizer.vocab-size", "600", "--tokenizer.sample-mb", "1"),
    *("--tokens.shard-tokens", "60000"),
    *("--transformer.n-layer", "2", "--transformer.n-embd", "64", "--transformer.n-head", "2"),
    *("--transformer.block-size", "64", "--transformer.batch-size", "8"),
    *("--transformer.steps", "240", "--transformer.eval-every", "20"),
    # Often, so that a kill leaves lines behind the last checkpoint.
    *("--transformer.log-every", "2"),
    # Measured anew by each run, "auto" may part two runs on a busy machine.
    *("--transformer.precision", "fp32"),
    *("--xray.max-tokens", "40", "--xray.trace-every", "80", "--xray.trace-tokens", "8"),
)
"""The recipe demo, made small: every stage takes seconds."""


WORKER = "PYTEST_XDIST_WORKER" in os.environ
if WORKER:  # threads of several workers that wait for each other would take turns on the cores
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_sessionstart() -> None:
    """Kernels are compiled once, before workers start and before any test with a time limit."""
    kernels()


Cygnet = Callable[..., "subprocess.CompletedProcess[str]"]


def start(*arguments: str | Path, cwd: Path = ROOT, **options: object) -> "subprocess.Popen[str]":
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cygnet", *map(str, arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def cygnet(
    *arguments: str | Path, cwd: Path = ROOT, **options: object
) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end: forked, or with options in a new process."""
    if options or not FORKS:
        return in_new_process(*arguments, cwd=cwd, **options)
    return forks().run([*map(str, arguments)], cwd)


def in_new_process(
    *arguments: str | Path, cwd: Path = ROOT, **options: object
) -> "subprocess.CompletedProcess[str]":
    """Run the command line to its end as a user starts it."""
    process = start(*arguments, cwd=cwd, **options)
    out, err = process.communicate(timeout=600)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def refused(result: "subprocess.CompletedProcess[str]") -> str:
    """The message of a command that failed as it should: one last line on stderr, exit code 2."""
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    message = result.stderr.rstrip("\n").splitlines()[-1]
    assert message.startswith("cygnet: ")
    return message


def child_seconds() -> float:
    """CPU time of the processes that this one has started and that have ended.

    It says how fast a command is on a machine that does other things at the same time.
    """
    times = os.times()
    return times.children_user + times.children_system


PEAK = """
def peak():
    status = open("/proc/self/status").read()
    return int(status.partition("VmHWM:")[2].split()[0])
"""
"""Kilobytes that a process has held at most. (ru_maxrss begins with those of its parent.)"""

asks_linux_for_peak = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="asks Linux for the peak of memory"
)


def printed_number(code: str, *arguments: str | Path) -> int:
    """What Python code prints in a process of its own."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


@pytest.fixture
def data() -> Path:
    """The folder with the real data."""
    if not DATA.is_dir():
        pytest.skip(f"needs the real data in {DATA} (or CYGNET_TEST_DATA)")
    return DATA


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a small recipe, built once by the command line; not to be changed."""
    return run_once(tmp_path_factory, "demo", "run", "demo", *SMALL)


@pytest.fixture(scope="session")
def recorded_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run with 48 dead rows whose embedding was recorded; not to be changed."""
    options = (
        *("--tokenizer.dead", "48", "--transformer.steps", "60"),
        *("--transformer.record", "W", "grad", "--transformer.record-every", "15"),
    )
    return run_once(tmp_path_factory, "duckling", "run", "demo", *SMALL, *options)


def run_once(factory: pytest.TempPathFactory, name: str, *arguments: str) -> Path:
    """The folder of a run, built by the first worker that needs it."""
    root = factory.getbasetemp()
    folder = (root.parent if WORKER else root) / "shared" / name
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.with_suffix(".built").exists():
            result = in_new_process(*arguments, "--out", folder)
            assert result.returncode == 0, result.stderr
            folder.with_suffix(".built").touch()
    return folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("may not mount a small file system here")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def enlarge(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    """Starts builds that can be killed and halted."""
    started = Builder(tmp_path_factory.mktemp("builder") / "log.txt")
    yield started
    started.close()


@pytest.fixture
def prepared(finished_run: Path, tmp_path: Path) -> Path:
    """A run whose next stage is the training."""
    for stage in ("text", "tokenizer", "tokens"):
        shutil.copytree(finished_run / stage, tmp_path / "run" / stage)
    return tmp_path / "run"
