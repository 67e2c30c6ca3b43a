"""What a check has found, as data."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A place in a text.

    Attributes:
        file: Where it is; ``text`` for text that was in memory.
        document: Number of the document in that file, from 0; empty ones have no number.
        byte: Where the excerpt begins, in bytes of the file, or of the document where it has no
            place in a file.
        excerpt: What stands there; U+FFFD for what is not UTF-8.
        meant: What it was before it was decoded by the wrong code page, for mojibake.
    """

    file: str
    document: int
    byte: int
    excerpt: str
    meant: str | None = None


@dataclass(frozen=True)
class Match:
    """Two documents that are alike.

    Attributes:
        document: The one that is counted: it comes later, or it is the held-out one.
        partner: The one that it resembles: the earlier one, or that of the source.
        copies: For exact duplicates how many documents are counted that have these bytes.
        similarity: For near duplicates the Jaccard similarity of their runs of five words.
        words: For overlap how many words in a row are the same.
    """

    document: Example
    partner: Example
    copies: int | None = None
    similarity: float | None = None
    words: int | None = None


@dataclass(frozen=True)
class Finding:
    """Documents of one kind.

    Attributes:
        documents: How many.
        share: Of all documents, 0 to 1.
        examples: Some of them.
    """

    documents: int
    share: float
    examples: tuple[Example | Match, ...] = ()


@dataclass(frozen=True)
class CorpusReport:
    """One corpus by itself.

    Attributes:
        sources: As they were named.
        documents, bytes, characters, words: Of all documents; empty ones and boundaries left out.
        median_bytes, p99_bytes, longest_bytes: Lengths of documents.
        empty: Empty documents, which were left out.
        blank: Documents of white space alone.
        very_long: Documents above 100,000 bytes.
        invalid_sequences: Byte sequences that are not UTF-8.
        invalid: Documents that have such.
        mojibake: Documents with a line that was once decoded by the wrong code page.
        exact_duplicates: Documents with the same bytes as an earlier one.
        near_duplicates: Other documents that are similar to an earlier one.
    """

    sources: tuple[str, ...]
    documents: int
    bytes: int
    characters: int
    words: int
    median_bytes: int
    p99_bytes: int
    longest_bytes: int
    empty: int
    blank: Finding
    very_long: Finding
    invalid_sequences: int
    invalid: Finding
    mojibake: Finding
    exact_duplicates: Finding
    near_duplicates: Finding


@dataclass(frozen=True)
class LeakageReport:
    """What of a held-out text is in the source. All figures count documents of the former.

    Attributes:
        documents, share: Documents that are leaked in any of the three ways.
        exact: Those whose bytes are a document of the source.
        near: Others that are similar to a document of the source.
        overlap: All those that have 13 words in a row with the source in common.
        half_shared: Those of them of which the source has half of all such runs, or more.
        ngrams, ngrams_shared: Runs of 13 words in the held-out text, and how many the source has.
    """

    documents: int
    share: float
    exact: Finding
    near: Finding
    overlap: Finding
    half_shared: int
    ngrams: int
    ngrams_shared: int


@dataclass(frozen=True)
class CheckReport:
    """All that ``check_text`` has found; ``against`` and ``leakage`` where there is such a text."""

    source: CorpusReport
    against: CorpusReport | None = None
    leakage: LeakageReport | None = None

    def to_dict(self) -> dict[str, Any]:
        """The same as dictionaries, lists, numbers and strings, for JSON."""
        return asdict(self)
