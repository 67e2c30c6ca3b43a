"""The command line in this process, for commands that would import torch anew each time."""

import contextlib
import io
import subprocess
from pathlib import Path

from conftest import refused
from cygnet.cli import main

__all__ = ["cygnet", "refused"]


def cygnet(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command; as ``conftest.cygnet``, without a process of its own."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, arguments)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
