"""Token files and batches: format, resumption, order, damage."""

import json
import os
import resource
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PEAK, asks_linux_for_peak, printed_number
from cygnet.errors import DamagedError, InputError, StaleError, StorageError
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import build as build_module
from cygnet.tokens.build import build
from cygnet.tokens.order import random_starts, row_numbers
from cygnet.tokens.show import batch_lines
from cygnet.tokens.store import TokenStore

BYTES = Tokenizer([])
END = BYTES.boundary_id


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@given(
    st.lists(st.text("ab é", max_size=9), min_size=1, max_size=20),
    st.integers(1, 30),
    st.integers(1, 5),
)
def test_store_holds_the_documents(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], shard_tokens: int, per_batch: int
) -> None:
    folder = tmp_path_factory.mktemp("tokens")
    parts = [texts[i : i + per_batch] for i in range(0, len(texts), per_batch)]
    batches = [TextBatch.from_strings(part) for part in parts]
    manifest = build(folder, BYTES, {"train": batches}, shard_tokens=shard_tokens)
    store = TokenStore.open(folder)
    store.verify()
    expected = [[*text.encode(), END] for text in texts]
    documents = store.documents("train")
    assert [documents[i].tolist() for i in range(len(documents))] == expected
    flat = [token for document in expected for token in document]
    assert store.read("train", 0, len(flat)).tolist() == flat
    assert store.counts("train").tolist() == np.bincount(flat, minlength=257).tolist()
    split = manifest.splits["train"]
    assert (split.tokens, split.documents) == (len(flat), len(texts))
    assert split.text_bytes == sum(len(text.encode()) for text in texts)
    sizes = [shard.tokens for shard in split.shards]
    assert all(size >= shard_tokens for size in sizes[:-1])
    # Without its last document no shard was full.
    ends = np.cumsum([len(document) for document in expected])
    borders = np.cumsum(sizes)
    for border, begin in zip(borders, [0, *borders[:-1]], strict=True):
        last = int(np.searchsorted(ends, border))
        assert (ends[last - 1] if last else 0) - begin < shard_tokens


def test_bytes_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    texts = [f"story number {i}" for i in range(50)]
    build(tmp_path / "a", BYTES, {"train": texts}, shard_tokens=200)
    one_by_one = [TextBatch.from_strings([text]) for text in texts]
    build(tmp_path / "b", BYTES, {"train": one_by_one}, shard_tokens=200)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_format_is_readable_with_numpy_alone(tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["hi", "you"], "valid": ["x"]})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["format"] == "cygnet tokens"
    assert manifest["boundary_id"] == 256
    assert manifest["splits"]["train"]["text_bytes"] == 5
    ids = np.memmap(tmp_path / "train-00000.bin", dtype="<u2", mode="r")
    ends = np.fromfile(tmp_path / "train-00000.idx", dtype="<u8")
    assert ids.tolist() == [*b"hi", 256, *b"you", 256]
    assert ends.tolist() == [3, 7]
    assert np.load(tmp_path / "train-counts.npy")[256] == 2


def test_a_build_that_stops_goes_on_behind_the_last_shard(tmp_path: Path) -> None:
    texts = [f"story number {i}" for i in range(60)]
    build(tmp_path / "whole", BYTES, {"train": texts}, shard_tokens=200)

    def stop_after(n: int) -> object:
        yield from (TextBatch.from_strings([text]) for text in texts[:n])
        raise KeyboardInterrupt

    folder = tmp_path / "stopped"
    written: dict[str, int] = {}
    for n in (5, 20, 33, 47):
        with pytest.raises(KeyboardInterrupt):
            build(folder, BYTES, {"train": stop_after(n)}, shard_tokens=200, resume=True)  # type: ignore[dict-item]
        assert not list(folder.glob("*.tmp"))
        for path in folder.glob("*.bin"):  # no finished shard is written twice
            assert written.setdefault(path.name, path.stat().st_ino) == path.stat().st_ino
    assert written
    with pytest.raises(InputError, match="holds token files already"):
        build(folder, BYTES, {"train": texts}, shard_tokens=200)
    build(folder, BYTES, {"train": texts}, shard_tokens=200, resume=True)
    assert files_of(folder) == files_of(tmp_path / "whole")


def test_full_disk_removes_the_partial_file_and_keeps_the_rest(tmp_path: Path) -> None:
    texts = ["x" * 100] * 100
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        build(tmp_path, BYTES, {"valid": texts[:5]})
        with pytest.raises(StorageError, match=r"disk is full.*train-00000\.bin"):
            build(tmp_path, BYTES, {"valid": texts[:5], "train": texts}, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "valid-00000.bin").exists()
    assert not list(tmp_path.glob("*.tmp"))
    assert not list(tmp_path.glob("train-*.bin"))


@pytest.fixture
def store(tmp_path: Path) -> TokenStore:
    build(tmp_path, BYTES, {"train": ["abc" * 20, "d"]}, shard_tokens=10)
    return TokenStore.open(tmp_path)


