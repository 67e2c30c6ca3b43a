"""The orders of batches: permutations, windows, packed rows, loss masks, against plain Python."""

import dataclasses
import json
import os
import pickle
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cygnet.errors import DamagedError, InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import build_ids, reading
from cygnet.tokens.batch import IGNORED, Batch, Order
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.format import Manifest, write_manifest
from cygnet.tokens.order import permuted, row_numbers
from cygnet.tokens.packing import best_fit
from cygnet.tokens.store import TokenStore
from cygnet.tokens.windows import WindowPlan

ORDERS: tuple[Order, ...] = "random", "epoch", "packed"
NO_BOUNDARY = Tokenizer([], special_tokens=[])
BYTES = Tokenizer([])
END = 256


# The permutation


def test_every_small_permutation_is_one() -> None:
    for n in [*range(1, 130), 255, 256, 257, 1000, 4096, 10_007]:
        rows = np.arange(3 * n, dtype=np.uint64)
        epochs = permuted(rows, n, seed=n).reshape(3, n)
        assert (np.sort(epochs, axis=1) == np.arange(n)).all(), n
        if n > 30:
            assert (epochs[0] != epochs[1]).any()
            assert (epochs[0] != permuted(rows[:n], n, seed=n + 1)).any()


@pytest.mark.parametrize("n", [10**10, 10**12])
def test_a_large_permutation_repeats_nothing(n: int) -> None:
    # Of 10**10, as many random numbers would hold ten pairs of equal ones.
    found = []
    for start in (0, 1_234_567_890, n - 150_000):
        for first in range(start, start + 150_000, 15_000):
            rows = np.arange(first, first + 15_000, dtype=np.uint64)
            found.append(permuted(rows, n, seed=7))
    items = np.concatenate(found)
    assert items.min() >= 0
    assert items.max() < n
    assert len(np.unique(items)) == len(items)
    assert abs(items.mean() / n - 0.5) < 0.005
    later = permuted(rows + np.uint64(n), n, seed=7)
    assert (later != found[-1]).any()


@pytest.mark.parametrize("n", [2, 3, 5, 8, 10, 37])
def test_every_item_is_as_likely_in_every_place(n: int) -> None:
    n_epochs = 4000
    epochs = permuted(np.arange(n_epochs * n, dtype=np.uint64), n, seed=3).reshape(n_epochs, n)
    counts = np.stack([np.bincount(epochs[:, place], minlength=n) for place in range(n)])
    chi_square = ((counts - n_epochs / n) ** 2 / (n_epochs / n)).sum()
    freedom = (n - 1) ** 2
    assert chi_square < freedom + 5 * (2 * freedom) ** 0.5 + 5
    neighbours = Counter(((epochs[:, 1] - epochs[:, 0]) % n).tolist())
    expected = n_epochs / (n - 1)
    assert all(abs(neighbours[gap] - expected) < 6 * expected**0.5 for gap in range(1, n))


# Stores


WIDE = Tokenizer([], special_tokens=[f"<{i}>" for i in range(6000)])
"""A tokenizer with room for many different ids; its boundary is 256."""


def write(
    folder: Path,
    lengths: list[int],
    masks: list[list[int]] | None = None,
    shard_tokens: int = 10**9,
) -> tuple[TokenStore, list[list[int]]]:
    """A store whose tokens are all different, boundaries aside, and its documents."""
    ids = iter(range(257, 6257))
    texts = [[next(ids) for _ in range(length)] for length in lengths]
    pairs = list(zip(texts, masks or [None] * len(texts), strict=True))
    manifest = build_from_ids(folder, WIDE, {"train": pairs}, shard_tokens=shard_tokens)
    if masks is None:
        remove_masks(folder, manifest)
    return TokenStore.open(folder), [[*text, END] for text in texts]


def remove_masks(folder: Path, manifest: Manifest) -> None:
    """Leave what ``build`` would have written."""
    shards = manifest.splits["train"].shards
    for shard in shards:
        (folder / f"{shard.name}.mask").unlink()
    bare = tuple(dataclasses.replace(shard, mask_sha256=None) for shard in shards)
    split = dataclasses.replace(manifest.splits["train"], shards=bare)
    write_manifest(folder, dataclasses.replace(manifest, splits={"train": split}))


