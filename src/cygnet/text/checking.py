"""One pass over a file: every byte is checked, and what it holds is counted."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cygnet.machine_code import kernels
from cygnet.text.batch import TextBatch
from cygnet.text.sources import Reading, open_file
from cygnet.text.splits import with_sides


@dataclass
class Figures:
    """What some documents amount to.

    Attributes:
        documents: How many there are.
        text_bytes: Their UTF-8 bytes.
        characters: Their code points.
    """

    documents: int = 0
    text_bytes: int = 0
    characters: int = 0

    def add(self, batch: TextBatch) -> None:
        """Count a batch."""
        self.documents += batch.n_ended
        self.text_bytes += batch.text_bytes
        self.characters += kernels()["count_characters"](
            batch.data, batch.starts, batch.ends, len(batch)
        )


@dataclass
class FileFigures:
    """What a file holds, on each side of its split.

    Attributes:
        train, valid: Its documents; all are in ``train`` where nothing is split by hash.
        empty, nulls, replaced: See ``SourceFile``.
    """

    train: Figures = field(default_factory=Figures)
    valid: Figures = field(default_factory=Figures)
    empty: int = 0
    nulls: int = 0
    replaced: int = 0


def check_file(
    path: Path, reading: Reading, fraction: float | None, on_bytes: Callable[[int], None]
) -> FileFigures:
    """Read a file to its end.

    Args:
        path: A file of text.
        reading: How it becomes documents.
        fraction: The share of documents that is for validation, by hash; None splits nothing.
        on_bytes: As in ``SourceFile.batches``.

    Raises:
        InputError, EncodingError, DamagedError: See ``SourceFile.batches``.
    """
    file, found = open_file(path, reading), FileFigures()
    batches = file.batches(on_bytes)
    if fraction is None:
        for batch in batches:
            found.train.add(batch)
    else:
        for batch, chosen in with_sides(batches, fraction):
            found.train.add(batch.select(~chosen))
            found.valid.add(batch.select(chosen))
    found.empty, found.nulls, found.replaced = file.n_empty, file.n_nulls, file.n_replaced
    return found


def totals(found: list[FileFigures], side: str) -> dict[str, Any]:
    """The figures of one side of some files together; what was left out stands with ``train``."""
    figures = [asdict(getattr(file, side)) for file in found]
    summed = {name: sum(file[name] for file in figures) for name in asdict(Figures())}
    left_out = {
        name: sum(getattr(file, name) for file in found) if side == "train" else 0
        for name in ("empty", "nulls", "replaced")
    }
    return summed | left_out
