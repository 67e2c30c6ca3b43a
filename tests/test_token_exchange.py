"""Token files out to other tools and back: each tool's own reader is the judge."""

import itertools
import json
import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import PEAK, asks_linux_for_peak, cygnet, printed_number, refused
from cygnet.errors import BusyError, DamagedError, InputError, StorageError
from cygnet.files import lock_folder
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import exports, imports
from cygnet.tokens.build import build
from cygnet.tokens.exports import export, metric
from cygnet.tokens.format import Manifest
from cygnet.tokens.imports import import_files
from cygnet.tokens.store import TokenStore

BYTES = Tokenizer([])
END = 256
WIDE = Tokenizer([], special_tokens={"<|end|>": 70_000})
TEXTS = [story(6, i) for i in range(60)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("tokens")
    build(folder, BYTES, {"train": TEXTS, "valid": TEXTS[:5]}, shard_tokens=10_000)
    return TokenStore.open(folder)


def flat(store: TokenStore, split: str) -> list[int]:
    return store.read(split, 0, store.split(split).tokens).tolist()


def documents(store: TokenStore, split: str = "train") -> list[list[int]]:
    return [document.tolist() for document in store.documents(split)]


def blocks_of(ids: list[int], size: int) -> list[list[int]]:
    return [ids[i : i + size] for i in range(0, len(ids) - size + 1, size)]


def test_arrow_is_read_by_datasets(
    store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(exports, "ARROW_FILE_BYTES", 20_000)
    export(store, tmp_path / "all", "arrow", block_size=64)
    loaded = datasets.load_from_disk(str(tmp_path / "all"))
    assert list(loaded) == ["train", "valid"]
    assert len(list((tmp_path / "all" / "train").glob("data-*.arrow"))) > 2
    for split in loaded:
        assert loaded[split].column_names == ["input_ids"]
        assert loaded[split][:]["input_ids"] == blocks_of(flat(store, split), 64)
    assert str(loaded["train"].split) == "train"


def test_arrow_has_the_layout_of_a_notebook(store: TokenStore, tmp_path: Path) -> None:
    """One data set in the folder itself, the schema of what ``datasets.map`` would have made."""
    import datasets

    export(store, tmp_path / "tokenized_dataset", "arrow", split="train")
    ours = datasets.load_from_disk(str(tmp_path / "tokenized_dataset"))

    def concatenate(examples: dict[str, list[list[int]]]) -> dict[str, list[list[int]]]:
        return {"input_ids": blocks_of([i for ids in examples["input_ids"] for i in ids], 512)}

    ids = {"input_ids": documents(store)}
    theirs = datasets.Dataset.from_dict(ids).map(concatenate, batched=True, batch_size=None)
    assert ours[:] == theirs[:]
    assert ours.features["input_ids"].feature.dtype == "int32"
    assert {len(row) for row in ours["input_ids"]} == {512}


def test_nanogpt_maps_the_bins(store: TokenStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out", "nanogpt")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train.bin", "val.bin"]
    for name, split in (("train", "train"), ("val", "valid")):
        data = np.memmap(tmp_path / "out" / f"{name}.bin", dtype=np.uint16, mode="r")
        assert data.tolist() == flat(store, split)


def test_wide_ids_say_what_to_change_in_nanogpt(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(tmp_path / "wide", WIDE, {"train": ["abc"]})
    export(TokenStore.open(tmp_path / "wide"), tmp_path / "out", "nanogpt")
    assert "dtype=np.uint16 must become np.uint32" in capsys.readouterr().err
    data = np.memmap(tmp_path / "out" / "train.bin", dtype=np.uint32, mode="r")
    assert data.tolist() == [97, 98, 99, 70_000]


@pytest.mark.parametrize("tokenizer", [BYTES, WIDE], ids=["uint16", "uint32"])
def test_datatrove_reads_the_ds(tokenizer: Tokenizer, tmp_path: Path) -> None:
    from datatrove.io import get_datafolder
    from datatrove.pipeline.tokens.merger import load_doc_ends
    from datatrove.utils.dataset import DatatroveFolderDataset

    build(tmp_path / "tokens", tokenizer, {"train": TEXTS}, shard_tokens=10_000)
    store = TokenStore.open(tmp_path / "tokens")
    export(store, tmp_path / "out", "datatrove")
    folder, size = tmp_path / "out" / "train", store.dtype.itemsize
    read = DatatroveFolderDataset(
        str(folder), seq_len=63, filename_pattern="*.ds", token_size=size, return_positions=True
    )
    shards = store.split("train").shards
    starts = np.cumsum([0, *(shard.tokens for shard in shards)]).tolist()
    whole = flat(store, "train")
    parts = [whole[a:b] for a, b in itertools.pairwise(starts)]
    expected = [block for part in parts for block in blocks_of(part, 64)]
    assert [read[i]["input_ids"].tolist() for i in range(len(read))] == expected
    for row in (read[i] for i in range(len(read))):  # a position of 0 begins a document
        ids, positions = row["input_ids"].tolist(), row["positions"].tolist()
        begins = [i + 1 for i, token in enumerate(ids[:-1]) if token == store.manifest.boundary_id]
        assert [i for i, position in enumerate(positions) if position == 0] == [0, *begins]
    data = get_datafolder(str(folder))
    indices = data.open_files(data.list_files(glob_pattern="*.ds.index"), "rb")
    ends = [load_doc_ends(index).tolist() for index in indices]
    assert [len(found) for found in ends] == [shard.documents for shard in shards]


@given(st.integers(0, 10**15))
def test_metadata_is_that_of_datatrove(tokens: int) -> None:
    import humanize

    assert metric(tokens) == humanize.metric(tokens, unit="T")


def test_metadata_has_its_lines(store: TokenStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out", "datatrove", split="valid")
    path = tmp_path / "out" / "valid" / "00000_unshuffled.ds.metadata"
    tokenizer, tokens, _ = path.read_text().split("\n")
    name, size = tokenizer.split("|")  # as datatrove's merger does
    assert (int(size), int(tokens)) == (2, store.split("valid").tokens)
    assert store.manifest.tokenizer_sha256.startswith(name.removeprefix("sha256-"))


texts = st.lists(st.text("ab é", max_size=9), min_size=1, max_size=20)


@given(texts, st.integers(9, 40), st.integers(9, 40), st.sampled_from(["nanogpt", "datatrove"]))
@settings(max_examples=20)
def test_out_and_back_is_the_same_store(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[str],
    shard_tokens: int,
    other_shard_tokens: int,
    to: exports.Target,
) -> None:
    folder = tmp_path_factory.mktemp("trip")
    splits = {"train": documents, "valid": documents[:1]}
    build(folder / "a", BYTES, splits, shard_tokens=shard_tokens)
    export(TokenStore.open(folder / "a"), folder / "out", to)
    import_files(folder / "out", folder / "b", BYTES, shard_tokens=other_shard_tokens)
    expected = build(folder / "c", BYTES, splits, shard_tokens=other_shard_tokens)
    assert files_of(folder / "b") == files_of(folder / "c")
    assert expected.splits["train"].documents == len(documents)
    TokenStore.open(folder / "b").verify(BYTES)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 9), st.integers(1, 7))
@settings(max_examples=60)
def test_any_flat_file_is_cut_at_its_boundaries(
    tmp_path_factory: pytest.TempPathFactory, ids: list[int], shard_tokens: int, at_once: int
) -> None:
    """Against the definition: put a missing boundary last, split behind each."""
    folder, boundary = tmp_path_factory.mktemp("flat"), 3
    np.array(ids, "<u2").tofile(folder / "ids.bin")
    before, imports.READ_AT_ONCE = imports.READ_AT_ONCE, at_once
    try:
        if not ids:
            with pytest.raises(InputError, match="no document"):
                _import(folder, boundary, shard_tokens)
            return
        manifest = _import(folder, boundary, shard_tokens)
    finally:
        imports.READ_AT_ONCE = before
    if ids[-1] != boundary:
        ids = [*ids[ids[0] == boundary :], boundary]
    expected: list[list[int]] = [[]]
    for token in ids:
        expected[-1].append(token)
        if token == boundary:
            expected.append([])
    store = TokenStore.open(folder / "out")
    store.verify(BYTES)
    assert documents(store) == expected[:-1]
    assert manifest.splits["train"].text_bytes == sum(token != boundary for token in ids)
    sizes = [shard.tokens for shard in manifest.splits["train"].shards]
    assert all(size >= shard_tokens for size in sizes[:-1])


def _import(folder: Path, boundary: int, shard_tokens: int) -> Manifest:
    return import_files(
        folder / "ids.bin",
        folder / "out",
        BYTES,
        boundary_id=boundary,
        shard_tokens=shard_tokens,
    )


@pytest.mark.parametrize(
    ("name", "closed"),
    [("czhou578_val", True), ("sample5M_part0", False), ("sample5M_part1", False)],
)
def test_ids_of_other_pipelines(
    data: Path, tmp_path: Path, name: str, closed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data / "tinystories" / f"{name}.gpt2.uint16.bin"
    gpt2 = Tokenizer.load(data / "tokenizers" / "gpt2")
    import_files(path, tmp_path / "out", gpt2, shard_tokens=200_000)
    store = TokenStore.open(tmp_path / "out")
    store.verify(gpt2)
    ids = np.fromfile(path, "<u2")
    expected = ids.tolist() + ([] if closed else [50256])
    assert flat(store, "train") == expected
    assert ("its last document has no boundary" in capsys.readouterr().err) is not closed
    split = store.split("train")
    assert split.documents == expected.count(50256)
    assert split.text_bytes == len(gpt2.decode_bytes(token for token in expected if token != 50256))


def test_boundaries_before_the_documents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.array([END, 1, 2, END, 3], "<u2").tofile(tmp_path / "ids.bin")
    import_files(tmp_path / "ids.bin", tmp_path / "out", BYTES)
    assert documents(TokenStore.open(tmp_path / "out")) == [[1, 2, END], [3, END]]
    assert "boundaries stand before the documents" in capsys.readouterr().err


def write_ds(folder: Path, ids: list[int], ends: list[int]) -> Path:
    np.array(ids, "<u2").tofile(folder / "a.ds")
    np.array(ends, "<u8").tofile(folder / "a.ds.index")
    return folder / "a.ds"


def test_datatrove_writes_what_is_imported(tmp_path: Path) -> None:
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    written = TokenizedFile(str(tmp_path), "a.ds", save_final_metadata=True)
    ids = [BYTES.encode(text) for text in TEXTS]
    for document in ids:
        written.write(document, None)
    written.close()
    with pytest.raises(InputError, match=r"document 0 does not end with the boundary 256"):
        import_files(tmp_path / "a.ds", tmp_path / "out", BYTES)
    import_files(tmp_path / "a.ds", tmp_path / "out", BYTES, boundary_id="none")
    store = TokenStore.open(tmp_path / "out")
    store.verify(BYTES)
    assert store.manifest.boundary_id is None
    assert documents(store) == ids


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ([2, 1, 4], "byte 8 says that a document ends at 1, the one before it ends at 2"),
        ([2, 9, 4], "byte 16 says"),
        ([2, 2, 4], "byte 8 says"),
        ([2], "its last document ends at 2, the ids at 4"),
        ([2, 5], "its last document ends at 5, the ids at 4"),
        ([], "its last document ends at 0"),
    ],
)
def test_a_damaged_index_is_refused(tmp_path: Path, ends: list[int], message: str) -> None:
    path = write_ds(tmp_path, [1, END, 2, END], ends)
    with pytest.raises(DamagedError, match=message):
        import_files(path, tmp_path / "out", BYTES)
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob("*.tmp"))


