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
    """Report a failure to write into ``folder`` in one line, and remove what is unfinished.

    torch and safetensors raise errors of their own where a file cannot be written.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        remove_unsealed(folder)
        raise StorageError(
            f"the model could not be written to {folder} ({str(error).splitlines()[0]}):"
            " checkpoints already finished are kept; free some space and run the same command again"
        ) from error


def seal(checkpoint: Path, precision: str) -> None:
    """Mark a checkpoint as complete, with the sha256 of its files."""
    files = {path.name: sha256_file(path) for path in sorted(checkpoint.iterdir())}
    write_json(checkpoint / SEAL, {"precision": precision, "files": files})


def sealed_precision(checkpoint: Path) -> str:
    """The precision that a sealed checkpoint was trained in."""
    precision: str = read_json(checkpoint / SEAL)["precision"]
    return precision


def find_last_good(folder: Path) -> Path | None:
    """The newest checkpoint whose files are those that were written, if there is any checkpoint.

    A newer one that is damaged is named and passed over.

    Raises:
        DamagedError: There are checkpoints, and all are damaged.
    """
    remove_unsealed(folder)
    damaged = None
    for checkpoint in reversed(_by_step(folder)):
        try:
            _check_seal(checkpoint)
        except DamagedError as error:
            damaged = error
            say(f"  {error}")
        else:
            return checkpoint
    if damaged:
        raise DamagedError(
            f"{damaged}, and no other is left; --overwrite trains from the beginning"
        )
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
        files = read_json(checkpoint / SEAL)["files"]
        good = all(sha256_file(checkpoint / name) == digest for name, digest in files.items())
    except (CygnetError, KeyError, TypeError) as error:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged: {error}") from error
    if not good:
        raise DamagedError(f"the checkpoint {checkpoint} is damaged")
