"""The processes of one training: rank 0 builds, writes and speaks, the others compute along.

A launcher such as ``torchrun`` starts them and tells each its number in the environment. They
agree through the launcher's key-value store (``TCPStore``), in JSON; torch is imported only where
there are several of them.
"""

import contextlib
import functools
import itertools
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

from cygnet.errors import RankError

ENDED = (
    "another rank has ended, and this training with it: the same command goes on from the last"
    " checkpoint"
)
LOST = re.compile(r"gloo|NCCL|TCPStore|[Cc]onnection (closed|reset|refused)|Broken pipe")
_numbers = itertools.count()


def rank() -> int:
    """The number of this process; 0 where it is the only one."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", 1)) if "RANK" in os.environ else 1


def local_size() -> int:
    """How many of them are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if world_size() > 1 else 1


def share(value: Any = None) -> Any:
    """Give a value of rank 0 to all ranks; each must call this, and waits as long as it takes.

    Args:
        value: What JSON can hold; that of rank 0 counts.

    Returns:
        The value, on every rank.
    """
    if world_size() == 1:
        return value
    key = f"shared-{next(_numbers)}"
    if not rank():
        _store().set(key, json.dumps(value))
        return value
    # Asking again and again, as a signal is heard only between two calls, and no call times out.
    while not _store().check([key]):
        time.sleep(0.1)
    return json.loads(_store().get(key))


def is_first_to_speak() -> bool:
    """Whether no other rank has told why the training ends."""
    if world_size() == 1:
        return True
    try:
        return bool(_store().add("spoke", 1) == 1)
    except RuntimeError:  # the launcher has gone
        return True


@contextlib.contextmanager
def ended_together() -> Iterator[None]:
    """Raise a ``RankError`` of one line where this process ends because another one has.

    What is exchanged fails then (gloo and NCCL raise a ``RuntimeError``), or the launcher sends
    SIGTERM.
    """
    if world_size() == 1:
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    except RuntimeError as error:
        if not LOST.search(str(error)):
            raise
        raise RankError(ENDED) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(*_: Any) -> None:
    raise RankError(ENDED)


@functools.cache
def _store() -> Any:
    from torch.distributed import PrefixStore, rendezvous  # type: ignore[attr-defined]

    store, _, _ = next(rendezvous("env://"))
    return PrefixStore("cygnet", store)
