"""Checkpoints that are whole or not there, checked before they are used.

``Trainer`` writes a checkpoint as a folder of files. When it is complete, ``seal.json`` is added
with the sha256 of each and what the training is of: a folder without a seal was being written, or
removed, when its process died.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import PreTrainedModel

from cygnet.console import say
from cygnet.errors import CygnetError, DamagedError, StaleError, StorageError
from cygnet.files import (
    read_json,
    sha256_file,
    sha256_json,
    sync_folder,
    write_json,
)
from cygnet.recipe import TransformerOptions, what_is_made
from cygnet.tokens.format import MANIFEST
from cygnet.tokens.store import TokenStore

SEAL = "seal.json"
N_KEPT = 2  # if the newest checkpoint is damaged, the one before it serves
MadeFrom = dict[str, Any]


@contextlib.contextmanager
def storing(folder: Path) -> Iterator[None]:
    """Report a failure to write ``folder`` in one line, and remove what is there of it.

    torch and safetensors raise errors of their own where a file cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = " ".join(str(error).split())[:200]
        raise StorageError(
            f"{folder} could not be written ({reason}) and was removed, what was finished is kept:"
            " free some space and run the same command again"
        ) from error


def made_from(
    model: PreTrainedModel, store: TokenStore, options: TransformerOptions
) -> dict[str, Any]:
    """What tells the checkpoints of a training from those of others: its vocabulary, the shape of
    its weights, its token files, its options."""
    shapes = [[name, *weight.shape] for name, weight in model.named_parameters()]
    return {
        "vocab_size": model.config.vocab_size,
        **what_is_made(options),
        "the shape of the weights": sha256_json(shapes)[:12],
        "the tokenizer": store.manifest.tokenizer_sha256[:12],
        "the token files": sha256_file(store.folder / MANIFEST)[:12],
    }


def seal(checkpoint: Path, made_from: MadeFrom) -> None:
    """Mark a checkpoint as complete, with what it was made from and the sha256 of its files.

    Its files are on the disk before: a seal that outlives a power cut has all of them.
    """
    paths = [path for path in sorted(checkpoint.iterdir()) if path.name != SEAL]
    for path in paths:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
    files = {path.name: sha256_file(path) for path in paths}
    content = {"made_from": made_from, "files": files}
    write_json(checkpoint / SEAL, content | {"sha256": sha256_json(content)})
    sync_folder(checkpoint.parent)


def prune(folder: Path) -> None:
    """Remove all checkpoints but the newest ones. The seal goes first, so that a kill leaves none
    that looks whole."""
    for checkpoint in _by_step(folder)[:-N_KEPT]:
        (checkpoint / SEAL).unlink()
        shutil.rmtree(checkpoint)


def find_last_good(folder: Path, made_from: MadeFrom) -> Path | None:
    """The newest checkpoint whose files are those that were written, if there is any checkpoint.

    Newer ones that are damaged are named and removed.

    Raises:
        DamagedError: There are checkpoints, and all are damaged.
        StaleError: It is the checkpoint of another training.
    """
    remove_unsealed(folder)
    damaged: dict[Path, DamagedError] = {}
    for checkpoint in reversed(_by_step(folder)):
        try:
            found = _check_seal(checkpoint)
        except DamagedError as error:
            damaged[checkpoint] = error
            continue
        _check_origin(checkpoint, found, made_from)
        for newer, damage in damaged.items():
            say(f"  {damage}: going on from {checkpoint.name}")
            shutil.rmtree(newer)
        return checkpoint
    for damage in damaged.values():
        raise DamagedError(f"{damage}, and no other is left; --overwrite trains from the beginning")
    return None


def remove_unsealed(folder: Path) -> None:
    """Remove checkpoints that were being written when their process died."""
    for checkpoint in _by_step(folder):
        if not (checkpoint / SEAL).exists():
            shutil.rmtree(checkpoint)


def _by_step(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))


def _check_seal(checkpoint: Path) -> dict[str, Any]:
    """What a checkpoint was made from, if its files are those that were sealed."""
    try:
        content = read_json(checkpoint / SEAL)
        checked = sha256_json({key: content[key] for key in ("made_from", "files")})
        there = {path.name for path in checkpoint.iterdir()} - {SEAL}
        good = content["sha256"] == checked and content["files"].keys() == there
        files = content["files"].items()
        good = good and all(sha256_file(checkpoint / name) == digest for name, digest in files)
    except (CygnetError, AttributeError, KeyError, TypeError) as error:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged: {error}") from error
    if not good:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged")
    found: dict[str, Any] = content["made_from"]
    return found


def _check_origin(checkpoint: Path, found: MadeFrom, expected: MadeFrom) -> None:
    for key in expected | found:
        if found.get(key) != expected.get(key):
            raise StaleError(
                f"{checkpoint} is of another training: {key} was {found.get(key)} and is now"
                f" {expected.get(key)}; remove it, or --overwrite trains from the beginning"
            )
