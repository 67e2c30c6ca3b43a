"""Arrow columns of strings as ``TextBatch``: the text stays where it is.

Arrow keeps the strings of an array one after the other in a buffer, and where each begins in
another; a dictionary array has one string for all of its equal rows. Both are what a ``TextBatch``
is, so only the borders are made anew. Source: arrow.apache.org/docs/format/Columnar.html.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.text.batch import TextBatch, as_batches

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("text", "content", "contents")
"""Where text is looked for when no column is named."""
ROWS_AT_ONCE = 1000
Borders = npt.NDArray[np.int64]


def column_batches(column: Any) -> Iterator[TextBatch]:
    """The documents of a string column, without its nulls; the text is not copied.

    Args:
        column: A ``pyarrow.Array`` or ``ChunkedArray`` of ``string``, ``large_string`` or
            ``string_view``, or of a dictionary of these.

    Raises:
        InputError: It holds something else.

    >>> import pyarrow as pa
    >>> [list(batch) for batch in column_batches(pa.chunked_array([["a", None], ["b"]]))]
    [['a'], ['b']]
    """
    if not is_text(column.type):
        raise InputError(f"a column of {column.type} holds no text")
    for array in getattr(column, "chunks", [column]):
        yield to_batch(array)[0]


def to_batch(array: "pa.Array[Any]") -> tuple[TextBatch, Borders]:
    """One array of strings as a batch without its nulls, and the row of each document.

    Cost: 1 to 3 ns a row; a ``string_view`` is copied, others are not.
    """
    import pyarrow as pa

    rows = np.flatnonzero(_valid(array))
    if not pa.types.is_dictionary(array.type):
        data, starts, ends = _borders(array)
        return TextBatch(data, starts[rows], ends[rows]), rows
    data, starts, ends = _borders(array.dictionary)
    places = np.asarray(array.indices.fill_null(0), np.int64)[rows]
    is_string = _valid(array.dictionary)[places]  # the dictionary may hold a null, too
    rows, places = rows[is_string], places[is_string]
    return TextBatch(data, starts[places], ends[places]), rows


def _borders(array: Any) -> tuple[npt.NDArray[np.uint8], Borders, Borders]:
    """The buffer that holds the strings of an array, and where each starts and ends in it."""
    import pyarrow as pa

    if array.type == pa.string_view():
        array = array.cast(pa.large_string())
    _, offsets, content = array.buffers()
    if not len(array) or content is None:
        nowhere = np.zeros(len(array), np.int64)
        return np.empty(0, np.uint8), nowhere, nowhere
    kind = np.int64 if array.type == pa.large_string() else np.int32
    places = np.frombuffer(offsets, kind)[array.offset : array.offset + len(array) + 1]
    places = places.astype(np.int64)
    data = np.frombuffer(content, np.uint8)[places[0] : places[-1]]
    return data, places[:-1] - places[0], places[1:] - places[0]


def _valid(array: Any) -> npt.NDArray[np.bool_]:
    """For each row whether it is a string, and no null."""
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    found: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return found


def is_text(kind: Any) -> bool:
    """Whether a type of Arrow is one of text."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string(), pa.string_view())


def find_column(schema: "pa.Schema", wanted: str | None, where: object) -> str:
    """The column that holds the text.

    Args:
        schema: Of a file or a table.
        wanted: Its name; else the first of ``COLUMNS`` that is there is taken.
        where: What the message of an error calls it.

    Raises:
        InputError: There is no such column, or it holds no strings; the message names those that
            do.
    """
    columns = [field.name for field in schema if is_text(field.type)]
    for name in COLUMNS if wanted is None else (wanted,):
        if columns.count(name) == 1:
            return name
    if not columns:
        every = ", ".join(f"{field.name} ({field.type})" for field in schema) or "none"
        raise InputError(f"{where} has no column of text; its columns are {every}")
    raise InputError(no_column(wanted, where, f"its columns of text are {', '.join(columns)}"))


def no_column(wanted: str | None, where: object, found: str) -> str:
    """One line for a column that is not there."""
    lacks = repr(wanted) if wanted is not None else _choice(COLUMNS)
    return f"{where} has no column {lacks}; {found}: name one with --text.column"


def _choice(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def is_dataset(text: object) -> bool:
    """Whether this is a ``datasets.Dataset`` or ``IterableDataset``; imports nothing."""
    return type(text).__module__.partition(".")[0] == "datasets" and hasattr(text, "with_format")


def is_arrow(text: object) -> bool:
    """Whether this is an array of ``pyarrow``; imports nothing."""
    return type(text).__module__ == "pyarrow.lib" and hasattr(text, "null_count")


def dataset_batches(dataset: Any) -> Iterator[TextBatch]:
    """The documents of a ``datasets.Dataset`` or ``IterableDataset``, without nulls.

    Raises:
        InputError: It is a dictionary of splits, or has no column of text.
    """
    where = f"the {type(dataset).__name__}"
    if dataset.features is None:  # each row may have a type of its own
        yield from as_batches(_rows(dataset, where))
        return
    column = find_column(dataset.features.arrow_schema, None, where)
    for table in dataset.select_columns([column]).with_format("arrow").iter(ROWS_AT_ONCE):
        yield from column_batches(table.column(column))


def _rows(dataset: Any, where: str) -> Iterator[str]:
    """The text of each row of a data set whose columns are not known beforehand."""
    column = None
    for row in dataset:
        if column is None:
            column = next((name for name in COLUMNS if name in row), None)
            if column is None:
                raise InputError(no_column(None, where, f"its columns are {', '.join(row)}"))
        if row[column] is not None:
            yield row[column]
