"""Streams of bytes as blocks of whole documents: how ``.txt`` and ``.jsonl`` are read."""

from collections.abc import Iterator

from cygnet.text.batch import BATCH_BYTES
from cygnet.text.opening import Stream
from cygnet.text.parts import find_cut

NEWLINES = b"\r\n"
Pending = list[bytes | memoryview]


def read_blocks(
    stream: Stream, boundary: bytes, parts: bool = False
) -> Iterator[tuple[memoryview, bool]]:
    """A stream cut at boundaries into blocks of about 4 MiB.

    Args:
        stream: What is read.
        boundary: What separates documents; empty for a single document.
        parts: Whether a document that is longer may be cut inside, see ``text.parts``; otherwise
            it is a block of its own.

    Returns:
        What lies between two boundaries of the stream, those two left out; and whether it ends
        inside a document, which the next block goes on with. The blocks joined by the boundary, or
        by nothing there, are the stream, but for newlines alone behind the last one.

    Cost: memory for some blocks, or without ``parts`` for the longest document, copied once.
    """
    pending: Pending = []
    longest = BATCH_BYTES
    overlaps = any(boundary.startswith(boundary[n:]) for n in range(1, len(boundary)))
    while chunk := stream.read(BATCH_BYTES):
        cut = _last_boundary(boundary, pending, chunk)
        pending.append(chunk)
        if cut is not None:
            block = b"".join(pending)
            cut = _last_from_left(block, boundary) if overlaps else cut + len(block) - len(chunk)
            yield memoryview(block)[:cut], False
            pending = [memoryview(block)[cut + len(boundary) :]]
            longest = BATCH_BYTES
        elif parts and sum(map(len, pending)) >= longest:
            block = b"".join(pending)
            # A boundary may have begun in the last bytes: they are not cut.
            n_certain = max(0, len(block) + 1 - max(1, len(boundary)))
            cut = find_cut(memoryview(block)[:n_certain])
            if 2 * len(block.lstrip(NEWLINES)) < len(block):
                cut = 0  # newlines are dropped: the first part must hold what splits are made by
            if cut:
                yield memoryview(block)[:cut], True
            pending = [memoryview(block)[cut:]]
            longest = BATCH_BYTES if cut else 2 * len(block)  # try again, but seldom
    rest = b"".join(pending)
    if rest.strip(NEWLINES):
        yield memoryview(rest), False


def _last_from_left(block: bytes, boundary: bytes) -> int:
    """Where the last boundary begins if they are taken from the left and do not overlap.

    >>> b"--- ----".rfind(b"---"), _last_from_left(b"--- ----", b"---")
    (5, 4)
    """
    place = found = block.find(boundary)
    while found >= 0:
        place, found = found, block.find(boundary, found + len(boundary))
    return place


def _last_boundary(boundary: bytes, pending: Pending, chunk: bytes) -> int | None:
    """Where the last boundary begins in ``chunk``, less than 0 if in what is pending."""
    if not boundary:
        return None
    cut = chunk.rfind(boundary)
    if cut < 0 and pending:
        before = bytes(pending[-1][1 - len(boundary) :]) if len(boundary) > 1 else b""
        around = before + chunk[: len(boundary) - 1]
        cut = around.rfind(boundary)
        return cut - len(before) if cut >= 0 else None
    return cut if cut >= 0 else None
