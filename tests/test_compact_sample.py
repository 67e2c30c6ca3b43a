"""The sample that a vocabulary is cut by, and what is counted on it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compact_cases import BASE, SAMPLE, SEED, STORIES, flat
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.frequencies import Frequencies, Sample, choose_documents, count_tokens
from cygnet.tokenizer.tokenizer import Tokenizer


def test_the_sample_is_that_of_datasets() -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"number": list(range(1000))})
    theirs = rows.shuffle(seed=SEED).select(range(SAMPLE))["number"]
    assert choose_documents(1000, SAMPLE, SEED).nonzero()[0].tolist() == sorted(theirs)
    assert choose_documents(1000, SAMPLE, SEED + 1).nonzero()[0].tolist() != sorted(theirs)


@pytest.mark.parametrize("sample", [None, 7, 8])
def test_a_sample_as_large_as_the_corpus_is_all_of_it(sample: int | None) -> None:
    assert choose_documents(7, sample, SEED).all()


@given(st.lists(st.integers(1, 60), max_size=12))
def test_the_sample_does_not_depend_on_batches(sizes: list[int]) -> None:
    borders = [0, *(end for end in itertools.accumulate(sizes) if end < len(STORIES))]
    spans = itertools.pairwise([*borders, len(STORIES)])
    batches = [TextBatch.from_strings(STORIES[start:end]) for start, end in spans]
    found = count_tokens(BASE, Sample.of(lambda: batches, SAMPLE, SEED).batches())
    chosen = choose_documents(len(STORIES), SAMPLE, SEED)
    text = list(itertools.compress(STORIES, chosen))
    assert found.counts.tolist() == np.bincount(flat(BASE, text), minlength=700).tolist()
    assert (found.n_documents, found.n_bytes) == (SAMPLE, sum(len(t.encode()) for t in text))


@pytest.mark.parametrize("pattern", ["gpt2", r"\s+|\S+"])
@pytest.mark.parametrize("sample", [1, 2, 3, None])
def test_a_document_in_parts_is_one_document(pattern: str, sample: int | None) -> None:
    tokenizer = Tokenizer(BASE.vocabulary, pattern)
    first = replace(TextBatch.from_strings(["a cat", "a long"]), continues=True)
    batches = [first, replace(TextBatch.from_strings([" long"]), continues=True)]
    batches.append(TextBatch.from_strings([" story", "the end"]))
    whole = ["a cat", "a long long story", "the end"]
    found = count_tokens(tokenizer, Sample.of(lambda: batches, sample, SEED).batches())
    text = list(itertools.compress(whole, choose_documents(3, sample, SEED)))
    assert found.counts.tolist() == np.bincount(flat(tokenizer, text), minlength=700).tolist()
    assert (found.n_documents, found.n_bytes) == (len(text), sum(map(len, text)))


def test_frequencies_by_hand() -> None:
    found = Frequencies(np.array([0, 5, 90, 5, 0]), n_documents=1, n_bytes=100)
    assert found.ranked.tolist() == [2, 1, 3]
    assert found.covered().tolist() == [90, 95, 100]
    assert [found.types_for(share) for share in (900, 901, 950, 951, 1000)] == [1, 2, 2, 3, 3]
