"""A BPE cut from a BPE: by a naive choice, and read by the libraries of others."""

import json
from pathlib import Path

import numpy as np
import pytest
import regex
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from compact_cases import BASE, FAITHFUL, LOSSLESS, NAMES, STORIES, cut, flat, stories
from corpora import documents, files
from cygnet.errors import DamagedError, InputError
from cygnet.text.batch import TextBatch
from cygnet.tokenizer import reference
from cygnet.tokenizer.frequencies import count_tokens
from cygnet.tokenizer.lossless import choose_tokens, cut_lossless, find_parents
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary
from format_oracles import TEXTS
from oracles import oracle


def naive_choice(vocabulary: Vocabulary, counts: list[int], n_wanted: int) -> set[int]:
    """Remove the leaf that occurs least, again and again; every count is a loop."""
    made_of = {}
    for left, right, token in vocabulary.merges.tolist():
        made_of.setdefault(token, (left, right))
    kept = set(range(256)) | {token for token, count in enumerate(counts) if count}
    while missing := {part for token in kept for part in made_of.get(token, ())} - kept:
        kept |= missing
    while len(kept) > n_wanted:
        parents = {part for token in kept for part in made_of.get(token, ())}
        leaf = min(kept - parents - set(range(256)), key=lambda token: (counts[token], -token))
        kept.remove(leaf)
        for part in made_of[leaf]:
            counts[part] += counts[leaf]
    return kept


@pytest.mark.parametrize("n_wanted", [256, 257, 300, 450, 640])
def test_the_leaf_that_occurs_least_goes_first(n_wanted: int) -> None:
    counts = count_tokens(BASE, [TextBatch.from_strings(STORIES)]).counts
    kept = choose_tokens(BASE.vocabulary, find_parents(BASE.vocabulary), counts, n_wanted)
    right = naive_choice(BASE.vocabulary, counts[:699].tolist(), n_wanted)
    assert set(kept.nonzero()[0].tolist()) == right
    assert len(right) == n_wanted


def test_it_is_the_bpe_of_the_merges_that_are_left() -> None:
    ranks = reference.ranks(LOSSLESS.merges)
    words = {word.encode() for text in STORIES[:99] for word in regex.findall(r" ?\S+|\s", text)}
    for word in words:
        assert LOSSLESS.encode(word.decode()) == reference.encode(word, ranks), word
    assert LOSSLESS.vocabulary.token_bytes[:256] == [bytes([byte]) for byte in range(256)]
    assert LOSSLESS.special_tokens == {"<|endoftext|>": 398, "<|padding|>": 399}
    assert LOSSLESS.n_live == 400
    assert LOSSLESS.vocab_size == 500
    known = {BASE.token_bytes(token) for token in range(699)}
    assert {LOSSLESS.token_bytes(token) for token in range(398)} <= known


@settings(max_examples=25)
@given(st.lists(st.sampled_from(STORIES), min_size=1, max_size=3), st.integers(256, 600))
def test_text_whose_tokens_all_stay_keeps_its_tokens(text: list[str], n_learned: int) -> None:
    counts = count_tokens(BASE, [TextBatch.from_strings(STORIES)]).counts
    tokenizer = cut_lossless(BASE, counts, live=n_learned + 2, dead=1)
    left = {tokenizer.token_bytes(token): token for token in range(n_learned)}
    for word in regex.findall(r" ?\p{L}+|[^\p{L}]", " ".join(text)):
        tokens = [BASE.token_bytes(token) for token in BASE.encode(word)]
        if all(token in left for token in tokens):
            assert tokenizer.encode(word) == [left[token] for token in tokens], word


def test_a_token_that_only_a_whole_word_becomes() -> None:
    tokens = [*(bytes([byte]) for byte in range(256)), b"hu", b"xyz"]
    merges = np.array([[104, 117, 256]], np.int32)
    base = Tokenizer(Vocabulary(tokens, merges, whole_words=True))
    both = cut("lossless", base, ["xyz hu"], live=260, dead=1)
    assert both.encode("xyz hu") == [257, 32, 256]
    one = cut("lossless", base, ["xyz hu"], live=259, dead=1)  # they occur equally often
    assert one.encode("xyz hu") == [*b"xyz ", 256]


