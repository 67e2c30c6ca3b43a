"""Where text comes from: one argument, ``SOURCE``, that names files here, on the hub, or stories.

    corpus.txt   data/   'data/*.parquet'     files, folders and patterns
    hub:owner/name[/pattern][@revision]       files of a data set on the Hugging Face hub
    tinystories  fineweb-edu:8                a named corpus, or the first shards of one
    stories:SEED[:COUNT]                      built-in stories

The end of a file's name says how it is read: ``.txt``, ``.jsonl`` or ``.parquet``, each also
compressed: ``.gz``, ``.zst``, ``.xz``.
"""

import glob
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cygnet.errors import InputError
from cygnet.files import input_errors
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.jsonl import JsonLines
from cygnet.text.opening import COMPRESSED
from cygnet.text.parquet import ParquetFile
from cygnet.text.parts import whole_documents
from cygnet.text.source_file import SourceFile
from cygnet.text.stories import parse_source, stories
from cygnet.text.txt import TextFile

HUB, STORIES = "hub:", "stories:"
Documents = Literal["boundary", "file", "line"]
FORMATS = (".txt", ".jsonl", ".parquet")
"""What is taken from a folder; ``.json`` is read as ``.jsonl`` where it is named."""
BOUNDARY = "<|endoftext|>"
STORY_BYTES = 830  # the mean of 24,000


@dataclass(frozen=True)
class Reading:
    """How files become documents.

    Attributes:
        boundary: The string between two documents of a ``.txt`` file.
        documents: What a document of a ``.txt`` file is: what lies between two boundaries, the
            whole file, or a line.
        column: The column of a ``.parquet`` file, or key of a ``.jsonl`` file, that holds the text;
            by default the first of ``text``, ``content`` and ``contents`` that is there.
        errors: Bytes that are not UTF-8: ``"strict"`` refuses them, ``"replace"`` puts U+FFFD.
    """

    boundary: str = BOUNDARY
    documents: Documents = "boundary"
    column: str | None = None
    errors: str = "strict"

    @property
    def separator(self) -> str:
        """What separates documents of a ``.txt`` file; empty if nothing does."""
        return {"boundary": self.boundary, "file": "", "line": "\n"}[self.documents]


def open_file(path: Path, reading: Reading = Reading(), parts: bool = True) -> SourceFile:
    """A file in the format that the end of its name says.

    Raises:
        InputError: The name ends in nothing that is known.

    >>> type(open_file(Path("shard_00000.parquet"))).__name__
    'ParquetFile'
    """
    ending = format_of(path)
    if ending == ".txt":
        return TextFile(path, reading.separator, reading.errors, parts)
    kind = ParquetFile if ending == ".parquet" else JsonLines
    return kind(path, reading.column, reading.errors)


def format_of(path: Path) -> str:
    """``.txt``, ``.jsonl`` or ``.parquet``, whether the file is compressed or not.

    Raises:
        InputError: The name ends in something else.

    >>> format_of(Path("c4-train.00000-of-01024.json.gz"))
    '.jsonl'
    """
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    ending = ".jsonl" if name.suffix.lower() == ".json" else name.suffix.lower()
    if ending not in FORMATS:
        raise InputError(
            f"{path} does not end in {', '.join(FORMATS)} (or one of these and"
            f" {', '.join(COMPRESSED)}): rename it to what it is"
        )
    return ending


def find_files(source: str) -> list[Path]:
    """The files that a path names, sorted by name.

    Args:
        source: A file, a folder (all its files in a known format, at any depth) or a glob pattern.

    Raises:
        InputError: Nothing is there, nothing matches, or a file is in no known format.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("b.jsonl.gz", "a.txt", "notes.md"):
    ...     _ = (folder / name).write_text("Once")
    >>> [path.name for path in find_files(str(folder))]
    ['a.txt', 'b.jsonl.gz']
    """
    path = Path(source).expanduser()
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if is_text_name(file) and file.is_file())
        if not files:
            raise InputError(f"{source} holds no {', '.join(FORMATS)} file, compressed or not")
        return files
    if not path.exists() and glob.has_magic(source):
        matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  # absolute ones too
        files = sorted(map(Path, matches))
        if not files:
            raise InputError(f"{source} matches no file")
        return list(dict.fromkeys(file for match in files for file in find_files(str(match))))
    with input_errors(path), open(path, "rb"):
        format_of(path)
        return [path]


def is_text_name(path: Path) -> bool:
    """Whether a file of this name is taken from a folder.

    >>> [is_text_name(Path(name)) for name in ("a.txt.xz", "b.parquet", "config.json", "c.md")]
    [True, True, False, False]
    """
    name = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    return name.suffix.lower() in FORMATS


