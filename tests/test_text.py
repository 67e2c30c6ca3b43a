"""Documents out of files: boundaries, encodings, sources, samples."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cygnet.errors import EncodingError, InputError
from cygnet.recipe import TextOptions
from cygnet.text import blocks
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.parts import whole_documents
from cygnet.text.sources import find_files, sample_documents
from cygnet.text.stories import parse_source
from cygnet.text.txt import TextFile, cut_at, strip
from cygnet.text.utf8 import is_utf8

BOUNDARY = "<|endoftext|>"


def read(path: Path, boundary: str = BOUNDARY, errors: str = "strict") -> list[str]:
    batches = whole_documents(TextFile(path, boundary, errors).batches())
    return [text for batch in batches for text in batch]


@given(
    st.lists(st.text(st.sampled_from("ab<|\n é🍓"), max_size=12), max_size=8),
    st.integers(1, 40),
)
def test_documents_do_not_depend_on_how_the_file_is_read(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], chunk: int
) -> None:
    path = tmp_path_factory.mktemp("text") / "stories.txt"
    path.write_text(BOUNDARY.join(documents), newline="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", chunk)
        found = read(path)
    joined = BOUNDARY.join(documents)
    assert found == [text for part in joined.split(BOUNDARY) if (text := part.strip("\r\n"))]


@given(
    st.text("ab\r\n\x00é", max_size=60).map(str.encode),
    st.sampled_from(["a", "ab", "aa", "aba", "\n", "é", "", "ab" * 8]).map(str.encode),
)
@example(b"aaaa", b"aaaaaa")  # a block shorter than the boundary, and beginning like it
def test_cutting_and_stripping_are_those_of_bytes(block: bytes, boundary: bytes) -> None:
    pieces = block.split(boundary) if boundary else [block]
    starts, ends = cut_at(block, boundary)
    assert [block[a:b] for a, b in zip(starts, ends, strict=True)] == pieces
    stripped = strip(TextBatch(np.frombuffer(block, np.uint8), starts, ends))
    documents = [stripped.document_bytes(i) for i in range(len(stripped))]
    assert documents == [piece.strip(b"\r\n") for piece in pieces]


@given(
    st.lists(st.sampled_from(["a", "é", "日", "🍓", "\ud7ff", "\U0010ffff"]), max_size=90),
    st.dictionaries(st.integers(0, 150), st.integers(0, 255), max_size=2),
    st.integers(0, 80),
)
def test_utf8_is_what_python_decodes(characters: list[str], wrong: dict[int, int], n: int) -> None:
    block = bytearray("".join(characters).encode())
    for place, byte in wrong.items():
        if place < len(block):
            block[place] = byte
    block[:0] = b"x" * n
    try:
        valid = bool(block.decode() or True)
    except UnicodeDecodeError:
        valid = False
    assert is_utf8(np.frombuffer(bytes(block), np.uint8)) == valid


def test_a_million_newlines_are_stripped_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n" * 1_000_000 + "one" + "\n" * 1_000_000)
    [batch] = TextFile(path, "<|>").batches()
    assert list(batch) == ["one"]


def test_boundary_and_its_newlines_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"one\n\ntwo\n{BOUNDARY}\n\nthree\n{BOUNDARY}\n\n{BOUNDARY}\n")
    file = TextFile(path, BOUNDARY)
    assert [text for batch in file.batches() for text in batch] == ["one\n\ntwo", "three"]
    assert (file.n_documents, file.n_empty) == (2, 1)


def test_without_a_boundary_a_file_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one<|endoftext|>two")
    assert read(path, boundary="") == ["one<|endoftext|>two"]


def test_invalid_utf8_is_placed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n<|endoftext|>\nb\xffd\n<|endoftext|>\nt\xe2\x80")
    with pytest.raises(EncodingError, match=r"a\.txt: document 1 .* byte 20 .*0xff"):
        read(path)
    file = TextFile(path, BOUNDARY, errors="replace")
    assert [text for batch in file.batches() for text in batch] == ["good", "b�d", "t�"]
    assert file.n_replaced == 2


def test_invalid_utf8_is_placed_behind_the_first_block(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    before = b"x" * 50 + BOUNDARY.encode()
    path.write_bytes(before * 3 + b"\xff")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", 64)
        with pytest.raises(EncodingError, match=f"document 3 .* byte {3 * len(before)} "):
            read(path)


def test_a_lone_surrogate_is_refused_with_its_document() -> None:
    with pytest.raises(EncodingError, match="document 1: character 2"):
        list(as_batches(["good", "ba\ud800d"]))


def test_any_text_becomes_batches() -> None:
    batch = TextBatch.from_strings(["a", "bé"])
    for text in (["a", "bé"], iter(["a", "bé"]), batch, [batch], iter([batch])):
        assert [t for b in as_batches(text) for t in b] == ["a", "bé"]
    assert [t for b in as_batches("one") for t in b] == ["one"]
    assert [len(b) for b in as_batches(["ab"] * 5, batch_bytes=4)] == [2, 2, 1]
    with pytest.raises(InputError, match="found int"):
        list(as_batches([3]))  # type: ignore[list-item]


def test_sources(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.txt", "a.txt", "deep/c.txt", "other.md", "odd[1].txt"):
        (tmp_path / name).write_text("x")
    names = ["a.txt", "b.txt", "c.txt", "odd[1].txt"]
    assert [path.name for path in find_files(str(tmp_path))] == [
        "a.txt",
        "b.txt",
        "c.txt",
        names[3],
    ]
    assert [path.name for path in find_files(f"{tmp_path}/[ab].txt")] == names[:2]
    assert [path.name for path in find_files(f"{tmp_path}/odd[1].txt")] == names[3:]
    assert len(find_files(f"{tmp_path}/**/*.txt")) == 4
    with pytest.raises(InputError, match="matches no file"):
        find_files(f"{tmp_path}/*.none")
    with pytest.raises(InputError, match="does not exist"):
        find_files(str(tmp_path / "none.txt"))
    with pytest.raises(InputError, match="stories:SEED:COUNT"):
        parse_source("stories:x")


@given(st.integers(1, 400), st.integers(1, 50), st.floats(0.01, 1.5))
def test_a_sample_is_spread_over_the_corpus(n: int, per_batch: int, share: float) -> None:
    documents = [f"{i:04d}" for i in range(n)]
    parts = [documents[i : i + per_batch] for i in range(0, n, per_batch)]
    batches = (TextBatch.from_strings(part) for part in parts)
    wanted = int(share * 4 * n)
    taken = [int(t) for b in sample_documents(batches, 4 * n, wanted) for t in b]
    assert abs(len(taken) - min(n, wanted / 4)) <= 1
    gaps = np.diff(taken)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
    assert wanted == 0 or taken[0] == 0  # something is taken even from a corpus of one document


def test_text_batch_select_keeps_the_text_in_place() -> None:
    batch = TextBatch.from_strings(["a", "bb", "ccc"])
    part = batch.select(np.array([True, False, True]))
    assert list(part) == ["a", "ccc"]
    assert part.text_bytes == 4
    assert part.data is batch.data


def test_documents_lie_within_their_batch() -> None:
    data = np.zeros(10, np.uint8)
    for starts, ends in [([-1], [3]), ([4], [3]), ([4], [11]), ([0, 1], [3])]:
        with pytest.raises(InputError, match=r"TextBatch|not within 10 bytes"):
            TextBatch(data, np.array(starts, np.int64), np.array(ends, np.int64))
    with pytest.raises(InputError, match="contiguous uint8"):
        TextBatch(data[::2], np.array([0]), np.array([3]))


def test_options_default_to_the_tinystories_boundary() -> None:
    assert TextOptions(train=("x",)).boundary == BOUNDARY
