"""``.jsonl``: a JSON object a line, the text under one of its keys.

Arrow reads a block of lines at once, eight times as fast as the ``json`` module and without the
GIL. What it does not like, or reads in another way, is read again line by line: that is exact, and
knows the number of the line.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cygnet.errors import InputError
from cygnet.text.arrow import COLUMNS, no_column, to_batch
from cygnet.text.batch import TextBatch
from cygnet.text.blocks import read_blocks
from cygnet.text.opening import open_stream
from cygnet.text.source_file import OnBytes, Raw, SourceFile

if TYPE_CHECKING:
    import pyarrow as pa


class JsonLines(SourceFile):
    """A ``.jsonl`` file, read in a stream as documents. A ``null`` is left out and counted.

    Args:
        path: A file with one JSON object a line, compressed or not; blank lines do not count.
        column: The key of the text; by default the first of ``text``, ``content`` and ``contents``
            that the first object has.
        errors: See ``SourceFile``; a lone surrogate (``"\\\\ud83d"``) is no UTF-8 either.
    """

    def __init__(self, path: Path, column: str | None = None, errors: str = "strict") -> None:
        super().__init__(path, errors)
        self.column = column

    def _read(self, on_bytes: OnBytes) -> Iterator[Raw]:
        n_before, column = 0, self.column
        with open_stream(self.path, on_bytes) as stream:
            for block, _ in read_blocks(stream, b"\n"):
                if column is None:
                    column = self._find_column(block, n_before)
                n_lines = int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n"))) + 1
                if column is not None:  # else all lines so far are blank
                    yield self._read_block(block, column, n_before, n_lines)
                n_before += n_lines

    def _read_block(self, block: memoryview, column: str, n_before: int, n_lines: int) -> Raw:
        """The documents of a block, behind ``n_before`` lines of the file."""
        texts = _parse(block, column)
        # Arrow gives null for a key that is not there, takes several objects from one line, and
        # passes over blank ones: with one string for each line it has done none of these.
        if texts is not None and len(texts) == n_lines and not texts.null_count:
            batch, lines = to_batch(texts)[0], np.arange(n_lines)
        else:
            batch, lines = self._read_lines(block, column, n_before)

        def place(number: int, byte: int) -> tuple[str, str]:
            return f"line {n_before + int(lines[number]) + 1}", f"byte {byte} of its text"

        return Raw(batch, place)

    def _read_lines(
        self, block: memoryview, column: str, n_before: int
    ) -> tuple[TextBatch, "np.ndarray[Any, Any]"]:
        """The documents of a block one by one, and the line of each."""
        documents: list[bytes] = []
        lines: list[int] = []
        for number, line in enumerate(bytes(block).split(b"\n")):
            if line.strip():
                text = self._text_of(line, column, n_before + number + 1)
                if text is None:
                    self.n_nulls += 1
                else:
                    documents.append(_encode(text))
                    lines.append(number)
        return TextBatch.from_bytes(documents), np.array(lines, np.int64)

    def _text_of(self, line: bytes, column: str, number: int) -> str | None:
        row = self._object(line, number)
        if column not in row:
            raise InputError(self._no_column(column, row, number))
        text = row[column]
        if text is not None and not isinstance(text, str):
            kind = type(text).__name__
            raise InputError(f"{self.path}: line {number}: {column!r} is no string but of {kind}")
        return text

    def _find_column(self, block: memoryview, n_before: int) -> str | None:
        """The key that holds the text in the first object of a block; none if all is blank."""
        for number, line in enumerate(bytes(block).split(b"\n"), n_before + 1):
            if line.strip():
                row = self._object(line, number)
                for name in COLUMNS:
                    if isinstance(row.get(name, 0), str | None):
                        return name
                raise InputError(self._no_column(None, row, number))
        return None

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            row = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape"))
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", error)
            raise InputError(f"{self.path}: line {number} is not JSON ({reason})") from error
        if not isinstance(row, dict):
            raise InputError(f"{self.path}: line {number} is JSON, but no object")
        return row

    def _no_column(self, column: str | None, row: dict[str, Any], number: int) -> str:
        found = f"it has {', '.join(row)}" if row else "it is empty"
        return no_column(column, f"{self.path}: line {number}", found)


def _parse(block: memoryview, column: str) -> "pa.Array[Any] | None":
    """The strings under one key of all lines; None where Arrow refuses a line."""
    import pyarrow as pa
    import pyarrow.json

    schema = pa.schema([(column, pa.large_string())])
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(pa.py_buffer(block)),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(block) + 1),
            pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowException:
        return None
    return table.column(0).combine_chunks()


def _encode(text: str) -> bytes:
    """A string as the bytes it was read from; a surrogate as bytes that are no UTF-8."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
