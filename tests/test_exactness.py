"""The same ids and the same words as tiktoken and ``tokenizers``, on real text and on worse."""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpora
import fuzz
from cygnet.kernels.log import MOST_WRITTEN
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.counting import count_words
from cygnet.tokenizer.patterns import PATTERNS, Splitter
from cygnet.tokenizer.tokenizer import Tokenizer
from oracles import (
    NAMES,
    Oracle,
    assert_same_ids,
    oracle,
    show,
    tiktoken_patterns,
    tiktoken_words,
    tokenizers_words,
)

CONTRACTED = ["s", "S", "ll", "lL", "Ll", "LL", "rE", "Re", "vE", "t", "ſ", "x", "l", "lLy"]
SEED = 2026
every_pattern = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def found(name: str, data: Path) -> Oracle:
    return oracle(name, data / "tokenizers")


def chunks(texts: Iterator[str], size: int = 5_000) -> Iterator[list[str]]:
    while chunk := list(itertools.islice(texts, size)):
        yield chunk


# Words: the patterns alone, no vocabulary.


def assert_same_words(name: str, text: str, words: list[str]) -> None:
    got = Splitter(PATTERNS[name])(text)
    assert got == words, f"{name}: got {got}, not {words}, in {text!r} = {show(text)}"


@every_pattern
def test_the_words_are_those_of_tiktoken(name: str) -> None:
    assert_words_of_tiktoken(name, n=600)


def assert_words_of_tiktoken(name: str, n: int) -> None:
    pattern = tiktoken_patterns()[name]
    for texts in chunks((text[:36] for text in fuzz.texts(SEED, n)), 100):
        for text, words in zip(texts, tiktoken_words(pattern, texts), strict=True):
            assert_same_words(name, text, words)


@every_pattern
def test_tokenizers_reads_the_patterns_that_are_saved_in_the_same_way(name: str) -> None:
    for text in itertools.chain(fuzz.texts(SEED, 2_000), fuzz.borders(3)):
        assert_same_words(name, text, tokenizers_words(PATTERNS[name], text))


def around(character: str) -> str:
    """A character in every place where a pattern asks what it is."""
    c = character
    return f"a{c}b {c}{c} 1{c}2 !{c}?'{c}\n'{c}e'r{c} {c}1{c}\r{c}\x00A{c}a'S{c} \n{c}"


@every_pattern
def test_characters_at_the_borders_of_unicode_classes_split_as_in_tokenizers(name: str) -> None:
    for kind in range(7):
        _, borders = fuzz.code_points(kind)
        text = "".join(around(chr(code_point)) for code_point in borders[::7])
        assert_same_words(name, text, tokenizers_words(PATTERNS[name], text))


# Ids: the real vocabularies.


@every_pattern
def test_random_strings_have_the_same_ids(found: Oracle) -> None:
    assert assert_same_ids(found, fuzz.texts(SEED, 2_000)) > 30_000


@every_pattern
def test_every_kind_of_border_at_any_offset_has_the_same_ids(found: Oracle) -> None:
    assert_same_ids(found, itertools.islice(fuzz.borders(132), 0, None, 29))


def cut_at_random(texts: list[str], seed: int) -> TextBatch:
    """Documents that are places in one buffer, in any order: next to and inside each other."""
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    rng = np.random.default_rng(seed)
    characters = np.flatnonzero((data & 0xC0) != 0x80)
    n = 4 * len(texts)
    borders = np.sort(rng.choice(characters, n + 5))
    reach = rng.choice([1, 1, 1, 1, 5], n)
    order = rng.permutation(n)
    return TextBatch(data, borders[order], borders[order + reach[order]])


@every_pattern
def test_a_document_does_not_see_what_stands_beside_it(found: Oracle) -> None:
    batch = cut_at_random(list(fuzz.texts(SEED + 3, 500)), seed=3)
    assert (batch.starts == batch.ends).any() and not (np.diff(batch.starts) > 0).all()
    assert_same_ids(found, batch)


@every_pattern
def test_encode_gives_what_encode_batch_gives(found: Oracle) -> None:
    texts = list(fuzz.texts(SEED + 1, 300))
    ids, offsets = found.tokenizer.encode_batch(texts)
    for text, (start, end) in zip(texts, itertools.pairwise(offsets.tolist()), strict=True):
        assert found.tokenizer.encode(text) == ids[start:end].tolist(), show(text)


@cache
def sample(data: Path) -> list[str]:
    return corpora.beginnings(corpora.files(data), n_characters=3_000)


@every_pattern
def test_real_documents_have_the_same_ids_alone_and_as_one_string(
    found: Oracle, data: Path
) -> None:
    documents = sample(data)
    assert len(documents) > 600
    assert assert_same_ids(found, documents) > 400_000
    assert_same_ids(found, ["".join(documents)])


@every_pattern
def test_rows_of_parquet_files_have_the_same_ids(found: Oracle, data: Path) -> None:
    pytest.importorskip("pyarrow")
    rows = corpora.beginnings(corpora.files(data, corpora.PARQUET), n_characters=20_000)
    assert assert_same_ids(found, rows) > 20_000


def test_qwen_brings_text_to_normal_form_first(data: Path) -> None:
    # tokenizers has the normal forms of an older Unicode. Those of characters that were assigned
    # in Unicode 3.2 can change no more.
    known = unicodedata.ucd_3_2_0.category
    documents = [*fuzz.texts(SEED, 2_000), *map(around, "éÅẛ̣가각"), "e\u0301 A\u030a \u1100\u1161"]
    documents += [path.read_text("utf-8") for path in data.glob("multilingual/unicode_stress/N*")]
    settled = ["".join(c for c in document if known(c) != "Cn") for document in documents]
    assert_same_ids(oracle("qwen2-nfc", data / "tokenizers"), settled)


