"""The contestants of the token file benchmark, each used in the way that is fastest for it.

``BUILDERS[name](files, texts, folder)`` returns two calls: what is timed, which turns parquet files
into a file of GPT-2 ids, a boundary behind each document; and its ids, in the order of the text.
``BLOCK_BUILDERS`` are the same with an Arrow data set of blocks.

``LOADERS[name](folder, loading)`` returns two calls on what ``prepare`` wrote: the batches of so
many steps, and the inputs of the first blocks of the text, by which they are compared.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import BOUNDARY, BOUNDARY_ID, Files

PROCESSES = 2
BLOCK_SIZE = 1024
Build = tuple[Callable[[], None], Callable[[], Any]]


@dataclass(frozen=True)
class Loading:
    """Which batches are read, and by how many processes beside this one."""

    batch_size: int
    block_size: int
    workers: int


Load = tuple[Callable[[int], Iterator[Any]], Callable[[], Any]]


def build_cygnet(files: Files, texts: list[Path], folder: Path) -> Build:
    """Token files; beside the ids they hold counts and hashes, and are synced to the disk."""
    import numpy as np

    from cygnet import Tokenizer, build_tokens, read_text

    tokenizer = Tokenizer.load(files.folder)
    tokenizer.encode_batch(["Once upon a time"], threads=PROCESSES)

    def build() -> None:
        build_tokens(folder / "tokens", tokenizer, {"train": read_text(*map(str, texts))})

    return build, lambda: _joined(folder / "tokens", "*.bin", np.uint16)


def build_datasets(files: Files, texts: list[Path], folder: Path) -> Build:
    """``map`` in two processes, then one flat file, as nanoGPT's data/openwebtext/prepare.py.

    Ids are declared as ``uint16`` and come as arrays: lists of Python integers take longer.
    """
    import numpy as np

    def build() -> None:
        rows = _mapped(files, texts, folder).with_format("arrow")
        with open(folder / "train.bin", "wb") as file:
            for part in rows.iter(1000):
                file.write(part["ids"].combine_chunks().flatten().to_numpy())

    return build, lambda: _joined(folder, "train.bin", np.uint16)


def build_datatrove(files: Files, texts: list[Path], folder: Path) -> Build:
    """Two tasks, each with a file of the text; not shuffled, as nothing else here is."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    import numpy as np
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.tokens import DocumentTokenizer

    steps = [
        ParquetReader(str(texts[0].parent)),
        DocumentTokenizer(
            str(folder / "ids"), str(files.json), eos_token=BOUNDARY, shuffle_documents=False
        ),
    ]
    logs = str(folder / "logs")
    executor = LocalPipelineExecutor(steps, len(texts), PROCESSES, logging_dir=logs)
    return executor.run, lambda: _joined(folder / "ids", "*.ds", np.uint16)


def blocks_cygnet(files: Files, texts: list[Path], folder: Path) -> Build:
    """Token files, and then the export of them."""
    from cygnet import TokenStore
    from cygnet.tokens.exports import export

    build_files, _ = build_cygnet(files, texts, folder)

    def build() -> None:
        build_files()
        store = TokenStore.open(folder / "tokens")
        export(store, folder / "blocks", "arrow", block_size=BLOCK_SIZE, split="train")

    return build, lambda: _blocks(folder / "blocks")


def blocks_datasets(files: Files, texts: list[Path], folder: Path) -> Build:
    """A second ``map`` joins a thousand documents and cuts them, as run_clm.py of transformers."""
    import numpy as np

    def cut(rows: dict[str, Any]) -> dict[str, Any]:
        ids = np.concatenate(rows["ids"])
        n_blocks = len(ids) // BLOCK_SIZE
        return {"input_ids": ids[: n_blocks * BLOCK_SIZE].reshape(-1, BLOCK_SIZE)}

    def build() -> None:
        rows = _mapped(files, texts, folder).with_format("numpy")
        blocks = rows.map(cut, batched=True, num_proc=PROCESSES, remove_columns=["ids"])
        blocks.with_format(None).save_to_disk(folder / "blocks", num_proc=PROCESSES)

    return build, lambda: _blocks(folder / "blocks")


def _mapped(files: Files, texts: list[Path], folder: Path) -> Any:
    """The ids of each document, by ``datasets.map``."""
    import numpy as np
    import tokenizers

    datasets = _datasets(folder)
    tokenizer = tokenizers.Tokenizer.from_file(str(files.json))

    def encode(rows: dict[str, Any]) -> dict[str, Any]:
        found = tokenizer.encode_batch_fast(rows["text"], add_special_tokens=False)
        return {"ids": [np.array([*item.ids, BOUNDARY_ID], np.uint16) for item in found]}

    paths = list(map(str, texts))
    rows = datasets.load_dataset("parquet", data_files=paths, split="train", cache_dir=str(folder))
    return rows.map(
        encode,
        batched=True,
        num_proc=PROCESSES,
        remove_columns=["text"],
        features=datasets.Features({"ids": datasets.List(datasets.Value("uint16"))}),
    )