def test_what_cannot_be_imported_is_named(tmp_path: Path) -> None:
    def refuse(error: type[Exception], message: str, **options: object) -> None:
        with pytest.raises(error, match=message):
            import_files(tmp_path / "ids.bin", tmp_path / "out", BYTES, **options)  # type: ignore[arg-type]
        assert not (tmp_path / "out").exists()

    refuse(InputError, "does not exist")
    (tmp_path / "ids.bin").write_bytes(b"abc")
    refuse(DamagedError, "3 bytes: no whole number of uint16")
    np.array([1, 2, 300], "<u2").tofile(tmp_path / "ids.bin")
    refuse(InputError, "the id 300 at byte 4 is not one of the 257")
    refuse(InputError, "name the id that ends a document", boundary_id="none")
    refuse(InputError, "boundary 257 is not one of 257 ids", boundary_id=257)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no ids"):
        import_files(tmp_path / "empty", tmp_path / "out", BYTES)


def test_loss_masks_go_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import datasets
    from datatrove.pipeline.tokens.tokenizer import TokenizedFile

    (tmp_path / "in").mkdir()
    for name in ("a.ds", "b.ds"):
        written = TokenizedFile(str(tmp_path / "in"), name, save_loss_metadata=True)
        written.write([1, 2, 3, END], np.array([False, True, True, False]))
        written.write([4, END], np.array([True, True]))
        written.close()
    import_files(tmp_path / "in", tmp_path / "tokens", BYTES, shard_tokens=5)
    store = TokenStore.open(tmp_path / "tokens")
    store.verify(BYTES)
    mask = [0, 1, 1, 0, 1, 1] * 2
    assert store.read_mask("train", 0, 12).astype(int).tolist() == mask
    export(store, tmp_path / "ds", "datatrove")
    assert b"".join(p.read_bytes() for p in sorted((tmp_path / "ds").rglob("*.loss"))) == bytes(
        mask
    )
    export(store, tmp_path / "arrow", "arrow", block_size=5, split="train")
    row = datasets.load_from_disk(str(tmp_path / "arrow"))[1]
    assert row == {"input_ids": [END, 1, 2, 3, END], "labels": [END, -100, 2, 3, -100]}
    export(store, tmp_path / "bin", "nanogpt")
    assert "without the loss mask of train" in capsys.readouterr().err

    (tmp_path / "in" / "a.ds.loss").write_bytes(b"\1\1\1\1\1\2")
    with pytest.raises(DamagedError, match="it holds the byte 2"):
        import_files(tmp_path / "in", tmp_path / "out", BYTES)
    (tmp_path / "in" / "a.ds.loss").write_bytes(b"\1")
    with pytest.raises(DamagedError, match="has 1 bytes, expected 6"):
        import_files(tmp_path / "in", tmp_path / "out", BYTES)
    (tmp_path / "in" / "a.ds.loss").unlink()
    with pytest.raises(InputError, match=r"a\.ds has no \.loss"):
        import_files(tmp_path / "in", tmp_path / "out", BYTES)
    path = tmp_path / "tokens" / "train-00001.mask"
    path.write_bytes(b"\2" + path.read_bytes()[1:])
    with pytest.raises(DamagedError, match=r"train-00001\.mask is damaged.*byte 0 is 2"):
        TokenStore.open(tmp_path / "tokens").verify()


