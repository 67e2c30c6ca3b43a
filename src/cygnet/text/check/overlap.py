"""Runs of 13 words that stand in two corpora: the test for leakage of GPT-3 (arXiv:2005.14165)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.text.check.words import Ints, UInts

NGRAM_WORDS = 13
LARGEST_SCREEN_BITS = 28


@dataclass(frozen=True, eq=False)
class Hits:
    """Runs of an index that were found in some documents.

    Attributes:
        entries: The first entry of each such run in the index, ``int64``, each once.
        documents: The first document in which it was found, ``int64``.
    """

    entries: Ints
    documents: Ints


class NgramIndex:
    """The runs of 13 words of some documents, sorted, to look up those of others.

    Args:
        ngrams: Of all documents in order, ``uint64``.
        counts: How many each document has, ``int64``.

    Cost: 12 bytes a word and up to 16 more for a screen; three times that while it is sorted.
    """

    def __init__(self, ngrams: UInts, counts: Ints) -> None:
        order = np.argsort(ngrams, kind="stable")
        self.counts = counts
        self.ngrams = ngrams[order]
        self.documents = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)[order]
        bits = min(LARGEST_SCREEN_BITS, (8 * len(ngrams)).bit_length())
        self._shift = np.uint64(64 - max(1, bits))
        # One look at a small table tells that most of the runs of other text are not here.
        self._screen = np.zeros(1 << max(1, bits), bool)
        self._screen[self.ngrams >> self._shift] = True

    def find(self, ngrams: UInts, counts: Ints) -> Hits:
        """Which runs of the index are among those of other documents."""
        places = np.flatnonzero(self._screen[ngrams >> self._shift])
        wanted = ngrams[places]
        entries = np.searchsorted(self.ngrams, wanted)
        same = self.ngrams[np.minimum(entries, len(self.ngrams) - 1)] == wanted
        entries, firsts = np.unique(entries[same], return_index=True)
        documents = np.searchsorted(np.cumsum(counts), places[same][firsts], side="right")
        return Hits(entries, documents)


class Overlap:
    """Which documents of an index have runs in other text, and where each was seen first.

    Attributes:
        counts: How many runs each document of the index has, ``int64``.
        seen_in: For each document of the index the first other one with a run of it, or -1.
        ngram: For each document of the index that run, ``uint64``.
    """

    def __init__(self, index: NgramIndex) -> None:
        self._index = index
        self._found = np.zeros(len(index.ngrams), bool)
        self.counts = index.counts
        self.seen_in = np.full(len(index.counts), -1)
        self.ngram = np.zeros(len(index.counts), np.uint64)

    def add(self, hits: Hits, first: int) -> None:
        """Count hits; ``first`` is the number of the first document in which they were sought."""
        fresh = ~self._found[hits.entries]
        entries, others = hits.entries[fresh], hits.documents[fresh]
        self._found[entries] = True
        behind = np.searchsorted(self._index.ngrams, self._index.ngrams[entries], side="right")
        lengths = behind - entries
        steps = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        everywhere = np.repeat(entries, lengths) + steps
        documents = self._index.documents[everywhere]
        order = np.lexsort([np.repeat(others, lengths), documents])
        documents, firsts = np.unique(documents[order], return_index=True)
        new = self.seen_in[documents] < 0
        self.seen_in[documents[new]] = np.repeat(others, lengths)[order[firsts[new]]] + first
        self.ngram[documents[new]] = self._index.ngrams[everywhere[order[firsts[new]]]]

    def n_shared(self) -> Ints:
        """For each document of the index how many of its runs were found."""
        ngrams = self._index.ngrams
        first = np.append(True, ngrams[1:] != ngrams[:-1])[: len(ngrams)]
        groups = np.flatnonzero(first)[np.cumsum(first) - 1]
        shared: npt.NDArray[np.int64] = np.bincount(
            self._index.documents[self._found[groups]], minlength=len(self._index.counts)
        )
        return shared