def test_batches_are_shifted_by_one_and_pure(store: TokenStore) -> None:
    def batch(step: int, **more: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = store.get_batch("train", step=step, batch_size=6, block_size=8, seed=42, **more)
        return x, y

    x, y = batch(3)
    assert x.shape == y.shape == (6, 8)
    assert x.dtype == y.dtype == np.int64
    assert (y[:, :-1] == x[:, 1:]).all()
    assert (batch(3)[0] == x).all()
    assert (batch(4)[0] != x).any()
    parts = [batch(3, rank=rank, world_size=3)[1] for rank in range(3)]
    assert (np.concatenate(parts) == y).all()


def test_every_start_is_equally_likely_both_ends_included(tmp_path: Path) -> None:
    # Every token differs from the others, so the first token of a window tells its start.
    build(tmp_path, Tokenizer([], special_tokens=[]), {"train": ["".join(map(chr, range(40)))]})
    store = TokenStore.open(tmp_path)
    n_starts, n_steps = 40 - 8, 500
    starts = Counter[int]()
    for step in range(n_steps):
        x, _ = store.get_batch("train", step=step, batch_size=64, block_size=8, seed=1)
        starts.update(x[:, 0].tolist())
    assert sorted(starts) == list(range(n_starts))
    expected = n_steps * 64 / n_starts
    chi_square = sum((count - expected) ** 2 / expected for count in starts.values())
    assert chi_square < 70  # 31 degrees of freedom: exceeded by chance once in 10,000


@given(st.integers(1, 10**18), st.integers(0, 2**64))
def test_starts_stay_in_range(n_starts: int, seed: int) -> None:
    rows = np.arange(1000, dtype=np.uint64)
    starts = random_starts(rows, n_starts, seed)
    assert starts.min() >= 0
    assert starts.max() < n_starts


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**63 - 1))
def test_high_product_is_exact(a: int, b: int) -> None:
    from cygnet.tokens.order import _high_product

    assert int(_high_product(np.array([a], np.uint64), np.uint64(b))[0]) == a * b >> 64


def test_a_corpus_of_just_one_window(tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["abcd"]})
    store = TokenStore.open(tmp_path)
    x, y = store.get_batch("train", step=9, batch_size=3, block_size=4, seed=7)
    assert x.tolist() == [[*b"abcd"]] * 3
    assert y.tolist() == [[*b"bcd", END]] * 3
    with pytest.raises(InputError, match="needs 6, but train has only 5"):
        store.get_batch("train", step=0, batch_size=1, block_size=5, seed=0)


def test_ranks_must_divide_the_batch() -> None:
    with pytest.raises(InputError, match="3 ranks do not divide"):
        row_numbers(0, 4, 0, 3)


@pytest.mark.parametrize("name", ["train-00001.bin", "train-00001.idx"])
def test_truncated_file_is_named(store: TokenStore, name: str) -> None:
    path = store.folder / name
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(DamagedError, match=name):
        TokenStore.open(store.folder)
    path.unlink()
    with pytest.raises(DamagedError, match=f"{name} is missing"):
        TokenStore.open(store.folder)


@pytest.mark.parametrize("name", ["train-00001.bin", "train-00000.idx", "train-counts.npy"])
def test_one_flipped_bit_is_found(store: TokenStore, name: str) -> None:
    path = store.folder / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=name):
        TokenStore.open(store.folder).verify()


def test_damaged_manifest(store: TokenStore) -> None:
    path = store.folder / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "version": 9}))
    with pytest.raises(InputError, match="version 9"):
        TokenStore.open(store.folder)
    del content["dtype"]
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedError, match="dtype"):
        TokenStore.open(store.folder)


def test_another_tokenizer_is_refused(store: TokenStore) -> None:
    with pytest.raises(StaleError, match="another tokenizer"):
        store.check_tokenizer(Tokenizer.train(["aa aa aa"], 300))
    store.check_tokenizer(Tokenizer([]))


@asks_linux_for_peak
def test_resident_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["abc"]})
    n_tokens = 2_000_000_000  # 4 GB, sparse
    with open(tmp_path / "train-00000.bin", "ab") as file:
        os.truncate(file.fileno(), 2 * n_tokens)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["splits"]["train"]["shards"][0]["tokens"] = n_tokens
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    code = """
import sys
from cygnet import TokenStore
store = TokenStore.open(sys.argv[1])
before = peak()
for step in range(100):
    store.get_batch("train", step=step, batch_size=64, block_size=1024, seed=1)
print(peak() - before)
"""
    assert printed_number(PEAK + code, tmp_path) < 50_000  # kB


@asks_linux_for_peak
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    code = """
import sys
from cygnet import Tokenizer, build_tokens
from cygnet.text.stories import story
texts = ["\\n".join(story(1, i) for i in range(1000))] * int(sys.argv[2])
build_tokens(sys.argv[1], Tokenizer([]), {"train": texts}, shard_tokens=5_000_000)
print(peak())
"""
    little = printed_number(PEAK + code, tmp_path / "little", "40")
    much = printed_number(PEAK + code, tmp_path / "much", "160")
    assert much - little < 15_000  # 32 MB of text against 128 MB


def test_show_puts_x_above_y(store: TokenStore) -> None:
    batch = store.get_batch("train", step=0, batch_size=2, block_size=6, seed=1)
    lines = list(batch_lines(batch, BYTES, width=200, rows=2))
    assert lines[0] == "row 0"
    x, y = lines[1].removeprefix("x ").split("│"), lines[3].removeprefix("y ").split("│")
    assert [int(cell) for cell in x][1:] == [int(cell) for cell in y][:-1]
    narrow = list(batch_lines(batch, BYTES, width=20))
    assert max(map(len, narrow)) <= 20


def test_views(store: TokenStore) -> None:
    assert f"train: {store.split('train').tokens:,} tokens" in repr(store)
    assert f"{store.split('train').tokens:,}" in store._repr_html_()
    with pytest.raises(InputError, match="no split 'valid'"):
        store.counts("valid")
    with pytest.raises(IndexError):
        store.documents("train")[5]


def test_an_empty_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="valid split holds no document"):
        build_module.build(tmp_path, BYTES, {"valid": []})
