"""Working on all cores."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_threads() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_ahead(
    function: Callable[[Item], Result], pieces: Iterable[Item], threads: int
) -> Iterator[Result]:
    """The results of ``function`` for each piece, in order, on some threads.

    Pieces are read only as fast as they are worked off: at most two a thread wait.
    """
    pool = ThreadPoolExecutor(threads)
    waiting: deque[Future[Result]] = deque()
    try:
        for piece in pieces:
            waiting.append(pool.submit(function, piece))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # after an error or Ctrl-C, what waits is left undone, and nobody waits for the rest
        pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def reports(advance: Callable[[float], None]) -> Iterator[Callable[[int], None]]:
    """Let threads report bytes to a progress bar in MB, and end those that outlive the block.

    Python cannot stop a thread. But one that reads a file tells how far it is, again and again;
    after an error elsewhere, or Ctrl-C, its next report raises ``CancelledError`` in it.

    >>> told = []
    >>> with reports(told.append) as on_bytes:
    ...     on_bytes(500_000)
    >>> told
    [0.5]
    """
    ended = threading.Event()

    def on_bytes(n_bytes: int) -> None:
        if ended.is_set():
            raise CancelledError
        advance(n_bytes / 1e6)

    try:
        yield on_bytes
    finally:
        ended.set()
