"""The most memory that a job has at a time, with all of its processes. Linux only."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

PAUSE = 0.05


class Peak:
    """What ``watched`` found, once its block has ended."""

    n_bytes = 0


@contextlib.contextmanager
def watched() -> Iterator[Peak]:
    """Watch this process and all that it starts, directly or not.

    What several of them share counts once (``Pss``); the sum is taken some times a second. For this
    process alone the kernel keeps the peak (``VmHWM``), so that a short job is not missed.
    """
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(PAUSE):
            found = sum(map(_share, _tree(os.getpid())))
            peak.n_bytes = max(peak.n_bytes, found)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()
        peak.n_bytes = max(peak.n_bytes, own_peak())


def own_peak() -> int:
    """Most resident bytes of this process; ``ru_maxrss`` would hold that of its parent as well."""
    return _kilobytes(Path("/proc/self/status"), "VmHWM:") * 1024


def _tree(process: int) -> Iterator[int]:
    """A process and its descendants."""
    yield process
    with contextlib.suppress(OSError):  # one that has ended
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _tree(int(child))


def _share(process: int) -> int:
    try:
        return _kilobytes(Path(f"/proc/{process}/smaps_rollup"), "Pss:") * 1024
    except OSError:
        return 0


def _kilobytes(path: Path, key: str) -> int:
    found = path.read_text().partition(key)[2].split()
    return int(found[0]) if found else 0
