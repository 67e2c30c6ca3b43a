"""The documents of every file of the data folder."""

import json
from collections.abc import Iterator
from pathlib import Path

BOUNDARIES = ("\x0c", "<|endoftext|>")


TEXT = (".txt", ".jsonl", ".md")
PARQUET = (".parquet",)


def files(data: Path, suffixes: tuple[str, ...] = TEXT) -> list[Path]:
    """Every file that holds text, in a fixed order."""
    return sorted(path for path in data.rglob("*") if path.suffix in suffixes)


def documents(path: Path) -> Iterator[str]:
    """The documents of one file: stories, pages, problems, messages, rows."""
    if path.suffix == ".parquet":
        yield from _rows(path)
    elif path.suffix == ".jsonl":
        for line in path.read_text("utf-8").splitlines():
            yield from _strings(json.loads(line))
    else:
        # Carriage returns are text.
        text = path.read_bytes().decode()
        boundary = next((b for b in BOUNDARIES if b in text), "\x0c")
        yield from text.split(boundary)


def _rows(path: Path) -> Iterator[str]:
    from pyarrow import parquet

    file = parquet.ParquetFile(path)
    column = next(name for name in ("text", "contents") if name in file.schema.names)
    for group in range(file.num_row_groups):
        yield from file.read_row_group(group, [column])[column].to_pylist()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def beginnings(paths: list[Path], n_characters: int) -> list[str]:
    """The first ``n_characters`` of every file, in documents."""
    found = []
    for path in paths:
        room = n_characters
        for document in documents(path):
            found.append(document[:room])
            room -= len(found[-1])
            if room <= 0:
                break
    return found
