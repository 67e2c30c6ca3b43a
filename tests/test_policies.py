"""What packing wastes, against policies that move token by token."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cygnet, refused
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import policies
from cygnet.tokens.batch import IGNORED
from cygnet.tokens.build import build
from cygnet.tokens.policies import Waste, compare_policies

Token = tuple[int, int]
"""Its document, and its place there."""
Rows = list[list[Token]]


def tokens(document: int, first: int, last: int) -> list[Token]:
    return [(document, place) for place in range(first, last)]


def whole_pieces(lengths: list[int], size: int) -> tuple[Rows, Rows]:
    """Rows that long documents fill, and what is left to pack."""
    full, rest = [], []
    for document, length in enumerate(lengths):
        begin = 0
        while length - begin >= size:
            full.append(tokens(document, begin, begin + size))
            begin += size
        if begin < length:
            rest.append(tokens(document, begin, length))
    return full, rest


def first_fit(lengths: list[int], size: int) -> Rows:
    full, rest = whole_pieces(lengths, size)
    rows: Rows = []
    for piece in rest:
        row = next((row for row in rows if len(row) + len(piece) <= size), None)
        if row is None:
            rows.append(row := [])
        row.extend(piece)
    return full + rows


def best_fit(lengths: list[int], size: int) -> Rows:
    full, rest = whole_pieces(lengths, size)
    rows: Rows = []
    for piece in sorted(rest, key=len, reverse=True):
        fitting = [row for row in rows if len(row) + len(piece) <= size]
        if not fitting:
            rows.append([])
            fitting = rows[-1:]
        max(fitting, key=len).extend(piece)
    return full + rows


def chop(lengths: list[int], size: int) -> Rows:
    stream = [token for document, n in enumerate(lengths) for token in tokens(document, 0, n)]
    return [stream[i : i + size] for i in range(0, len(stream) - size + 1, size)]


def crop(lengths: list[int], size: int) -> Rows:
    """As nanochat's loader does it, with a buffer that runs empty at the end."""
    incoming = [tokens(document, 0, n) for document, n in enumerate(lengths)]
    buffer: Rows = []
    rows: Rows = []
    while incoming or buffer:
        row: list[Token] = []
        while len(row) < size + 1:
            while len(buffer) < policies.BUFFER and incoming:
                buffer.append(incoming.pop(0))
            if not buffer:
                break
            room = size + 1 - len(row)
            fitting = [piece for piece in buffer if len(piece) <= room]
            chosen = max(fitting, key=len) if fitting else min(buffer, key=len)
            buffer.remove(chosen)
            row.extend(chosen[:room])
        rows.append(row)
    return rows


def waste(policy: str, rows: Rows, lengths: list[int], size: int) -> Waste:
    """The figures of rows, counted."""
    rows = [row for row in rows if row]
    places = len(rows) * size
    kept = sum(map(len, rows))
    begins = {token[0]: number for number, row in enumerate(rows) for token in row if not token[1]}
    cut = sum(begins[token[0]] != number for number, row in enumerate(rows) for token in row)
    found = [[sum(token[0] == document for token in row) for row in rows] for document in
             range(len(lengths))]  # fmt: skip
    broken = sum(
        n <= size and max(counts, default=0) < n for n, counts in zip(lengths, found, strict=True)
    )
    return Waste(
        policy=policy,
        rows=len(rows),
        utilisation=kept / max(1, places),
        padding=places - kept,
        cut_documents=broken,
        cut=cut,
        discarded=sum(lengths) - kept,
        n_tokens=sum(lengths),
    )


@settings(max_examples=150)
@given(st.lists(st.integers(1, 25), min_size=1, max_size=30), st.integers(2, 14))
def test_waste_is_that_of_the_rows(lengths: list[int], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policies, "BUFFER", 4)
        found = compare_policies(np.array(lengths), size)
        expected = [
            waste("best fit", best_fit(lengths, size), lengths, size),
            waste("first fit", first_fit(lengths, size), lengths, size),
            waste("concatenate, chop", chop(lengths, size), lengths, size),
            waste("best-fit crop", crop(lengths, size), lengths, size + 1),
        ]
    assert found == expected


def test_a_cut_document_of_the_stream_that_ends_outside(tmp_path: Path) -> None:
    stream = compare_policies(np.array([3, 3]), 4)[2]
    assert (stream.rows, stream.cut_documents, stream.cut, stream.discarded) == (1, 1, 0, 2)


def test_the_command_prints_the_figures(tmp_path: Path) -> None:
    build(tmp_path, Tokenizer([]), {"train": ["one", "three", "seven", "x" * 40]})
    plain = cygnet("tokens", "pack", tmp_path, "--block-size", "16")
    assert plain.returncode == 0, plain.stderr
    assert "4 documents, 57 tokens, rows of 16" in plain.stdout
    assert "best-fit crop" in plain.stdout
    figures = json.loads(cygnet("tokens", "pack", tmp_path, "--block-size", "16", "--json").stdout)
    assert [row["policy"] for row in figures][:2] == ["best fit", "first fit"]
    assert figures[0]["rows"] == 4
    first = cygnet("tokens", "pack", tmp_path, "--documents", "2", "--json", "--window", "1")
    assert json.loads(first.stdout)[0]["n_tokens"] == 10
    assert "rows of 0 tokens" in refused(cygnet("tokens", "pack", tmp_path, "--block-size", "0"))


def test_show_takes_an_order(tmp_path: Path) -> None:
    tokenizer = Tokenizer([])
    build(tmp_path / "tokens", tokenizer, {"train": ["ab", "cde"]})
    tokenizer.save(tmp_path / "tokenizer")
    result = cygnet("tokens", "show", tmp_path, "--order", "packed", "--block-size", "8",
                    "--batch-size", "1")  # fmt: skip
    assert result.returncode == 0, result.stderr
    rows = [line[2:] for line in result.stdout.splitlines() if line.startswith("y ")]
    found = [int(cell) for cell in "│".join(rows).split("│")]
    assert found == [*b"cde", 256, *b"ab", 256, IGNORED]