shapes = st.tuples(
    st.lists(st.integers(1, 30), min_size=1, max_size=25),  # lengths of documents
    st.integers(1, 12),  # T
    st.sampled_from([5, 17, 40, 10**9]),  # shard_tokens
)


@settings(max_examples=30)
@given(shapes)
def test_epoch_reads_every_window_of_every_shard_once(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[list[int], int, int]
) -> None:
    lengths, block_size, shard_tokens = shape
    store, documents = write(tmp_path_factory.mktemp("t"), lengths, shard_tokens=shard_tokens)
    flat = [token for document in documents for token in document]
    expected, start, targets = [], 0, 0
    for shard in store.split("train").shards:
        tokens = flat[start : start + shard.tokens]
        start += shard.tokens
        for begin in range(0, len(tokens) - block_size, block_size):
            expected.append(tokens[begin : begin + block_size + 1])
            targets += block_size
    if not expected:
        with pytest.raises(InputError, match="take a smaller block_size"):
            store.plan("train", block_size=block_size, order="epoch")
        return
    plan = store.plan("train", block_size=block_size, order="epoch")
    assert isinstance(plan, WindowPlan)
    n_rows = len(plan)
    assert n_rows == len(expected)
    assert plan.n_left_out == len(flat) - targets
    for epoch in range(2):
        rows = np.arange(epoch * n_rows, (epoch + 1) * n_rows, dtype=np.uint64)
        batch = store.get_rows("train", rows, block_size=block_size, seed=5, order="epoch")
        found = np.concatenate([batch.x, batch.y[:, -1:]], axis=1)
        assert (batch.x[:, 1:] == batch.y[:, :-1]).all()
        assert sorted(found.tolist()) == sorted(expected)


@settings(max_examples=20)
@given(shapes)
def test_random_reads_every_start_of_every_shard(
    tmp_path_factory: pytest.TempPathFactory, shape: tuple[list[int], int, int]
) -> None:
    lengths, block_size, shard_tokens = shape
    store, documents = write(tmp_path_factory.mktemp("t"), lengths, shard_tokens=shard_tokens)
    flat = [token for document in documents for token in document]
    expected, start = set(), 0
    for shard in store.split("train").shards:
        tokens = flat[start : start + shard.tokens]
        start += shard.tokens
        expected |= {tuple(tokens[i : i + block_size + 1]) for i in range(len(tokens) - block_size)}
    if not expected:
        return
    plan = store.plan("train", block_size=block_size)
    batch = plan.read(np.arange(len(plan)))
    assert windows_of(batch) == expected
    drawn = store.get_batch(
        "train", step=0, batch_size=30 * len(plan), block_size=block_size, seed=1
    )
    # Both ends of every shard among them: 30 draws a start miss one with a chance of 1e-13.
    assert windows_of(drawn) == expected


def windows_of(batch: Batch) -> set[tuple[int, ...]]:
    return {(*x, y[-1]) for x, y in zip(batch.x.tolist(), batch.y.tolist(), strict=True)}


