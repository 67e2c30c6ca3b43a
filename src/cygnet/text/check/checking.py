"""The check from its beginning to its end."""

import importlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cygnet.console import progress
from cygnet.cores import available_threads
from cygnet.errors import InputError
from cygnet.text.batch import Text
from cygnet.text.check.corpus import Corpus, MemoryCorpus, SourceCorpus
from cygnet.text.check.findings import across, within
from cygnet.text.check.overlap import Leaks, NgramIndex, Overlap
from cygnet.text.check.report import CheckReport
from cygnet.text.check.reporting import report_corpus, report_leakage
from cygnet.text.check.survey import Figures, merge, survey
from cygnet.text.check.words import Ints, UInts
from cygnet.text.sources import Reading

N_EXAMPLES = 3
LIBRARIES = ("ftfy", "rensa")
Advance = Callable[..., None]
Number = TypeVar("Number", np.uint64, np.int64)


def check_files(
    sources: Sequence[str],
    against: Sequence[str] = (),
    reading: Reading = Reading(),
    n_examples: int = N_EXAMPLES,
) -> CheckReport:
    """Check text files; ``check_text`` says how.

    Args:
        sources: Files, folders and patterns.
        against: The same for a held-out text.
        reading: How files become documents.
        n_examples: How many examples of each kind to show.

    Raises:
        InputError: A source is missing, cannot be read or holds no text.
    """
    held_out = SourceCorpus(against, reading) if against else None
    return check_text(SourceCorpus(sources, reading), held_out, n_examples)


def check_text(
    source: Corpus | Text, against: Corpus | Text | None = None, n_examples: int = N_EXAMPLES
) -> CheckReport:
    """Find what is broken in a text, what is there twice, and what of a held-out text is in it.

    Args:
        source: Documents; they are read more than once, so an iterator is refused.
        against: A held-out text: which of its documents are in the source?
        n_examples: How many examples of each kind to show.

    Raises:
        InputError: There is no text, or it cannot be read again.
        ModuleNotFoundError: ftfy or rensa is missing (``pip install 'cygnet[check]'``).

    Cost: about 10 s of processor time for 100 MB, more where much is similar or much is given to
    ftfy. Memory: 140 bytes a document, and 336 more at worst for pairs that may be similar; 28
    bytes a word of the held-out text; up to 256 MiB while documents are compared; nine times the
    longest document.

    >>> found = check_text(["Once upon a time", "Once upon a time", "Bonjour"])
    >>> found.source.documents, found.source.exact_duplicates.documents
    (3, 1)
    """
    for library in LIBRARIES:  # tell what is missing before the work, not after
        importlib.import_module(library)
    source = _corpus(source, "source")
    threads = available_threads()
    if against is None:
        with progress("reading", source.n_bytes / 1e6, "MB") as advance:
            figures = _read(source, threads, advance)
        found = within(source, figures, threads)
        return CheckReport(report_corpus(source, figures, found, n_examples))
    against = _corpus(against, "against")
    with progress("reading", (source.n_bytes + against.n_bytes) / 1e6, "MB") as advance:
        held_out, index = _read_and_index(against, threads, advance)
        figures, leaks = _read_and_find(source, index, threads, advance)
    del index  # the largest thing here, and done with
    shared = across(against, source, (held_out, figures), threads)
    return CheckReport(
        report_corpus(source, figures, within(source, figures, threads), n_examples),
        report_corpus(against, held_out, within(against, held_out, threads), n_examples),
        report_leakage(against, source, shared, leaks, n_examples),
    )


def _corpus(text: Corpus | Text, name: str) -> Corpus:
    if isinstance(text, Corpus):
        return text
    return MemoryCorpus(text, name)


def _read(corpus: Corpus, threads: int, advance: Advance) -> Figures:
    parts = []
    for examined in survey(corpus, threads):
        parts.append(examined.figures)
        advance(examined.figures.lengths.sum() / 1e6)
    return _merge(corpus, parts)


def _read_and_index(corpus: Corpus, threads: int, advance: Advance) -> tuple[Figures, NgramIndex]:
    """Read a held-out text, and keep its runs of words."""
    parts: list[Figures] = []
    ngrams: list[UInts] = []
    counts: list[Ints] = []
    for examined in survey(corpus, threads, keep_ngrams=True):
        parts.append(examined.figures)
        if examined.ngrams:
            ngrams.append(examined.ngrams[0])
            counts.append(examined.ngrams[1])
        advance(examined.figures.lengths.sum() / 1e6)
    figures = _merge(corpus, parts)
    return figures, NgramIndex(_join(ngrams), _join(counts))


def _read_and_find(
    corpus: Corpus, index: NgramIndex, threads: int, advance: Advance
) -> tuple[Figures, Leaks]:
    """Read a source, and look for the runs of words of a held-out text in it."""
    parts: list[Figures] = []
    overlap = Overlap(index)
    n_documents = 0
    for examined in survey(corpus, threads, index=index):
        parts.append(examined.figures)
        if examined.hits:
            overlap.add(examined.hits, n_documents)
        n_documents += examined.figures.n_documents
        advance(examined.figures.lengths.sum() / 1e6)
    return _merge(corpus, parts), overlap.leaks()


def _join(parts: list[npt.NDArray[Number]]) -> npt.NDArray[Number]:
    """The parts in one array; they are let go, so that they are not held twice."""
    joined = np.concatenate(parts)
    parts.clear()
    return joined


def _merge(corpus: Corpus, parts: Sequence[Figures]) -> Figures:
    figures = merge(parts)
    if not figures.n_documents:
        raise InputError(f"{', '.join(corpus.names)}: no document in it, nothing to check")
    return figures
