"""Documents that come in parts: the ids, counts and splits are those of the whole document."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fuzz
from cygnet.text import blocks
from cygnet.text.batch import TextBatch, as_batches
from cygnet.text.parts import find_cut, whole_documents
from cygnet.text.sources import TextFile
from cygnet.text.splits import HashSplit, document_hashes
from cygnet.tokenizer.counting import count_words
from cygnet.tokenizer.patterns import PATTERNS
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore

BOUNDARY = "<|endoftext|>"
PROSE = st.text(st.sampled_from("abA 1.,'。，中é́\n\r<|"), max_size=200)
DOCUMENTS = st.lists(PROSE, max_size=6)
ONE = Tokenizer.train(["ab ab END \N{REPLACEMENT CHARACTER}、 é中é中"] * 9, 290)
SENTENCE = "One day, l'été 1999 中文。It's 42 "


def write(folder: Path, documents: list[str]) -> Path:
    path = folder / "corpus.txt"
    path.write_text(BOUNDARY.join(documents), newline="")
    return path


def in_parts(path: Path, chunk: int) -> list[TextBatch]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", chunk)
        return list(TextFile(path, BOUNDARY).batches())


@pytest.mark.parametrize("name", PATTERNS)
def test_where_a_text_is_cut_a_word_begins(name: str) -> None:
    tokenizer = Tokenizer([], pattern=name)
    n_cut = 0
    for text in fuzz.texts(3, 3_000):
        content = text.encode()
        place = find_cut(content)
        if place:
            n_cut += 1
            words = count_words([text], PATTERNS[name]).to_mapping()
            halves = [content[:place].decode(), content[place:].decode()]
            assert count_words(halves, PATTERNS[name]).to_mapping() == words, text
    assert n_cut > 200
    assert tokenizer.takes_parts
    assert not Tokenizer([], pattern=r"\w+(?=\w*b)|.").takes_parts


@given(DOCUMENTS, st.integers(13, 60))
def test_parts_joined_are_the_documents(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], chunk: int
) -> None:
    path = write(tmp_path_factory.mktemp("parts"), documents)
    joined = BOUNDARY.join(documents).split(BOUNDARY)
    expected = [text for part in joined if (text := part.strip("\r\n"))]
    assert [text for batch in whole_documents(in_parts(path, chunk)) for text in batch] == expected
    assert sum(batch.n_ended for batch in in_parts(path, chunk)) == len(expected)


ANY_BYTES = st.lists(
    st.sampled_from(
        [b"ab", b" ", b"--", b"-", b"\n", b"END", "、".encode(), "é中".encode(), b"\xe3"]
    )
).map(b"".join)
BOUNDARIES = [b"\n", b"\n\n", b"---", b" END ", b" ", b"-END-", "、".encode(), b"b", b""]


@settings(max_examples=300)
@given(ANY_BYTES, st.sampled_from(BOUNDARIES), st.integers(5, 40), st.booleans())
def test_any_boundary_is_found_as_split_finds_it(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    boundary: bytes,
    chunk: int,
    parts: bool,
) -> None:
    """From the left, wherever the blocks end; invalid bytes are replaced as in the whole text."""
    path = tmp_path_factory.mktemp("split") / "corpus.txt"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BATCH_BYTES", chunk)
        file = TextFile(path, boundary.decode(), "replace", parts)
        batches = list(file.batches())
    documents = content.split(boundary) if boundary else [content]
    texts = [document.decode(errors="replace").strip("\r\n") for document in documents]
    assert [t for batch in whole_documents(batches) for t in batch] == [t for t in texts if t]
    ids = [token for batch in batches for text in batch for token in ONE.encode(text)]
    assert ids == [token for text in texts for token in ONE.encode(text)]


def test_a_long_document_does_come_in_parts(tmp_path: Path) -> None:
    path = write(tmp_path, ["short", SENTENCE * 40, "last"])
    batches = in_parts(path, 64)
    assert sum(batch.continues for batch in batches) > 5
    assert [list(batch) for batch in as_batches(batches)][1:] == [[SENTENCE * 40], ["last"]]


@settings(max_examples=30, deadline=None)
@given(DOCUMENTS, st.integers(13, 60), st.integers(1, 300))
def test_token_files_of_parts_are_those_of_documents(
    tmp_path_factory: pytest.TempPathFactory, documents: list[str], chunk: int, shard_tokens: int
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    path = write(folder, [*documents, SENTENCE * 10])
    tokenizer = Tokenizer.train([SENTENCE], 280, special_tokens=[BOUNDARY])
    parts, whole = in_parts(path, chunk), list(whole_documents(in_parts(path, chunk)))
    manifests = [
        build(folder / name, tokenizer, {"train": batches}, shard_tokens=shard_tokens)
        for name, batches in (("parts", parts), ("whole", whole))
    ]
    assert manifests[0] == manifests[1]


@pytest.mark.parametrize("n_left", [0, 1, 2])
def test_a_killed_build_goes_on_behind_parts(tmp_path: Path, n_left: int) -> None:
    path = write(tmp_path, ["first", SENTENCE * 40, "third", SENTENCE * 20, "last"])
    tokenizer = Tokenizer([], special_tokens=[BOUNDARY])
    expected = build(tmp_path / "a", tokenizer, {"train": in_parts(path, 64)}, shard_tokens=500)
    build(tmp_path / "b", tokenizer, {"train": in_parts(path, 64)}, shard_tokens=500)
    (tmp_path / "b/manifest.json").unlink()
    for left in sorted((tmp_path / "b").glob("train-0*.bin"))[n_left:]:
        left.unlink()
    found = build(
        tmp_path / "b", tokenizer, {"train": in_parts(path, 64)}, shard_tokens=500, resume=True
    )
    assert found == expected


def test_words_of_parts_are_those_of_documents(tmp_path: Path) -> None:
    path = write(tmp_path, ["first", SENTENCE * 40, "third"])
    expected = count_words(["first", SENTENCE * 40, "third"], PATTERNS["gpt2"]).to_mapping()
    assert count_words(in_parts(path, 64), PATTERNS["gpt2"]).to_mapping() == expected


@pytest.mark.parametrize("side", ["train", "valid"])
def test_all_parts_of_a_document_are_on_one_side(tmp_path: Path, side: str) -> None:
    documents = [f"{number} {SENTENCE * 20000}" for number in range(4)]  # longer than is hashed
    path = write(tmp_path, documents)
    split = HashSplit(side, 0.5)  # type: ignore[arg-type]
    parts = in_parts(path, 100_000)
    assert sum(batch.continues for batch in parts) > 10
    kept = [text for batch in whole_documents(split.select(parts)) for text in batch]
    whole = TextBatch.from_strings([text.strip() for text in documents])
    assert [text.strip() for text in kept] == [t for b in split.select([whole]) for t in b]


def test_newlines_before_a_long_document_do_not_change_its_side(tmp_path: Path) -> None:
    """They are not its text, so what is hashed begins behind them."""
    document = "a b c " + "\n".join(f"line {number} of it" for number in range(300_000))
    path = write(tmp_path, ["\n" * (blocks.BATCH_BYTES - 100) + document])
    whole = TextBatch.from_strings([document])
    first, *_ = TextFile(path, BOUNDARY).batches()
    assert first.continues
    assert document_hashes(first).tolist() == document_hashes(whole).tolist()


def test_a_document_that_cannot_be_cut_does_not_make_the_next_one_larger(tmp_path: Path) -> None:
    path = write(tmp_path, ["0" * 1000, SENTENCE * 40])
    sizes = [batch.text_bytes for batch in in_parts(path, 64)]
    assert max(sizes[1:]) < 150


PEAK = """
import sys
from cygnet import Tokenizer, build_tokens
from cygnet.text.sources import read_text
tokenizer = Tokenizer([], special_tokens=["<|endoftext|>"])
build_tokens(sys.argv[2], tokenizer, {"train": read_text(sys.argv[1], parts=True)})
print(open("/proc/self/status").read().split("VmHWM:")[1].split()[0])
"""


def peak_kilobytes(path: Path, out: Path) -> int:
    result = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), str(out)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(result.stdout)


def write_one_document(path: Path, n_bytes: int) -> None:
    block = SENTENCE.encode() * (1 << 15)
    with path.open("wb") as file:
        for _ in range(0, n_bytes, len(block)):
            file.write(block)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="VmHWM is Linux's")
@pytest.mark.parametrize(
    "n_bytes", [200_000_000, pytest.param(2_100_000_000, marks=pytest.mark.stress)]
)
def test_memory_does_not_grow_with_a_document(tmp_path: Path, n_bytes: int) -> None:
    peaks = {}
    for size in (100_000_000, n_bytes):
        write_one_document(tmp_path / "one.txt", size)
        peaks[size] = peak_kilobytes(tmp_path / "one.txt", tmp_path / f"{size}")
        store = TokenStore.open(tmp_path / f"{size}")
        assert store.split("train").documents == 1
        assert store.split("train").text_bytes == (tmp_path / "one.txt").stat().st_size
        for path in store.folder.iterdir():
            path.unlink()
    assert peaks[n_bytes] - peaks[100_000_000] < 30_000
    assert peaks[n_bytes] < 260_000
