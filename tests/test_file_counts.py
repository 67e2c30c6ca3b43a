"""Word counts are kept for each file: no file is counted twice, and none is taken for another."""

import json
import os
import signal
import subprocess
import time
from itertools import islice
from pathlib import Path

import pytest

from conftest import cygnet, refused, start
from cygnet.text.stories import stories
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.training import TieBreak

BOUNDARY = "<|endoftext|>"
SLOW = r"[a-z]+|[A-Z]+|[^a-zA-Z]+"
"""A pattern without a scanner, so that a kill finds counting under way."""


def write_corpus(folder: Path, n_files: int, n_stories: int) -> Path:
    """Files of about 0.8 KB a story."""
    folder.mkdir()
    for number in range(n_files):
        add_file(folder, f"{number}.txt", number, n_stories)
    return folder


def add_file(folder: Path, name: str, seed: int, n_stories: int) -> None:
    (folder / name).write_text(f"\n{BOUNDARY}\n".join(islice(stories(seed), n_stories)))


def command(corpus: Path, folder: Path, *more: str) -> tuple[str | Path, ...]:
    options = ("--text.train", corpus, "--text.valid", "stories:2:5", "--out", folder)
    size = ("--tokenizer.vocab-size", "700")
    whole = () if "--tokenizer.sample-mb" in more else ("--tokenizer.sample-mb", "None")
    return "tokenizer", "train", "demo", *options, *size, *whole, *more