def test_it_packs_more_into_a_token_than_a_choice_by_frequency_alone() -> None:
    found = count_tokens(BASE, [TextBatch.from_strings(STORIES)])
    parents = find_parents(BASE.vocabulary)
    kept = set(range(256))
    for token in found.ranked.tolist():
        family, above = {token}, [token]
        while above:
            above = [p for p in parents[above.pop()].tolist() if p >= 0 and p not in kept] + above
            family |= set(above)
        if len(kept | family) <= 398:
            kept |= family
    counts = np.isin(np.arange(700), list(kept)).astype(np.int64)
    by_frequency = cut_lossless(BASE, counts, live=400, dead=0)
    assert len(flat(LOSSLESS, STORIES)) < len(flat(by_frequency, STORIES))


@settings(max_examples=200)
@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert LOSSLESS.decode(LOSSLESS.encode(text)) == text


def test_all_real_data_comes_back_without_an_unknown(data: Path) -> None:
    text = stories(data, 3000)
    base = oracle("gpt2", data / "tokenizers").tokenizer
    tokenizer = cut("lossless", base, text, live=5000, dead=2048)
    assert tokenizer.is_lossless
    paths = files(data)
    assert len(paths) > 500
    n_bytes = 0
    for path in paths:
        batch = TextBatch.from_strings(documents(path))
        ids, _ = tokenizer.encode_batch(batch)
        assert len(ids) == 0 or int(ids.max()) < 4998, path
        assert tokenizer.decode_bytes(ids.tolist()) == b"".join(
            batch.document_bytes(i) for i in range(len(batch))
        ), path
        n_bytes += batch.text_bytes
    assert n_bytes > 60e6


@pytest.mark.parametrize("name", NAMES)
def test_hugging_face_gives_the_same_ids(data: Path, name: str, tmp_path: Path) -> None:
    text = stories(data, 600)
    base = oracle(name, data / "tokenizers").tokenizer
    tokenizer = cut("lossless", base, text, live=2500, dead=700)
    tokenizer.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert len(theirs) == tokenizer.vocab_size == 3200
    assert (theirs.eos_token_id, theirs.pad_token_id) == (2498, 2499)
    texts = [t for t in (*text[:20], *stories(data, 700)[600:], *TEXTS) if "<|endof" not in t]
    for document in texts:
        ids = theirs(document, add_special_tokens=False)["input_ids"]
        assert tokenizer.encode(document) == ids
        assert theirs.decode(ids) == tokenizer.decode(ids)
    assert theirs.decode([2500, *ids, 3199]) == tokenizer.decode(ids)
    again = Tokenizer.load(tmp_path)
    assert again.dead_ids == range(2500, 3200)
    assert again.sha256 == tokenizer.sha256


NAMED = [f"{before}<|dead {token}|>{after}" for token in (400, 499, 7) for before in ("", "a ")
         for after in ("", "\n")]  # fmt: skip


@pytest.mark.parametrize("pattern", ["gpt2", r"[\s\S]+"])
@pytest.mark.parametrize("whole_words", [False, True])
def test_no_text_becomes_a_dead_row(tmp_path: Path, pattern: str, whole_words: bool) -> None:
    vocabulary = LOSSLESS.vocabulary
    vocabulary = Vocabulary(vocabulary.token_bytes, vocabulary.merges, whole_words)
    tokenizer = Tokenizer(vocabulary, pattern, LOSSLESS.special_tokens, n_dead=100)
    tokenizer.save(tmp_path)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert theirs.get_vocab_size() == 500
    assert theirs.id_to_token(400) == "<|dead 400|>"
    for text in (*NAMED, "".join(NAMED), "Ġ".join(NAMED)):
        assert max(tokenizer.encode(text)) < 400
        assert theirs.encode(text).ids == tokenizer.encode(text)
        assert tokenizer.decode(tokenizer.encode(text)) == text


def test_dead_rows_that_are_not_the_last_ones(tmp_path: Path) -> None:
    LOSSLESS.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    del content["model"]["vocab"]["<|dead 450|>"]
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match="its 99 dead rows are not its last ones"):
        Tokenizer.load(tmp_path)
    with pytest.raises(InputError, match="it cannot keep 100 dead ones"):
        from cygnet.tokenizer import formats

        formats.save(LOSSLESS, tmp_path / "x.tiktoken", "tiktoken")
    with pytest.raises(InputError, match="a compact vocabulary is no BPE"):
        formats.save(FAITHFUL, tmp_path / "x.tiktoken", "tiktoken")


def test_special_tokens_in_text_stay_text() -> None:
    text = "a <|endoftext|> b <|padding|>"
    assert max(LOSSLESS.encode(text)) < 398
    assert LOSSLESS.encode(text, allowed_special=["<|endoftext|>"]).count(398) == 1
