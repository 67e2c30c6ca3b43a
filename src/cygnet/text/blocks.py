"""Streams of bytes as blocks of whole documents: how ``.txt`` and ``.jsonl`` are read."""

from collections.abc import Iterator

from cygnet.text.batch import BATCH_BYTES
from cygnet.text.opening import Stream

NEWLINES = b"\r\n"
Pending = list[bytes | memoryview]


def read_blocks(stream: Stream, boundary: bytes) -> Iterator[memoryview]:
    """A stream cut at boundaries into blocks of about 4 MiB, or one document where it is longer.

    Args:
        stream: What is read.
        boundary: What separates documents; empty for a single document.

    Returns:
        What lies between two boundaries of the stream, those two left out. The blocks joined by
        the boundary are the stream, but for newlines alone behind the last one.

    Cost: memory for a block and what was read behind it; a document is copied once.
    """
    pending: Pending = []
    while chunk := stream.read(BATCH_BYTES):
        cut = _last_boundary(boundary, pending, chunk)
        pending.append(chunk)
        if cut is not None:
            block = b"".join(pending)
            cut += len(block) - len(chunk)
            yield memoryview(block)[:cut]
            pending = [memoryview(block)[cut + len(boundary) :]]
    rest = b"".join(pending)
    if rest.strip(NEWLINES):
        yield memoryview(rest)


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
