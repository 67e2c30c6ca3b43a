"""Blocks of token files as a ``datasets.Dataset``, memory-mapped from the cache of ``datasets``."""

from pathlib import Path
from typing import TYPE_CHECKING

from cygnet.errors import InputError
from cygnet.files import atomic_folder, make_folder
from cygnet.tokens.exports import fingerprint, write_arrow
from cygnet.tokens.store import TokenStore

if TYPE_CHECKING:
    from datasets import Dataset


def as_hf_dataset(store: TokenStore, split: str, block_size: int) -> "Dataset":
    """A split as a ``datasets.Dataset`` of blocks: see ``TokenStore.as_hf_dataset``."""
    try:
        import datasets
        from filelock import FileLock
    except ModuleNotFoundError as error:
        raise InputError(f"this needs {error.name}: pip install 'cygnet[hf]'") from error
    cache = make_folder(Path(datasets.config.HF_DATASETS_CACHE) / "cygnet")
    folder = cache / fingerprint(store, split, block_size)
    with FileLock(f"{folder}.lock"):  # the ranks of a training all ask at once: one writes
        if not folder.exists():
            with atomic_folder(folder) as inside:
                write_arrow(store, split, inside, block_size)
    dataset = datasets.load_from_disk(str(folder))
    assert isinstance(dataset, datasets.Dataset)
    return dataset
