"""What packing costs: best fit beside three other ways to make rows of the same documents."""

import dataclasses
from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cygnet.errors import InputError
from cygnet.tokens.packing import best_fit
from cygnet.tokens.reading import Places

BUFFER = 1000
"""Documents among which nanochat looks for the one that fits."""


@dataclass(frozen=True)
class Waste:
    """What one policy makes of some documents.

    Attributes:
        policy: Its name.
        rows: How many rows of ``T`` tokens it fills.
        utilisation: Share of the places in rows that hold a token.
        padding: Places that hold none.
        cut_documents: Documents that would fit a row and do not stand in one.
        cut: Tokens that stand in another row than the beginning of their document.
        discarded: Tokens that stand in no row.
        n_tokens: All tokens of the documents.
    """

    policy: str
    rows: int
    utilisation: float
    padding: int
    cut_documents: int
    cut: int
    discarded: int
    n_tokens: int


def compare_policies(lengths: Places, block_size: int, window: int | None = None) -> list[Waste]:
    """Pack documents in four ways.

    Args:
        lengths: Of the documents in the order of the text, in tokens, boundaries included.
        block_size: Tokens in a row, T.
        window: Documents that best fit packs at a time; all together if none.

    Returns:
        ``best fit``: the order ``packed``. ``first fit``: each document, in the order of the text,
        into the first row with room; longer ones are cut as there. ``concatenate, chop``: one
        stream, cut every ``T`` tokens, as in the order ``epoch``. ``best-fit crop``: nanochat's
        loader (``nanochat/dataloader.py``, October 2025 and later), which fills each row of ``T +
        1`` tokens with the largest of 1,000 waiting documents that fits, and where none does with
        the beginning of the shortest, whose end is lost.

    Raises:
        InputError: A row has no tokens, or a window no documents.

    Cost: 2 to 5 s for a million documents, nearly all of it first fit and crop.

    >>> [(found.policy, found.rows) for found in compare_policies(np.array([5, 3, 7, 2]), 10)]
    [('best fit', 2), ('first fit', 2), ('concatenate, chop', 1), ('best-fit crop', 2)]
    """
    if block_size < 1 or (window is not None and window < 1):
        raise InputError(f"no rows of {block_size} tokens, packed {window} documents at a time")
    policies: dict[str, Callable[[Places, int], tuple[int, int, int, int]]] = {
        "best fit": lambda lengths, size: _whole(lengths, size, _count_best_fit(window)),
        "first fit": lambda lengths, size: _whole(lengths, size, _count_first_fit),
        "concatenate, chop": _chop,
        "best-fit crop": _crop,
    }
    found = []
    for name, policy in policies.items():
        rows, cut_documents, cut, discarded = policy(lengths, block_size)
        n_tokens = int(lengths.sum())
        places = rows * (block_size + (name == "best-fit crop"))
        kept = n_tokens - discarded
        found.append(
            Waste(
                policy=name,
                rows=rows,
                utilisation=kept / max(1, places),
                padding=places - kept,
                cut_documents=cut_documents,
                cut=cut,
                discarded=discarded,
                n_tokens=n_tokens,
            )
        )
    return found


def to_dicts(found: list[Waste]) -> list[dict[str, float | int | str]]:
    """The figures as plain values; what is padding, cut or discarded in tokens."""
    return [dataclasses.asdict(waste) for waste in found]


def print_policies(found: list[Waste], n_documents: int, block_size: int) -> None:
    """Print the figures as a table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{n_documents:,} documents, {found[0].n_tokens:,} tokens, rows of {block_size:,}"
    )
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("policy", no_wrap=True)
    for name in ("rows", "utilisation", "padding", "cut", "cut docs", "discarded"):
        table.add_column(name, justify="right")
    for waste in found:
        places = waste.padding + waste.n_tokens - waste.discarded
        table.add_row(
            waste.policy,
            f"{waste.rows:,}",
            f"{waste.utilisation:.2%}",
            f"{waste.padding / places:.2%}",
            f"{waste.cut / waste.n_tokens:.2%}",
            f"{waste.cut_documents:,}",
            f"{waste.discarded / waste.n_tokens:.2%}",
        )
    console.print(table)
    console.print(
        "padding: places in rows that hold no token; cut: tokens in another row than their"
        " document's beginning; cut docs: documents that fit a row and were cut; discarded: tokens"
        " in no row",
        style="dim",
    )


def _count_best_fit(window: int | None) -> Callable[[Places, int], int]:
    return lambda rest, size: len(best_fit(rest, size, window).ends)


def _whole(
    lengths: Places, size: int, count: Callable[[Places, int], int]
) -> tuple[int, int, int, int]:
    """Documents stay whole where they fit; longer ones fill rows, and their ends are packed."""
    full, rest = np.divmod(lengths, size)
    rows = int(full.sum()) + count(rest[rest > 0], size)
    return rows, 0, int(np.maximum(lengths - size, 0).sum()), 0


def _count_first_fit(lengths: Places, size: int) -> int:
    """Rows of first fit, found in a tree over the rooms of all rows."""
    # All rows but one are more than half full.
    n_leaves = 1 << int(2 * lengths.sum() // size + 1).bit_length()
    rooms, n_rows = [size] * (2 * n_leaves), 0
    for length in lengths.tolist():
        node = 1
        while node < n_leaves:
            node *= 2
            if rooms[node] < length:
                node += 1
        n_rows = max(n_rows, node - n_leaves + 1)
        rooms[node] -= length
        while node > 1:
            node //= 2
            largest = max(rooms[2 * node], rooms[2 * node + 1])
            if rooms[node] == largest:
                break
            rooms[node] = largest
    return n_rows


def _chop(lengths: Places, size: int) -> tuple[int, int, int, int]:
    ends = np.cumsum(lengths)
    starts, n_tokens = ends - lengths, int(lengths.sum())
    rows = n_tokens // size
    first_row_ends = (starts // size + 1) * size
    in_rows = np.minimum(ends, rows * size)
    is_cut = ends > np.minimum(first_row_ends, rows * size)
    cut_documents = int(((lengths <= size) & is_cut).sum())
    cut = int(np.maximum(in_rows - first_row_ends, 0).sum())
    return rows, cut_documents, cut, n_tokens - rows * size


def _crop(lengths: Places, size: int) -> tuple[int, int, int, int]:
    capacity, waiting, incoming = size + 1, list[int](), iter(lengths.tolist())
    rows, room, cut_documents, discarded = 0, capacity, 0, 0
    while True:
        while len(waiting) < BUFFER and (length := next(incoming, 0)):
            insort(waiting, length)
        if not waiting:
            break
        fitting = bisect_right(waiting, room)
        if fitting:
            room -= waiting.pop(fitting - 1)
        else:
            length = waiting.pop(0)
            cut_documents += length <= capacity
            discarded += length - room
            room = 0
        if not room:
            rows, room = rows + 1, capacity
    return rows + (room < capacity), cut_documents, 0, discarded
