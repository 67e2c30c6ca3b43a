"""Splits by a hash of the text, and the text stage over every kind of source."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cygnet, refused
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.sources import BOUNDARY, read_text
from cygnet.text.splits import HASHED_BYTES, HashSplit, document_hashes, is_valid
from cygnet.text.stage import read_split, split_files
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore

SMALL = ("--tokenizer.vocab-size", "300", "--tokenizer.sample-mb", "None")


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(0, 70))
@settings(max_examples=200)
def test_the_hash_is_xxh64(documents: list[bytes], before: int) -> None:
    xxhash = pytest.importorskip("xxhash")
    batch = TextBatch.from_bytes([b"x" * before, *documents])
    expected = [xxhash.xxh64_intdigest(document) for document in documents]
    assert document_hashes(batch).tolist()[1:] == expected


@pytest.mark.parametrize("size", [HASHED_BYTES - 1, HASHED_BYTES, HASHED_BYTES + 1, 300_000])
def test_a_long_document_is_hashed_by_its_first_64_kib(size: int) -> None:
    xxhash = pytest.importorskip("xxhash")
    document = random.Random(size).randbytes(size)
    [found] = document_hashes(TextBatch.from_bytes([document])).tolist()
    assert found == xxhash.xxh64_intdigest(document[:65536])


@given(st.lists(st.text(max_size=9)), st.randoms(), st.integers(1, 5), st.floats(0.01, 0.99))
def test_sides_depend_on_the_text_alone(
    documents: list[str], chance: random.Random, per_batch: int, fraction: float
) -> None:
    def sides(documents: list[str]) -> list[list[str]]:
        batches = list(as_batches(documents, batch_bytes=per_batch))
        return [
            [text for batch in HashSplit(side, fraction).select(batches) for text in batch]
            for side in ("train", "valid")
        ]

    train, valid = sides(documents)
    assert sorted(train + valid) == sorted(documents)
    assert not set(train) & set(valid)
    chance.shuffle(documents)
    assert [sorted(side) for side in sides(documents)] == [sorted(train), sorted(valid)]
    batch = TextBatch.from_strings(documents)
    more = is_valid(batch, fraction + (1 - fraction) / 2)
    assert not (is_valid(batch, fraction) & ~more).any()


def test_the_share_is_about_the_fraction() -> None:
    batch = TextBatch.from_strings([f"document {i}" for i in range(200_000)])
    assert abs(int(is_valid(batch, 0.005).sum()) - 1000) < 150  # five standard deviations


def write_parquet(path: Path, documents: list[str | None], rows: int = 100) -> Path:
    pq.write_table(pa.table({"contents": documents}), path, rows)
    return path


def text_record(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "text" / "stage.json").read_text())["results"])


def build(folder: Path, *options: str | Path) -> "Any":
    result = cygnet("tokens", "build", "demo", *options, *SMALL, "--out", folder)
    assert result.returncode == 0, result.stderr
    return result


def test_one_parquet_file_alone_is_trained_and_validated_on(tmp_path: Path) -> None:
    documents = [story(1, i) for i in range(300)]
    path = write_parquet(tmp_path / "only.parquet", [*documents, None, ""])
    # The recipe's own text to validate on gives way to the fraction.
    options = ("--text.train", path, "--text.valid-fraction", "0.1")
    build(tmp_path / "run", *options)
    whole = TextBatch.from_strings(documents)
    chosen = is_valid(whole, 0.1)
    record, store = text_record(tmp_path / "run"), TokenStore.open(tmp_path / "run")
    tokenizer = Tokenizer.load(tmp_path / "run")
    for side, expected in (("train", whole.select(~chosen)), ("valid", whole.select(chosen))):
        found = [text for batch in read_split(tmp_path / "run" / "text", side) for text in batch]
        assert found == list(expected)
        figures, [file] = record[side], record[side]["files"]
        assert figures["documents"] == file["documents"] == len(expected)
        assert figures["text_bytes"] == file["text_bytes"] == expected.text_bytes
        assert figures["characters"] == sum(map(len, expected))
        assert store.manifest.splits[side].text_bytes == expected.text_bytes
        ids = store.documents(side)[0]
        assert tokenizer.decode(ids[:-1]) == expected[0]
    assert (record["train"]["nulls"], record["train"]["empty"]) == (1, 1)
    assert tokenizer.merges == Tokenizer.train(whole.select(~chosen), 300).merges
    again = cygnet("tokens", "build", "demo", *options, *SMALL, "--out", tmp_path / "run")
    assert again.stderr.count("is finished") == 3


def test_sides_do_not_depend_on_files_formats_or_order(tmp_path: Path) -> None:
    documents = [story(2, i) for i in range(120)]
    shuffled = random.Random(1).sample(documents, len(documents))
    folder = tmp_path / "mixed"
    folder.mkdir()
    write_parquet(folder / "a.parquet", list(shuffled[:50]), rows=7)
    lines = (json.dumps({"text": text}) + "\n" for text in shuffled[50:90])
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode()))
    (folder / "c.txt").write_text(f"\n{BOUNDARY}\n".join(shuffled[90:]))
    one = tmp_path / "one.txt"
    one.write_text(BOUNDARY.join(documents))
    sides = []
    for source, name in ((folder, "many"), (one, "one")):
        build(tmp_path / name, "--text.train", source, "--text.valid-fraction", "0.3")
        text = tmp_path / name / "text"
        sides.append({side: sorted(t for b in read_split(text, side) for t in b)
                      for side in ("train", "valid")})  # fmt: skip
    assert sides[0] == sides[1]
    assert len(sides[0]["train"]) + len(sides[0]["valid"]) == 120


def test_word_counts_of_one_split_are_not_taken_for_another(tmp_path: Path) -> None:
    documents = [story(3, i) for i in range(250)]
    path = tmp_path / "a.txt"
    path.write_text(BOUNDARY.join(documents))
    for fraction in ("0.5", "0.2"):
        result = build(
            *(tmp_path / "run", "--text.train", path, "--text.valid-fraction", fraction),
            "--overwrite",
        )
        assert "counted before" not in result.stderr
        batch = TextBatch.from_strings(documents)
        expected = Tokenizer.train(batch.select(~is_valid(batch, float(fraction))), 300)
        assert Tokenizer.load(tmp_path / "run").merges == expected.merges


def test_stories_are_split_by_hash_too_however_text_files_are_read(tmp_path: Path) -> None:
    lines = tmp_path / "lines.txt"
    lines.write_text("first line\nsecond line\n")
    build(
        *(tmp_path / "run", "--text.train", lines, "stories:5:40"),
        *("--text.valid-fraction", "0.4", "--text.documents", "line"),
    )
    found = [
        text
        for side in ("train", "valid")
        for batch in read_split(tmp_path / "run" / "text", side)
        for text in batch
    ]
    assert sorted(found) == sorted(["first line", "second line", *(story(5, i) for i in range(40))])


def test_files_without_a_document_on_a_side_are_not_read_for_it(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02}.txt").write_text(story(6, i))
    build(tmp_path / "run", "--text.train", folder, "--text.valid-fraction", "0.2")
    text = tmp_path / "run" / "text"
    n_valid, n_train = len(split_files(text, "valid")), len(split_files(text, "train"))
    assert 0 < n_valid < 20 and n_valid + n_train == 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text.valid-fraction", "0"), "text.valid_fraction is 0.0: a share between 0 and 1"),
        (("--text.valid-fraction", "1"), "text.valid_fraction is 1.0: a share between 0 and 1"),
        (("--text.valid-fraction", "nan"), "text.valid_fraction is nan: a share between"),
        (
            ("--text.valid-fraction", "0.1", "--text.valid", "stories:2:5"),
            "text.valid (stories:2:5) and text.valid_fraction (0.1) are both given",
        ),
        (
            ("--text.valid-fraction", "0.0001"),
            "text.valid_fraction 0.0001 leaves valid without any of the 30 documents",
        ),
        (
            ("--text.valid-fraction", "0.9999"),
            "text.valid_fraction 0.9999 leaves train without any of the 30 documents",
        ),
    ],
)
def test_fractions_refused(tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    path = write_parquet(tmp_path / "a.parquet", [story(1, i) for i in range(30)])
    command = ("tokenizer", "train", "demo", "--text.train", path, *options)
    assert message in refused(cygnet(*command, "--out", tmp_path / "run"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a.parquet is truncated or damaged"),
        (pa.table({"id": [1], "x": [0.5]}), "no column of text; its columns are id (int64), x"),
        (pa.table({"text": pa.array([None, "", None])}), "text.train is empty:"),
        (pa.table({"body": ["a"]}), "its columns of text are body: name one with --text.column"),
    ],
)
def test_a_source_refused_leaves_no_stage(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and no more")
    if content is not None:
        pq.write_table(content, path)
    command = ("tokenizer", "train", "demo", "--text.train", path, "--out", tmp_path / "run")
    assert message in refused(cygnet(*command))
    assert not (tmp_path / "run" / "text" / "stage.json").exists()


def test_evaluation_takes_every_source(tmp_path: Path) -> None:
    Tokenizer([]).save(tmp_path / "bytes")
    path = write_parquet(tmp_path / "a.parquet", [story(1, 0), story(1, 1)])
    result = cygnet(
        *("tokenizer", "eval", tmp_path / "bytes", "--text", path, "stories:1:2", "--json")
    )
    assert result.returncode == 0, result.stderr
    first, second = json.loads(result.stdout)["evaluations"]
    assert first["bytes"] == second["bytes"] == sum(len(story(1, i)) for i in range(2))
    command = ("tokenizer", "eval", tmp_path / "bytes", "--text", path, "--column", "x")
    message = refused(cygnet(*command))
    assert "no column 'x'; its columns of text are contents: name one with --column" in message


def test_text_of_real_shards_is_read_in_order(data: Path) -> None:
    shards = sorted((data / "parquet").glob("shard_*.parquet"))
    expected = [text for path in shards for text in pq.read_table(path)["text"].to_pylist()]
    pattern = str(data / "parquet" / "shard_*.parquet")
    assert [text for batch in read_text(pattern) for text in batch] == expected
