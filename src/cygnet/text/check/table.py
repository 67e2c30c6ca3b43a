"""The report for people."""

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from cygnet.text.check.duplicates import SHINGLE_WORDS, THRESHOLD
from cygnet.text.check.overlap import NGRAM_WORDS
from cygnet.text.check.report import (
    CheckReport,
    CorpusReport,
    Example,
    Finding,
    LeakageReport,
    Match,
)
from cygnet.text.check.reporting import LONG_BYTES

FEWEST_CHARACTERS = 30  # of an excerpt, in a narrow terminal
FIGURES: tuple[tuple[str, Callable[[CorpusReport], int]], ...] = (
    ("documents", lambda corpus: corpus.documents),
    ("bytes", lambda corpus: corpus.bytes),
    ("characters", lambda corpus: corpus.characters),
    ("words", lambda corpus: corpus.words),
    ("bytes of a document: median", lambda corpus: corpus.median_bytes),
    ("  99th percentile", lambda corpus: corpus.p99_bytes),
    ("  longest", lambda corpus: corpus.longest_bytes),
    ("invalid UTF-8 sequences", lambda corpus: corpus.invalid_sequences),
    ("empty documents, left out", lambda corpus: corpus.empty),
)
FINDINGS: tuple[tuple[str, Callable[[CorpusReport], Finding]], ...] = (
    ("with invalid UTF-8", lambda corpus: corpus.invalid),
    ("of white space alone", lambda corpus: corpus.blank),
    (f"above {LONG_BYTES:,} bytes", lambda corpus: corpus.very_long),
    ("with mojibake", lambda corpus: corpus.mojibake),
    ("exact duplicates", lambda corpus: corpus.exact_duplicates),
    ("near duplicates", lambda corpus: corpus.near_duplicates),
)
LEAKS: tuple[tuple[str, Callable[[LeakageReport], Finding]], ...] = (
    ("exact duplicates", lambda leakage: leakage.exact),
    ("near duplicates", lambda leakage: leakage.near),
    (f"{NGRAM_WORDS} words in a row", lambda leakage: leakage.overlap),
)


def print_report(report: CheckReport, console: Console | None = None) -> None:
    """Print the figures as a table, then examples of all that was found, then what it means."""
    console = console or Console()
    corpora = [("source", report.source)]
    if report.against:
        corpora.append(("against", report.against))
    for name, corpus in corpora:
        console.print(Line(f"{name}  {' '.join(corpus.sources)}", style="bold"))
    console.print(_figures([corpus for _, corpus in corpora], [name for name, _ in corpora]))
    if report.leakage:
        console.print(_leakage(report.leakage))
    for name, corpus in corpora:
        for label, finding in FINDINGS:
            _print_examples(f"{name}: {label}", finding(corpus), console)
    if report.leakage:
        for label, leak in LEAKS:
            _print_examples(f"leaked: {label}", leak(report.leakage), console)
    console.print(Line(_meanings(), style="dim"))


def _figures(corpora: list[CorpusReport], names: list[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for label, figure in FIGURES:
        table.add_row(label, *(f"{figure(corpus):,}" for corpus in corpora))
    table.add_row("documents")
    for label, finding in FINDINGS:
        table.add_row(f"  {label}", *(_count(finding(corpus)) for corpus in corpora))
    return table


def _leakage(leakage: LeakageReport) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("documents of against that are in source")
    table.add_column("", justify="right")
    for label, leak in LEAKS:
        table.add_row(f"  {label}", _count(leak(leakage)))
    table.add_row("  half of all runs or more", f"{leakage.half_shared:,}")
    table.add_row("  any of these", f"{leakage.documents:,} ({leakage.share:.2%})")
    share = leakage.ngrams_shared / max(1, leakage.ngrams)
    runs = f"{leakage.ngrams_shared:,} of {leakage.ngrams:,} ({share:.2%})"
    table.add_row(f"  runs of {NGRAM_WORDS} words that source has", runs)
    return table


def _count(finding: Finding) -> str:
    return f"{finding.documents:,} ({finding.share:.2%})" if finding.documents else "0"


def _print_examples(label: str, finding: Finding, console: Console) -> None:
    if not finding.examples:
        return
    console.print(Line(f"\n{label}", style="bold"))
    for example in finding.examples:
        for line in _example_lines(example, console.width):
            console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)


def _example_lines(example: Example | Match, width: int) -> Iterator[Line]:
    if isinstance(example, Match):
        yield Line(f"  {_degree(example)}", style="italic")
        yield from _example_lines(example.document, width)
        yield from _example_lines(example.partner, width)
        return
    place = f"  {example.file}: document {example.document}, byte {example.byte:,}"
    yield Line(place, style="cyan")
    yield Line("    " + _shorten(example.excerpt, width - 4))
    if example.meant is not None:
        yield Line("    meant: " + _shorten(example.meant, width - 11), style="green")


def _degree(match: Match) -> str:
    """How alike two documents are."""
    if match.copies is not None:
        return f"{match.copies:,} with the bytes of the second"
    if match.similarity is not None:
        return f"similarity {match.similarity:.3f}"
    return f"{match.words:,} words in a row"


def _shorten(text: str, width: int) -> str:
    shown, width = visible(text), max(FEWEST_CHARACTERS, width)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def visible(text: str) -> str:
    r"""A text on one line: what cannot be printed is written as Python writes it.

    >>> print(visible("a\tb\n\x00"))
    a\tb\n\x00
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _meanings() -> str:
    return (
        "\nAn exact duplicate has the bytes of an earlier document. A near duplicate has at least"
        f" {THRESHOLD:.0%} of the runs of {SHINGLE_WORDS} words of both in common (Jaccard)."
        " Words are compared without case and punctuation; in scripts without blanks each letter"
        " is one. Mojibake is what ftfy would mend."
    )
