"""The same ids as tiktoken and ``tokenizers``: all that there is, for minutes."""

import time
from pathlib import Path

import pytest

import corpora
import fuzz
from cygnet.tokenizer.patterns import PATTERNS, Splitter
from cygnet.tokenizer.unicode_classes import N_CODE_POINTS
from oracles import NAMES, Oracle, assert_same_ids, describe, oracle
from test_exactness import assert_words_of_tiktoken, chunks, cut_at_random

N_STRINGS = 1_000_000
SEED = 5
pytestmark = pytest.mark.stress
every_pattern = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def found(name: str, data: Path) -> Oracle:
    return oracle(name, data / "tokenizers")


@every_pattern
def test_every_document_of_every_file_has_the_same_ids(found: Oracle, data: Path) -> None:
    for path in corpora.files(data):
        assert_same_ids(found, corpora.documents(path))


@every_pattern
def test_every_file_as_one_string_has_the_same_ids(found: Oracle, data: Path) -> None:
    for path in corpora.files(data):
        assert_same_ids(found, [path.read_bytes().decode()])


@every_pattern
def test_every_row_of_every_parquet_file_has_the_same_ids(found: Oracle, data: Path) -> None:
    pytest.importorskip("pyarrow")
    for path in corpora.files(data, corpora.PARQUET):
        for rows in chunks(corpora.documents(path)):
            assert_same_ids(found, rows)
            assert_same_ids(found, ["".join(rows)])


@every_pattern
def test_a_million_random_strings_have_the_same_ids(found: Oracle) -> None:
    for texts in chunks(fuzz.texts(SEED, N_STRINGS)):
        assert_same_ids(found, texts)


@every_pattern
def test_random_strings_have_the_words_of_tiktoken(name: str) -> None:
    assert_words_of_tiktoken(name, n=20_000)


@every_pattern
def test_every_kind_of_border_at_every_offset_has_the_same_ids(found: Oracle) -> None:
    for texts in chunks(fuzz.borders(132)):
        assert_same_ids(found, texts)


@every_pattern
def test_every_character_of_unicode_has_the_same_ids(found: Oracle) -> None:
    scalars = (c for c in map(chr, range(N_CODE_POINTS)) if not "\ud800" <= c <= "\udfff")
    for texts in chunks(f"a{c}b{c}{c} {c}1 '{c}'r{c}\n{c}A{c}a\r " for c in scalars):
        assert_same_ids(found, texts)


@every_pattern
def test_documents_at_random_places_of_a_buffer_have_the_same_ids(found: Oracle) -> None:
    for seed, texts in enumerate(chunks(fuzz.texts(SEED + 1, 100_000))):
        assert_same_ids(found, cut_at_random(texts, seed))


@every_pattern
def test_words_of_up_to_100_000_bytes_have_the_same_ids(found: Oracle) -> None:
    for texts in chunks(fuzz.long_words(SEED, 400), 20):
        assert_same_ids(found, texts)


def million(unit: str, tail: str) -> str:
    return unit * (1_000_000 // len(unit)) + tail


@every_pattern
@pytest.mark.parametrize("tail", ["", "a", " a", "\n"])
@pytest.mark.parametrize("unit", ["a", " ", "\n", " \n", "\t", "é", "中", "=", "1", "\u0301"])
def test_a_million_equal_characters_have_the_same_ids(found: Oracle, unit: str, tail: str) -> None:
    # Word by word: with the patterns of GPT-4o and nanochat tiktoken's own split runs out of stack
    # on a million blanks.
    text = million(unit, tail)
    words = Splitter(PATTERNS[found.name])(text)
    expected = [token for word in words for token in found.encode_word(word.encode())]
    got = found.tokenizer.encode(text)
    assert got == expected, describe(found, text, got, expected)


@every_pattern
@pytest.mark.parametrize("unit", ["a", " ", "\n", "ab", "é", "=-"])
def test_the_time_for_a_word_is_nearly_linear_in_its_length(found: Oracle, unit: str) -> None:
    def seconds(n: int) -> float:
        text = (unit * n)[:n]
        begin = time.perf_counter()
        found.tokenizer.encode(text)
        return time.perf_counter() - begin

    seconds(1_000)
    assert seconds(1_000_000) < 25 * min(seconds(100_000) for _ in range(3))
