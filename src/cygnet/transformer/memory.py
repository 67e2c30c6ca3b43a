"""Whether a batch fits into memory, found before training starts.

A few rows and twice as many are computed forward and back, and the bytes of all tensors alive are
followed: the difference is what further rows take. So a batch that does not fit is refused in a
second, in place of a process that the system kills.
"""

import contextlib
import math
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cygnet import ranks
from cygnet.errors import InputError

CGROUPS = Path("/sys/fs/cgroup")
FEW_TOKENS = 512  # more than the loss takes at a time, so that the rest grows with the rows
WORKSPACE = 1.2
"""Times the bytes of tensors: on a CPU 0.9 to 1.2 times as much became resident, as kernels take
some and the C library keeps what is freed, in pieces."""


class PeakBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows the bytes of the tensors that are made inside, on any device.

    Attributes:
        peak: Most bytes alive at one time.

    >>> with PeakBytes() as memory:
    ...     a = torch.ones(1000)
    ...     b = a[:500] + 1  # a view is nothing new, and what is freed counts no more
    ...     del b
    ...     b = a * 2
    >>> memory.peak
    8000
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self._now = 0
        self._alive: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        old = {id(tensor.untyped_storage()) for tensor in _tensors((args, kwargs or {}))}
        for tensor in _tensors(made):
            self._add(tensor.untyped_storage(), old)
        return made

    def _add(self, storage: torch.UntypedStorage, old: set[int]) -> None:
        key = id(storage)
        if key in old or key in self._alive:
            return
        self._alive.add(key)
        self._now += storage.nbytes()
        self.peak = max(self.peak, self._now)
        weakref.finalize(storage, self._remove, key, storage.nbytes())

    def _remove(self, key: int, n_bytes: int) -> None:
        self._alive.discard(key)
        self._now -= n_bytes


def _tensors(values: Any) -> list[torch.Tensor]:
    leaves = torch.utils._pytree.tree_leaves(values)
    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def check_batch_fits(
    n_rows: int, block_size: int, compute: Callable[[int], None], n_parameters: int, device: str
) -> None:
    """Refuse a batch that this process has no memory for.

    Args:
        n_rows: Rows that are computed at a time.
        block_size: Tokens in a row.
        compute: Runs so many rows forward and back, and frees the gradients.
        n_parameters: Weights, for which AdamW will keep two ``float32`` each, and the exchange
            between ranks one.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.

    Raises:
        InputError: The batch does not fit. The message says how many rows would.

    Cost: some thousand tokens forward and back, or four rows.
    """
    few = min(n_rows, -(-FEW_TOKENS // block_size))
    more = min(n_rows, 2 * few)
    compute(few)  # at first things are made that stay
    least, peak = _peak_bytes(compute, few), _peak_bytes(compute, more)
    of_a_row = (peak - least) / (more - few) if more > few else least / few
    state = (12 if ranks.world_size() > 1 else 8) * n_parameters
    free = free_memory(device)

    def needed(rows: int) -> float:
        return state + WORKSPACE * (least + (rows - few) * of_a_row)

    if needed(n_rows) <= free:
        return
    fitting = n_rows - math.ceil((needed(n_rows) - free) / (WORKSPACE * of_a_row))
    advice = (
        f"--transformer.micro-batch-size {fitting} fits, and takes the same steps"
        if fitting >= 1
        else f"not even one row fits ({_gb(needed(1))}): take a smaller block_size or model"
    )
    raise InputError(
        f"{n_rows} rows of {block_size:,} tokens at a time take about {_gb(needed(n_rows))} beside"
        f" the weights, and {_gb(free)} are free on this {device} device: {advice}"
    )


def _peak_bytes(compute: Callable[[int], None], n_rows: int) -> int:
    with _interrupts_afterwards(), PeakBytes() as memory:
        compute(n_rows)
    peak: int = memory.peak
    return peak


@contextlib.contextmanager
def _interrupts_afterwards() -> Iterator[None]:
    """Hold back Ctrl-C: Python drops an exception that is raised while it frees a tensor."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def free_memory(device: str) -> float:
    """Bytes that this process may still take on a device; its ranks on this machine share a CPU."""
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return float(free + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
    if device == "mps":
        return float(torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    import psutil

    return min(float(psutil.virtual_memory().available), *_cgroup_limits()) / ranks.local_size()


def _cgroup_limits() -> list[float]:
    """What the control groups of this process leave, e.g. in a container. Linux only."""
    try:
        entries = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found = []
    for entry in entries:
        _, controllers, place = entry.split(":", 2)
        if not controllers or "memory" in controllers.split(","):
            root = CGROUPS / "memory" if controllers else CGROUPS
            own = root / place.lstrip("/")
            groups = (group for group in (own, *own.parents) if group.is_relative_to(root))
            found += [_left_in(group) for group in groups]
    return found


def _left_in(group: Path) -> float:
    """The limit of a group less what it uses; pages of files can be had back."""
    for limit, usage in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most = float((group / limit).read_text().replace("max", "inf"))
            used = float((group / usage).read_text())
            lines = (group / "memory.stat").read_text().splitlines()
        except OSError:
            continue
        stat = dict(line.split() for line in lines)
        return most - used + float(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
    return float("inf")


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
