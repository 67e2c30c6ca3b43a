"""From findings to a report: shares, and the examples that are shown."""

from collections.abc import Mapping

import numpy as np

from cygnet.text.check.corpus import Corpus
from cygnet.text.check.excerpts import (
    Document,
    before,
    common_run,
    first_difference,
    mojibake,
    read_documents,
)
from cygnet.text.check.findings import Alike, Resemblance
from cygnet.text.check.overlap import Leaks
from cygnet.text.check.report import CorpusReport, Example, Finding, LeakageReport, Match
from cygnet.text.check.survey import Figures, Spots
from cygnet.text.check.words import Ints

LONG_BYTES = 100_000
"""About 25,000 tokens: longer than what most models are trained on at once."""
Documents = Mapping[int, Document]


def report_corpus(
    corpus: Corpus, figures: Figures, found: Resemblance, n_examples: int
) -> CorpusReport:
    """The report of one corpus; reads it once more, as far as the last example."""
    lengths = figures.lengths
    very_long = _longest(lengths)
    exact, near = _largest_groups(found.exact, n_examples), _first(found.near, n_examples)
    spots = (very_long, figures.blank, figures.invalid, figures.mojibake)
    texts = read_documents(
        [corpus],
        [
            *(document for spot in spots for document, _ in spot[:n_examples].tolist()),
            *(number for alike in (exact, near) for number in _numbers(alike)),
        ],
    )

    def finding(spots: Spots, lead: bool = False) -> Finding:
        examples = (
            texts[document].at(before(place) if lead else place)
            for document, place in spots[:n_examples].tolist()
        )
        return _finding(len(spots), len(lengths), *examples)

    broken = [
        mojibake(texts[document], place)
        for document, place in figures.mojibake[:n_examples].tolist()
    ]
    return CorpusReport(
        sources=corpus.names,
        documents=len(lengths),
        bytes=int(lengths.sum()),
        characters=figures.n_characters,
        words=figures.n_words,
        median_bytes=_quantile(lengths, 0.5),
        p99_bytes=_quantile(lengths, 0.99),
        longest_bytes=_quantile(lengths, 1.0),
        empty=figures.n_empty,
        blank=finding(figures.blank),
        very_long=finding(very_long),
        invalid_sequences=figures.n_invalid,
        invalid=finding(figures.invalid, lead=True),
        mojibake=_finding(len(figures.mojibake), len(lengths), *broken),
        exact_duplicates=_finding(
            len(found.exact.documents), len(lengths), *_exact(found.exact, exact, texts, texts)
        ),
        near_duplicates=_finding(
            len(found.near.documents), len(lengths), *_near(near, texts, texts)
        ),
    )


def report_leakage(
    held_out: Corpus, source: Corpus, found: Resemblance, leaks: Leaks, n_examples: int
) -> LeakageReport:
    """The report of what a source has of a held-out corpus; reads both once more."""
    n_shared = leaks.n_shared
    duplicate = np.zeros(len(n_shared), bool)
    duplicate[found.exact.documents] = duplicate[found.near.documents] = True
    # The most shared first, and behind them those that the other two findings show already.
    shared = np.lexsort([-n_shared, duplicate])
    shared = shared[n_shared[shared] > 0][:n_examples]
    exact, near = _largest_groups(found.exact, n_examples), _first(found.near, n_examples)
    chosen = [exact.documents, near.documents, shared]
    partners = [exact.partners, near.partners, leaks.seen_in[shared]]
    here = read_documents([held_out], np.concatenate(chosen).tolist())
    there = read_documents([source], np.concatenate(partners).tolist())
    n, n_overlap = len(n_shared), int(np.count_nonzero(n_shared))
    leaked = _finding(int(np.count_nonzero((n_shared > 0) | duplicate)), n)
    return LeakageReport(
        documents=leaked.documents,
        share=leaked.share,
        exact=_finding(len(found.exact.documents), n, *_exact(found.exact, exact, here, there)),
        near=_finding(len(found.near.documents), n, *_near(near, here, there)),
        overlap=_finding(n_overlap, n, *_overlaps(leaks, shared, here, there)),
        half_shared=int(np.count_nonzero((n_shared > 0) & (2 * n_shared >= leaks.counts))),
        ngrams=int(leaks.counts.sum()),
        ngrams_shared=int(n_shared.sum()),
    )


def _finding(n: int, n_documents: int, *examples: Example | Match) -> Finding:
    return Finding(n, n / max(1, n_documents), examples)


def _quantile(lengths: Ints, share: float) -> int:
    return int(np.quantile(lengths, share, method="inverted_cdf")) if len(lengths) else 0


def _longest(lengths: Ints) -> Spots:
    """Very long documents, the longest first, from their beginning."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > LONG_BYTES]
    return np.stack([order, np.zeros_like(order)], axis=1)


def _first(alike: Alike, n: int) -> Alike:
    return alike.take(np.arange(len(alike.documents))[:n])


def _largest_groups(alike: Alike, n: int) -> Alike:
    """One document of each of the largest groups that have the same partner."""
    _, firsts, sizes = np.unique(alike.partners, return_index=True, return_counts=True)
    return alike.take(firsts[np.argsort(-sizes, kind="stable")[:n]])


def _numbers(alike: Alike) -> list[int]:
    return [*alike.documents.tolist(), *alike.partners.tolist()]


def _exact(found: Alike, chosen: Alike, here: Documents, there: Documents) -> list[Match]:
    return [
        Match(
            here[number].at(0),
            there[partner].at(0),
            copies=int(np.count_nonzero(found.partners == partner)),
        )
        for number, partner in zip(chosen.documents.tolist(), chosen.partners.tolist(), strict=True)
    ]


def _near(chosen: Alike, here: Documents, there: Documents) -> list[Match]:
    """Pairs, each shown where the two begin to differ."""
    matches = []
    for number, partner, similarity in zip(
        chosen.documents.tolist(),
        chosen.partners.tolist(),
        chosen.similarity.tolist(),
        strict=True,
    ):
        one, other = here[number], there[partner]
        place = before(first_difference(one.text, other.text))
        matches.append(Match(one.at(place), other.at(place), similarity=similarity))
    return matches


def _overlaps(leaks: Leaks, chosen: Ints, here: Documents, there: Documents) -> list[Match]:
    """Pairs, each shown where their words begin to be the same."""
    matches = []
    for number in chosen.tolist():
        one, other = here[number], there[int(leaks.seen_in[number])]
        n_words, place, other_place = common_run(one.text, other.text, int(leaks.ngram[number]))
        matches.append(Match(one.at(place), other.at(other_place), words=n_words))
    return matches
