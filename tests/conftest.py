"""What several test files need: real data, a finished small run, the command line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cygnet.machine_code import kernels
from killing import Builder

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
    *("--xray.max-tokens", "40"),
)
"""The recipe demo, made small: every stage takes seconds."""


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels() -> None:
    """Kernels are compiled before any test that has a time limit."""
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
    """Run the command line to its end."""
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


@pytest.fixture
def data() -> Path:
    """The folder with the real data."""
    if not DATA.is_dir():
        pytest.skip(f"needs the real data in {DATA} (or CYGNET_TEST_DATA)")
    return DATA


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a small recipe, built once by the command line; not to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "demo"
    result = cygnet("run", "demo", *SMALL, "--out", folder)
    assert result.returncode == 0, result.stderr
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