@settings(max_examples=40)
@given(shapes, st.sampled_from([None, 1, 3, 100]), st.booleans())
def test_packed_rows_hold_every_document_once(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[list[int], int, int],
    window: int | None,
    with_boundary: bool,
) -> None:
    lengths, block_size, shard_tokens = shape
    folder = tmp_path_factory.mktemp("t")
    if with_boundary:
        store, documents = write(folder, lengths, shard_tokens=shard_tokens)
    else:
        lengths = [min(length, 9) for length in lengths]
        texts = [bytes((i * 9 + j) % 128 for j in range(n)).decode() for i, n in enumerate(lengths)]
        build(folder, NO_BOUNDARY, {"train": texts}, shard_tokens=shard_tokens)
        store, documents = TokenStore.open(folder), [[*text.encode()] for text in texts]
        if max(lengths) == 1:
            with pytest.raises(InputError, match="no token follows another"):
                store.plan("train", block_size=block_size, order="packed")
            return
    plan = store.plan("train", block_size=block_size, order="packed", pack_window=window)
    rows = np.arange(len(plan), dtype=np.uint64)
    batch = store.get_rows(
        "train", rows, block_size=block_size, seed=5, order="packed", pack_window=window
    )
    learned: dict[int, list[int]] = {}
    for row in range(len(plan)):
        check_row(batch, row, documents, with_boundary, learned)
    lead = 0 if with_boundary else 1
    for number, document in enumerate(documents):
        assert sorted(learned.get(number, [])) == list(range(lead, len(document)))
    assert batch.mask is not None
    assert int(batch.mask.sum()) == plan.n_targets == sum(len(d) - lead for d in documents)


def check_row(
    batch: Batch,
    row: int,
    documents: list[list[int]],
    with_boundary: bool,
    learned: dict[int, list[int]],
) -> None:
    """One packed row against the documents; notes the places that it learns."""
    assert batch.document_ids is not None
    assert batch.positions is not None
    assert batch.mask is not None
    lead = 0 if with_boundary else 1
    x, y, ids = batch.x[row].tolist(), batch.y[row].tolist(), batch.document_ids[row].tolist()
    block_size, place, pieces = len(x), 0, []
    while place < block_size:
        end = place + 1
        while end < block_size and ids[end] == ids[place]:
            end += 1
        assert batch.positions[row, place:end].tolist() == list(range(end - place))
        if ids[place] == -1:
            assert end == block_size
            assert y[place:] == [IGNORED] * (end - place)
            assert x[place:] == [END if with_boundary else 0] * (end - place)
            assert not batch.mask[row, place:].any()
            break
        document = documents[ids[place]]
        size, targets = end - place, len(document) - lead
        # A document that fits is whole; a longer one is cut where rows are full.
        begins = [lead] if targets <= block_size else range(lead, len(document), block_size)
        before = [END, *document] if with_boundary else document
        begin = next(
            b
            for b in begins
            if y[place:end] == document[b : b + size] and b not in learned.get(ids[place], [])
        )
        assert size == min(block_size, targets - (begin - lead))
        assert x[place:end] == before[begin - lead : begin - lead + size]
        assert batch.mask[row, place:end].all()
        learned.setdefault(ids[place], []).extend(range(begin, begin + size))
        pieces.append((begin, targets))
        place = end
    begins_document = [begin == lead for begin, _ in pieces]
    assert begins_document == sorted(begins_document, reverse=True), "begins where a document does"
    assert all(targets > block_size for begin, targets in pieces if begin != lead)


@settings(max_examples=200)
@given(st.lists(st.integers(1, 20), max_size=60), st.integers(20, 30), st.sampled_from([None, 7]))
def test_best_fit_is_that_of_the_definition(
    lengths: list[int], capacity: int, window: int | None
) -> None:
    def plain(lengths: list[int]) -> list[int]:
        """Best-fit decreasing, document by document: the room left in each row."""
        rooms: list[int] = []
        for length in sorted(lengths, reverse=True):
            fitting = [(room, row) for row, room in enumerate(rooms) if room >= length]
            if fitting:
                rooms[min(fitting)[1]] -= length
            else:
                rooms.append(capacity - length)
        return rooms

    packing = best_fit(np.array(lengths, np.int64), capacity, window)
    assert sorted(packing.order.tolist()) == list(range(len(lengths)))
    borders = [0, *packing.ends.tolist()]
    rows = [packing.order[a:b].tolist() for a, b in pairwise(borders)]
    assert all(rows)
    rooms = [capacity - sum(lengths[document] for document in row) for row in rows]
    step = window or max(1, len(lengths))
    expected = [plain(lengths[i : i + step]) for i in range(0, len(lengths), step)]
    assert sorted(rooms) == sorted(room for part in expected for room in part)


