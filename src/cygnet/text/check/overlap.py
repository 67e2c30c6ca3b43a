"""Runs of 13 words that stand in two corpora: the test for leakage of GPT-3 (arXiv:2005.14165)."""

from dataclasses import dataclass

import numpy as np

from cygnet.text.check.words import Ints, UInts

NGRAM_WORDS = 13
LARGEST_SCREEN_BITS = 26


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

    Cost: 12 bytes a word, 28 while it is sorted; up to 64 MiB for a screen.
    """

    def __init__(self, ngrams: UInts, counts: Ints) -> None:
        order = np.argsort(ngrams)
        self.counts = counts
        self.documents = np.repeat(np.arange(len(counts), dtype=np.uint32), counts)[order]
        self.ngrams = ngrams[order]
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


@dataclass(frozen=True, eq=False)
class Leaks:
    """What was found of each document of an index.

    Attributes:
        counts: Its runs of words, ``int64``.
        n_shared: How many of them were found.
        seen_in: The first other document with one of them, or -1.
        ngram: That one, ``uint64``.
    """

    counts: Ints
    n_shared: Ints
    seen_in: Ints
    ngram: UInts


class Overlap:
    """Gathers hits: which runs of an index were found, and where those of each document first."""

    def __init__(self, index: NgramIndex) -> None:
        self._index = index
        self._found = np.zeros(len(index.ngrams), bool)
        self._seen_in = np.full(len(index.counts), -1)
        self._ngram = np.zeros(len(index.counts), np.uint64)

    def add(self, hits: Hits, first: int) -> None:
        """Count hits; ``first`` is the number of the first document in which they were sought."""
        fresh = ~self._found[hits.entries]
        entries, others = hits.entries[fresh], hits.documents[fresh]
        self._found[entries] = True
        ngrams = self._index.ngrams[entries]
        n_same = np.searchsorted(self._index.ngrams, ngrams, side="right") - entries
        steps = np.arange(n_same.sum()) - np.repeat(np.cumsum(n_same) - n_same, n_same)
        documents = self._index.documents[np.repeat(entries, n_same) + steps]
        others, ngrams = np.repeat(others, n_same), np.repeat(ngrams, n_same)
        order = np.lexsort([others, documents])
        documents, firsts = np.unique(documents[order], return_index=True)
        new = self._seen_in[documents] < 0
        documents, chosen = documents[new], order[firsts[new]]
        self._seen_in[documents] = others[chosen] + first
        self._ngram[documents] = ngrams[chosen]

    def leaks(self) -> Leaks:
        """What was found so far."""
        ngrams, counts = self._index.ngrams, self._index.counts
        is_first = np.append(True, ngrams[1:] != ngrams[:-1])[: len(ngrams)]
        found = self._found[is_first][np.cumsum(is_first) - 1]
        n_shared = np.bincount(self._index.documents[found], minlength=len(counts))
        return Leaks(counts, n_shared, self._seen_in, self._ngram)
