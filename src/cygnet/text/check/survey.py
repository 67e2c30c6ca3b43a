"""One reading of a corpus: what is counted, and what is kept of each document."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cygnet.cores import run_ahead
from cygnet.text.check.corpus import Corpus, Piece
from cygnet.text.check.duplicates import (
    N_BANDS,
    SHINGLE_WORDS,
    bands,
    digests,
    join_documents,
)
from cygnet.text.check.encoding import find_mojibake, mend
from cygnet.text.check.overlap import NGRAM_WORDS, Hits, NgramIndex
from cygnet.text.check.words import Ints, UInts, read_words, runs

Spots = Ints
"""Documents and a byte in each, ``int64`` of shape ``(n, 2)``."""


@dataclass(frozen=True, eq=False)
class Figures:
    """What is known of some documents after they have been read; they are numbered from 0.

    Cost: 140 bytes a document.

    Attributes:
        n_empty: Empty documents that were left out; they have no number.
        n_characters, n_words: Of all documents.
        n_invalid: Byte sequences that are not UTF-8.
        invalid, mojibake: Documents that have such, and where the first is.
        blank: Documents of white space alone.
        lengths: Bytes of each document, ``int64``.
        n_shingles: Runs of five words of each document, ``int64``.
        digests, bands: As ``duplicates`` makes them, a row for each document.
    """

    n_empty: int
    n_characters: int
    n_words: int
    n_invalid: int
    invalid: Spots
    mojibake: Spots
    blank: Spots
    lengths: Ints
    n_shingles: Ints
    digests: UInts
    bands: npt.NDArray[np.uint32]

    @property
    def n_documents(self) -> int:
        """How many documents there are, empty ones left out."""
        return len(self.lengths)


class Examined(NamedTuple):
    """One piece: its figures, its runs of 13 words, and those that an index holds."""

    figures: Figures
    ngrams: tuple[UInts, Ints] | None
    hits: Hits | None


def survey(
    corpus: Corpus, threads: int, keep_ngrams: bool = False, index: NgramIndex | None = None
) -> Iterator[Examined]:
    """Read a corpus once, in order, some pieces at a time.

    Args:
        keep_ngrams: Give the runs of 13 words of each piece.
        index: Runs of 13 words to look for.
    """
    return run_ahead(lambda piece: examine(piece, keep_ngrams, index), corpus.pieces(), threads)


def examine(piece: Piece, keep_ngrams: bool = False, index: NgramIndex | None = None) -> Examined:
    """Everything that one piece tells by itself; the arguments are those of ``survey``.

    Cost: about 30 MB/s, if little of it is given to ftfy.
    """
    text, ends = join_documents(piece.batch)
    mended, invalid = mend(text)
    words = read_words(mended, ends)
    lengths = piece.batch.ends - piece.batch.starts
    starts = ends - lengths
    shingles, n_shingles = runs(words, SHINGLE_WORDS, whole=True)
    ngrams = runs(words, NGRAM_WORDS) if keep_ngrams or index else None
    figures = Figures(
        n_empty=piece.n_empty,
        n_characters=words.n_characters - len(ends) - _n_surplus(text, mended, len(invalid)),
        n_words=len(words.hashes),
        n_invalid=len(invalid),
        invalid=_spots(invalid, starts, ends),
        mojibake=_spots(find_mojibake(mended, ends), starts, ends),
        blank=_spots(_blank_starts(mended, starts, ends, words.ends), starts, ends),
        lengths=lengths,
        n_shingles=n_shingles,
        digests=digests(piece.batch),
        bands=bands(shingles, n_shingles),
    )
    hits = index.find(*ngrams) if index and ngrams else None
    return Examined(figures, ngrams if keep_ngrams else None, hits)


def merge(parts: Sequence[Figures]) -> Figures:
    """The figures of all parts, their documents numbered through."""
    n_before = np.cumsum([0, *(part.n_documents for part in parts)])[:-1]

    def spots(name: str) -> Spots:
        shifted = [
            getattr(part, name) + np.array([first, 0])
            for part, first in zip(parts, n_before, strict=True)
        ]
        return np.concatenate([np.empty((0, 2), np.int64), *shifted])

    return Figures(
        n_empty=sum(part.n_empty for part in parts),
        n_characters=sum(part.n_characters for part in parts),
        n_words=sum(part.n_words for part in parts),
        n_invalid=sum(part.n_invalid for part in parts),
        invalid=spots("invalid"),
        mojibake=spots("mojibake"),
        blank=spots("blank"),
        lengths=np.concatenate([np.empty(0, np.int64), *(part.lengths for part in parts)]),
        n_shingles=np.concatenate([np.empty(0, np.int64), *(part.n_shingles for part in parts)]),
        digests=np.concatenate([np.empty((0, 2), np.uint64), *(part.digests for part in parts)]),
        bands=np.concatenate([np.empty((0, N_BANDS), np.uint32), *(part.bands for part in parts)]),
    )


def _n_surplus(text: bytes, mended: bytes, n_invalid: int) -> int:
    """Characters that ``mended`` has more than if each invalid sequence had become one."""
    if text is mended:
        return 0
    changed = np.frombuffer(text, np.uint8) != np.frombuffer(mended, np.uint8)
    return int(np.count_nonzero(changed)) - n_invalid


def _spots(places: Ints, starts: Ints, ends: Ints) -> Spots:
    """The first of some places in each document that has any."""
    documents, firsts = np.unique(np.searchsorted(ends, places), return_index=True)
    return np.stack([documents, places[firsts] - starts[documents]], axis=1)


def _blank_starts(text: bytes, starts: Ints, ends: Ints, word_ends: Ints) -> Ints:
    """Where documents of white space alone begin."""
    without_words = np.flatnonzero(np.diff(word_ends, prepend=0) == 0).tolist()
    blank = [i for i in without_words if not text[starts[i] : ends[i]].decode().strip()]
    found: Ints = starts[blank]
    return found
