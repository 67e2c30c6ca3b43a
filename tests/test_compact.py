"""Vocabularies cut from others: counted by brute force, and read by the code of others."""

import collections
import functools
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import regex
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from conftest import cygnet, refused
from corpora import documents, files
from cygnet.errors import DamagedError, InputError
from cygnet.recipe import PRESETS
from cygnet.text.batch import TextBatch
from cygnet.text.stories import story
from cygnet.tokenizer import reference
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.compaction import compact
from cygnet.tokenizer.frequencies import Frequencies, Sample, choose_documents, count_tokens
from cygnet.tokenizer.lossless import choose_tokens, cut_lossless, find_parents
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from format_oracles import TEXTS
from hub_server import HubServer
from oracles import Oracle, oracle

STORIES = [story(5, number) for number in range(400)]
BASE = Tokenizer.train(STORIES, vocab_size=700)
SAMPLE, SEED = 150, 42
NAMES = ("gpt2", "cl100k", "qwen2")


def stories(data: Path, n: int) -> list[str]:
    text = (data / "tinystories" / "tinystories_train.txt").read_text()
    return [part.strip("\r\n") for part in text.split("<|endoftext|>")[:n]]


def cut(kind: str, base: Tokenizer = BASE, text: Sequence[str] = STORIES, **rows: int) -> Any:
    rows = rows or {"live": 400, "dead": 100}
    sample = Sample.of(lambda: [TextBatch.from_strings(text)], None, SEED)
    return compact(base, sample, **rows, lossless=kind == "lossless").tokenizer


FAITHFUL, LOSSLESS = cut("faithful"), cut("lossless")


# The sample


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


def flat(tokenizer: BaseTokenizer, text: Sequence[str]) -> list[int]:
    return [token for document in text for token in tokenizer.encode(document)]


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


# Faithful


def brute_force(
    encode: Callable[[str], list[int]], text: Sequence[str], live: int
) -> tuple[dict[int, int], list[list[int]]]:
    """The new id of each of the most frequent tokens, and the new ids of each document."""
    counts = collections.Counter(token for document in text for token in encode(document))
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    new = {token: number for number, token in enumerate(ranked[:live])}
    return new, [[new.get(token, 0) for token in encode(document)] for document in text]


def one_by_one(found: Oracle) -> Callable[[str], list[int]]:
    return functools.cache(lambda text: list(found.encode([text])[0]))


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_those_counted_by_brute_force(data: Path, name: str) -> None:
    text = stories(data, 1200)
    found = oracle(name, data / "tokenizers")
    theirs = one_by_one(found)
    tokenizer = CompactTokenizer.train(
        text, found.tokenizer, live=3000, dead=1096, sample=700, seed=SEED
    )
    chosen = list(itertools.compress(text, choose_documents(len(text), 700, SEED)))
    new, _ = brute_force(theirs, chosen, 3000)
    assert tokenizer.live_ids.tolist() == list(new)
    right = [[new.get(token, 0) for token in theirs(document)] for document in text]
    assert tokenizer(text) == {"input_ids": right}
    assert tokenizer.encode(text[3]) == right[3]
    assert sum(token not in new for document in text for token in theirs(document)) > 0
    ids, offsets = tokenizer.encode_batch(text, threads=2)
    assert ids.dtype == np.uint16
    assert [ids[a:b].tolist() for a, b in itertools.pairwise(offsets.tolist())] == right
    assert tokenizer.decode(right[0]) == "".join(
        tokenizer.token_bytes(token).decode() for token in right[0]
    )


@given(st.permutations(range(30)), st.integers(1, 60))
def test_the_order_of_documents_does_not_matter(order: list[int], live: int) -> None:
    text = STORIES[:30]
    first = CompactTokenizer.train(text, BASE, live=live, dead=5)
    second = CompactTokenizer.train([text[i] for i in order], BASE, live=live, dead=5)
    assert first.live_ids.tolist() == second.live_ids.tolist()


def test_ties_go_to_the_lower_id_of_the_base() -> None:
    assert CompactTokenizer.train("zcab", BASE, live=4, dead=0).live_ids.tolist() == [
        *(97, 98, 99, 122)
    ]


