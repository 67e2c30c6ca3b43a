"""Counting the words of a corpus: all that learning needs to know of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads, run_ahead
from cygnet.errors import DamagedError, InputError
from cygnet.files import atomic_writer
from cygnet.machine_code import kernels
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.text.parts import whole_documents
from cygnet.tokenizer.encoding import WORDS_AT_ONCE, cut
from cygnet.tokenizer.patterns import PATTERNS, Splitter, find_scanner
from cygnet.tokenizer.unicode_classes import character_classes

N_WORDS, ARENA_BYTES, WANTED_BYTES = 2, 3, 4  # places of the kernel's state
FIRST_BITS, FIRST_ARENA = 14, 1 << 16
SHORT = 15  # bytes of a word that is kept in its slot; longer ones are in the arena


@dataclass(frozen=True, eq=False)
class WordCounts:
    """Distinct words and how often each occurs.

    Attributes:
        data: The words one after the other, ``uint8``.
        ends: Where each ends in ``data``, ``int64`` of shape ``(n_words,)``.
        occurs: The count of each, ``int64`` of shape ``(n_words,)``.

    >>> WordCounts.from_mapping({b"hug": 3, b"bug": 2}).to_mapping()
    {b'hug': 3, b'bug': 2}
    """

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.int64]
    occurs: npt.NDArray[np.int64]

    @classmethod
    def from_mapping(cls, words: Mapping[bytes, int]) -> "WordCounts":
        """Counts as they come from a ``Counter``."""
        sizes = np.fromiter(map(len, words), np.int64, len(words))
        occurs = np.fromiter(words.values(), np.int64, len(words))
        return cls(np.frombuffer(b"".join(words), np.uint8), sizes.cumsum(), occurs)

    def to_mapping(self) -> dict[bytes, int]:
        """The same as a dictionary."""
        content, starts = self.data.tobytes(), (self.ends - self.sizes).tolist()
        borders = zip(starts, self.ends.tolist(), self.occurs.tolist(), strict=True)
        return {content[start:end]: occurs for start, end, occurs in borders}

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Bytes of each word."""
        return np.diff(self.ends, prepend=0)

    @property
    def text_bytes(self) -> int:
        """Bytes of the text that was counted."""
        return int(self.sizes @ self.occurs)

    @property
    def n_characters(self) -> int:
        """Characters of the text that was counted."""
        so_far = np.cumsum((self.data & 0xC0) != 0x80)  # every other byte goes on with one
        return int(np.diff(so_far[self.ends - 1], prepend=0) @ self.occurs)

    def __len__(self) -> int:
        """Number of distinct words."""
        return len(self.ends)

    def save(self, path: Path) -> None:
        """Write an ``.npz`` file, whole or not at all."""
        with atomic_writer(path) as file:
            np.savez(file, data=self.data, ends=self.ends, occurs=self.occurs)

    @classmethod
    def load(cls, path: Path) -> "WordCounts":
        """Read what ``save`` wrote.

        Raises:
            DamagedError: It is no such file.
        """
        try:
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as found:
                words = cls(found["data"], found["ends"], found["occurs"])
            words._check()
        except Exception as error:  # zipfile and numpy raise a dozen kinds
            raise DamagedError(f"{path} is damaged ({error}): delete it and run again") from error
        return words

    def _check(self) -> None:
        """Refuse what the kernels could not read."""
        types = [array.dtype.name for array in (self.data, self.ends, self.occurs)]
        shapes = self.data.shape, self.ends.shape, self.occurs.shape
        n_bytes = int(self.ends[-1]) if self.ends.size else 0
        expected = (n_bytes,), (len(self),), (len(self),)
        if types != ["uint8", "int64", "int64"] or shapes != expected:
            raise ValueError("it holds no word counts")
        if (self.sizes < 1).any() or (self.occurs < 1).any():
            raise ValueError("a word is empty, or occurs less than once")


class WordTable:
    """A table of counts that grows with the distinct words. One thread at a time may use it.

    Cost: 64 to 128 bytes a word; while it grows, half as much again.
    """

    def __init__(self) -> None:
        self._bits = FIRST_BITS
        self._slots = np.zeros(4 << FIRST_BITS, np.uint64)
        self._arena = np.empty(FIRST_ARENA, np.uint8)
        self._state = np.zeros(5, np.int64)
        self._borders = np.empty(WORDS_AT_ONCE, np.int64)

    def add_text(self, batch: TextBatch, scanner: int) -> None:
        """Count the words of a batch; ``scanner`` is the number of a named pattern."""
        self._state[:2] = 0
        while kernels()["count_batch"](
            batch.data, len(batch.data), batch.starts, batch.ends, len(batch), scanner,
            character_classes(), self._borders, WORDS_AT_ONCE, *self._table
        ):  # fmt: skip
            self._make_room(WORDS_AT_ONCE, int(self._state[WANTED_BYTES]))

    def add_counts(self, words: WordCounts) -> None:
        """Add words that were counted elsewhere."""
        self._make_room(len(words), int(words.sizes[words.sizes > SHORT].sum()))
        kernels()["add_words"](words.data, words.ends, words.occurs, len(words), *self._table)

    def counts(self) -> WordCounts:
        """All words and their counts."""
        n_words = int(self._state[N_WORDS])
        data = np.empty(int(self._state[ARENA_BYTES]) + SHORT * n_words, np.uint8)
        ends, occurs = np.empty(n_words, np.int64), np.empty(n_words, np.int64)
        n_bytes = kernels()["list_words"](self._slots, self._bits, self._arena, data, ends, occurs)
        return WordCounts(data[:n_bytes].copy(), ends, occurs)

    @property
    def _table(self) -> tuple[Any, ...]:
        return self._slots, self._bits, self._arena, len(self._arena), self._state

    def _make_room(self, n_words: int, n_bytes: int) -> None:
        """Have room for so many new words, with so many bytes of long ones among them."""
        bits, stored = self._bits, int(self._state[ARENA_BYTES])
        while self._state[N_WORDS] + n_words > 1 << (bits - 1):
            bits += 1
        if bits > self._bits:
            slots = np.zeros(4 << bits, np.uint64)
            kernels()["move_words"](self._slots, self._bits, slots, bits)
            self._slots, self._bits = slots, bits
        if stored + n_bytes > len(self._arena):
            arena = np.empty(max(stored + n_bytes, 2 * len(self._arena)), np.uint8)
            arena[:stored] = self._arena[:stored]
            self._arena = arena