def locate(source: str, split: str = "train") -> list[Path]:
    """The files that a source names; those of the hub are brought into its cache.

    Args:
        source: Anything but ``stories:``.
        split: Which files of a named corpus: those to train on, or those to validate on.

    Raises:
        InputError: It names nothing.
        CygnetError: See ``hub.download``.
    """
    from cygnet.text.hub import download

    if is_remote(source):
        files = download(source)
        return files.get(split) or files["files"]
    return find_files(source)


def is_remote(source: str) -> bool:
    """Whether the files of a source come from the hub."""
    from cygnet.text.corpora import is_corpus

    return source.startswith(HUB) or is_corpus(source)


@dataclass(frozen=True)
class Source:
    """A source whose files have been found.

    Attributes:
        name: What was asked for.
        reading: How its files become documents.
        paths: Its files; none for built-in stories.
    """

    name: str
    reading: Reading
    paths: tuple[Path, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of its files; of stories about as many as they will have."""
        if self.name.startswith(STORIES):
            return parse_source(self.name)[1] * STORY_BYTES
        return sum(path.stat().st_size for path in self.paths)

    def batches(self) -> Iterator[TextBatch]:
        """Its documents, in order.

        Raises:
            InputError, EncodingError, DamagedError: See ``SourceFile.batches``.
        """
        if self.name.startswith(STORIES):
            seed, count = parse_source(self.name)
            yield from as_batches(itertools.islice(stories(seed), count))
        for path in self.paths:
            yield from open_file(path, self.reading).batches()


def open_source(
    source: str, reading: Reading = Reading(), split: Literal["train", "valid"] = "train"
) -> Source:
    """Find the files of any source; those of the hub are brought into its cache.

    Args:
        source: See the top of this module.
        reading: How its files become documents.
        split: Which part of a named corpus.

    Raises:
        InputError: It names nothing.
        CygnetError: See ``hub.download``.
    """
    if source.startswith(STORIES):
        parse_source(source)
        return Source(source, reading, ())
    return Source(source, reading, tuple(locate(source, split)))


def read_text(
    *sources: str,
    split: Literal["train", "valid"] = "train",
    boundary: str = BOUNDARY,
    documents: Documents = "boundary",
    column: str | None = None,
    errors: Literal["strict", "replace"] = "strict",
    parts: bool = False,
) -> Iterator[TextBatch]:
    """The documents of any sources, in order.

    Args:
        sources, split: See ``open_source``.
        boundary, documents, column, errors: See ``Reading``.
        parts: Whether a very long document of a ``.txt`` file may come in parts, see ``parts``;
            ``build_tokens`` takes them.

    Raises:
        InputError: A source names nothing, or cannot be read.
        EncodingError, DamagedError: See ``SourceFile.batches``.

    Cost: memory for about 4 MiB and, unless it comes in parts, the longest document.

    >>> [len(batch) for batch in read_text("stories:1:20")]
    [20]
    """
    reading = Reading(boundary, documents, column, errors)
    for opened in [open_source(source, reading, split) for source in sources]:
        yield from opened.batches() if parts else whole_documents(opened.batches())


def read_files(
    paths: Sequence[Path], boundary: str = BOUNDARY, errors: str = "strict"
) -> Iterator[TextBatch]:
    """The documents of several files, one file after the other."""
    for path in paths:
        yield from open_file(path, Reading(boundary=boundary, errors=errors)).batches()


def sample_documents(
    batches: Iterator[TextBatch], total_bytes: int, sample_bytes: int, n_before: int = 0
) -> Iterator[TextBatch]:
    """About ``sample_bytes`` of text, from documents spread evenly across the whole corpus.

    The first document is taken and then every k-th, k chosen from the two sizes, so that the sample
    does not depend on chance or on the size of batches. No document is cut.

    Args:
        batches: The corpus.
        total_bytes: Bytes of text in the corpus.
        sample_bytes: Bytes wanted; the whole corpus where it is smaller.
        n_before: Documents of the corpus before these ``batches``.

    >>> corpus = TextBatch.from_strings(["aa", "bb", "cc", "dd"])
    >>> [list(batch) for batch in sample_documents(iter([corpus]), 8, 4)]
    [['aa', 'cc']]
    """
    share = sample_share(total_bytes, sample_bytes)
    if share == 1:
        yield from batches
        return
    for batch in whole_documents(batches):
        ordinals = np.arange(n_before, n_before + len(batch) + 1)
        steps = np.ceil(ordinals * share)
        n_before += len(batch)
        chosen = batch.select(np.diff(steps) > 0)
        if len(chosen):
            yield chosen


def sample_share(total_bytes: int, sample_bytes: int) -> float:
    """The share of documents that ``sample_documents`` takes."""
    return min(1.0, sample_bytes / max(1, total_bytes))
