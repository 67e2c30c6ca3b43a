"""Word counts of files, kept so that no file is counted twice.

A killed training counts on where it was, and a file that is added to a corpus costs its own bytes.
The name of a file of counts is a hash of all that they depend on, so what is found under a name is
right, and what no longer has a use is found by its name, too.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cygnet.console import say
from cygnet.errors import DamagedError
from cygnet.files import make_folder, sha256_json
from cygnet.text.sources import sample_documents, sample_share
from cygnet.text.stage import SplitFile
from cygnet.tokenizer.counting import WordCounts, WordTable, check_limits, count_words, limit

# Of the rules by which words are cut and counted: a change of them is to make a new number.
VERSION = 1
# Bytes of a file. A smaller one is counted anew sooner than its counts are written and synced.
KEPT_FROM = 1 << 16


@dataclass(frozen=True)
class Extract:
    """What of a corpus is counted, in this order.

    Attributes:
        total_bytes, sample_bytes: Of the corpus and of what is wanted of it; see
            ``sample_documents``.
        doc_cap, max_chars: See ``limit``.
    """

    total_bytes: int
    sample_bytes: int
    doc_cap: int | None = None
    max_chars: int | None = None

    def __post_init__(self) -> None:
        check_limits(self.doc_cap, self.max_chars)


def count_files(
    files: Sequence[SplitFile],
    extract: Extract,
    pattern: str,
    folder: Path,
    on_bytes: Callable[[int], None] = lambda n: None,
    threads: int | None = None,
) -> WordCounts:
    """How often each word occurs in some files.

    Args:
        files: A corpus, in order.
        extract: What of it is counted.
        pattern: A regular expression that cuts a document into words.
        folder: Where the counts of each file are kept; those of other files are removed from it.
        on_bytes: Called with the bytes of text counted, or known, after each batch.
        threads: As in ``count_words``.

    Cost: that of ``count_words`` for what is not known yet. The folder takes about 20 bytes for
    each distinct word of each file.
    """
    make_folder(folder)
    table, in_use, n_known = WordTable(), set(), 0
    n_before, left = 0, extract.max_chars
    for file in files:
        if left == 0:
            break
        part = _Part(file, extract, pattern, n_before, left)
        path = folder / part.file_name
        words = _find(path)
        if words is None:
            words = part.count(on_bytes, threads)
            if file.n_bytes >= KEPT_FROM:
                words.save(path)
        else:
            n_known += 1
            on_bytes(words.text_bytes)
        in_use.add(path)
        table.add_counts(words)
        n_before += file.n_documents
        left = None if left is None else left - words.n_characters
    _remove_all_but(in_use, folder)
    if n_known:
        say(f"  words of {n_known:,} of {len(files):,} files were counted before")
    return table.counts()


@dataclass(frozen=True)
class _Part:
    """What is counted of one file: ``n_before`` documents before it, ``left`` characters to go."""

    file: SplitFile
    extract: Extract
    pattern: str
    n_before: int
    left: int | None

    @property
    def file_name(self) -> str:
        """Where its counts are kept: a hash of all that they depend on."""
        share = sample_share(self.extract.total_bytes, self.extract.sample_bytes)
        depends = {
            "version": VERSION,
            "file": self.file.identity,
            "pattern": self.pattern,
            "sample": None if share == 1 else [share, self.n_before],
            "limits": [self.extract.doc_cap, self.left],
        }
        return f"{sha256_json(depends)[:32]}.npz"

    def count(self, on_bytes: Callable[[int], None], threads: int | None) -> WordCounts:
        """Count it."""
        sizes = self.extract.total_bytes, self.extract.sample_bytes
        sample = sample_documents(self.file.batches(), *sizes, self.n_before)
        text = limit(sample, self.extract.doc_cap, self.left)
        return count_words(text, self.pattern, on_bytes, threads)


def _find(path: Path) -> WordCounts | None:
    """Counts that were kept; none if they are damaged, as the text is there to be counted anew."""
    if not path.exists():
        return None
    try:
        return WordCounts.load(path)
    except DamagedError:
        return None


def _remove_all_but(paths: set[Path], folder: Path) -> None:
    """Remove counts without a use, and what killed writers left."""
    for path in folder.iterdir():
        if path not in paths:
            with contextlib.suppress(OSError):
                path.unlink()
