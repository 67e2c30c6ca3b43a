"""The texts of the benchmarks: real files brought to one size, and words never repeated.

A text is two files: ``NAME.txt``, each document followed by the boundary, and ``NAME.plain.txt``,
the same documents joined by newlines, for what takes one text without any boundary.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

BOUNDARY = b"<|endoftext|>"
FORM_FEED = b"\n\x0c\n"
LETTERS = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
SHORTEST, LONGEST = 3, 12
WORDS_PER_DOCUMENT = 200
ROW_GROUP = 1024  # documents, as in nanochat's shards


@dataclass(frozen=True)
class TextFacts:
    """What a made text is: its bytes, its documents, and how often the source went into it."""

    bytes: int
    documents: int
    source_bytes: int
    repeats: float


def make_text(name: str, data: Path, folder: Path, n_bytes: int) -> TextFacts:
    """Write ``NAME.txt`` and ``NAME.plain.txt`` of about ``n_bytes`` into ``folder``."""
    documents = SOURCES[name](data, n_bytes)
    source_bytes = sum(map(len, documents))
    taken = list(_take(itertools.cycle(documents), n_bytes))
    (folder / f"{name}.txt").write_bytes(b"".join(doc + BOUNDARY for doc in taken))
    (folder / f"{name}.plain.txt").write_bytes(b"\n".join(taken))
    total = sum(map(len, taken))
    return TextFacts(total, len(taken), source_bytes, round(total / source_bytes, 2))


def make_texts(names: list[str], data: Path, folder: Path, n_bytes: int) -> dict[str, dict]:
    """Make several texts; what is known of each, by name."""
    folder.mkdir(parents=True, exist_ok=True)
    return {name: asdict(make_text(name, data, folder, n_bytes)) for name in names}


def make_parquet(text: Path, folder: Path, n_bytes: int, n_files: int = 2) -> int:
    """Write the beginning of a made text as parquet files with the column ``text``.

    Returns:
        The bytes of their documents, at most ``n_bytes``; the files have about equally many.
    """
    import pyarrow as pa
    import pyarrow.parquet as parquet

    documents = list(_take(iter(text.read_bytes().split(BOUNDARY)[:-1]), n_bytes))
    behind = np.cumsum([len(document) for document in documents])
    numbers = (behind - 1) * n_files // behind[-1]
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_files):
        first, last = np.searchsorted(numbers, [number, number + 1])
        column = pa.array([document.decode() for document in documents[first:last]])
        path = folder / f"{number:05d}.parquet"
        parquet.write_table(pa.table({"text": column}), path, row_group_size=ROW_GROUP)
    return int(behind[-1])


def _take(documents: Iterator[bytes], n_bytes: int) -> Iterator[bytes]:
    """Documents until ``n_bytes`` are reached; the last one is cut where a line ends."""
    left = n_bytes
    for document in documents:
        if len(document) > left:
            cut = document.rfind(b"\n", 0, left)
            if document[: max(0, cut)].strip():
                yield document[:cut].rstrip(b"\r\n")
            return
        yield document
        left -= len(document)


def _read(path: Path, separator: bytes = FORM_FEED) -> list[bytes]:
    documents = (piece.strip(b"\r\n") for piece in path.read_bytes().split(separator))
    return [document for document in documents if document]


def stories(data: Path, n_bytes: int) -> list[bytes]:
    """Short and simple English: TinyStories."""
    return _read(data / "tinystories" / "tinystories_train.txt", BOUNDARY)


def novels(data: Path, n_bytes: int) -> list[bytes]:
    """Whole English novels, one document each."""
    return [doc for path in sorted((data / "novels").glob("*.txt")) for doc in _read(path)]


def mixed(data: Path, n_bytes: int) -> list[bytes]:
    """Stories, novels, code, and many languages, shuffled."""
    paths = [
        *sorted((data / "novels").glob("*.txt"))[::5],
        *sorted((data / "code").glob("*.txt")),
        *sorted((data / "multilingual").rglob("*.txt")),
        data / "tinyshakespeare" / "input.txt",
    ]
    documents = stories(data, n_bytes) + [doc for path in paths for doc in _read(path)]
    documents = [doc for doc in documents if BOUNDARY not in doc and _is_utf8(doc)]
    random.Random(1).shuffle(documents)
    return documents


def _is_utf8(document: bytes) -> bool:
    try:
        document.decode()
    except UnicodeDecodeError:
        return False
    return True


def chinese(data: Path, n_bytes: int) -> list[bytes]:
    """Chinese manual pages."""
    return _read(data / "multilingual" / "manpages_zh.txt")


def hindi(data: Path, n_bytes: int) -> list[bytes]:
    """Hindi help pages."""
    return _read(data / "multilingual" / "libreoffice_help_hi.txt")


def unique(data: Path, n_bytes: int) -> list[bytes]:
    """Random lower-case words of 3 to 12 letters, none of them twice."""
    chance = np.random.default_rng(1)
    words, lengths = _never_twice(chance, n_bytes // 6)
    order = chance.permutation(len(words))[: -(len(words) % WORDS_PER_DOCUMENT) or None]
    documents = []
    for rows in order.reshape(-1, WORDS_PER_DOCUMENT):
        inside = np.arange(LONGEST + 1) <= lengths[rows, None]
        documents.append(words[rows][inside].tobytes()[:-1])
    return documents


def _never_twice(chance: np.random.Generator, n_words: int) -> tuple[np.ndarray, np.ndarray]:
    """Words as rows of letters, blank behind the word, and their lengths."""
    rows, lengths = [], []
    for length in range(SHORTEST, LONGEST + 1):
        wanted = n_words // (LONGEST - SHORTEST + 1)
        numbers = np.unique(chance.integers(26**length, size=wanted))
        letters = LETTERS[numbers[:, None] // 26 ** np.arange(length) % 26]
        row = np.full((len(numbers), LONGEST + 1), ord(" "), np.uint8)
        row[:, :length] = letters
        rows.append(row)
        lengths.append(np.full(len(numbers), length))
    return np.concatenate(rows), np.concatenate(lengths)


SOURCES: dict[str, Callable[[Path, int], list[bytes]]] = {
    "stories": stories,
    "novels": novels,
    "mixed": mixed,
    "chinese": chinese,
    "hindi": hindi,
    "unique": unique,
}
