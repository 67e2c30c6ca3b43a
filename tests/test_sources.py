"""Every source and format gives the documents that other readers find in it."""

import gzip
import io
import itertools
import json
import lzma
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cygnet.cores import reports, run_ahead
from cygnet.errors import CygnetError, DamagedError, EncodingError, InputError
from cygnet.text import blocks, parquet
from cygnet.text.arrow import column_batches
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.parts import whole_documents
from cygnet.text.sources import (
    Reading,
    find_files,
    open_file,
    open_source,
    read_text,
)
from cygnet.text.stories import story

DOCUMENTS = st.lists(
    st.none() | st.text(st.sampled_from('ab"\\\n\r\0 é日🍓'), max_size=12), max_size=12
)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: bytes(pa.compress(content, "zstd", asbytes=True)),
}


def parquet_bytes(column: Any, rows: int = 1000, name: str = "text", **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": range(len(column)), name: column}), sink, rows, **options)
    return sink.getvalue()


def jsonl_bytes(documents: list[str | None], name: str = "text") -> bytes:
    lines = (json.dumps({"id": i, name: text}) for i, text in enumerate(documents))
    return "".join(f"{line}\n" for line in lines).encode()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(COMPRESS[path.suffix if path.suffix in COMPRESS else ""](content))
    return path


def read(path: Path, **reading: Any) -> list[str]:
    batches = whole_documents(open_file(path, Reading(**reading)).batches())
    return [text for batch in batches for text in batch]


@given(DOCUMENTS, st.sampled_from(sorted(COMPRESS)), st.integers(1, 60), st.integers(1, 5))
@settings(max_examples=150)
def test_documents_depend_on_neither_blocks_nor_compression_nor_row_groups(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[str | None],
    compression: str,
    block: int,
    rows: int,
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    expected = [text for text in documents if text]
    table = write(
        folder / f"a.parquet{compression}", parquet_bytes(pa.array(documents, pa.string()), rows)
    )
    lines = write(folder / f"a.jsonl{compression}", jsonl_bytes(documents))
    plain = [text for text in expected if not set("\n\r") & set(text)]
    text = write(folder / f"a.txt{compression}", "\n".join(plain).encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", block)
        patch.setattr(parquet, "BATCH_BYTES", block)
        assert read(table) == expected
        assert read(lines) == expected
        assert read(text, documents="line") == plain


@pytest.mark.parametrize("compression", sorted(COMPRESS))
def test_files_of_several_members_are_read_to_their_end(tmp_path: Path, compression: str) -> None:
    path = tmp_path / f"a.jsonl{compression}"
    parts = [jsonl_bytes([f"part {i}" * 2000]) for i in range(3)]
    path.write_bytes(b"".join(map(COMPRESS[compression], parts)))
    assert read(path) == [f"part {i}" * 2000 for i in range(3)]


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    documents = ["one", None, "", "two", None]
    table = write(tmp_path / "a.parquet", parquet_bytes(pa.array(documents)))
    for path in (table, write(tmp_path / "a.jsonl", jsonl_bytes(documents))):
        file = open_file(path)
        assert [text for batch in file.batches() for text in batch] == ["one", "two"]
        assert (file.n_documents, file.n_nulls, file.n_empty) == (2, 2, 1)


def test_what_a_document_of_a_text_file_is(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"one\ntwo\r\n\n<|endoftext|>\nthree\n")
    assert read(path) == ["one\ntwo", "three"]
    assert read(path, documents="line") == ["one", "two", "<|endoftext|>", "three"]
    assert read(path, documents="file") == ["one\ntwo\r\n\n<|endoftext|>\nthree"]
    assert read(path, boundary="two") == ["one", "<|endoftext|>\nthree"]


def test_real_parquet_files_are_what_pandas_reads(data: Path) -> None:
    pandas = pytest.importorskip("pandas")
    found = sorted((data / "parquet").glob("**/*.parquet"))
    assert len(found) == 10
    for path in found:
        names = [name for name in ("text", "contents") if name in pq.read_schema(path).names]
        for column in (None, *names):
            expected = pandas.read_parquet(path, columns=[column or names[0]]).iloc[:, 0].dropna()
            assert read(path, column=column) == [text for text in expected if text], path


def test_files_are_what_datasets_reads(tmp_path: Path, data: Path) -> None:
    datasets = pytest.importorskip("datasets")
    stories = [story(1, i) for i in range(50)]
    lines = write(tmp_path / "a.jsonl.gz", jsonl_bytes(stories))
    text = write(tmp_path / "a.txt.gz", "\n".join(stories).encode())
    table = data / "parquet" / "found" / "dpk_ccmulti_1.parquet"
    for kind, path, reading in [
        ("json", lines, {}),
        ("text", text, {"documents": "line"}),
        ("parquet", table, {}),
    ]:
        loaded = datasets.load_dataset(
            kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert read(path, **reading) == list(loaded["text"]), kind


@pytest.mark.parametrize(
    "line",
    [
        b'{"text": "a", "text": "b"}',
        b'{"x": NaN, "text": "b"}',
        b'{"x": {"text": 1}, "text": "b"}',
        b'{"x": 123456789012345678901234567890, "text": "b"}',
        b'{"x": "\\ud83d", "text": "\\ud83c\\udf53"}',
        b' \t{"text": "a\\u0000b"}\r',
        b'{"x": [1, "a", null], "text": null}',
        b"\r",
        b"",
    ],
)
def test_a_line_is_what_the_json_module_reads(tmp_path: Path, line: bytes) -> None:
    around = b'{"text": "before", "x": {}}\n', b'\n{"text": "behind", "x": []}\n'
    path = write(tmp_path / "a.jsonl", line.join(around))
    rows = [json.loads(row) for row in path.read_bytes().splitlines() if row.strip()]
    assert read(path) == [row["text"] for row in rows if row["text"]]


def address(array: pa.Array) -> int:
    """Where the bytes of an array of strings are."""
    strings = array.dictionary if pa.types.is_dictionary(array.type) else array
    return int(strings.buffers()[2].address)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
@pytest.mark.parametrize("encoded", [False, True])
def test_arrow_columns_are_not_copied(kind: pa.DataType, encoded: bool) -> None:
    documents = ["", "Once", None, "é🍓", "Once", "", None, "end"]
    array = pa.array(documents, kind)
    if encoded:
        array = array.dictionary_encode()
    chunked = pa.chunked_array([array, array.slice(1, 5), array.slice(3, 0), array.slice(4)])
    found = list(column_batches(chunked))
    assert [list(batch) for batch in found] == [
        [text for text in part if text is not None]
        for part in (documents, documents[1:6], [], documents[4:])
    ]
    for batch in (found[0], found[1], found[3]):
        begin = batch.data.__array_interface__["data"][0]
        assert 0 <= begin - address(array) < 20
        assert not batch.data.flags.owndata


@given(st.lists(st.none() | st.text(max_size=5), max_size=9), st.integers(0, 9), st.integers(0, 9))
def test_any_slice_of_any_column_is_what_arrow_says(
    documents: list[str | None], start: int, length: int
) -> None:
    for array in (
        pa.array(documents, pa.string()),
        pa.array(documents, pa.large_string()),
        pa.array(documents, pa.string_view()),
        pa.array(documents, pa.string()).dictionary_encode(),
        pa.DictionaryArray.from_arrays(
            pa.array([i if i % 3 else None for i in range(len(documents))], pa.int8()),
            pa.array(documents, pa.string()),
        ),
    ):
        part = array.slice(start, length)
        found = [text for batch in as_batches(part) for text in batch]
        assert found == [text for text in part.to_pylist() if text is not None]


def test_data_sets_are_text() -> None:
    datasets = pytest.importorskip("datasets")
    rows = [f"document {i}" if i % 7 else None for i in range(2500)]
    whole = datasets.Dataset.from_dict({"id": range(len(rows)), "contents": rows})

    def texts(dataset: Any) -> list[str]:
        return [text for batch in as_batches(dataset) for text in batch]

    expected = [text for text in rows if text]
    assert texts(whole) == texts(whole.to_iterable_dataset()) == expected
    assert texts(whole.to_iterable_dataset().map(lambda row: row)) == expected
    shuffled = whole.shuffle(seed=1).select(range(100))
    assert texts(shuffled) == [text for text in shuffled["contents"] if text]
    with pytest.raises(InputError, match="dictionary of train: take one"):
        texts(datasets.DatasetDict({"train": whole}))
    with pytest.raises(InputError, match=r"the Dataset has no column of text; .* id \(int64\)"):
        texts(whole.select_columns(["id"]))
    renamed = whole.rename_column("contents", "story")
    with pytest.raises(InputError, match="of text are story"):
        texts(renamed)
    with pytest.raises(InputError, match="columns are id, story"):
        texts(renamed.to_iterable_dataset().map(lambda row: row))
    [batch] = as_batches(whole.select(range(1, 7)))
    assert not batch.data.flags.owndata


def why(path: Path, kind: type[CygnetError] = InputError, **reading: Any) -> str:
    """The one line that refuses a file."""
    with pytest.raises(kind) as caught:
        read(path, **reading)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{text: 1}", "line 3 is not JSON (Expecting property name"),
        (b'{"text": "a"', "line 3 is not JSON"),
        (b'{"text": "a"} {"text": "b"}', "line 3 is not JSON (Extra data"),
        (b'["text"]', "line 3 is JSON, but no object"),
        (b'{"text": 3}', "line 3: 'text' is no string but of int"),
        (b'{"id": 1, "body": "a"}', "line 3 has no column 'text'; it has id, body"),
    ],
)
@pytest.mark.parametrize("block", [8, 1 << 20])
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str, block: int) -> None:
    path = write(tmp_path / "a.jsonl.gz", jsonl_bytes(["one"]) + b"\n" + line + b"\n{}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", block)
        found = why(path)
    assert f"a.jsonl.gz: {message}" in found


def test_a_file_without_the_column_says_what_it_has(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", jsonl_bytes(["one"], "body"))
    assert (
        "line 1 has no column text, content or contents; it has id, body: name one with"
        " --text.column" in why(lines)
    )
    assert read(lines, column="body") == ["one"]
    table = write(tmp_path / "a.parquet", parquet_bytes(["one"], name="body"))
    assert "has no column text, content or contents; its columns of text are body" in why(table)
    assert "has no column 'x'; its columns of text are body" in why(table, column="x")
    assert "no column 'id'; its columns of text are body" in why(table, column="id")
    assert read(table, column="body") == ["one"]
    numbers = write(tmp_path / "b.parquet", parquet_bytes([1.5], name="text"))
    assert "no column of text; its columns are id (int64), text (double)" in why(numbers)
    rows = write(tmp_path / "b.jsonl", b'{"text": [1], "contents": "found"}\n')
    assert read(rows) == ["found"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.txt"])
@pytest.mark.parametrize("compression", sorted(COMPRESS))
def test_a_truncated_file_is_named(tmp_path: Path, name: str, compression: str) -> None:
    content = {
        "a.jsonl": jsonl_bytes([story(1, i) for i in range(200)]),
        "a.parquet": parquet_bytes([story(1, i) for i in range(200)]),
        "a.txt": story(1, 1).encode() * 100,
    }[name]
    path = write(tmp_path / f"{name}{compression}", content)
    whole = path.read_bytes()
    for size in (len(whole) - 1, len(whole) * 2 // 3, 7):
        path.write_bytes(whole[:size])
        if not compression and name != "a.parquet":
            continue  # nothing in the file says that there was more
        assert f"{path} is truncated or damaged (" in why(path, DamagedError)
    path.write_bytes(b"something else that is not of this format at all, and long enough")
    if compression or name == "a.parquet":
        assert f"{path} is truncated or damaged (" in why(path, DamagedError)


def test_a_damaged_page_is_named(tmp_path: Path) -> None:
    texts = [story(1, i) for i in range(200)]
    options = {"compression": "zstd", "write_page_checksum": True, "use_dictionary": False}
    content = bytearray(parquet_bytes(texts, **options))
    path = write(tmp_path / "a.parquet", bytes(content))
    assert read(path) == texts
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "is truncated or damaged" in why(path, DamagedError)


def test_bytes_that_are_not_utf8_are_placed_in_every_format(tmp_path: Path) -> None:
    strings = pa.array([b"good", None, b"b\xffd", "é".encode()], pa.binary())
    table = write(tmp_path / "a.parquet", parquet_bytes(strings.view(pa.string())))
    content = b'{"text": "good"}\n\n{"text": "b\xffd"}\n{"text": "\xc3\xa9"}'
    lines = write(tmp_path / "a.jsonl", content)
    for path, place in ((table, "row 2"), (lines, "line 3")):
        assert f"{path}: {place} is not UTF-8 at byte 1 of" in why(path, EncodingError)
        file = open_file(path, Reading(errors="replace"))
        assert [text for batch in file.batches() for text in batch] == ["good", "b�d", "é"]
        assert file.n_replaced == 1
    halves = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer("é".encode())
    )
    split = write(tmp_path / "b.parquet", parquet_bytes(halves))
    assert "row 0 is not UTF-8 at byte 0 of it" in why(split, EncodingError)
    alone = write(tmp_path / "b.jsonl", b'{"text": "ok"}\n{"text": "a\\ud83db"}\n')
    assert "line 2 is not UTF-8 at byte 1 of its text" in why(alone, EncodingError)


def test_folders_and_patterns_find_every_format(tmp_path: Path) -> None:
    names = ["a.txt", "b.jsonl.gz", "c/d.parquet", "c/e.txt.zst", "f.JSONL.XZ"]
    for name in (*names, "config.json", "notes.md", "x.csv.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [str(path.relative_to(tmp_path)) for path in find_files(str(tmp_path))]
    assert found == names
    assert find_files(f"{tmp_path}/*.json") == [tmp_path / "config.json"]
    for name in ("notes.md", "x.csv.gz"):
        with pytest.raises(InputError, match=r"does not end in .txt, .jsonl, .parquet .* rename"):
            find_files(str(tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no"):
        find_files(str(tmp_path / "empty"))


def test_stories_are_a_source_in_memory() -> None:
    texts = [text for batch in read_text("stories:3:30", "stories:4:2") for text in batch]
    assert texts == [*(story(3, i) for i in range(30)), story(4, 0), story(4, 1)]
    assert (
        0.8 < open_source("stories:1:200").n_bytes / sum(len(story(1, i)) for i in range(200)) < 1.2
    )


def test_a_long_column_is_read_in_bounded_batches(tmp_path: Path) -> None:
    texts = ["x" * 50_000 for _ in range(400)]
    path = write(tmp_path / "a.parquet", parquet_bytes(texts, 400, use_dictionary=False))
    batches: Iterator[TextBatch] = open_file(path).batches()
    sizes = [batch.text_bytes for batch in batches]
    assert sum(sizes) == 20_000_000 and max(sizes) <= 5 << 20


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    texts = [story(1, i) for i in range(300)]
    for name, compression in itertools.product(("a.jsonl", "a.parquet", "a.txt"), COMPRESS):
        content = parquet_bytes(texts, 50) if "parquet" in name else jsonl_bytes(texts)
        path = write(tmp_path / f"{name}{compression}", content)
        told: list[int] = []
        assert list(open_file(path).batches(told.append))
        assert sum(told) == path.stat().st_size, path.name


def test_the_next_piece_is_read_while_one_is_worked_on() -> None:
    asked = threading.Event()

    def pieces() -> Iterator[int]:
        yield 1
        asked.set()
        yield 2

    def work(piece: int) -> int:
        assert asked.wait(20), "nothing was read while this piece was worked on"
        return piece

    assert list(run_ahead(work, pieces(), 1)) == [1, 2]


def test_an_error_in_one_file_ends_the_reading_of_the_others() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work(on_bytes: Callable[[int], None], piece: int) -> None:
        if piece == 0:
            assert begun.wait(20)
            raise InputError("bad")
        until = time.monotonic() + 10
        with pytest.raises(CancelledError):
            while time.monotonic() < until:
                on_bytes(1)
                begun.set()
        ended.set()

    with pytest.raises(InputError, match="bad"), reports(lambda mb: None) as on_bytes:
        list(run_ahead(partial(work, on_bytes), range(2), 2))
    assert ended.wait(20)