def test_a_million_documents_are_planned_in_two_seconds() -> None:
    chance = np.random.default_rng(1)
    lengths = np.clip(chance.lognormal(6, 1, 1_000_000).astype(np.int64), 1, 2047)
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    packing = best_fit(lengths, 2048)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin < 2
    assert lengths.sum() / (2048 * len(packing.ends)) > 0.999


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    lengths = [3, 40, 7, 7, 12, 90, 1, 5, 22, 8, 31, 4, 4, 60]
    return write(tmp_path_factory.mktemp("mixed"), lengths, shard_tokens=100)[0]


@pytest.mark.parametrize("order", ORDERS)
def test_ranks_share_the_global_batch(mixed: TokenStore, order: Order) -> None:
    def rows(step: int, rank: int, world_size: int) -> Batch:
        return mixed.get_batch("train", step=step, batch_size=12, block_size=16, seed=3,
                               order=order, rank=rank, world_size=world_size)  # fmt: skip

    for step in (0, 1, 10**9):
        whole = rows(step, 0, 1)
        for world_size in (1, 2, 3, 4, 6, 12):
            parts = [rows(step, rank, world_size) for rank in range(world_size)]
            for name in ("x", "y", "positions", "mask", "document_ids"):
                if getattr(whole, name) is not None:
                    joined = np.concatenate([getattr(part, name) for part in parts])
                    assert (joined == getattr(whole, name)).all()
        with pytest.raises(InputError, match="5 ranks do not divide"):
            rows(step, 0, 5)


@pytest.mark.parametrize("order", ORDERS)
def test_starting_at_a_step_is_iterating_there(mixed: TokenStore, order: Order) -> None:
    shape: dict[str, Any] = {"block_size": 16, "seed": 3, "order": order}
    fresh = TokenStore.open(mixed.folder)
    for step in range(9):
        followed = mixed.get_batch("train", step=step, batch_size=4, **shape)
        rows = row_numbers(step, 4)
        assert (fresh.get_rows("train", rows, **shape).y == followed.y).all()
    jumped = TokenStore.open(mixed.folder).get_batch("train", step=8, batch_size=4, **shape)
    assert (jumped.x == followed.x).all()
    assert (jumped.y == followed.y).all()


