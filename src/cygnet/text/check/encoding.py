"""Bytes that are not UTF-8, and text that was once decoded by the wrong code page."""

import codecs
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from cygnet.machine_code import kernels
from cygnet.text.check.words import Ints, chunks, code_points

# One byte for each invalid one, so that places stay what they are: first of a sequence, and rest.
FIRST, REST = "\x1a", "\x1b"


def _fill(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return FIRST + REST * (error.end - error.start - 1), error.end


codecs.register_error("cygnet.fill", _fill)


def mend(text: bytes) -> tuple[bytes, Ints]:
    """Put a control character in place of every byte that is not UTF-8.

    Returns:
        Text of the same length, and where each invalid sequence began. A sequence is what a decoder
        replaces by one U+FFFD (Unicode Standard, section 3.9: maximal subpart).

    >>> mend(b"na\\xefve")
    (b'na\\x1ave', array([2]))
    """
    data = np.frombuffer(text, np.uint8)
    if kernels()["is_utf8"](data, len(data)):
        return text, np.empty(0, np.int64)
    mended = text.decode(errors="cygnet.fill").encode()
    changed = np.frombuffer(mended, np.uint8)
    return mended, np.flatnonzero((data >= 0x80) & (changed == ord(FIRST)))


def find_mojibake(text: bytes, ends: Ints) -> Ints:
    """Where lines begin that ``ftfy.fix_encoding`` would change: the first of each document.

    Args:
        text: UTF-8 documents, each with a line break behind it.
        ends: Where the line break behind each document is.

    Cost: nothing much for ASCII. Of the rest, only lines with ``suspects`` are given to ftfy, about
    1 MB/s.
    """
    from ftfy import fix_encoding

    found: list[int] = []
    behind = 0
    for place in _suspect_places(text):
        if place < behind:
            continue
        start, behind = text.rfind(b"\n", 0, place) + 1, text.index(b"\n", place)
        line = text[start:behind].decode()
        if fix_encoding(line) != line:
            found.append(start)
            behind = int(ends[np.searchsorted(ends, start)])
    return np.array(found, np.int64)


def _suspect_places(text: bytes) -> Iterator[int]:
    for start, end in chunks(text):
        codes, places = code_points(text[start:end])
        if places is not None:
            yield from (places[suspects(codes)] + start).tolist()


def suspects(codes: npt.NDArray[np.generic]) -> Ints:
    """Where ftfy's heuristic for mojibake (``ftfy.badness.BADNESS_RE``) could match.

    Each of its alternatives has a C1 control character, an œ, a Â or Ã before a blank, or two
    neighbours out of the characters that code pages make of UTF-8: Latin with accents, Greek,
    Cyrillic, punctuation, signs and boxes.
    """
    odd = (codes >= 0x80) & (codes < 0x500)  # type: ignore[operator]
    odd |= (codes >= 0x2000) & (codes < 0x2600)  # type: ignore[operator]
    odd |= np.isin(codes, (0xF8FF, 0xFB01, 0xFB02, 0xFFFD))
    alone = (codes >= 0x80) & (codes < 0xA0)  # type: ignore[operator]
    alone |= np.isin(codes, (0x152, 0x153))
    alone[:-1] |= odd[:-1] & odd[1:]
    alone[:-1] |= np.isin(codes[:-1], (0xC2, 0xC3)) & (codes[1:] == ord(" "))
    return np.flatnonzero(alone)
