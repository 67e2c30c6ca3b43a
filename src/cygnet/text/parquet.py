"""``.parquet``: one column of a table, a row a document."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from cygnet.files import input_errors
from cygnet.text.arrow import find_column, to_batch
from cygnet.text.batch import BATCH_BYTES
from cygnet.text.opening import COMPRESSED, damage_errors, open_stream
from cygnet.text.source_file import OnBytes, Raw, SourceFile

MOST_ROWS = 4096  # however small the mean row is: some may be large


class ParquetFile(SourceFile):
    """A ``.parquet`` file, read in a stream as documents. A null is left out and counted.

    Args:
        path: A parquet file; one that is compressed as a whole is first decompressed beside
            other temporary files, as parquet is not read from front to back.
        column: The column of the text; by default the first of ``text``, ``content`` and
            ``contents`` that is there.
        errors: See ``SourceFile``; parquet does not say that its strings are UTF-8.

    Cost: memory for about 4 MiB, one compressed page and the longest document.
    """

    def __init__(self, path: Path, column: str | None = None, errors: str = "strict") -> None:
        super().__init__(path, errors)
        self.column = column

    def _read(self, on_bytes: OnBytes) -> Iterator[Raw]:
        import pyarrow as pa
        import pyarrow.parquet

        n_before, n_told, size = 0, 0, self.path.stat().st_size
        with self._open() as content, damage_errors(self.path, pa.ArrowException):
            file = pyarrow.parquet.ParquetFile(
                content, buffer_size=BATCH_BYTES, page_checksum_verification=True
            )
            column = find_column(file.schema_arrow, self.column, self.path)
            n_rows = file.metadata.num_rows
            for rows in file.iter_batches(_rows_at_once(file.metadata, column), columns=[column]):
                yield self._batch(rows.column(0), n_before)
                n_before += len(rows)
                now = size * n_before // n_rows
                on_bytes(now - n_told)
                n_told = now

    def _batch(self, strings: Any, n_before: int) -> Raw:
        batch, rows = to_batch(strings)
        self.n_nulls += len(strings) - len(rows)

        def place(number: int, byte: int) -> tuple[str, str]:
            return f"row {n_before + int(rows[number])}", f"byte {byte} of it"

        return Raw(batch, place)

    @contextlib.contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        """The file, decompressed where it is compressed as a whole."""
        if self.path.suffix.lower() not in COMPRESSED:
            with input_errors(self.path), open(self.path, "rb") as file:
                yield file
            return
        with tempfile.TemporaryFile() as file, open_stream(self.path) as stream:
            while chunk := stream.read(BATCH_BYTES):
                file.write(chunk)
            yield file


def _rows_at_once(metadata: Any, column: str) -> int:
    """As many rows as make a batch, from the mean size of a row in the fullest row group."""
    names = [metadata.schema.column(i).path for i in range(metadata.num_columns)]
    place = names.index(column)
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    sizes = [
        group.column(place).total_uncompressed_size / group.num_rows
        for group in groups
        if group.num_rows
    ]
    return int(np.clip(BATCH_BYTES / max(1, *sizes, 1), 1, MOST_ROWS))