def _datasets(folder: Path) -> Any:
    """The library, with an empty cache and without the network."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # each process has one core
    os.environ["HF_HOME"] = str(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    datasets.disable_progress_bars()
    return datasets


def _joined(folder: Path, pattern: str, dtype: Any) -> Any:
    import numpy as np

    return np.concatenate([np.fromfile(path, dtype) for path in sorted(folder.glob(pattern))])


def _blocks(folder: Path) -> Any:
    import datasets
    import numpy as np

    rows = datasets.load_from_disk(str(folder)).with_format("arrow")[:]
    column = rows.column("input_ids").combine_chunks()
    return column.flatten().to_numpy().astype(np.uint16)


def prepare(files: Files, texts: list[Path], folder: Path) -> None:
    """Write token files, and the blocks that they export, for the loaders."""
    blocks_cygnet(files, texts, folder)[0]()


def load_cygnet(folder: Path, loading: Loading) -> Load:
    """``get_batch``, or with workers a ``DataLoader`` over ``as_torch_dataset``."""
    import numpy as np
    import torch

    from cygnet import TokenStore

    store = TokenStore.open(folder / "tokens")
    shape = {"batch_size": loading.batch_size, "block_size": loading.block_size}

    def batches(steps: int) -> Iterator[Any]:
        for step in range(steps):
            x, y = store.get_batch("train", step=step, seed=1, **shape)
            yield torch.from_numpy(x), torch.from_numpy(y)

    def loaded(steps: int) -> Iterator[Any]:
        n_rows = steps * loading.batch_size
        rows = store.as_torch_dataset("train", block_size=loading.block_size, n_rows=n_rows, seed=1)
        return iter(_loader(rows, loading))

    def first() -> Any:
        plan = store.plan("train", block_size=loading.block_size, order="epoch")
        return plan.read(np.arange(loading.batch_size)).x

    return loaded if loading.workers else batches, first


def load_nanogpt(folder: Path, loading: Loading) -> Load:
    """As ``get_batch`` of nanoGPT's train.py: a new memory map for each batch, rows one by one."""
    import numpy as np
    import torch

    size = loading.block_size

    def stacked(ids: Any, starts: list[int]) -> Any:
        rows = [ids[start : start + size].astype(np.int64) for start in starts]
        return torch.stack([torch.from_numpy(row) for row in rows])

    def opened() -> Any:
        return np.memmap(folder / "tokens" / "train-00000.bin", dtype=np.uint16, mode="r")

    def batches(steps: int) -> Iterator[Any]:
        for _ in range(steps):
            ids = opened()
            starts = torch.randint(len(ids) - size, (loading.batch_size,)).tolist()
            yield stacked(ids, starts), stacked(ids, [start + 1 for start in starts])

    def first() -> Any:
        return stacked(opened(), [row * size for row in range(loading.batch_size)]).numpy()

    return batches, first


def load_arrow(folder: Path, loading: Loading) -> Load:
    """A ``DataLoader`` over the blocks; they hold inputs alone, which models shift themselves."""
    import torch

    datasets = _datasets(folder)
    blocks = datasets.load_from_disk(str(folder / "blocks")).with_format("torch")

    def batches(steps: int) -> Iterator[Any]:
        n_rows = steps * loading.batch_size
        chance = torch.utils.data.RandomSampler(blocks, replacement=True, num_samples=n_rows)
        return iter(_loader(blocks, loading, sampler=chance))

    return batches, lambda: next(iter(_loader(blocks, loading)))["input_ids"].numpy()


def _loader(rows: Any, loading: Loading, **options: Any) -> Any:
    from torch.utils.data import DataLoader

    return DataLoader(rows, batch_size=loading.batch_size, num_workers=loading.workers, **options)


BUILDERS: dict[str, Callable[[Files, list[Path], Path], Build]] = {
    "cygnet": build_cygnet,
    "datasets": build_datasets,
    "datatrove": build_datatrove,
}
BLOCK_BUILDERS: dict[str, Callable[[Files, list[Path], Path], Build]] = {
    "cygnet": blocks_cygnet,
    "datasets": blocks_datasets,
}
LOADERS: dict[str, Callable[[Path, Loading], Load]] = {
    "cygnet": load_cygnet,
    "nanoGPT": load_nanogpt,
    "datasets": load_arrow,
}
