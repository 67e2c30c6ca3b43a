"""Token files from Python: documents, figures, data sets of torch and of Hugging Face."""

import itertools
import json
import math
import pickle
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PEAK, asks_linux_for_peak, cygnet, printed_number, refused
from cygnet.errors import DamagedError, InputError
from cygnet.text.stories import story
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens import ends
from cygnet.tokens.build import build
from cygnet.tokens.stats import Lengths, stats
from cygnet.tokens.store import TokenStore

BYTES = Tokenizer([])
TEXTS = [story(7, i) for i in range(80)]
SHAPE = {"block_size": 32, "seed": 5}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("tokens")
    build(folder, BYTES, {"train": TEXTS, "valid": TEXTS[:5]}, shard_tokens=10_000)
    return TokenStore.open(folder)


EXPECTED = [[*text.encode(), 256] for text in TEXTS]


@given(st.slices(80), st.slices(30))
def test_documents_are_a_sequence(store: TokenStore, first: slice, second: slice) -> None:
    documents = store.documents("train")
    assert len(documents) == len(EXPECTED)
    view, expected = documents[first][second], EXPECTED[first][second]
    assert len(view) == len(expected)
    assert [document.tolist() for document in view] == expected
    for i in {0, len(expected) // 2, len(expected) - 1} if expected else ():
        assert view[i].tolist() == expected[i]
        assert view[i - len(expected)].tolist() == expected[i]
    for i in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            view[i]


def test_iteration_reads_the_index_in_parts(
    store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cygnet.tokens import documents as module

    monkeypatch.setattr(module, "READ_AHEAD", 3)
    assert [document.tolist() for document in store.documents("train")] == EXPECTED
    again = pickle.loads(pickle.dumps(store.documents("train")[3:9:2]))
    assert [document.tolist() for document in again] == EXPECTED[3:9:2]
    assert repr(store.documents("train")).startswith("80 documents of train")


@asks_linux_for_peak
def test_documents_take_constant_memory(tmp_path: Path) -> None:
    """A hundred million documents, sparse: an index of 800 MB."""
    code = """
import json, sys
import numpy as np
from pathlib import Path
from cygnet import Tokenizer, TokenStore, build_tokens
folder = Path(sys.argv[1])
build_tokens(folder, Tokenizer([], special_tokens=[]), {"train": ["a"]})
manifest, n = json.loads((folder / "manifest.json").read_text()), 10**8
manifest["splits"]["train"]["shards"][0] |= {"documents": n, "tokens": n}
(folder / "manifest.json").write_text(json.dumps(manifest))
for suffix, size in (("bin", 2), ("idx", 8)):
    with open(folder / f"train-00000.{suffix}", "r+b") as file:
        file.truncate(size * n)
with open(folder / "train-00000.idx", "r+b") as file:
    file.seek(8 * 77_777_776)
    file.write(np.array([5, 9], "<u8").tobytes())
store = TokenStore.open(folder)
before = peak()
assert len(store.documents("train")) == n
assert store.documents("train")[77_777_777].tolist() == [0] * 4
assert sum(len(document) for document in store.documents("train")[77_700_000:77_777_777]) == 5
print(peak() - before)
"""
    assert printed_number(PEAK + code, tmp_path) < 20_000  # kB


def test_a_store_that_is_pickled_opens_its_files_again(store: TokenStore) -> None:
    store.read("train", 0, 5)
    again = pickle.loads(pickle.dumps(store))
    assert again.folder == store.folder
    assert not again._files
    assert again.read("train", 3, 500).tolist() == store.read("train", 3, 500).tolist()


def batches_of(store: TokenStore, batch_size: int, n_steps: int) -> list[np.ndarray]:  # type: ignore[type-arg]
    return [
        store.get_batch("train", step=step, batch_size=batch_size, **SHAPE).x
        for step in range(n_steps)
    ]


@pytest.mark.parametrize(("n_workers", "context"), [(0, None), (2, "fork"), (2, "spawn")])
def test_loaders_give_the_batches_of_the_store(
    store: TokenStore, n_workers: int, context: str | None
) -> None:
    from torch.utils.data import DataLoader

    rows = store.as_torch_dataset("train", n_rows=24, **SHAPE)  # type: ignore[arg-type]
    loader = DataLoader(rows, batch_size=4, num_workers=n_workers, multiprocessing_context=context)
    found = list(loader)
    for batch, expected in zip(found, batches_of(store, 4, 6), strict=True):
        assert (batch["x"].numpy() == expected).all()
        assert (batch["y"][:, :-1] == batch["x"][:, 1:]).all()
    assert len(rows) == 24


def test_rows_depend_on_their_number_alone(store: TokenStore) -> None:
    rows = store.as_torch_dataset("train", n_rows=24, **SHAPE)  # type: ignore[arg-type]
    expected = np.concatenate(batches_of(store, 4, 6))
    for indices in ([3], [5, 6, 7], [8, 9, 10, 11], [9, 2, 17], [23, 22]):
        found = rows.__getitems__(indices)
        assert [row["x"].tolist() for row in found] == expected[indices].tolist()
    assert rows[-1]["x"].tolist() == expected[23].tolist()
    with pytest.raises(IndexError):
        rows[24]
    with pytest.raises(InputError, match=r"1,?000,?000"):
        store.as_torch_dataset("valid", block_size=10**6, seed=1)
    with pytest.raises(InputError, match="at least 1"):
        store.as_torch_dataset("valid", block_size=8, n_rows=0, seed=1)
    epoch = store.as_torch_dataset("valid", block_size=8, seed=1, order="epoch")
    assert len(epoch) == len(store.as_torch_dataset("valid", block_size=8, seed=1))
    windows = [tuple(row["x"].tolist()) for row in epoch]  # type: ignore[attr-defined]
    ids = store.read("valid", 0, store.split("valid").tokens).tolist()
    assert sorted(windows) == sorted(tuple(ids[i : i + 8]) for i in range(0, len(ids) - 8, 8))
    packed = store.as_torch_dataset("train", block_size=512, seed=1, order="packed")
    assert {"x", "y", "positions"} <= packed[0].keys()


def test_the_trainer_resumes_without_a_state_of_the_loader(
    store: TokenStore, tmp_path: Path
) -> None:
    """Trained in one go, and in two: the same weights."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

    rows = store.as_torch_dataset("train", n_rows=24, labels=True, **SHAPE)  # type: ignore[arg-type]
    seen: list[list[int]] = []

    def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
        seen.extend(item["input_ids"].tolist() for item in items)
        return {name: torch.stack([item[name] for item in items]) for name in items[0]}

    def train(folder: Path, resume: bool = False) -> list[float]:
        torch.manual_seed(0)
        config = GPT2Config(
            vocab_size=257, n_positions=32, n_layer=1, n_head=1, n_embd=8,
            bos_token_id=256, eos_token_id=256,
        )  # fmt: skip
        arguments = TrainingArguments(
            str(folder), max_steps=6, per_device_train_batch_size=4, save_steps=3, use_cpu=True,
            report_to="none", disable_tqdm=True, train_sampling_strategy="sequential",
            dataloader_pin_memory=False,
        )  # fmt: skip
        model = GPT2LMHeadModel(config)
        trainer = Trainer(model, arguments, train_dataset=rows, data_collator=collate)
        trainer.train(resume_from_checkpoint=str(folder / "checkpoint-3") if resume else None)
        weights: list[float] = model.transformer.wte.weight.flatten().tolist()
        return weights

    whole = train(tmp_path)
    assert seen == np.concatenate(batches_of(store, 4, 6)).tolist()
    seen.clear()
    assert train(tmp_path, resume=True) == whole
    assert seen == np.concatenate(batches_of(store, 4, 6)[3:]).tolist()


def test_labels_are_what_the_model_shifts(store: TokenStore) -> None:
    from cygnet.tokens.batch import Batch
    from cygnet.tokens.torch_dataset import _with_labels

    row = store.as_torch_dataset("train", n_rows=1, labels=True, **SHAPE)[0]  # type: ignore[arg-type]
    assert row["labels"].tolist() == row["input_ids"].tolist()
    batch = Batch(np.array([[1, 2, 3]]), np.array([[2, -100, 4]]), np.array([[0, 1, 0]]))
    found = {name: part.tolist() for name, part in _with_labels(batch).items()}
    assert found == {
        "input_ids": [[1, 2, 3]], "labels": [[1, 2, -100]], "position_ids": [[0, 1, 0]]
    }  # fmt: skip


def test_hugging_face_data_set(
    store: TokenStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with ThreadPoolExecutor(4) as pool:  # as the ranks of a training ask
        blocks, *others = pool.map(lambda n: store.as_hf_dataset("train", block_size=64), range(4))
    assert all(other[5] == blocks[5] for other in others)
    ids = store.read("train", 0, store.split("train").tokens).tolist()
    assert len(blocks) == len(ids) // 64
    assert list(itertools.chain(*blocks["input_ids"])) == ids[: len(blocks) * 64]
    assert pickle.loads(pickle.dumps(blocks))[3] == blocks[3]
    (made,) = (path for path in (tmp_path / "cygnet").iterdir() if path.is_dir())
    written = made.stat().st_mtime_ns
    assert store.as_hf_dataset("train", block_size=64)[1] == blocks[1]
    assert made.stat().st_mtime_ns == written
    assert len(store.as_hf_dataset("train", block_size=32)) == len(ids) // 32
    build(tmp_path / "other", BYTES, {"train": TEXTS[1:]})
    other = TokenStore.open(tmp_path / "other").as_hf_dataset("train", block_size=64)
    assert len(other) < len(blocks)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"needs datasets: pip install 'cygnet\[hf\]'"):
        store.as_hf_dataset("train")


def test_stats_against_plain_counting(store: TokenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ends, "BLOCK_BYTES", 40)  # five documents at a time
    found = stats(store, batch_size=4, block_size=16)["train"]
    flat = [token for document in EXPECTED for token in document]
    lengths = sorted(map(len, EXPECTED))
    assert (found.tokens, found.documents) == (len(flat), len(EXPECTED))
    assert found.text_bytes == len(flat) - len(EXPECTED)
    assert found.never_used.tolist() == sorted(set(range(257)) - set(flat))
    shares = [flat.count(token) / len(flat) for token in set(flat)]
    assert math.isclose(found.entropy, -sum(p * math.log2(p) for p in shares))
    expanded = np.repeat(found.lengths.values, found.lengths.documents)
    assert expanded.tolist() == lengths
    assert math.isclose(found.lengths.mean, sum(lengths) / len(lengths))
    sizes = [shard.tokens for shard in store.split("train").shards]
    assert found.blocks == sum(len(range(0, size - 16, 16)) for size in sizes)
    assert stats(store, 4, 10**6)["train"].steps_per_epoch == 0
    assert found.steps_per_epoch == found.blocks / 4
    with pytest.raises(InputError, match="0 rows"):
        stats(store, 0, 16)


@given(st.lists(st.integers(0, 10**9), min_size=1), st.integers(1, 100))
def test_percentiles_and_histogram(lengths: list[int], percent: int) -> None:
    values, documents = np.unique(lengths, return_counts=True)
    found = Lengths(values, documents)
    expected = np.percentile(lengths, percent, method="inverted_cdf")
    assert found.percentile(percent) == expected
    bins = found.histogram()
    assert [count for _, _, count in bins] == [
        sum(start <= length <= stop for length in lengths) for start, stop, _ in bins
    ]
    assert sum(count for _, _, count in bins) == len(lengths)


def test_lengths_of_very_long_documents(tmp_path: Path) -> None:
    texts = ["a" * n for n in (65_534, 65_535, 65_536, 200_000, 3, 3)]
    build(tmp_path, BYTES, {"train": texts}, shard_tokens=70_000)
    found = stats(TokenStore.open(tmp_path), 1, 1)["train"].lengths
    assert found.values.tolist() == [4, 65_535, 65_536, 65_537, 200_001]
    assert found.documents.tolist() == [2, 1, 1, 1, 1]


def test_stats_command(finished_run: Path, tmp_path: Path) -> None:
    command = ("tokens", "stats", finished_run, "--batch-size", "2", "--block-size", "64")
    result = cygnet(*command, "--plot", tmp_path / "a.svg")
    assert result.returncode == 0, result.stderr
    split = TokenStore.open(finished_run).split("train")
    assert f"{split.tokens:,}" in result.stdout
    assert "lengths of documents in valid" in result.stdout
    figures = json.loads(cygnet(*command, "--json").stdout)
    rows = sum((shard.tokens - 1) // 64 for shard in split.shards)
    assert figures["train"]["tokens"] == split.tokens
    assert figures["train"]["steps_per_epoch"] == rows / 2
    assert figures["train"]["n_never_used"] == len(figures["train"]["never_used"])
    bins = figures["train"]["document_tokens"]["histogram"]
    assert sum(found["documents"] for found in bins) == split.documents
    words = {"".join(e.itertext()).strip() for e in ET.parse(tmp_path / "a.svg").iter()}
    assert {"train", "valid", "documents", "how often it occurs", "100"} <= words
    assert not any("mathdefault" in word for word in words)
    first = (tmp_path / "a.svg").read_bytes()
    cygnet(*command, "--plot", tmp_path / "a.svg")
    assert (tmp_path / "a.svg").read_bytes() == first
    assert ".png or .svg" in refused(cygnet(*command, "--plot", "a.pdf"))


def test_counts_that_are_damaged(store: TokenStore, tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"train": ["a"]})
    for content in (b"", b"no numbers", b"\x93NUMPY\x01\x00\x05\x00abcde"):
        (tmp_path / "train-counts.npy").write_bytes(content)
        with pytest.raises(DamagedError, match=r"train-counts\.npy is damaged"):
            TokenStore.open(tmp_path).counts("train")
    np.save(tmp_path / "train-counts.npy", np.zeros(3, np.uint64))
    with pytest.raises(DamagedError, match="counts 3 ids of 257"):
        TokenStore.open(tmp_path).counts("train")
