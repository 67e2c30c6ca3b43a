"""The builds that tests kill, halt and run into faults: see ``killing``."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cygnet import cli
from cygnet.machine_code import kernels
from cygnet.text.sources import read_text
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids

VOCABULARY = Tokenizer([], special_tokens=["<|endoftext|>"])


def build_text(folder: str, tokenizer: str, shard_tokens: str, *sources: str) -> None:
    """Token files of text: of all sources, and a second split of the first."""
    texts = {
        "train": read_text(*sources, parts=True),
        "valid": read_text("stories:9:40"),
    }
    build(
        folder,
        Tokenizer.load(tokenizer),
        texts,  # type: ignore[arg-type]
        shard_tokens=int(shard_tokens),
        resume=True,
    )


def build_conversations(folder: str, _: str, shard_tokens: str) -> None:
    """Token files with masks."""
    build_from_ids(
        folder, VOCABULARY, {"train": conversations()}, shard_tokens=int(shard_tokens), resume=True
    )


def conversations() -> Iterator[Any]:
    """Ids and masks, always the same."""
    chance = np.random.default_rng(1)
    for n in chance.integers(1, 300, 3000):
        yield chance.integers(0, 256, n), chance.integers(0, 2, n)


def command(*arguments: str) -> int:
    """The command line."""
    return cli.main(arguments)


JOBS: dict[str, Callable[..., int | None]] = {
    "text": build_text,
    "conversations": build_conversations,
    "command": command,
}


def work(log: str, name: str, arguments: list[str]) -> int:
    """Do a job in a process that is a child; errors go to the log."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND), 2)
    os.dup2(2, 1)
    try:
        return JOBS[name](*arguments) or 0
    except Exception as error:
        traceback.print_exc() if type(error).__module__ != "cygnet.errors" else None
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 2
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def main(log: str) -> None:
    """Fork a child for each job, tell its id, and how it ended."""
    kernels()
    print("ready", flush=True)
    while line := sys.stdin.readline():
        name, *arguments = json.loads(line)
        pid = os.fork()
        if not pid:
            os._exit(work(log, name, arguments))
        print(pid, flush=True)
        # It is kept until the other side, which may yet kill it, knows that it has ended.
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        print(ended.si_status * (1 if ended.si_code == os.CLD_EXITED else -1), flush=True)
        sys.stdin.readline()
        os.waitpid(pid, 0)


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).absolute()))
