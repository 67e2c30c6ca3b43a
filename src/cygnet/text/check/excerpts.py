"""The places of examples: which file, document and byte, and what stands there."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from cygnet.errors import InputError
from cygnet.text.check.corpus import Corpus, numbered
from cygnet.text.check.encoding import mend
from cygnet.text.check.overlap import NGRAM_WORDS
from cygnet.text.check.report import Example
from cygnet.text.check.words import Ints, UInts, Words, code_points, hash_words, runs

EXCERPT_CHARACTERS = 120
BEFORE = 24  # bytes or characters that an excerpt shows of what leads to its place
CONTINUATION = range(0x80, 0xC0)


@dataclass(frozen=True, eq=False)
class Document:
    """One document with its place.

    Attributes:
        text: Its bytes as they were found.
        offset: Where it begins in the file, in bytes; None where that means nothing.
    """

    file: str
    number: int
    offset: int | None
    text: bytes

    def at(self, place: int, meant: str | None = None) -> Example:
        """The example that begins at a byte of the document."""
        return Example(
            self.file, self.number, (self.offset or 0) + place, excerpt(self.text, place), meant
        )


def excerpt(text: bytes, place: int) -> str:
    """Some characters of a text, from a byte; that byte may be in the middle of a character."""
    start = place
    while start > max(0, place - 3) and text[start : start + 1] and text[start] in CONTINUATION:
        start -= 1
    part = text[start : start + 4 * EXCERPT_CHARACTERS].decode(errors="replace")
    return part[:EXCERPT_CHARACTERS]


def read_documents(corpora: Sequence[Corpus], wanted: Iterable[int]) -> dict[int, Document]:
    """Some documents, by their number in all corpora; nothing behind the last is read.

    Raises:
        InputError: There are fewer documents than before.
    """
    numbers = np.unique(np.array(list(wanted), np.int64))
    found: dict[int, Document] = {}
    for first, piece in numbered(corpora):
        if len(found) == len(numbers):
            break
        batch = piece.batch
        inside = numbers[(numbers >= first) & (numbers < first + len(batch))]
        for index in (inside - first).tolist():
            offset = None if piece.offset is None else piece.offset + int(batch.starts[index])
            found[first + index] = Document(
                piece.file, piece.number + index, offset, batch.document_bytes(index)
            )
    if len(found) < len(numbers):
        raise InputError("the text has changed while it was checked: check it again")
    return found


def before(place: int) -> int:
    """Where an excerpt begins that shows what leads to a place."""
    return max(0, place - BEFORE)


def mojibake(document: Document, place: int) -> Example:
    """The line at a byte, from shortly before what the wrong code page has made of it."""
    from ftfy import fix_encoding

    line = mend(document.text)[0][place:].split(b"\n", 1)[0].decode()
    meant = fix_encoding(line)
    same = sum(1 for _ in itertools.takewhile(bool, map(str.__eq__, line, meant)))
    start = before(same)
    place += len(line[:start].encode())
    return document.at(place, meant[start : start + EXCERPT_CHARACTERS])


def first_difference(one: bytes, other: bytes) -> int:
    """The first byte in which two texts differ."""
    n = min(len(one), len(other))
    same = np.frombuffer(one, np.uint8, n) == np.frombuffer(other, np.uint8, n)
    return n if same.all() else int(same.argmin())


def common_run(one: bytes, other: bytes, ngram: int) -> tuple[int, int, int]:
    """The words around a shared run, as far as they are the same.

    Returns:
        How many words, and the byte in each text where they begin.
    """
    words, places = _words_and_places(one)
    others, other_places = _words_and_places(other)
    start, other_start = _find(words, ngram), _find(others, ngram)
    while min(start, other_start) > 0 and words[start - 1] == others[other_start - 1]:
        start, other_start = start - 1, other_start - 1
    n = min(len(words) - start, len(others) - other_start)
    same = words[start : start + n] == others[other_start : other_start + n]
    length = n if same.all() else int(same.argmin())
    return length, int(places[start]), int(other_places[other_start])


def _words_and_places(text: bytes) -> tuple[UInts, Ints]:
    codes, places = code_points(mend(text)[0])
    hashes, firsts = hash_words(codes)
    return hashes, firsts if places is None else places[firsts]


def _find(hashes: UInts, ngram: int) -> int:
    words = Words(hashes, np.array([len(hashes)]), 0)
    return int((runs(words, NGRAM_WORDS)[0] == np.uint64(ngram)).argmax())
