"""Who is alike whom: duplicates within a corpus, and between two."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.text.check.corpus import Corpus
from cygnet.text.check.duplicates import (
    THRESHOLD,
    first_copies,
    pairs_across,
    pairs_within,
    similarities,
)
from cygnet.text.check.survey import Figures
from cygnet.text.check.words import Ints


@dataclass(frozen=True, eq=False)
class Alike:
    """Documents, each with one that it resembles.

    Attributes:
        documents: Numbers of the documents, ascending, ``int64``.
        partners: For each the number of the one that it resembles.
        similarity: Jaccard similarity of their shingles; 1 where the bytes are the same.
    """

    documents: Ints
    partners: Ints
    similarity: npt.NDArray[np.float64]

    def take(self, chosen: Ints) -> "Alike":
        """Some of them, by their place here."""
        return Alike(self.documents[chosen], self.partners[chosen], self.similarity[chosen])


@dataclass(frozen=True, eq=False)
class Resemblance:
    """Exact duplicates, and near ones that are not exact."""

    exact: Alike
    near: Alike


def within(corpus: Corpus, figures: Figures, threads: int) -> Resemblance:
    """Documents that repeat an earlier one of the same corpus, and that one."""
    copies = first_copies(figures.digests)
    is_first = copies == np.arange(len(copies))
    repeats = np.flatnonzero(~is_first)
    rest = np.flatnonzero(is_first & (figures.n_shingles > 0))
    pairs = rest[pairs_within(figures.bands[rest])]
    similarity = similarities([corpus], pairs, figures.n_shingles, threads)
    exact = Alike(repeats, copies[repeats], np.ones(len(repeats)))
    return Resemblance(exact, _most_similar(pairs[:, ::-1], similarity))


def across(
    held_out: Corpus, source: Corpus, figures: tuple[Figures, Figures], threads: int
) -> Resemblance:
    """Documents of a held-out corpus that the source has too, and the one that is there.

    Args:
        figures: Of the held-out corpus, and of the source.
    """
    here, there = figures
    copies = first_copies(np.concatenate([there.digests, here.digests]))
    partners = copies[there.n_documents :]
    leaked = np.flatnonzero(partners < there.n_documents)
    rest = np.flatnonzero((partners >= there.n_documents) & (here.n_shingles > 0))
    others = np.flatnonzero(there.n_shingles > 0)
    pairs = pairs_across(here.bands[rest], there.bands[others])
    pairs = np.stack([rest[pairs[:, 0]], others[pairs[:, 1]]], axis=1)
    n_shingles = np.concatenate([here.n_shingles, there.n_shingles])
    numbers = pairs + np.array([0, here.n_documents])
    similarity = similarities([held_out, source], numbers, n_shingles, threads)
    exact = Alike(leaked, partners[leaked], np.ones(len(leaked)))
    return Resemblance(exact, _most_similar(pairs, similarity))


def _most_similar(pairs: Ints, similarity: npt.NDArray[np.float64]) -> Alike:
    """For each document of the first column its most similar partner, if similar enough."""
    enough = similarity >= THRESHOLD
    pairs, similarity = pairs[enough], similarity[enough]
    order = np.lexsort([pairs[:, 1], -similarity, pairs[:, 0]])
    documents, firsts = np.unique(pairs[order, 0], return_index=True)
    chosen = order[firsts]
    return Alike(documents, pairs[chosen, 1], similarity[chosen])