def test_names_of_the_original() -> None:
    assert len(FAITHFUL) == FAITHFUL.vocab_size == 500
    assert FAITHFUL.dead_ids == range(400, 500)
    assert FAITHFUL.n_live == 400
    ids = ("unk_id", "pad_token_id", "bos_token_id", "eos_token_id", "unk_token_id")
    assert {getattr(FAITHFUL, name) for name in ids} == {0}
    assert FAITHFUL.boundary_id is None
    assert FAITHFUL.special_tokens == {}
    assert FAITHFUL("") == {"input_ids": []}
    assert FAITHFUL([]) == {"input_ids": []}
    assert FAITHFUL(["", "a"])["input_ids"][0] == []
    assert not FAITHFUL.is_lossless


def test_dead_ids_decode_to_nothing_and_are_never_encoded() -> None:
    for tokenizer in (FAITHFUL, LOSSLESS):
        ids = tokenizer.encode("a hug")
        mixed = [tokenizer.dead_ids[0], *ids[:2], tokenizer.dead_ids[-1], *ids[2:]]
        assert tokenizer.decode(mixed) == tokenizer.decode(ids)
        assert "".join(tokenizer.decode_stream(mixed)) == tokenizer.decode(ids)
        assert max(flat(tokenizer, [*STORIES[:50], *TEXTS])) < tokenizer.dead_ids.start
        with pytest.raises(InputError, match=r"token 400 is dead: it stands in no text"):
            tokenizer.encode("a", append=400)
        with pytest.raises(InputError, match="id 500 at position 1 is out of range"):
            tokenizer.decode([0, 500])


def test_tokens_around_a_text_are_new_ids() -> None:
    ids = FAITHFUL.encode("a hug", prepend=3, append=0)
    assert ids == [3, *FAITHFUL.encode("a hug"), 0]
    flat_ids, offsets = FAITHFUL.encode_batch(["a", "b"], append=7)
    assert flat_ids[offsets[1:] - 1].tolist() == [7, 7]


def test_unknown_tokens_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lost = FAITHFUL.unknown("hug 日")
    assert b"".join(lost) == "日".encode()
    assert FAITHFUL.encode("hug 日")[-3:] == [0, 0, 0]
    FAITHFUL.show("hug 日")
    assert "3 of them unknown, now id 0: ‹e6›│‹97›│‹a5›" in capsys.readouterr().out


# token_mapping.json


class OriginalReader:
    """What the mapping is for: a table and a base, with the names of the file."""

    def __init__(self, path: Path, encode: Callable[[str], list[int]], decode: Any) -> None:
        mapping = json.loads(path.read_text())
        self.gpt2_to_compact = {int(k): int(v) for k, v in mapping["gpt2_to_compact"].items()}
        self.compact_to_gpt2 = {int(k): int(v) for k, v in mapping["compact_to_gpt2"].items()}
        self.unk_id, self.vocab_size = mapping["unk_id"], mapping["total_vocab"]
        self.n_live, self.n_dead = mapping["live_tokens"], mapping["dead_tokens"]
        self.live_token_ids = mapping["live_token_ids"]
        self._encode, self._decode = encode, decode

    def encode(self, text: str) -> list[int]:
        return [self.gpt2_to_compact.get(token, self.unk_id) for token in self._encode(text)]

    def decode(self, ids: list[int]) -> str:
        known = [self.compact_to_gpt2[i] for i in ids if i in self.compact_to_gpt2]
        return str(self._decode(known))


