"""Documents that are too long to be held whole: they come in parts, cut where a word must begin.

A split pattern has no memory, so a text may be cut wherever a word ends whatever follows. Behind a
letter a blank, or one of the commas and full stops of Chinese and Japanese, always begins another
word, with every pattern that has a scanner: the ids of the parts are the ids of the document.
Other patterns may look further. For them, and wherever a document is wanted whole, its parts are
joined again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace  # noqa: F401  # for the example

from cygnet.text.batch import TextBatch

WINDOW = 1 << 16
"""Bytes at the end of a part in which a place to cut is looked for."""
MARKS = re.compile(" |、|。|，".encode())
LONGEST_CHARACTER = 4


def find_cut(text: bytes | memoryview) -> int:
    """The last place near the end of a text where a word begins whatever stands behind the text.

    Returns:
        The offset in bytes, at which a character begins; 0 if there is none.

    >>> find_cut(b"One day, a fox sat do"), find_cut(b"1 + 1")
    (18, 0)
    """
    first = max(0, len(text) - WINDOW)
    tail = bytes(text[first:])
    for mark in reversed([found.start() for found in MARKS.finditer(tail)]):
        # Bytes that are no UTF-8 are no letter: what will replace them is none.
        before = tail[max(0, mark - LONGEST_CHARACTER) : mark].decode(errors="replace")
        if before[-1:].isalpha():
            return first + mark
    return 0


def ended(batches: Iterable[TextBatch]) -> Iterator[TextBatch]:
    """The same batches; a document that still goes on where they end, ends there.

    >>> [part] = [replace(TextBatch.from_strings(["a"]), continues=True)]
    >>> [(list(batch), batch.continues) for batch in ended([part])]
    [(['a'], True), ([''], False)]
    """
    continues = False
    for batch in batches:
        continues = batch.continues
        yield batch
    if continues:
        yield TextBatch.from_strings([""])


def whole_documents(batches: Iterable[TextBatch]) -> Iterator[TextBatch]:
    """Join the parts of each document that came in parts.

    Cost: nothing for other batches; memory for the longest document.

    >>> first, second = TextBatch.from_strings(["a", "b"]), TextBatch.from_strings([" c"])
    >>> [list(batch) for batch in whole_documents([replace(first, continues=True), second])]
    [['a'], ['b c']]
    """
    parts: list[bytes] = []
    for batch in batches:
        if not parts and not batch.continues:
            yield batch
            continue
        first, *others = [batch.document_bytes(number) for number in range(len(batch))]
        parts.append(first)
        if others or not batch.continues:
            documents = [b"".join(parts), *others]
            parts = [documents.pop()] if batch.continues else []
            yield TextBatch.from_bytes(documents)
    if parts:
        yield TextBatch.from_bytes([b"".join(parts)])