def train(corpus: Path, folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    result = cygnet(*command(corpus, folder, *more))
    assert result.returncode == 0, result.stderr
    return result


def counts(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file of counts with what changes when it is written again."""
    found = (folder / "word-counts").iterdir()
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def tokenizer_of(folder: Path) -> bytes:
    return (folder / "tokenizer" / "tokenizer.json").read_bytes()


def documents(corpus: Path) -> list[str]:
    return [
        text.strip("\n")
        for path in sorted(corpus.glob("*.txt"))
        for text in path.read_text().split(BOUNDARY)
    ]


@pytest.mark.parametrize("more", [(), ("--tokenizer.sample-mb", "2")])
def test_a_killed_training_counts_no_file_twice(tmp_path: Path, more: tuple[str, ...]) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=6, n_stories=1500)
    more = (*more, "--tokenizer.pattern", SLOW)
    process = start(*command(corpus, tmp_path / "killed", *more))
    kept = tmp_path / "killed" / "word-counts"
    while len(list(kept.glob("*.npz"))) < 2:
        assert process.poll() is None
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    before = {name: at for name, at in counts(tmp_path / "killed").items() if name.endswith("npz")}
    assert 2 <= len(before) < 6
    result = train(corpus, tmp_path / "killed", *more)
    assert f"words of {len(before)} of 6 files were counted before" in result.stderr
    after = counts(tmp_path / "killed")
    assert {name: after[name] for name in before} == before
    assert len(after) == 6
    train(corpus, tmp_path / "whole", *more)
    assert tokenizer_of(tmp_path / "killed") == tokenizer_of(tmp_path / "whole")


def test_an_added_file_costs_only_itself(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=3, n_stories=120)
    train(corpus, tmp_path / "run")
    before = counts(tmp_path / "run")
    assert len(before) == 3
    add_file(corpus, "0a.txt", 9, 120)
    assert "it did not read text.train[1] 0a.txt" in refused(
        cygnet(*command(corpus, tmp_path / "run"))
    )
    result = train(corpus, tmp_path / "run", "--overwrite")
    assert "words of 3 of 4 files were counted before" in result.stderr
    after = counts(tmp_path / "run")
    assert len(after) == 4
    assert {name: after[name] for name in before} == before
    expected = Tokenizer.train(documents(corpus), 700)
    assert Tokenizer.load(tmp_path / "run").merges == expected.merges

    (corpus / "1.txt").unlink()
    train(corpus, tmp_path / "run", "--overwrite")
    fewer = counts(tmp_path / "run")
    assert len(fewer) == 3
    assert fewer.items() <= after.items()


def test_counts_of_other_text_or_options_are_not_taken(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=2, n_stories=120)
    folder = tmp_path / "run"
    train(corpus, folder)
    seen = set(counts(folder))
    text = documents(corpus)
    for more, expected in [
        (("--tokenizer.pattern", "cl100k"), Tokenizer.train(text, 700, pattern="cl100k")),
        (("--tokenizer.doc-cap", "300"), Tokenizer.train(text, 700, doc_cap=300)),
        (("--tokenizer.max-chars", "99999"), Tokenizer.train(text, 700, max_chars=99_999)),
        (("--text.boundary", "Once"), None),
        (("--tokenizer.sample-mb", "0.15"), None),
        (("--tokenizer.sample-mb", "0.1"), None),
    ]:
        result = train(corpus, folder, *more, "--overwrite")
        assert "counted before" not in result.stderr, more
        assert not seen & set(counts(folder)), more
        seen |= set(counts(folder))
        if expected:
            assert Tokenizer.load(folder).merges == expected.merges, more
    before = tokenizer_of(folder)
    add_file(corpus, "1.txt", 8, 120)
    result = train(corpus, folder, "--tokenizer.sample-mb", "0.1", "--overwrite")
    assert tokenizer_of(folder) != before


def test_options_of_learning_count_nothing_anew(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=2, n_stories=120)
    folder = tmp_path / "run"
    train(corpus, folder)
    before = counts(folder)
    text = documents(corpus)
    rules: tuple[TieBreak, ...] = "hf", "bytes"
    for rule in rules:
        result = train(corpus, folder, "--tokenizer.tie-break", rule, "--overwrite")
        assert "words of 2 of 2 files were counted before" in result.stderr
        expected = Tokenizer.train(text, 700, tie_break=rule)
        assert Tokenizer.load(folder).merges == expected.merges
        record = json.loads((folder / "tokenizer" / "stage.json").read_text())
        assert record["options"]["tie_break"] == rule
    message = refused(cygnet(*command(corpus, folder, "--tokenizer.tie-break", "hf")))
    assert "tokenizer.tie_break was bytes and is now hf" in message
    assert counts(folder) == before


def test_a_limit_takes_the_files_in_order(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=3, n_stories=120)
    sizes = [len("".join(documents(corpus)[i : i + 120])) for i in (0, 120, 240)]
    limit = sizes[0] + sizes[1] // 2
    train(corpus, tmp_path / "run", "--tokenizer.max-chars", str(limit))
    assert len(counts(tmp_path / "run")) == 2
    expected = Tokenizer.train(documents(corpus), 700, max_chars=limit)
    assert Tokenizer.load(tmp_path / "run").merges == expected.merges
    record = json.loads((tmp_path / "run" / "tokenizer" / "stage.json").read_text())
    assert record["results"]["sample_bytes"] == limit


def test_a_sample_of_many_files_is_that_of_one(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    texts = list(islice(stories(4), 60))
    for number, text in enumerate(texts):
        (corpus / f"{number:02}.txt").write_text(text)
    joined = tmp_path / "joined.txt"
    joined.write_text(BOUNDARY.join(texts))
    for source, folder in ((corpus, "many"), (joined, "one")):
        train(source, tmp_path / folder, "--tokenizer.sample-mb", "0.02")
    assert tokenizer_of(tmp_path / "many") == tokenizer_of(tmp_path / "one")
    assert counts(tmp_path / "many") == {}  # a small file is counted sooner than its counts written


def test_damaged_counts_are_counted_anew(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=2, n_stories=120)
    train(corpus, tmp_path / "run")
    before, made = tokenizer_of(tmp_path / "run"), counts(tmp_path / "run")
    first, _ = (tmp_path / "run" / "word-counts").iterdir()
    first.write_bytes(first.read_bytes()[:-100])
    (first.parent / "killed.npz.tmp").write_bytes(b"half")
    result = train(corpus, tmp_path / "run", "--overwrite", "--tokenizer.min-frequency", "3")
    assert "words of 1 of 2 files were counted before" in result.stderr
    assert set(counts(tmp_path / "run")) == set(made)
    train(corpus, tmp_path / "run", "--overwrite")
    assert tokenizer_of(tmp_path / "run") == before


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("pattern", "[0-9]{30}", "'[0-9]{30}' matches nothing of the text"),
        ("pattern", "(", "does not compile"),
        ("doc-cap", "0", "doc_cap is 0: at least one character must count"),
        ("max-chars", "0", "max_chars is 0: at least one character must count"),
        ("sample-mb", "0", "tokenizer.sample_mb is 0.0: nothing would be read"),
        ("vocab-size", "200", "vocab_size 200 is too small"),
        ("special-tokens", " the", "the special token ' the' is also learned"),
    ],
)
def test_options_refused(tmp_path: Path, option: str, value: str, message: str) -> None:
    corpus = write_corpus(tmp_path / "corpus", n_files=1, n_stories=20)
    result = cygnet(*command(corpus, tmp_path / "run", f"--tokenizer.{option}", value))
    assert message in refused(result)
