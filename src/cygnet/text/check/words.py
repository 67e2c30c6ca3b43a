"""Words as 64-bit numbers, and runs of words.

A word is a longest run of letters, marks and digits (Unicode categories L, M and N), without
regard to case. In scripts that are written without blanks each letter, with the marks behind it, is
a word: Chinese characters, kana, Thai, Lao, Khmer, Burmese and their like. What is not in words
(blanks, punctuation, symbols) does not count. So the rule is that of GPT-3's decontamination
(arXiv:2005.14165, appendix C), extended to scripts that it does not speak of.

The number of a word, and of a run of words, is a polynomial hash modulo 2^64, mixed. Two different
ones have the same number with a probability of about 2^-60.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

UInts = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

CHUNK_BYTES = 1 << 18  # what numpy works on at once: stays in the processor's cache
BLOCK_WORDS = 1 << 16
SEPARATOR, LETTER, ALONE, MARK = range(4)
# Beyond the ideographs of plane 3 are only variation selectors: they are not part of words.
LAST_CODE = 0x323B0
# Scripts without blanks between words: class SA of UAX #14, ideographs, kana, bopomofo and Yi.
WITHOUT_BLANKS = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF)),
    *((0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3041, 0x312F), (0x31A0, 0x31FF)),
    *((0x3400, 0x4DBF), (0x4E00, 0xA4CF), (0xA9E0, 0xA9FF), (0xAA60, 0xAADF), (0xF900, 0xFAFF)),
    *((0xFF66, 0xFF9F), (0x11700, 0x1174F), (0x1AFF0, 0x1B16F), (0x20000, LAST_CODE)),
)
MULTIPLIER = 0x9E3779B97F4A7C15
BLANK = re.compile(rb"[ \n]")


@dataclass(frozen=True, eq=False)
class Words:
    """The words of some documents.

    Attributes:
        hashes: A number for each word, ``uint64``.
        ends: For each document the index behind its last word, ``int64``.
        n_characters: Of the documents, line breaks that were put between them included.
    """

    hashes: UInts
    ends: Ints
    n_characters: int


def read_words(text: bytes, ends: Ints) -> Words:
    """The words of documents that are joined, each with a line break behind it.

    Args:
        text: UTF-8.
        ends: Where the line break behind each document is.

    Cost: about 100 MB/s; memory for 8 bytes a word.
    """
    hashes: list[UInts] = []
    word_ends: list[Ints] = []
    n_words = n_characters = 0
    for start, end in chunks(text):
        codes, places = code_points(text[start:end])
        found, firsts = hash_words(codes)
        here = ends[np.searchsorted(ends, start) : np.searchsorted(ends, end)] - start
        at = firsts if places is None else places[firsts]
        word_ends.append(n_words + np.searchsorted(at, here))
        hashes.append(found)
        n_words += len(found)
        n_characters += len(codes)
    empty = np.empty(0, np.uint64), np.empty(0, np.int64)
    return Words(
        np.concatenate([empty[0], *hashes]), np.concatenate([empty[1], *word_ends]), n_characters
    )


def chunks(text: bytes) -> Iterator[tuple[int, int]]:
    """Cut a text that ends with a line break behind blanks, so that no word is cut."""
    start = 0
    while start < len(text):
        blank = BLANK.search(text, min(start + CHUNK_BYTES, len(text) - 1))
        assert blank, "the text ends with a line break"
        yield start, blank.end()
        start = blank.end()


def code_points(text: bytes) -> tuple[npt.NDArray[np.generic], Ints | None]:
    """The characters of a UTF-8 text as numbers, and the byte of each (None: as its index)."""
    data = np.frombuffer(text, np.uint8)
    if text.isascii():
        return data, None
    codes = np.frombuffer(text.decode().encode("utf-32-le"), np.uint32)
    return codes, np.flatnonzero((data & 0xC0) != 0x80)


def hash_words(codes: npt.NDArray[np.generic]) -> tuple[UInts, Ints]:
    """For each word its number, and the index of its first character.

    >>> hashes, firsts = hash_words(np.frombuffer(b"The cat; THE dog", np.uint8))
    >>> firsts.tolist(), bool(hashes[0] == hashes[2])
    ([0, 4, 9, 13], True)
    """
    kind_of, number_of = _tables()
    if codes.dtype != np.uint8:
        codes = np.minimum(codes, LAST_CODE)
    kinds = kind_of[codes]
    inside = np.flatnonzero(kinds)
    before = np.concatenate([kind_of[:1], kinds[:-1]])[inside]
    own = kinds[inside]
    begins = (before == SEPARATOR) | (own == ALONE) | ((own == LETTER) & (before == ALONE))
    firsts = np.flatnonzero(begins)
    hashes = _hash_runs(number_of[codes[inside]], firsts, np.append(firsts[1:], len(inside)))
    return hashes, inside[firsts]


def runs(words: Words, n: int, whole: bool = False) -> tuple[UInts, Ints]:
    """The number of every ``n`` consecutive words of each document.

    Args:
        whole: A document that has fewer words than ``n``, but some, is one run.

    Returns:
        The runs of all documents in order, ``uint64``, and how many each document has, ``int64``.
    """
    hashes, ends = words.hashes, words.ends
    lengths = np.diff(ends, prepend=0)
    if whole:
        missing = np.where((lengths > 0) & (lengths < n), n - lengths, 0)
        hashes = np.insert(hashes, np.repeat(ends, missing), 0)
        lengths = lengths + missing
        ends = np.cumsum(lengths)
    inside = np.ones(max(0, len(hashes) - n + 1), bool)
    for back in range(1, n):  # a run that begins here would go on in the next document
        last = ends[lengths >= back] - back
        inside[last[last < len(inside)]] = False
    return _hash_windows(hashes, n, inside), np.maximum(lengths - n + 1, 0)


def _hash_windows(hashes: UInts, n: int, begins: npt.NDArray[np.bool_]) -> UInts:
    """The number of the ``n`` words behind each place that ``begins``."""
    found = np.empty(np.count_nonzero(begins), np.uint64)
    n_found = 0
    for start in range(0, len(begins), BLOCK_WORDS):
        firsts = np.flatnonzero(begins[start : start + BLOCK_WORDS])
        part = hashes[start : start + BLOCK_WORDS + n - 1]
        found[n_found : n_found + len(firsts)] = _hash_runs(part, firsts, firsts + n)
        n_found += len(firsts)
    return found


def _hash_runs(numbers: UInts, starts: Ints, ends: Ints) -> UInts:
    """The polynomial hash of ``numbers[start:end]`` for each run, from the sums of all powers."""
    powers, inverses = _powers(1 << max(16, len(numbers).bit_length()))
    sums = np.zeros(len(numbers) + 1, np.uint64)
    np.cumsum(numbers * powers[: len(numbers)], out=sums[1:])
    return mix((sums[ends] - sums[starts]) * inverses[starts])


def mix(numbers: UInts) -> UInts:
    """Spread every bit over all others, one to one (the finalizer of splitmix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


@functools.lru_cache(4)
def _powers(n: int) -> tuple[UInts, UInts]:
    """The first powers of the multiplier modulo 2^64, and of its inverse."""

    def powers(base: int) -> UInts:
        factors = np.full(n, base, np.uint64)
        factors[0] = 1
        return np.multiply.accumulate(factors)

    return powers(MULTIPLIER), powers(pow(MULTIPLIER, -1, 1 << 64))


@functools.cache
def _tables() -> tuple[npt.NDArray[np.uint8], UInts]:
    """For each code point what it is in a word, and the number of its lower case.

    Cost: 50 ms, once.
    """
    kinds = np.zeros(LAST_CODE + 1, np.uint8)
    lower = np.arange(LAST_CODE + 1, dtype=np.uint64)
    for code in range(LAST_CODE):
        character = chr(code)
        category = unicodedata.category(character)
        if category[0] in "LMN":
            kinds[code] = MARK if category[0] == "M" else LETTER
            small = character.lower()
            lower[code] = ord(small) if len(small) == 1 else code
    for first, last in WITHOUT_BLANKS:
        letters = kinds[first : last + 1] == LETTER
        kinds[first : last + 1][letters] = ALONE
    return kinds, mix(lower + np.uint64(MULTIPLIER))
