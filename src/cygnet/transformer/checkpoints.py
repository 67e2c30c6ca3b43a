"""Checkpoints that are whole or not there, checked before they are used.

``Trainer`` writes a checkpoint as a folder of files. When it is complete, ``seal.json`` is added
with the sha256 of each: a folder without a seal was being written when its process died.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from safetensors import SafetensorError

from cygnet.console import say
from cygnet.errors import CygnetError, DamagedError, StorageError
from cygnet.files import read_json, sha256_file, write_json

SEAL = "seal.json"


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


def seal(checkpoint: Path) -> None:
    """Mark a checkpoint as complete, with the sha256 of its files."""
    files = (path for path in sorted(checkpoint.iterdir()) if path.name != SEAL)
    write_json(checkpoint / SEAL, {path.name: sha256_file(path) for path in files})


def find_last_good(folder: Path) -> Path | None:
    """The newest checkpoint whose files are those that were written, if there is any checkpoint.

    Newer ones that are damaged are named and removed.

    Raises:
        DamagedError: There are checkpoints, and all are damaged.
    """
    remove_unsealed(folder)
    damaged: dict[Path, DamagedError] = {}
    for checkpoint in reversed(_by_step(folder)):
        try:
            _check_seal(checkpoint)
        except DamagedError as error:
            damaged[checkpoint] = error
        else:
            for newer, found in damaged.items():
                say(f"  {found}: going on from {checkpoint.name}")
                shutil.rmtree(newer)
            return checkpoint
    for found in damaged.values():
        raise DamagedError(f"{found}, and no other is left; --overwrite trains from the beginning")
    return None


def remove_unsealed(folder: Path) -> None:
    """Remove checkpoints that were being written when their process died."""
    for checkpoint in _by_step(folder):
        if not (checkpoint / SEAL).exists():
            shutil.rmtree(checkpoint)


def _by_step(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))


def _check_seal(checkpoint: Path) -> None:
    try:
        files = read_json(checkpoint / SEAL)
        good = all(sha256_file(checkpoint / name) == digest for name, digest in files.items())
    except (CygnetError, AttributeError) as error:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged: {error}") from error
    if not good:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged")