def count_words(
    text: Text,
    pattern: str,
    on_bytes: Callable[[int], None] = lambda n: None,
    threads: int | None = None,
) -> WordCounts:
    """How often each word occurs.

    Args:
        text: Documents, read in a stream; words never cross the end of one.
        pattern: A regular expression that cuts a document into words.
        on_bytes: Called with the bytes of text counted after each batch.
        threads: How many threads count; all cores by default. The counts do not depend on it.

    Returns:
        Each word once, in no particular order.

    Cost: about 2 ns a byte and thread, and 64 to 128 bytes of memory a distinct word and thread,
    whatever the length of the text; a pattern that is not one of the named ones counts at 5 MB/s on
    one thread.

    >>> count_words(["to be or not to be"], r" ?[a-z]+").to_mapping()[b" be"]
    2
    """
    kernels()  # before threads ask for them, each on its own
    threads = threads or available_threads()
    scanner = find_scanner(pattern)
    tables: SimpleQueue[WordTable] = SimpleQueue()
    for _ in range(threads):
        tables.put(WordTable())
    split = Splitter(pattern)

    def count(piece: TextBatch) -> int:
        table = tables.get()
        try:
            if scanner is not None:
                table.add_text(piece, scanner)
            else:
                table.add_counts(_count_by_regex(piece, split))
        finally:
            tables.put(table)
        return piece.text_bytes

    batches = as_batches(text, parts=scanner is not None)
    pieces = (piece for batch in batches for piece in cut(batch))
    for n_bytes in run_ahead(count, pieces, threads):
        on_bytes(n_bytes)
    return _join([tables.get() for _ in range(threads)])


def limit(
    batches: Iterable[TextBatch], doc_cap: int | None = None, max_chars: int | None = None
) -> Iterator[TextBatch]:
    """Cut documents to ``doc_cap`` characters, and end the corpus after ``max_chars``.

    The limits come in this order. None is no limit; what comes behind the end is not read.

    Raises:
        InputError: A limit is below 1.

    Cost: 0.2 to 0.5 ns a byte.

    >>> [list(batch) for batch in limit([TextBatch.from_strings(["née", "you", "too"])], 2, 3)]
    [['né', 'y']]
    """
    check_limits(doc_cap, max_chars)
    if doc_cap is None and max_chars is None:
        yield from batches
        return
    unlimited = np.iinfo(np.int64).max
    left = unlimited if max_chars is None else max_chars
    for batch in whole_documents(batches):
        ends = batch.ends.copy()
        left -= kernels()["shorten"](
            batch.data, batch.starts, ends, len(batch), doc_cap or unlimited, left
        )
        kept = TextBatch(batch.data, batch.starts, ends).select(ends > batch.starts)
        if len(kept):
            yield kept
        if left <= 0:
            return


def check_limits(doc_cap: int | None, max_chars: int | None) -> None:
    """Refuse limits below 1."""
    for name, value in (("doc_cap", doc_cap), ("max_chars", max_chars)):
        if value is not None and value < 1:
            raise InputError(f"{name} is {value}: at least one character must count")


def check_pattern(text: Iterable[TextBatch], pattern: str) -> Iterator[TextBatch]:
    """Pass documents on, and refuse at their end a pattern that finds a word in none of them.

    What a pattern does not match becomes words of its own. So one that matches nothing would make
    each document one word, and learn from that.

    Raises:
        InputError: There was text, and the pattern matches nothing of it, or only empty strings.

    >>> list(check_pattern([TextBatch.from_strings(["abc"])], "[0-9]+"))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    cygnet.errors.InputError: the split pattern '[0-9]+' matches nothing of the text...
    """
    if find_scanner(pattern) is not None:  # the named ones match every character
        yield from text
        return
    splitter = Splitter(pattern)
    matches = n_bytes = 0
    for batch in text:
        n_bytes += batch.text_bytes
        matches = matches or any(map(splitter.matches, batch))
        yield batch
    if n_bytes and not matches:
        raise no_match(pattern)


def no_match(pattern: str) -> InputError:
    """The error of a pattern that finds no word."""
    return InputError(
        f"the split pattern {pattern!r} matches nothing of the text, or only empty strings: name"
        f" one of {', '.join(PATTERNS)}, or write one that matches words"
    )


def _count_by_regex(piece: TextBatch, split: Splitter) -> WordCounts:
    counts: Counter[str] = Counter()
    for document in piece:
        counts.update(split(document))
    return WordCounts.from_mapping({word.encode(): n for word, n in counts.items()})


def _join(tables: list[WordTable]) -> WordCounts:
    first = tables.pop()
    while tables:
        first.add_counts(tables.pop().counts())
    return first.counts()