def test_ours_loads_there(data: Path, tmp_path: Path) -> None:
    text = stories(data, 300)
    base = oracle("gpt2", data / "tokenizers").tokenizer
    CompactTokenizer.train(text, base, live=2000, dead=500).save(tmp_path)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "base" / "tokenizer.json"))
    reader = OriginalReader(
        tmp_path / "token_mapping.json", lambda t: theirs.encode(t).ids, theirs.decode
    )
    ours = Tokenizer.load(tmp_path)
    assert isinstance(ours, CompactTokenizer)
    for document in stories(data, 400)[290:]:
        ids = reader.encode(document)
        assert ours.encode(document) == ids
        assert ours.decode([*ids, 2400]) == reader.decode([*ids, 2400])
    assert (reader.n_live, reader.n_dead, reader.vocab_size) == (2000, 500, ours.vocab_size)
    assert list(json.loads((tmp_path / "token_mapping.json").read_text())) == [
        *("live_tokens", "dead_tokens", "total_vocab", "unk_id"),
        *("gpt2_to_compact", "compact_to_gpt2", "live_token_ids"),
    ]
    assert reader.live_token_ids == ours.live_ids.tolist()


MAPPING: dict[str, Any] = {
    "live_tokens": 3,
    "dead_tokens": 2,
    "total_vocab": 5,
    "unk_id": 0,
    "gpt2_to_compact": {"46": 0, "97": 1, "32": 2},
    "compact_to_gpt2": {"0": 46, "1": 97, "2": 32},
    "live_token_ids": [46, 97, 32],
}


def write(folder: Path, changes: Mapping[str, Any] = {}) -> Path:
    Tokenizer([]).save(folder / "base")
    path = folder / "token_mapping.json"
    path.write_text(json.dumps(MAPPING | dict(changes)))
    return path


@pytest.mark.parametrize("ids", [[46, 97, 32], [32, 46, 97], [0, 1, 2]])
def test_a_mapping_of_others_loads(tmp_path: Path, ids: list[int]) -> None:
    path = write(tmp_path, {"live_token_ids": ids})
    for tokenizer in (Tokenizer.load(tmp_path), Tokenizer.load(path), CompactTokenizer.load(path)):
        assert tokenizer.encode("a. b") == [1, 0, 2, 0]
        assert tokenizer.decode([1, 0, 2, 0, 4]) == "a. ."
        assert tokenizer.dead_ids == range(3, 5)


