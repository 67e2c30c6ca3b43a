"""Files that are whole or absent: written to a temporary name, synced, renamed.

A reader never sees half a file under its final name, whenever the writer was killed; what a killed
writer leaves is a ``*.tmp`` that the next run overwrites.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from cygnet.errors import BusyError, DamagedError, InputError, StorageError

DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[BinaryIO]:
    """Open ``path`` for writing so that it appears whole or not at all.

    Args:
        path: The final name; the bytes go to ``path`` + ``.tmp`` until the block ends well.

    Yields:
        A binary file. When the block raises, the partial file is removed and an older ``path``
        stays as it was.

    Raises:
        StorageError: The disk is full, or the folder may not be written.

    Cost: one ``fsync`` of the file and one of its folder.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "ids.bin"
    >>> with atomic_writer(path) as file:
    ...     _ = file.write(b"12")
    >>> path.read_bytes()
    b'12'
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with storage_errors(path):
            with open(temporary, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of writing ``path`` into a ``StorageError`` that says what to do.

    One that names another file comes from what is being written, say text that cannot be read.
    """
    try:
        yield
    except OSError as error:
        own = (path, path.with_name(path.name + ".tmp"), *path.parents)
        if error.filename is not None and Path(str(error.filename)) not in own:
            raise
        if error.errno == errno.ENOENT:
            raise StorageError(f"{path} could not be written: its folder is gone") from error
        if error.errno in DISK_FULL:
            raise StorageError(
                f"the disk is full: {path} could not be written and its partial file was removed;"
                " free some space and run the same command again"
            ) from error
        if error.errno in NOT_ALLOWED:
            raise StorageError(f"no permission to write {path}: choose another --out") from error
        raise


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> Path:
    """Create ``folder`` and its parents where missing, and return it."""
    with storage_errors(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise InputError(f"{folder} is not a folder: choose another --out") from error
    return folder


def check_writable(folder: Path) -> None:
    """Raise a StorageError where no file can be made in a folder, before work begins."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StorageError(f"no permission to write {folder}: change it, or choose another --out")


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Fill a new folder so that it appears whole or not at all.

    Args:
        folder: The final name; nothing may be there but an empty folder.

    Yields:
        The folder to fill, ``folder`` + ``.tmp``. When the block raises, it is removed.

    Raises:
        InputError: There is something under that name already.
        BusyError: Another process fills it.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "out"
    >>> with atomic_folder(folder) as inside:
    ...     write_text(inside / "a.txt", "a")
    >>> [path.name for path in folder.iterdir()]
    ['a.txt']
    """
    _check_absent(folder)
    temporary = make_folder(folder.with_name(folder.name + ".tmp"))
    with lock_folder(temporary):
        try:
            _check_absent(folder)  # another process may have finished before the lock was ours
            for left in temporary.iterdir():  # by a killed process
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield temporary
            _check_absent(folder)
            with storage_errors(folder):
                temporary.rename(folder)
                sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise


def _check_absent(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: remove it, or name another folder")


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with atomic_writer(path) as file:
        file.write(text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        InputError: There is no such file, or it may not be read.
        DamagedError: It does not hold JSON.
    """
    try:
        return json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path} is damaged: it does not hold JSON ({error})") from error


def read_bytes(path: Path) -> bytes:
    """Read a whole file, with an ``InputError`` of one line where it cannot be read."""
    with input_errors(path):
        return path.read_bytes()


@contextlib.contextmanager
def input_errors(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of reading ``path`` into an ``InputError`` that names it."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist") from error
    except PermissionError as error:
        raise InputError(f"{path} may not be read (no permission)") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder, a file was expected") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def check_size(path: Path, expected: int) -> None:
    """Raise a DamagedError where a file is missing or has another size than was written."""
    if not path.exists():
        raise DamagedError(f"{path} is missing")
    found = path.stat().st_size
    if found != expected:
        raise DamagedError(f"{path} is damaged: it has {found:,} bytes, expected {expected:,}")


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes. Cost: one read of the file, about 1 to 2 GB/s."""
    with input_errors(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_json(value: Any) -> str:
    """Hex sha256 of ``value`` as canonical JSON (sorted keys, no blanks).

    >>> sha256_json({"b": 1, "a": 2}) == sha256_json({"a": 2, "b": 1})
    True
    """
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for one process; the lock goes with the process and leaves no file.

    Raises:
        BusyError: Another process holds it.
    """
    busy = f"another cygnet is at work in {folder}: wait for it, or choose another --out"
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError as error:  # renamed or removed by who held it
        raise BusyError(busy) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_same = os.path.samestat(os.fstat(descriptor), folder.stat())
        except (BlockingIOError, FileNotFoundError) as error:
            raise BusyError(busy) from error
        if not is_same:  # another folder of that name: the lock is on the one before it
            raise BusyError(busy)
        yield
    finally:
        os.close(descriptor)
