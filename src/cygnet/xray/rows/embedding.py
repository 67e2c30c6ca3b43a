"""``Embedding``: the rows of a model by token."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.console import say
from cygnet.errors import InputError
from cygnet.tokenizer.display import SPACE
from cygnet.transformer.any_tokenizer import AnyTokenizer, load_tokenizer
from cygnet.xray.rows.kinds import row_kinds
from cygnet.xray.rows.matrix import RowMatrix, nearest
from cygnet.xray.rows.result import (
    LIVE,
    By,
    MatrixOverview,
    Neighbour,
    RowFigures,
    RowName,
    TokenRow,
)
from cygnet.xray.trace import shown
from cygnet.xray.undertrained.ground_truth import read_counts
from cygnet.xray.undertrained.indicators import Ids
from cygnet.xray.undertrained.subject import open_subject

N_NEIGHBOURS = 10
N_ENDS = 5


@dataclass(frozen=True, eq=False)
class Embedding:
    """The input and output rows of a model, with their tokens.

    Attributes:
        tokenizer: Of the model.
        matrices: ``W_E`` and ``W_U``, or ``W`` alone where they are tied.
        kinds: Ids by what they stand for, of ``result.KINDS``; each row is in one of them.
        counts: How often each id occurs in the train split, where that is known.
    """

    tokenizer: AnyTokenizer
    matrices: Mapping[str, RowMatrix]
    kinds: Mapping[str, Ids]
    counts: npt.NDArray[np.uint64] | None

    @property
    def n_rows(self) -> int:
        """Rows of each matrix."""
        return len(next(iter(self.matrices.values())).rows)

    def token(self, token: int | str, n_neighbours: int = N_NEIGHBOURS) -> TokenRow:
        """Where the row of a token lies.

        Args:
            token: Its id, or its text exactly.
            n_neighbours: How many.

        Raises:
            InputError: As ``find``; or there is no such row.

        Cost: two passes over the rows of each matrix.
        """
        found = self.find(token) if isinstance(token, str) else token
        name = self.name(found)
        if n_neighbours < 0:
            raise InputError(f"the number of neighbours is {n_neighbours}: it can be 0 or more")
        return TokenRow(
            name,
            {
                matrix: self._figures(rows, found, n_neighbours)
                for matrix, rows in self.matrices.items()
            },
        )

    def name(self, token: int) -> RowName:
        """A row by its token. Raises InputError if there is no such row."""
        if not 0 <= token < self.n_rows:
            raise InputError(
                f"token {token} has no row: the embedding has {self.n_rows:,}, from 0 to"
                f" {self.n_rows - 1:,}"
            )
        is_padding = token >= self.tokenizer.vocab_size
        content = b"" if is_padding else self.tokenizer.token_bytes(token)
        count = None if self.counts is None else int(self.counts[token])
        return RowName(token, shown(content, token), self._kind_of[token], count)

    def find(self, text: str) -> int:
        """The token whose bytes are those of a text.

        Raises:
            InputError: There is none, or several; the message names others that are like it.
        """
        ids = self._ids_of.get(text.encode(), [])
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise InputError(f"several tokens are {text!r}: name one by its id, {_words(ids)}")
        parts = [f"{self.name(i).text} ({i})" for i in self.tokenizer.encode(text)]
        split = f"; as a text it is {' '.join(parts)}" if parts else ""
        raise InputError(f"no token is {text!r}{self._alike(text)}{split}")

    def ids_of(self, text: str) -> list[int]:
        """All tokens whose bytes are those of a text."""
        return list(self._ids_of.get(text.encode(), []))

    def overview(self, n_ends: int = N_ENDS) -> dict[str, MatrixOverview]:
        """Norms of the kinds of rows, and the shortest and longest rows, by matrix.

        Args:
            n_ends: How many of the shortest and of the longest.
        """
        found = {}
        for matrix, rows in self.matrices.items():
            order = np.argsort(rows.norms, kind="stable")
            ends = [
                tuple((self.name(i), float(rows.norms[i])) for i in ids.tolist())
                for ids in (order[:n_ends], order[::-1][:n_ends])
            ]
            found[matrix] = MatrixOverview(rows.kind_figures(), *ends)
        return found

    def picture(self, matrix: str) -> dict[str, Any]:
        """The rows of a matrix in the plane in which they vary most, as plain JSON values.

        Returns:
            ``shares``: of the variance along the two axes; ``ids`` and ``points`` (pairs, to four
            digits) by kind.
        """
        rows = self.matrices[matrix]
        points = rows.places.round(4)
        return {
            "shares": rows.plane.shares.tolist(),
            "ids": {kind: ids.tolist() for kind, ids in self.kinds.items()},
            "points": {kind: points[ids].tolist() for kind, ids in self.kinds.items()},
        }

    def show(self) -> None:
        """Print the norms of the kinds of rows, and the shortest and the longest rows."""
        from cygnet.xray.rows.view import print_overview

        print_overview(self, N_ENDS)

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.rows.page import overview_html

        return in_notebook(overview_html(self.overview()))

    def _figures(self, rows: RowMatrix, token: int, n: int) -> RowFigures:
        cosines, distances = rows.cosines(token), rows.distances(token)
        neighbours: dict[By, tuple[Neighbour, ...]] = {}
        for by in ("cosine", "distance"):
            neighbours[by] = tuple(
                Neighbour(self.name(i), float(cosines[i]), float(distances[i]))
                for i in nearest(token, n, by, cosines, distances).tolist()
            )
        return RowFigures(
            norm=float(rows.norms[token]),
            longer_than=rows.longer_than(token),
            to_centroid=rows.to_centroids(token),
            cosine_with_mean=rows.cosine_with_mean(token),
            neighbours=neighbours,
        )

    @cached_property
    def _kind_of(self) -> list[str]:
        found = [LIVE] * self.n_rows
        for kind, ids in self.kinds.items():
            for i in ids.tolist():
                found[i] = kind
        return found

    @cached_property
    def _ids_of(self) -> dict[bytes, list[int]]:
        found: dict[bytes, list[int]] = {}
        for i in range(min(self.tokenizer.vocab_size, self.n_rows)):
            found.setdefault(self.tokenizer.token_bytes(i), []).append(i)
        found.pop(b"", None)
        return found

    def _alike(self, text: str) -> str:
        """The token with a blank before it or without, or with blanks where marks are, in words."""
        other = text[1:] if text.startswith(" ") else f" {text}"
        found = {like: self.ids_of(like) for like in (other, text.replace(SPACE, " "))}
        named = [f"{like!r} is token {_words(ids)}" for like, ids in found.items() if ids]
        return f", but {' and '.join(named)}" if named else ""


def open_embedding(path: str | Path) -> Embedding:
    """The embedding rows of a run folder, or of any causal model folder of ``transformers``.

    Raises:
        InputError: There is no model or no tokenizer, or a row is not finite.
        DamagedError: A file of it is damaged.
    """
    subject = open_subject(Path(path))
    counts = read_counts(subject.path) if subject.is_run else None
    kinds = row_kinds(subject.names, len(subject.inputs), counts)
    matrices = {"W": subject.inputs}
    if not subject.is_tied:
        matrices = {"W_E": subject.inputs, "W_U": subject.outputs}
    return Embedding(
        load_tokenizer(path),
        {name: RowMatrix(rows, kinds) for name, rows in matrices.items()},
        kinds,
        counts,
    )


def token_named(embedding: Embedding, word: str) -> int:
    """The token that a word of a command names: a number is an id, all else a text.

    Says where a number is the text of another token.

    Raises:
        InputError: As ``Embedding.find``.
    """
    if not (word.isascii() and word.isdecimal()):
        return embedding.find(word)
    if others := [i for i in embedding.ids_of(word) if i != int(word)]:
        say(f"{word} is read as an id; the token whose text is {word!r} is {_words(others)}")
    return int(word)


def token_row(path: str | Path, token: int | str, n_neighbours: int = N_NEIGHBOURS) -> TokenRow:
    """Where the row of one token lies; arguments and errors as of ``Embedding.token``.

    Opens the model each time: for several tokens take ``open_embedding``.
    """
    return open_embedding(path).token(token, n_neighbours)


def _words(ids: list[int]) -> str:
    return " or ".join(map(str, ids))