def test_the_base_may_be_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "token_mapping.json"
    path.write_text(json.dumps(MAPPING | {"unk_id": 2}))
    assert CompactTokenizer.load(path, Tokenizer([])).encode("a?") == [1, 2]
    with pytest.raises(InputError, match=r"not beside it: put it into .*base \(for GPT-2"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dead_tokens": 3}, DamagedError, "live_tokens 3 and dead_tokens 3 are not total_vocab 5"),
        ({"live_tokens": "3"}, DamagedError, "live_tokens is '3', not a number"),
        ({"unk_id": 3}, InputError, "unk_id 3 is none of 3 live tokens"),
        (
            {"compact_to_gpt2": {"0": 46, "2": 32, "3": 97}},
            DamagedError,
            "should have an id for each of 0..2: there is none for 1",
        ),
        (
            {"compact_to_gpt2": {"0": 46, "1": 97, "2": 32, "3": 98}},
            DamagedError,
            "should have an id for each of 0..2: it has 4",
        ),
        (
            {"compact_to_gpt2": {"0": 46, "1": 97, "2": 97}},
            DamagedError,
            "gives 97 for both 1 and 2",
        ),
        (
            {"gpt2_to_compact": {"46": 0, "97": 1, "98": 2}},
            DamagedError,
            "says None of token 32, compact_to_gpt2 says 2",
        ),
        (
            {"gpt2_to_compact": {"46": 0, "97": 1, "32": 1}},
            DamagedError,
            "says 1 of token 32, compact_to_gpt2 says 2",
        ),
        ({"gpt2_to_compact": {"46": 0, "97": 1, "032": 2, "32": 2}}, DamagedError, "id twice"),
        ({"compact_to_gpt2": {"0": 46, "1": 97, "2": True}}, DamagedError, "gives True for 2"),
        ({"live_token_ids": [46, 97, 97]}, DamagedError, "live_token_ids are not the ids"),
        ({"compact_to_gpt2": [46, 97, 32]}, DamagedError, "is damaged, or of another format"),
        (
            {
                "gpt2_to_compact": {"46": 0, "97": 1, "999": 2},
                "compact_to_gpt2": {"0": 46, "1": 97, "2": 999},
                "live_token_ids": [46, 97, 999],
            },
            InputError,
            "the base has no token 999: its 257 ids begin at 0",
        ),
    ],
)
def test_a_mapping_that_does_not_hold_together(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    path = write(tmp_path, changes)
    with pytest.raises(error, match=regex.escape(message)) as caught:
        Tokenizer.load(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_mapping_without_a_key(tmp_path: Path) -> None:
    path = write(tmp_path)
    for key in MAPPING:
        path.write_text(json.dumps({name: MAPPING[name] for name in MAPPING if name != key}))
        with pytest.raises(DamagedError, match=f"no '{key}' in it"):
            Tokenizer.load(tmp_path)


def test_a_folder_stands_alone_and_says_who_it_is(tmp_path: Path) -> None:
    FAITHFUL.save(tmp_path / "first")
    again = Tokenizer.load(tmp_path / "first")
    assert again.sha256 == FAITHFUL.sha256
    again.save(tmp_path / "second")
    first, second = (sorted((tmp_path / name).rglob("*.*")) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    bases = (Tokenizer([]), Tokenizer.train("abab", 259))
    others = [CompactTokenizer(base, [97, 98], n_dead) for base in bases for n_dead in (3, 4)]
    assert len({other.sha256 for other in others}) == 4


# Lossless


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


# The report


def test_the_figures_of_the_report(data: Path, tmp_path: Path) -> None:
    text, plot = data / "tinystories" / "tinystories_valid.txt", tmp_path / "plot.svg"
    options = ("--live", "1500", "--dead", "500", "--sample", "250", "--plot", plot)
    base = ("--base", data / "tokenizers" / "gpt2")
    result = cygnet(
        "tokenizer", "compact", *base, "--text", text, *options, "--json", "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found == json.loads((tmp_path / "out" / "report.json").read_text())
    assert "1,500 are kept" in plot.read_text()

    corpus = [part.strip("\r\n") for part in text.read_text().split("<|endoftext|>")]
    corpus = [document for document in corpus if document]
    encode = one_by_one(oracle("gpt2", data / "tokenizers"))
    chosen = list(itertools.compress(corpus, choose_documents(len(corpus), 250, 42)))
    tokens = [token for document in chosen for token in encode(document)]
    new, ids = brute_force(encode, chosen, 1500)
    counts = collections.Counter(tokens)
    unknown = sum(token not in new for token in tokens)
    first, last = next(iter(new)), list(new)[-1]
    assert found["documents"] == len(corpus)
    assert found["sample_documents"] == 250
    assert found["sample_bytes"] == sum(len(document.encode()) for document in chosen)
    assert found["types"] == len(counts)
    assert found["coverage"] == pytest.approx(1 - unknown / len(tokens))
    assert found["out_of_vocabulary"] == pytest.approx(unknown / len(tokens))
    assert found["first_live"] == {"base_id": first, "text": ".", "count": counts[first]}
    assert (found["last_live"]["base_id"], found["last_live"]["count"]) == (last, counts[last])
    zeros = sum(document.count(0) for document in ids)
    assert found["id_0"] == {"occurs": zeros, "unknown": unknown}
    assert zeros == counts[first] + unknown
    assert found["base"]["tokens"] == found["compact"]["tokens"] == len(tokens)
    assert found["base"]["tokens_per_document"] == pytest.approx(len(tokens) / 250)
    assert found["unused_live"] == 0
    ranked = sorted(counts.values(), reverse=True)
    covered = list(itertools.accumulate(ranked))
    for percent, n_types in found["types_for_percent"].items():
        assert covered[n_types - 1] >= float(percent) / 100 * len(tokens) > covered[n_types - 2]
    assert list(found["types_for_percent"]) == ["90", "95", "99", "99.5", "99.9"]
    assert [1500, pytest.approx(found["coverage"])] in found["curve"]
    for rank, share in found["curve"]:
        assert share == pytest.approx(covered[rank - 1] / len(tokens))


@pytest.mark.parametrize("more", [(), ("--lossless",)])
def test_what_the_command_prints(tmp_path: Path, finished_run: Path, more: tuple[str]) -> None:
    text = ("--text", finished_run / "text" / "train.txt", "--live", "350", "--dead", "50")
    result = cygnet(
        "tokenizer", "compact", "--base", finished_run, *text, *more, "--out", tmp_path / "out"
    )
    assert result.returncode == 0, result.stderr
    assert "350 live and 50 dead rows, cut from 600" in result.stdout
    assert "counted on 3,000 of 3,000 documents" in result.stdout
    assert ("disguised unknowns" in result.stdout) == (not more)
    assert ("every text can be decoded" in result.stdout) == bool(more)
    again = cygnet("tokenizer", "show", tmp_path / "out", "Once upon a time")
    assert "Once" in again.stdout.replace("│", "")
    table = cygnet("tokenizer", "eval", finished_run, tmp_path / "out", "--text", text[1]).stdout
    assert "never used" in table


def test_frequencies_by_hand() -> None:
    found = Frequencies(np.array([0, 5, 90, 5, 0]), n_documents=1, n_bytes=100)
    assert found.ranked.tolist() == [2, 1, 3]
    assert found.covered().tolist() == [90, 95, 100]
    assert [found.types_for(share) for share in (900, 901, 950, 951, 1000)] == [1, 2, 2, 3, 3]


# Token files


def plant(folder: Path, tokenizer: BaseTokenizer) -> TokenStore:
    document = [*tokenizer.encode("a hug"), tokenizer.dead_ids[5]]
    build_from_ids(folder, tokenizer, {"train": [(tokenizer.encode("a"), None), (document, None)]})
    return TokenStore.open(folder)


@pytest.mark.parametrize("tokenizer", [FAITHFUL, LOSSLESS], ids=["faithful", "lossless"])
def test_token_files_of_both(tmp_path: Path, tokenizer: BaseTokenizer) -> None:
    build(tmp_path / "whole", tokenizer, {"train": STORIES})
    store = TokenStore.open(tmp_path / "whole")
    store.verify(tokenizer)
    assert store.counts("train")[400:].sum() == 0
    assert store.documents("train")[7][: len(tokenizer.encode(STORIES[7]))].tolist() == (
        tokenizer.encode(STORIES[7])
    )
    assert store.split("train").text_bytes == sum(len(text.encode()) for text in STORIES)
    last = int(store.documents("train")[1][-1])
    assert (last == tokenizer.boundary_id) == (tokenizer is LOSSLESS)
    with pytest.raises(DamagedError, match=r"train holds 1 ids of dead rows.* 405, 1 times"):
        plant(tmp_path / "planted", tokenizer).verify(tokenizer)


ROWS = ("--tokenizer.vocab-size", "400", "--tokenizer.live", "350", "--tokenizer.dead", "50")
TEXT = ("--text.train", "stories:1:300", "--text.valid", "stories:2:20")


def test_a_planted_dead_id_is_found(finished_run: Path, tmp_path: Path) -> None:
    out, base = tmp_path / "run", ("--tokenizer.base", finished_run)
    command = ("tokens", "build", "duckling-lossless", *TEXT, *ROWS, *base, "--out", out)
    assert cygnet(*command).returncode == 0
    right = (out / "tokens" / "train-00000.bin").read_bytes()
    for name in ("manifest.json", "train-counts.npy"):
        (out / "tokens" / name).unlink()
    record = json.loads((out / "tokens" / "stage.json").read_text())
    (out / "tokens" / "stage.json").unlink()
    del record["outputs"], record["results"]
    (out / "tokens" / "started.json").write_text(json.dumps(record))
    ids = np.frombuffer(right, "<u2").copy()
    ids[1234] = 377
    (out / "tokens" / "train-00000.bin").write_bytes(ids.tobytes())
    message = refused(cygnet(*command))
    assert "train holds 1 ids of dead rows, which no text becomes: the first is 377, 1 times" in (
        message
    )
    assert cygnet(*command, "--overwrite").returncode == 0
    assert (out / "tokens" / "train-00000.bin").read_bytes() == right


# Recipes


def test_the_whole_recipe(finished_run: Path, tmp_path: Path) -> None:
    small = ("--transformer.steps", "4", "--transformer.block-size", "32", "--xray.max-tokens", "9")
    often = ("--transformer.log-every", "2", "--transformer.eval-every", "4")
    options = (*TEXT, *ROWS, "--tokenizer.base", finished_run, "--tokenizer.sample", "200")
    command = ("run", "duckling-ii", *options, *small, *often, "--out", tmp_path)
    result = cygnet(*command)
    assert result.returncode == 0, result.stderr
    assert "bits per byte are those of the text as it decodes" in result.stderr
    record = json.loads((tmp_path / "tokenizer" / "stage.json").read_text())["results"]
    assert (record["live"], record["dead"], record["sample_documents"]) == (350, 50, 200)
    tokenizer = Tokenizer.load(tmp_path)
    assert isinstance(tokenizer, CompactTokenizer)
    assert Tokenizer.load(tmp_path / "transformer").sha256 == tokenizer.sha256
    TokenStore.open(tmp_path).verify(tokenizer)
    assert "200 sample documents" in (tmp_path / "xray" / "report.html").read_text()
    assert cygnet(*command).stderr.count("is finished") == 5


def test_presets_are_those_of_the_original() -> None:
    faithful, lossless = (
        PRESETS[name]().tokenizer for name in ("duckling-ii", "duckling-lossless")
    )
    rows = {"vocab_size": 8192, "live": 6144, "dead": 2048, "sample": 100_000, "seed": 42}
    for options in (faithful, lossless):
        assert {name: getattr(options, name) for name in rows} == rows
        assert options.base == "hub:openai-community/gpt2"
    assert not faithful.lossless
    assert lossless.lossless
    assert lossless.special_tokens == ("<|endoftext|>", "<|padding|>")


def repository(folder: Path) -> dict[str, bytes]:
    """The files of a model's tokenizer as its authors put them on the hub, and one not needed."""
    names = {"vocab.json": "encoder.json", "merges.txt": "vocab.bpe"}
    files = {name: (folder / file).read_bytes() for name, file in names.items()}
    return files | {"model.safetensors": bytes(20_000)}


def test_a_base_on_the_hub(data: Path, tmp_path: Path) -> None:
    repo = "openai-community/gpt2"
    with HubServer({repo: repository(data / "tokenizers" / "gpt2")}) as hub:
        options = (*TEXT, "--tokenizer.sample", "200", "--tokenizer.vocab-size", "500")
        rows = ("--tokenizer.live", "400", "--tokenizer.dead", "100")
        command = ("tokenizer", "train", "duckling-ii", *options, *rows, "--out", tmp_path / "run")
        environment = hub.env(tmp_path / "home")
        assert cygnet(*command, env=environment).returncode == 0
        assert not hub.bodies("model.safetensors")
        assert len(hub.bodies("vocab.json")) == 1
        assert "is finished" in cygnet(*command, env=environment).stderr
        assert len(hub.bodies("vocab.json")) == 1
        compacting = ("tokenizer", "compact", "--text", "stories:1:3", "--out", tmp_path / "out")
        wanted = ("--base", "hub:openai-community/gpt3")
        message = refused(cygnet(*compacting, *wanted, env=environment))
        assert "the hub does not give hub:openai-community/gpt3 (it answers 404)" in message
        assert "takes a folder with tokenizer.json, or with vocab.json and merges.txt" in message
    tokenizer = Tokenizer.load(tmp_path / "run")
    assert isinstance(tokenizer, CompactTokenizer)
    assert tokenizer.base.vocab_size == 50257
    offline = environment | {"HF_HUB_OFFLINE": "1"}
    small = ("--live", "50", "--base", f"hub:{repo}@main")
    assert cygnet(*compacting, *small, env=offline).returncode == 0
    assert "is no repository" in refused(cygnet(*compacting, "--base", "hub:a/b/c", env=offline))


def test_another_base_is_another_stage(finished_run: Path, tmp_path: Path) -> None:
    base, out = tmp_path / "base", tmp_path / "run"
    BASE.save(base)
    command = ("tokenizer", "train", "duckling-ii", *TEXT, *ROWS, "--tokenizer.base", base)
    assert cygnet(*command, "--out", out).returncode == 0
    Tokenizer.train(STORIES, vocab_size=650).save(base)
    message = refused(cygnet(*command, "--out", out))
    assert "tokenizer.base tokenizer.json has changed since" in message


def test_dead_rows_of_a_trained_vocabulary(tmp_path: Path) -> None:
    options = (*TEXT, "--tokenizer.vocab-size", "300", "--tokenizer.dead", "10")
    result = cygnet("tokens", "build", "demo", *options, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert Tokenizer.load(tmp_path).dead_ids == range(290, 300)
    assert TokenStore.open(tmp_path).manifest.vocab_size == 300


# Bad input


def why_refused(*options: str | Path, base: str | Path) -> str:
    return refused(cygnet("tokenizer", "compact", "--base", base, *options, "--out", "never-made"))


def test_a_base_that_is_not_there(tmp_path: Path) -> None:
    for base in (tmp_path / "nowhere", tmp_path):
        message = why_refused("--text", "stories:1:3", base=base)
        assert "takes a folder with tokenizer.json, or with vocab.json and merges.txt" in message
        assert "https://huggingface.co/openai-community/gpt2" in message
        assert "hub:openai-community/gpt2" in message
    FAITHFUL.save(tmp_path)
    assert "is a compact vocabulary" in why_refused("--text", "stories:1:3", base=tmp_path)


@pytest.mark.parametrize(
    ("kind", "live", "dead", "message"),
    [
        ("faithful", 600, 1, "600 live tokens were asked, and the sample of 3 documents has only"),
        ("lossless", 600, 1, "598 learned tokens were asked, and the sample needs only"),
        (
            "lossless",
            257,
            1,
            "257 live tokens are too few: 256 bytes and 2 special tokens need 258",
        ),
        ("faithful", 0, 1, "0 live tokens are too few"),
        ("faithful", 9, -1, "there cannot be -1 dead rows"),
        ("lossless", 300, -1, "there cannot be -1 dead rows"),
    ],
)
def test_rows_that_cannot_be(kind: str, live: int, dead: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cut(kind, BASE, STORIES[:3], live=live, dead=dead)


def test_samples_that_cannot_be(tmp_path: Path) -> None:
    BASE.save(tmp_path)
    message = why_refused("--text", "stories:1:3", "--sample", "0", base=tmp_path)
    assert "a sample of 0 documents holds no text" in message
    with pytest.raises(InputError, match="there is no text to count tokens in"):
        CompactTokenizer.train([], BASE, live=1, dead=1)
    message = why_refused("--text", tmp_path / "none.txt", base=tmp_path)
    assert "none.txt does not exist" in message
    (tmp_path / "bad.txt").write_bytes(b"b\xe9d")
    message = why_refused("--text", tmp_path / "bad.txt", base=tmp_path)
    assert "is not UTF-8 at byte 1" in message
    assert "--errors replace" in message
    assert not Path("never-made").exists()


def test_rows_that_do_not_add_up(finished_run: Path, tmp_path: Path) -> None:
    rows = (*ROWS[:-1], "60", "--tokenizer.base", finished_run)
    message = refused(cygnet("tokenizer", "train", "duckling-ii", *TEXT, *rows, "--out", tmp_path))
    assert "tokenizer.live 350 and tokenizer.dead 60 are 410 rows" in message
    assert "tokenizer.vocab_size is 400" in message


def test_ids_that_the_base_does_not_have() -> None:
    for live_ids, message in (
        ([1, 700], "no token 700"),
        ([-1, 5], "no token -1"),
        ([5, 5], "token 5 of the base is live twice"),
        ([], "unk_id 0 is none of 0 live tokens"),
    ):
        with pytest.raises(InputError, match=message):
            CompactTokenizer(BASE, live_ids, 3)
