"""Training: counts against plain Python, merges against definitions and against other trainers."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import training_oracles as oracles
from corpora import beginnings, files
from cygnet.errors import DamagedError, InputError
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.sources import read_files
from cygnet.text.stories import stories
from cygnet.tokenizer import reference
from cygnet.tokenizer.counting import WordCounts, WordTable, count_words, limit
from cygnet.tokenizer.patterns import PATTERNS, Splitter
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.training import TieBreak, _Learner, learn_merges

RULES: tuple[TieBreak, ...] = "ids", "hf", "bytes"
SAMPLE = [
    "Once upon a time, there was a little girl named Lily. She loved to hop.",
    "Lily's dog couldn't hop; he'd nap and nap and nap!\n\n  The end.",
    "naïve café 🍓🍓 日本語 123 4567",
]


def plain_counts(documents: list[str], pattern: str) -> Counter[bytes]:
    split = Splitter(pattern)
    return Counter(word.encode() for document in documents for word in split(document))


def random_words(seed: int, n: int, longest: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(n):
        letters = chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(1, longest))
        yield "".join(letters).encode()


# Learning

# Bytes that the three rules order differently: blank, letters, the first and the last byte.
few_bytes = st.lists(st.sampled_from(list(b"aab !\x00\xff")), min_size=1, max_size=12).map(bytes)
some_words = st.dictionaries(few_bytes, st.integers(1, 5), max_size=12)


@settings(max_examples=300)
@given(some_words, st.integers(0, 40), st.integers(0, 4), st.sampled_from(RULES))
def test_merges_are_those_of_the_definition(
    words: dict[bytes, int], n_merges: int, min_frequency: int, rule: TieBreak
) -> None:
    expected = oracles.brute_force(words, n_merges, min_frequency, rule)
    merges = learn_merges(words, n_merges, min_frequency, tie_break=rule)
    assert oracles.as_bytes(merges) == expected
    backwards = dict(reversed(words.items()))
    assert learn_merges(backwards, n_merges, min_frequency, tie_break=rule) == merges
    if rule == "ids":
        assert merges == reference.train(words, n_merges, max(1, min_frequency))


@pytest.mark.parametrize("rule", RULES)
def test_merges_are_those_of_the_definition_on_real_words(rule: TieBreak) -> None:
    words = plain_counts(list(islice(stories(3), 60)) + SAMPLE, PATTERNS["gpt2"])
    merges = learn_merges(words, 300, tie_break=rule)
    assert oracles.as_bytes(merges) == oracles.brute_force(words, 300, 2, rule)


def test_the_rules_differ() -> None:
    words = {b" a": 2, b"ab": 2, b"zz": 2}
    first = {rule: oracles.as_bytes(learn_merges(words, 1, tie_break=rule))[0] for rule in RULES}
    assert first == {"ids": (b" ", b"a"), "hf": (b"a", b"b"), "bytes": (b"z", b"z")}


def test_counts_above_32_bits() -> None:
    words = {b"ab": 1 << 33, b"bc": (1 << 33) + 1, b"cd": (1 << 32) + 5, b"de": 5}
    assert oracles.as_bytes(learn_merges(words, 4)) == [
        (b"b", b"c"), (b"a", b"b"), (b"c", b"d"), (b"d", b"e")
    ]  # fmt: skip
    table = WordTable()
    for _ in range(3):
        table.add_counts(WordCounts.from_mapping(words))
    assert table.counts().to_mapping() == {word: 3 * count for word, count in words.items()}
    assert table.counts().text_bytes == 6 * sum(words.values())


def test_room_for_pairs_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = []
    double_room = _Learner.double_room
    monkeypatch.setattr(_Learner, "double_room", lambda s: (grown.append(1), double_room(s)))
    text = [word.decode() + " " for word in random_words(1, 30_000, 12)] * 2
    merges = learn_merges(plain_counts(text, r"[a-z]+| "), 40_000, tie_break="hf")
    assert len(grown) >= 2
    assert oracles.as_bytes(merges) == oracles.by_tokenizers(text, 40_000, r"[a-z]+| ")


def test_learning_ends_where_nothing_repeats() -> None:
    assert len(learn_merges({b"abc": 1}, 100)) == 0
    assert len(learn_merges({b"abc": 1}, 100, min_frequency=1)) == 2
    assert len(learn_merges({b"abc": 9, b"de": 8}, 100, min_frequency=9)) == 2
    assert learn_merges({}, 10) == learn_merges({b"aa": 5}, 0) == []
    assert Tokenizer.train(["ab ab"], vocab_size=5000).vocab_size == 256 + 1 + 1


def test_progress_is_all_merges() -> None:
    steps: list[int] = []
    merges = learn_merges(
        plain_counts(list(islice(stories(1), 99)), "[a-z]+"), 500, 2, steps.append
    )
    assert sum(steps) == len(merges) == 500
    assert max(steps) <= 64


def test_ctrl_c_ends_learning() -> None:
    words = dict.fromkeys(random_words(2, 200_000, 30), 2)
    begun = threading.Event()

    def interrupt() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    learned = 0

    def count(n: int) -> None:
        nonlocal learned
        learned += n
        begun.set()

    try:
        with pytest.raises(KeyboardInterrupt):
            learn_merges(words, 400_000, on_merge=count)
    finally:
        thread.join()
    assert 0 < learned < 10_000


def test_learning_refuses() -> None:
    with pytest.raises(InputError, match="too many: ids end at 1,048,576"):
        learn_merges({b"ab": 2}, 1 << 20)
    with pytest.raises(InputError, match="tie_break is ids, hf, bytes, found 'HF'"):
        learn_merges({b"ab": 2}, 1, tie_break="HF")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="a word has the count 0"):
        learn_merges({b"ab": 2, b"bc": 0}, 1)


# Counting


@settings(max_examples=150)
@given(
    st.lists(st.text("ab '\n1é日\x00", max_size=60), max_size=8),
    st.integers(1, 3),
    st.sampled_from([*PATTERNS.values(), r"[a-z]+", r"\p{L}{2}|\s", r"(?<=a)b"]),
)
def test_counts_are_those_of_plain_python(documents: list[str], threads: int, pattern: str) -> None:
    words = count_words((TextBatch.from_strings([d]) for d in documents), pattern, threads=threads)
    assert words.to_mapping() == plain_counts(documents, pattern)
    assert words.n_characters == sum(map(len, documents))
    assert words.text_bytes == len("".join(documents).encode())


@pytest.mark.parametrize("pattern", ["gpt2", "nanochat", r"[a-z]+|[^a-z]+"])
def test_threads_change_nothing(pattern: str) -> None:
    documents = list(islice(stories(5), 1200)) + [w.decode() for w in random_words(3, 4000, 40)]
    batches = [TextBatch.from_strings(documents[i : i + 100]) for i in range(0, 5200, 100)]
    expression = PATTERNS.get(pattern, pattern)
    counted: list[int] = []
    expected = plain_counts(documents, expression)
    for threads in (1, 2, 3):
        words = count_words(iter(batches), expression, counted.append, threads)
        assert words.to_mapping() == expected
        assert learn_merges(words, 1000) == learn_merges(expected, 1000)
    assert sum(counted) == 3 * sum(batch.text_bytes for batch in batches)


@pytest.mark.parametrize("threads", [1, 3])
def test_tables_grow(threads: int) -> None:
    short = [word.decode() for word in random_words(4, 60_000, 12)]
    long = [word.decode() for word in random_words(5, 20_000, 90)]
    longest = ["x" * 100_000, "x" * 99_999 + "y", "é" * 50_000, "x" * 100_000]
    again = [" ".join(short[::2]), *long[::2], "z" * 15, "z" * 16, "z"]
    documents = [*long[:99], " ".join(short), *long, *longest, *again]
    words = count_words(documents, PATTERNS["gpt2"], threads=threads)
    expected = plain_counts(documents, PATTERNS["gpt2"])
    assert len(expected) > 4 << 14  # the table begins with 2**14 slots, and is at most half full
    assert len(words) == len(expected)
    assert words.to_mapping() == expected
    assert expected[b"x" * 100_000] == 2


def test_a_long_document_takes_no_room_of_its_own() -> None:
    table = WordTable()
    table.add_text(TextBatch.from_strings(["some words that repeat " * 200_000]), 0)
    assert len(table._arena) < 1 << 20


@given(
    st.lists(st.text("aé日🍓", max_size=9), max_size=9),
    st.none() | st.integers(1, 10),
    st.none() | st.integers(1, 40),
    st.integers(1, 4),
)
def test_limits_are_slices(
    documents: list[str], doc_cap: int | None, max_chars: int | None, per_batch: int
) -> None:
    parts = (documents[i : i + per_batch] for i in range(0, len(documents), per_batch))
    batches = limit(map(TextBatch.from_strings, parts), doc_cap, max_chars)
    found = [text for batch in batches for text in batch if text]
    expected, left = [], max_chars
    for document in documents:
        text = document[:doc_cap][:left]
        left = None if left is None else left - len(text)
        expected += [text] if text else []
    assert found == expected


def test_nothing_is_read_behind_the_limit() -> None:
    def batches() -> Iterator[TextBatch]:
        yield TextBatch.from_strings(["abc", "def"])
        raise AssertionError("read on")

    assert [list(batch) for batch in limit(batches(), None, 6)] == [["abc", "def"]]


def test_saved_counts_are_read_again_or_refused(tmp_path: Path) -> None:
    words = count_words(SAMPLE, PATTERNS["gpt2"])
    path = tmp_path / "words.npz"
    words.save(path)
    assert WordCounts.load(path).to_mapping() == words.to_mapping()
    content = path.read_bytes()
    chance = random.Random(1)
    refused = 0
    for _ in range(300):
        place = chance.randrange(len(content))
        damaged = content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :]
        path.write_bytes(damaged if chance.random() < 0.7 else content[:place])
        try:
            assert WordCounts.load(path).to_mapping() == words.to_mapping()
        except DamagedError as error:
            refused += 1
            assert "words.npz is damaged" in str(error)
    assert refused > 250
    WordCounts(words.data, words.ends[::-1].copy(), words.occurs).save(path)
    with pytest.raises(DamagedError, match="is damaged"):
        WordCounts.load(path)


# The tokenizer that comes of it


def test_a_trained_vocabulary_holds_every_byte() -> None:
    tokenizer = Tokenizer.train(["only ascii here, only ascii"], vocab_size=270)
    assert [tokenizer.token_bytes(byte) for byte in range(256)] == [bytes([b]) for b in range(256)]
    anything = bytes(range(256)).decode("latin-1")
    assert tokenizer.decode(tokenizer.encode(anything)) == anything


@pytest.mark.parametrize("rule", RULES)
def test_bytes_are_numbered_alike_whatever_the_rule(rule: TieBreak) -> None:
    text = list(islice(stories(1), 50))
    tokenizer = Tokenizer.train(text, 600, tie_break=rule)
    assert tokenizer.token_bytes(ord("a")) == b"a"
    words = plain_counts(text, PATTERNS["gpt2"])
    expected = oracles.brute_force(words, 600 - 257, 2, rule)
    assert oracles.as_bytes(tokenizer.merges) == expected


def test_training_takes_what_the_limits_leave() -> None:
    text = list(islice(stories(2), 40))
    cut = [document[:300] for document in text]
    rest, limited = 5000, []
    for document in cut:
        limited.append(document[:rest])
        rest -= len(limited[-1])
    expected = Tokenizer.train([document for document in limited if document], 500)
    assert Tokenizer.train(text, 500, doc_cap=300, max_chars=5000).merges == expected.merges
    assert Tokenizer.train(text, 500).merges != expected.merges


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (lambda: Tokenizer.train(["a"], 257, special_tokens=["<a>", "<b>"]), "need at least 258"),
        (lambda: Tokenizer.train(["a"], 300, special_tokens=["<a>", "<a>"]), "named twice"),
        (lambda: Tokenizer.train(["ab ab"], 300, special_tokens=["ab"]), "'ab' is also learned"),
        (lambda: Tokenizer.train(["a"], 300, pattern="("), "does not compile"),
        (lambda: Tokenizer.train(["a b", "c"], 300, pattern="[0-9]+"), "matches nothing of the"),
        (lambda: Tokenizer.train(["a b", "c"], 300, pattern="[0-9]*"), "or only empty strings"),
        (lambda: Tokenizer.train([], 300), "no text"),
        (lambda: Tokenizer.train([""], 300, pattern="[0-9]+"), "no text"),
        (lambda: Tokenizer.train(["a"], 300, doc_cap=0), "doc_cap is 0"),
        (lambda: Tokenizer.train(["a"], 300, max_chars=-1), "max_chars is -1"),
    ],
)
def test_training_refuses(train: Callable[[], Tokenizer], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train()


def test_a_pattern_may_match_in_one_document_only() -> None:
    assert Tokenizer.train(["x y", "z", "12 12"], 258, pattern="[0-9]+").merges == [(49, 50)]


# Other trainers

N_STRESS = 32_512
"""A vocabulary of 32,768 less the bytes."""


def stories_of(data: Path) -> list[str]:
    path = data / "tinystories" / "tinystories_train.txt"
    return [text for batch in read_files([path], "<|endoftext|>", "strict") for text in batch]


def merges_of(documents: list[str], pattern: str, n_merges: int, rule: TieBreak) -> oracles.Merges:
    words = count_words(as_batches(documents), pattern)
    return oracles.as_bytes(learn_merges(words, n_merges, tie_break=rule))


@pytest.mark.parametrize("pattern", ["gpt2", "nanochat"])
def test_merges_are_those_of_rustbpe(data: Path, pattern: str) -> None:
    documents = stories_of(data)[:2000]
    expected = oracles.by_rustbpe(documents, 4096, PATTERNS[pattern])
    assert merges_of(documents, PATTERNS[pattern], 4096, "ids") == expected


@pytest.mark.parametrize("pattern", ["gpt2", "nanochat"])
def test_merges_are_those_of_tokenizers(data: Path, pattern: str) -> None:
    documents = stories_of(data)[:2000]
    expected = oracles.by_tokenizers(documents, 4096, PATTERNS[pattern])
    assert merges_of(documents, PATTERNS[pattern], 4096, "hf") == expected


@pytest.mark.stress
@pytest.mark.parametrize("corpus", ["novels", "everything"])
@pytest.mark.parametrize("pattern", ["gpt2", "nanochat"])
def test_all_merges_are_those_of_others(data: Path, corpus: str, pattern: str) -> None:
    if corpus == "novels":
        documents = beginnings(files(data / "novels"), 600_000)
    else:
        documents = beginnings(files(data), 100_000)
    theirs = oracles.by_rustbpe(documents, N_STRESS, PATTERNS[pattern])
    assert len(theirs) == N_STRESS
    assert merges_of(documents, PATTERNS[pattern], N_STRESS, "ids") == theirs
    theirs = oracles.by_tokenizers(documents, N_STRESS, PATTERNS[pattern])
    assert len(theirs) == N_STRESS
    assert merges_of(documents, PATTERNS[pattern], N_STRESS, "hf") == theirs
