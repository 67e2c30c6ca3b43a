"""The Hugging Face cache on this disk, and whether what it holds is right.

A body is there once, under its etag, and names link to it::

    datasets--roneneldan--TinyStories/
      blobs/<etag>                    the body: its sha256 (its git hash, for a small file)
      blobs/<etag>.incomplete         the part of it that has arrived
      snapshots/<commit>/<file>       a link to the body
      refs/main                       the commit

Source: huggingface.co/docs/huggingface_hub/guides/manage-cache.
"""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from cygnet.errors import DamagedError
from cygnet.files import input_errors, write_text

HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # sha256, or git's sha1


@dataclass(frozen=True)
class Repo:
    """A data set on the hub.

    Attributes:
        repo_id: Owner and name.
        revision: Branch, tag or commit.
    """

    repo_id: str
    revision: str = "main"

    @property
    def folder(self) -> Path:
        """Where the cache keeps it."""
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        name = repo_folder_name(repo_id=self.repo_id, repo_type="dataset")
        return Path(constants.HF_HUB_CACHE) / name

    def url(self, file: str, revision: str) -> str:
        """Address of a file on the hub."""
        from huggingface_hub import hf_hub_url

        return hf_hub_url(self.repo_id, file, repo_type="dataset", revision=revision)

    def find(self, file: str, revision: str) -> Path | None:
        """Where the cache holds a file, if it does."""
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.repo_id, file, revision=revision, repo_type="dataset")
        return Path(found) if isinstance(found, str) else None

    def cached_names(self) -> list[str]:
        """Names of the files that the cache holds of the revision, as it was last seen."""
        ref = self.folder / "refs" / self.revision
        commit = ref.read_text() if ref.is_file() else self.revision
        snapshot = self.folder / "snapshots" / commit
        files = (path for path in snapshot.rglob("*") if path.is_file())
        return sorted(path.relative_to(snapshot).as_posix() for path in files)

    def note_commit(self, commit: str) -> None:
        """Note which commit the revision is, for the time when the hub cannot be asked."""
        ref = self.folder / "refs" / self.revision
        if commit != self.revision and not (ref.is_file() and ref.read_text() == commit):
            ref.parent.mkdir(parents=True, exist_ok=True)
            own = ref.with_name(f"{ref.name}.{os.getpid()}")  # several may download at once
            write_text(own, commit)
            own.replace(ref)

    def body(self, etag: str) -> Path:
        """Where the body of a file has its place."""
        return self.folder / "blobs" / etag

    def arrived(self, etag: str) -> int:
        """Bytes of a body that are in the cache already."""
        for path in (self.body(etag), self.body(f"{etag}.incomplete")):
            if path.exists():
                return path.stat().st_size
        return 0


def free_bytes() -> int:
    """Free space on the disk of the cache."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def verify_cached(path: Path, etag: str) -> Path:
    """Verify a file by its name in the cache, and return that.

    Args:
        path: A link to the body, or a copy of it where the file system has no links.
        etag: The hash that a copy should have, if known.
    """
    # One link only: the body may itself be a link, into a store with hashes of another kind.
    expected = path.readlink().name if path.is_symlink() else etag
    if HASH.fullmatch(expected):
        verify(path, expected, path.name)
    return path


def verify(path: Path, expected: str, name: str) -> None:
    """Compare a file with its hash; remove it if it differs, and say so of ``name``."""
    found = hash_file(path, expected)
    if found != expected:
        _remove(path)
        raise DamagedError(
            f"{name} was damaged and has been removed from the cache (its hash is {found},"
            f" it should be {expected}): run the same command again to download it anew"
        )


def hash_file(path: Path, like: str) -> str:
    """The hash of a file, of the kind that ``like`` is: sha256, or the sha1 of a git blob."""
    with input_errors(path), open(path, "rb") as file:
        if len(like) == 64:
            return hashlib.file_digest(file, "sha256").hexdigest()
        header = b"blob %d\0" % path.stat().st_size
        return hashlib.file_digest(file, lambda: hashlib.sha1(header)).hexdigest()


def _remove(path: Path) -> None:
    """Remove a name in the cache and the body that it links to."""
    while path.is_symlink():
        target = path.parent / path.readlink()
        path.unlink()
        path = target
    path.unlink(missing_ok=True)