def test_nothing_is_overwritten(store: TokenStore, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with lock_folder(tmp_path / "out"):
        pass
    (tmp_path / "out.tmp").mkdir()
    with (
        lock_folder(tmp_path / "out.tmp"),
        pytest.raises(BusyError, match="another cygnet is at work"),
    ):
        export(store, tmp_path / "out", "nanogpt")
    (tmp_path / "out.tmp" / "left by a killed export").write_text("x")
    export(store, tmp_path / "out", "nanogpt")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["train.bin", "val.bin"]
    with pytest.raises(InputError, match="exists already"):
        export(store, tmp_path / "out", "nanogpt")
    with pytest.raises(InputError, match="no split 'test'"):
        export(store, tmp_path / "other", "arrow", split="test")
    with pytest.raises(InputError, match="do not fill a block"):
        export(store, tmp_path / "other", "arrow", block_size=10**9)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("to", ["arrow", "nanogpt", "datatrove"])
def test_a_full_disk_leaves_nothing(store: TokenStore, tmp_path: Path, to: exports.Target) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(StorageError, match="the disk is full"):
            export(store, tmp_path / "out", to)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


@asks_linux_for_peak
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from cygnet import Tokenizer, TokenStore
from cygnet.tokens.exports import export
from cygnet.tokens.imports import import_files
import pyarrow
path = Path(sys.argv[1])
def trip(name):
    tokenizer = Tokenizer([])
    import_files(path / f"{name}.bin", path / name, tokenizer)
    store = TokenStore.open(path / name)
    store.verify(tokenizer)
    export(store, path / f"{name}-arrow", "arrow")
trip("little"); before = peak(); trip("much"); print(peak() - before)
"""
    # One document of 64 MB, and one of 128 times as little.
    for name, size in (("little", 1 << 18), ("much", 1 << 25)):
        np.full(size, 97, "<u2").tofile(tmp_path / f"{name}.bin")
    assert printed_number(PEAK + code, tmp_path) < 30_000  # kB


def test_commands(finished_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "nanogpt"
    result = cygnet("tokens", "export", finished_run, out, "--format", "nanogpt")
    assert result.returncode == 0, result.stderr
    result = cygnet("tokens", "import", out, tmp_path / "back", "--tokenizer", finished_run)
    assert result.returncode == 0, result.stderr
    was, now = TokenStore.open(finished_run), TokenStore.open(tmp_path / "back")
    assert result.stdout.splitlines()[0].split()[:2] == ["train", f"{was.split('train').tokens:,}"]
    assert now.splits == was.splits
    for split in was.splits:
        assert flat(now, split) == flat(was, split)
        assert now.split(split).text_bytes == was.split(split).text_bytes
    message = refused(cygnet("tokens", "export", finished_run, out, "--format", "arrow"))
    assert "exists already" in message
    state = json.loads((tmp_path / "back" / "manifest.json").read_text())
    assert state["boundary_id"] == was.manifest.boundary_id