@pytest.mark.parametrize("order", ["epoch", "packed"])
def test_rows_run_on_through_epochs(mixed: TokenStore, order: Order) -> None:
    plan = mixed.plan("train", block_size=16, order=order)
    n = len(plan)
    assert n % 7
    batches = [
        mixed.get_batch("train", step=step, batch_size=7, block_size=16, seed=3, order=order)
        for step in range(n)
    ]
    rows = np.concatenate([batch.x for batch in batches]).tolist()
    epochs = [rows[i * n : (i + 1) * n] for i in range(7)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len({json.dumps(epoch) for epoch in epochs}) == 7


def test_a_store_can_be_sent_to_another_process(mixed: TokenStore) -> None:
    mixed.get_batch("train", step=0, batch_size=1, block_size=8, seed=1)
    other = pickle.loads(pickle.dumps(mixed))
    assert (other.read("train", 0, 50) == mixed.read("train", 0, 50)).all()
    assert other.files("train") is not mixed.files("train")


def test_an_unknown_order_is_refused(mixed: TokenStore) -> None:
    with pytest.raises(InputError, match="no order 'sorted': there are random, epoch and packed"):
        mixed.plan("train", block_size=8, order="sorted")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no rows of 0 tokens"):
        mixed.plan("train", block_size=0, order="packed")


def test_more_shards_than_files_may_be_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_OPEN", 5)
    store, documents = write(tmp_path, [6] * 20, shard_tokens=7)
    plan = store.plan("train", block_size=7, order="packed")
    for _ in range(2):
        assert sorted(plan.read(np.arange(20)).y.tolist()) == sorted(documents)
    assert len(store.files("train")._descriptors) == 5


# Loss masks


def masked_shape(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    lengths = draw(st.lists(st.integers(1, 25), min_size=1, max_size=12))
    dense = draw(st.sampled_from([0.02, 0.3, 1.0]))
    chance = np.random.default_rng(draw(st.integers(0, 1000)))
    return lengths, [(chance.random(length) < dense).astype(int).tolist() for length in lengths]


@settings(max_examples=40)
@given(st.composite(masked_shape)(), st.integers(1, 10), st.sampled_from([6, 40, 10**9]))
def test_rows_with_nothing_to_learn_are_left_out(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[list[int], list[list[int]]],
    block_size: int,
    shard_tokens: int,
) -> None:
    lengths, masks = shape
    store, documents = write(tmp_path_factory.mktemp("t"), lengths, masks, shard_tokens)
    flat = [token for document in documents for token in document]
    counted = [bit for mask in masks for bit in [*mask, mask[-1]]]
    assert store.read_mask("train", 0, len(flat)).tolist() == [bit == 1 for bit in counted]
    expected: dict[Order, list[tuple[list[int], list[int]]]] = {"random": [], "epoch": []}
    refused, start = Counter[str](), 0
    for shard in store.split("train").shards:
        for begin in range(start, start + shard.tokens - block_size):
            x = flat[begin : begin + block_size]
            y = [
                flat[i] if counted[i] else IGNORED for i in range(begin + 1, begin + 1 + block_size)
            ]
            for order in expected:
                if order == "random" or not (begin - start) % block_size:
                    if any(target != IGNORED for target in y):
                        expected[order].append((x, y))
                    else:
                        refused[order] += 1
        start += shard.tokens
    for order, rows in expected.items():
        if not rows:
            with pytest.raises(InputError, match=r"nothing to learn|smaller block_size"):
                store.plan("train", block_size=block_size, order=order)
            continue
        plan = store.plan("train", block_size=block_size, order=order)
        batch = plan.read(np.arange(len(plan)))
        assert list(zip(batch.x.tolist(), batch.y.tolist(), strict=True)) == rows
        assert batch.mask is not None
        assert (batch.mask == (batch.y != IGNORED)).all()
        assert plan.n_refused == refused[order]


@settings(max_examples=40)
@given(st.composite(masked_shape)(), st.integers(1, 10), st.sampled_from([6, 40, 10**9]))
def test_packed_parts_with_nothing_to_learn_are_left_out(
    tmp_path_factory: pytest.TempPathFactory,
    shape: tuple[list[int], list[list[int]]],
    block_size: int,
    shard_tokens: int,
) -> None:
    lengths, masks = shape
    store, documents = write(tmp_path_factory.mktemp("t"), lengths, masks, shard_tokens)
    expected, refused = Counter[tuple[int, tuple[int, ...]]](), 0
    for number, (document, mask) in enumerate(zip(documents, masks, strict=True)):
        counted = [*mask, mask[-1]]
        for begin in range(0, len(document), block_size):
            part = slice(begin, begin + block_size)
            if any(counted[part]):
                targets = [
                    t if m else IGNORED for t, m in zip(document[part], counted[part], strict=True)
                ]
                expected[number, tuple(targets)] += 1
            else:
                refused += 1
    if not expected:
        with pytest.raises(InputError, match="nothing to learn"):
            store.plan("train", block_size=block_size, order="packed")
        return
    plan = store.plan("train", block_size=block_size, order="packed")
    assert plan.n_refused == refused
    batch = plan.read(np.arange(len(plan)))
    assert batch.mask is not None
    assert batch.document_ids is not None
    assert batch.mask.any(axis=1).all()
    assert (batch.mask == (batch.y != IGNORED)).all()
    found = Counter[tuple[int, tuple[int, ...]]]()
    for ids, y in zip(batch.document_ids, batch.y, strict=True):
        borders = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)]
        for a, b in pairwise(borders):
            if ids[a] >= 0:
                found[int(ids[a]), tuple(y[a:b].tolist())] += 1
    assert found == expected