# Ids that other people's pipelines wrote.


def test_a_file_of_ids_with_its_boundaries_comes_out_of_its_text(data: Path) -> None:
    """One string, in which ``<|endoftext|>`` is a token and the newlines around it are text.

    Its first 90 % of ids are one file, the rest the other.
    """
    tokenizer = oracle("gpt2", data / "tokenizers").tokenizer
    folder = data / "tinystories"
    text = (folder / "tinystories_sample_5M.txt").read_bytes().decode()
    ids = tokenizer.encode(text, allowed_special=["<|endoftext|>"])
    parts = [np.fromfile(folder / f"sample5M_part{part}.gpt2.uint16.bin", "<u2") for part in (0, 1)]
    assert len(parts[0]) == len(ids) * 9 // 10
    np.testing.assert_array_equal(ids, np.concatenate(parts))


def test_a_file_of_ids_comes_out_of_its_stories_each_with_a_boundary_behind_it(data: Path) -> None:
    """No blank stands before or behind a story; 50256 ends each, the last one too."""
    tokenizer = oracle("gpt2", data / "tokenizers").tokenizer
    expected = np.fromfile(data / "tinystories" / "czhou578_val.gpt2.uint16.bin", "<u2")
    *stories, rest = tokenizer.decode(expected.tolist()).split("<|endoftext|>")
    assert len(stories) == 3_117 and rest == "" and all(s == s.strip() for s in stories)
    ids, offsets = tokenizer.encode_batch(stories, append="<|endoftext|>")
    np.testing.assert_array_equal(ids, expected)
    np.testing.assert_array_equal(offsets[1:], np.flatnonzero(expected == 50256) + 1)


# Properties: any string, any ids, every pattern.


@cache
def bytes_only(name: str) -> Tokenizer:
    return Tokenizer([], name)


@every_pattern
@settings(max_examples=200)
@given(text=st.text(max_size=300))
def test_decode_of_encode_is_the_text(name: str, text: str) -> None:
    tokenizer = bytes_only(name)
    assert tokenizer.encode(text) == list(text.encode())
    assert tokenizer.decode(tokenizer.encode(text)) == text


@every_pattern
def test_decode_of_encode_is_the_text_with_real_vocabularies(found: Oracle) -> None:
    for text in fuzz.texts(SEED + 2, 1_000):
        assert found.tokenizer.decode(found.tokenizer.encode(text)) == text, show(text)


@every_pattern
@pytest.mark.parametrize("seed", [1, 2])
def test_decode_takes_any_ids(found: Oracle, seed: int) -> None:
    ids = np.random.default_rng(seed).integers(0, found.tokenizer.vocab_size, 20_000).tolist()
    assert isinstance(found.tokenizer.decode(ids), str)


@every_pattern
@settings(max_examples=100)
@given(texts=st.lists(st.text(max_size=40) | st.text("a '\n1é中", max_size=80), max_size=12))
def test_a_batch_is_its_documents_one_by_one(name: str, texts: list[str]) -> None:
    tokenizer = bytes_only(name)
    ids, offsets = tokenizer.encode_batch(texts, append=0)
    assert ids.tolist() == [i for text in texts for i in [*tokenizer.encode(text), 0]]
    assert np.diff(offsets).tolist() == [len(text.encode()) + 1 for text in texts]


@pytest.mark.parametrize("name", ["gpt2", "o200k"])
def test_tables_of_any_size_give_the_same_ids(name: str, data: Path) -> None:
    """In the smallest ones every word is soon overwritten, and the log turns round and round."""
    found = oracle(name, data / "tokenizers")
    large = found.tokenizer
    small = Tokenizer(large.vocabulary, large.pattern, large.special_tokens)
    small.table_bytes = 1
    documents = [*fuzz.texts(SEED, 1_000), *corpora.beginnings(corpora.files(data), 3_000)] * 2
    for ours, theirs in zip(
        small.encode_batch(documents, threads=1), large.encode_batch(documents), strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_the_log_begins_anew_before_its_counter_overflows(data: Path) -> None:
    found = oracle("gpt2", data / "tokenizers")
    small = Tokenizer(found.tokenizer.vocabulary, found.tokenizer.pattern)
    small.table_bytes = 1
    documents = list(fuzz.texts(SEED, 500))
    expected, _ = small.encode_batch(documents, threads=1)
    (worker,) = small._encoder._idle
    written = worker._words[4]
    written[0] = MOST_WRITTEN - 100
    for _ in range(2):
        assert np.array_equal(small.encode_batch(documents, threads=1)[0], expected)
    assert written[0] < MOST_WRITTEN // 2


@pytest.mark.parametrize("pattern", PATTERNS)
def test_words_that_are_counted_are_those_of_the_regular_expression(pattern: str) -> None:
    """Ids alone would hide a wrong border where no token lies across it."""
    contractions = [f"{word}'{end}" for word in ("we", "WE", "x1") for end in CONTRACTED]
    texts = [*fuzz.texts(SEED, 1_500), " ".join(contractions) + " x" * 40, *contractions]
    split = Splitter(PATTERNS[pattern])
    expected = Counter(word.encode() for text in texts for word in split(text))
    assert count_words(texts, PATTERNS[pattern]).to_mapping() == expected
