"""One cell is trained in a process of its own.

What it runs out of, it alone runs out of: where memory ends, a system kills the process that asks
for it, and no exception says so. The process ends with the sweep, also when that is killed: it
reads its standard input, which ends then.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from cygnet.errors import CygnetError
from cygnet.recipe import Recipe, read_recipe, to_dict
from cygnet.runner import run

FAILED = 3
LAST_STAGE = "transformer"
COMMAND = [sys.executable, "-m", "cygnet.xray.sweep.training"]


def train_cell(recipe: Recipe, folder: Path, overwrite: bool = False) -> str | None:
    """Train a recipe in a process of its own; progress goes to standard error.

    Args:
        recipe: What to train.
        folder: Its run folder.
        overwrite: As ``runner.run``.

    Returns:
        Why it failed, in one line; none if it did not.
    """
    with subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        what = {"recipe": to_dict(recipe), "folder": str(folder), "overwrite": overwrite}
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()
        said = process.stdout.read().splitlines()
        code = process.wait()
    return _reason(code, said)


def _reason(code: int, said: list[str]) -> str | None:
    """Why a process failed.

    >>> _reason(-9, [])
    'killed by SIGKILL, perhaps for want of memory'
    >>> _reason(0, [])
    """
    if code == FAILED and said:
        return said[-1]
    if code < 0:
        return f"killed by {signal.Signals(-code).name}, perhaps for want of memory"
    return f"ended with exit code {code}" if code else None


def main() -> int:
    """Train the cell that standard input describes; the last line printed says why it failed."""
    what = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_sweep, daemon=True).start()
    recipe = read_recipe(what["recipe"], "the sweep")
    try:
        run(recipe, what["folder"], until=LAST_STAGE, overwrite=what["overwrite"])
    except (CygnetError, MemoryError, RuntimeError) as error:  # torch's want of memory is the last
        print(" ".join(str(error).split()) or "out of memory")
        return FAILED
    return 0


def _end_with_sweep() -> None:
    sys.stdin.read()
    os._exit(FAILED)


if __name__ == "__main__":
    sys.exit(main())