def test_a_masked_build_that_stops_goes_on_behind_the_last_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_ids, "BATCH_TOKENS", 50)
    chance = np.random.default_rng(1)
    documents = [
        (chance.integers(0, 256, n), chance.integers(0, 2, n)) for n in chance.integers(1, 40, 60)
    ]
    options: dict[str, Any] = {"shard_tokens": 200}
    build_from_ids(tmp_path / "whole", BYTES, {"train": documents}, **options)

    def stop_after(n: int) -> Iterator[Any]:
        yield from documents[:n]
        raise KeyboardInterrupt

    folder, inodes = tmp_path / "stopped", {}
    for n in (10, 30, 50):
        with pytest.raises(KeyboardInterrupt):
            build_from_ids(folder, BYTES, {"train": stop_after(n)}, resume=True, **options)
        assert not list(folder.glob("*.tmp"))
        for path in folder.glob("*.mask"):
            assert inodes.setdefault(path.name, path.stat().st_ino) == path.stat().st_ino
    build_from_ids(folder, BYTES, {"train": documents}, resume=True, **options)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    assert len(inodes) > 2
    store = TokenStore.open(folder)
    store.verify()
    counted = [bit for _, mask in documents for bit in [*mask, mask[-1]]]
    assert store.read_mask("train", 0, len(counted)).tolist() == [bit == 1 for bit in counted]
    lengths = BYTES.token_lengths()
    assert store.split("train").text_bytes == sum(int(lengths[ids].sum()) for ids, _ in documents)


def test_damaged_masks_are_found(tmp_path: Path) -> None:
    store, _ = write(tmp_path, [9, 9], [[1] * 9, [0] * 9])
    path = tmp_path / "train-00000.mask"
    content = path.read_bytes()
    assert content == bytes([1] * 10 + [0] * 10)
    path.write_bytes(content[:-1] + b"\x02")
    with pytest.raises(DamagedError, match="mask is damaged"):
        store.verify()
    with pytest.raises(DamagedError, match="it holds the byte 2"):
        store.plan("train", block_size=4, order="epoch")
    path.write_bytes(content[:-1])
    with pytest.raises(DamagedError, match="mask is damaged"):
        TokenStore.open(tmp_path)
    with pytest.raises(DamagedError, match="mask is missing or damaged"):
        build_from_ids(tmp_path, WIDE, {"train": [([300], None)]}, resume=True)


@pytest.mark.parametrize(
    "document, message",
    [
        (([1, 300], None), "document 1 of the train split holds the id 300"),
        (([1, -2], None), "holds the id -2"),
        (([1, 2], [1]), "has 2 tokens: its mask must be a 0 or 1 for each"),
        (([1, 2], [1, 7]), "its mask must be a 0 or 1 for each"),
        (([], None), "is no list of token ids"),
        (([0.5], None), "is no list of token ids"),
    ],
)
def test_wrong_documents_are_refused(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        build_from_ids(tmp_path, BYTES, {"train": [([1, 2], [0, 1]), document]})


def test_a_store_without_masks_says_nothing_of_them(tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["abc"]})
    assert "mask" not in (tmp_path / "manifest.json").read_text()
    assert TokenStore.open(tmp_path).read_mask("train", 0, 4).all()


# Memory

SPARSE = """
from pathlib import Path
from cygnet import TokenStore
store = TokenStore.open({folder!r})
for order in ("random", "epoch", "packed"):
    for step in range(40):
        store.get_batch("train", step=step, batch_size=64, block_size=1024, seed=1, order=order)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="asks Linux for the peak")
def test_fifty_gigabytes_in_three_hundred_megabytes(tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["abc"] * 250}, shard_tokens=4)
    tokens = 100_000_000  # 200 MB a shard, sparse
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for shard in manifest["splits"]["train"]["shards"]:
        shard["tokens"] = tokens
        with open(tmp_path / f"{shard['name']}.bin", "ab") as file:
            os.truncate(file.fileno(), 2 * tokens)
        (tmp_path / f"{shard['name']}.idx").write_bytes(tokens.to_bytes(8, "little"))
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    result = subprocess.run(
        [sys.executable, "-c", SPARSE.format(folder=str(tmp_path))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(result.stdout) < 300_000  # kB
