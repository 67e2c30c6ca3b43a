"""One batch as ids and as text, ``x`` above ``y``, so that the shift by one can be seen."""

from collections.abc import Iterator, Sequence

from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.display import visible
from cygnet.tokens.batch import IGNORED, Batch


def batch_lines(batch: Batch, tokenizer: BaseTokenizer, width: int, rows: int = 1) -> Iterator[str]:
    """Lines of text that show the first rows of a batch.

    Args:
        batch: As ``TokenStore.get_batch`` gives it.
        tokenizer: The one that wrote the token files.
        width: Columns of the terminal; longer rows are folded.
        rows: How many rows to show.

    Each token has a column: its id and text in ``x``, and below it those in ``y``.
    """
    for row in range(min(rows, len(batch.x))):
        yield f"row {row}"
        columns = [
            [*_cells(x, tokenizer), *_cells(y, tokenizer)]
            for x, y in zip(batch.x[row].tolist(), batch.y[row].tolist(), strict=True)
        ]
        for fold in _fold(columns, width - len("x ")):
            sizes = [max(map(len, column)) for column in fold]
            for line, label in enumerate(("x ", "  ", "y ", "  ")):
                cells = (column[line].ljust(size) for column, size in zip(fold, sizes, strict=True))
                yield (label + "│".join(cells)).rstrip()
            yield ""


def _cells(token: int, tokenizer: BaseTokenizer) -> tuple[str, str]:
    """Id and text of a token; a target that does not count has no text."""
    text = "" if token == IGNORED else visible(tokenizer.token_bytes(token))
    return str(token), text


def _fold(columns: Sequence[list[str]], width: int) -> Iterator[list[list[str]]]:
    """Cut a row of columns into runs that fit into ``width``."""
    fold: list[list[str]] = []
    used = 0
    for column in columns:
        size = max(map(len, column)) + 1
        if fold and used + size > width:
            yield fold
            fold, used = [], 0
        fold.append(column)
        used += size
    yield fold
