"""The command line in processes forked from one that has everything loaded.

To load torch and transformers takes a process four seconds, a fork takes milliseconds. A child is
as good as new: its parent has loaded modules and called nothing. What a fork cannot show is that a
command loads what it needs: the examples of the help texts do, which run in new processes.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

FORKS = sys.platform == "linux"
"""macOS forbids a fork of a process that has used its libraries; elsewhere there is none."""
SECONDS = 600
LAZY = ("matplotlib.figure", "rich.progress", "transformers.modeling_layers", "tyro")
"""What cygnet loads in its functions, where that takes long."""


class Forks:
    """A process with everything loaded, which forks one for each command."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: list[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            self._ask(arguments, cwd, os.devnull, str(out), str(err), {})
            code = self.exit_code(arguments)
            return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def start(self, arguments: list[str], terminal: str, environment: dict[str, str]) -> None:
        """Run a command in a terminal of its own; ``exit_code`` waits for its end."""
        self._ask(arguments, Path.cwd(), terminal, terminal, terminal, environment)

    def _ask(self, *request: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request, default=str) + "\n")
        self._process.stdin.flush()

    def exit_code(self, arguments: list[str]) -> int:
        """The exit code of the command at hand, when it has ended."""
        if not select.select([self._process.stdout], [], [], SECONDS)[0]:
            self._process.kill()
            raise subprocess.TimeoutExpired(arguments, SECONDS)
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


@functools.cache
def forks() -> Forks:
    """The one process of this kind, until the tests end."""
    started = Forks()
    atexit.register(started.close)
    return started


def load() -> None:
    """Import all that a command may need."""
    import cygnet

    names = (found.name for found in pkgutil.walk_packages(cygnet.__path__, "cygnet."))
    for name in (*LAZY, *names):
        if ".kernels" not in name and not name.endswith("__main__"):
            importlib.import_module(name)


def become(
    arguments: list[str], cwd: str, stdin: str, out: str, err: str, environment: dict[str, str]
) -> None:
    """Be a process that was started for a command."""
    if stdin != os.devnull:
        os.setsid()  # the terminal that is opened next is then its own
    os.environ.update(environment)
    for descriptor, path in ((0, stdin), (1, out), (2, err)):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(cwd)
    sys.argv[1:] = arguments


def run() -> int:
    """``python -m cygnet``, without a second spent on taking down what is loaded."""
    from cygnet import cli

    code = 1
    try:
        code = cli.main()
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else int(request.code is not None)
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def main() -> None:
    """Fork a child for each command, and tell its exit code when it has ended."""
    load()
    gc.freeze()  # a collection in a child would copy all that is loaded
    requests = sys.stdin.buffer.raw  # type: ignore[attr-defined]  # a child must not read ahead
    while line := requests.readline():
        pid = os.fork()
        if not pid:
            become(*json.loads(line))
            os._exit(run())
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
