"""Corpora by name, downloaded from the Hugging Face hub into its cache, and verified.

The cache holds a body once, under its etag, and names that link to it::

    datasets--roneneldan--TinyStories/
      blobs/<etag>                    the body: its sha256 (its git hash, for a small file)
      blobs/<etag>.incomplete         the part of it that has arrived
      snapshots/<commit>/<file>       a link to the body
      refs/main                       the commit

``huggingface_hub`` does the requests, so ``HF_ENDPOINT``, ``HF_HOME``, ``HF_HUB_OFFLINE`` and
tokens mean here what they mean everywhere. Two things are done on top of it. It starts a killed
download from zero (its issue 4196): here it goes on where it stopped. And it compares only the
size of what it gets over plain HTTP: here every file is compared with its hash.
"""

import contextlib
import difflib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cygnet.errors import DamagedError, InputError, StorageError
from cygnet.files import DISK_FULL, input_errors

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")  # sha256, or git's sha1
OWN_FILES = "pass files that are already there: --text.train FILE --text.valid FILE"


@dataclass(frozen=True)
class Corpus:
    """A data set on the hub, and which of its files are text to train and to validate on.

    Attributes:
        name: What a recipe calls it.
        repo_id: Owner and name of the data set on the hub.
        train, valid: File names inside it.
        about: What it is, its size and its licence, in one line.
        revision: Branch, tag or commit.
    """

    name: str
    repo_id: str
    train: tuple[str, ...]
    valid: tuple[str, ...]
    about: str
    revision: str = "main"


CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            name="tinystories",
            repo_id="roneneldan/TinyStories",
            train=("TinyStoriesV2-GPT4-train.txt",),
            valid=("TinyStoriesV2-GPT4-valid.txt",),
            about="short stories in simple words, all by GPT-4; 2.2 GB; CDLA-Sharing-1.0",
        ),
        Corpus(
            name="tinystories-v1",
            repo_id="roneneldan/TinyStories",
            train=("TinyStories-train.txt",),
            valid=("TinyStories-valid.txt",),
            about="short stories in simple words, by GPT-3.5 and GPT-4; 1.9 GB; CDLA-Sharing-1.0",
        ),
    )
}


def download(name: str) -> dict[str, list[Path]]:
    """Bring a corpus into the Hugging Face cache and check that it is what the hub has.

    What is in the cache is not downloaded again, and serves alone when the hub cannot be asked.

    Args:
        name: A key of ``CORPORA``.

    Returns:
        The files of ``"train"`` and of ``"valid"``, as paths in the cache.

    Raises:
        InputError: There is no such corpus; or the hub is out of reach (or lacks the file, or
            refuses it) and the cache does not hold it.
        DamagedError: The bytes are not those that the hub names; they were removed.
        StorageError: The disk is full, or the cache may not be written.

    Cost: one request per file, and one read of it, one or two seconds for 2 GB. The check is not
    remembered: a note that a file was right once would say nothing about a disk that lost bytes
    since, or about a file that another program brought into the cache.

    Source: the cache layout is that of huggingface.co/docs/huggingface_hub/guides/manage-cache.

    >>> download("tinystorys")
    Traceback (most recent call last):
        ...
    cygnet.errors.InputError: no corpus is called 'tinystorys': did you mean 'tinystories'? \
There are: tinystories, tinystories-v1
    """
    corpus = _find(name)
    return {
        "train": [_get(corpus, file) for file in corpus.train],
        "valid": [_get(corpus, file) for file in corpus.valid],
    }


def _find(name: str) -> Corpus:
    """The corpus called ``name``, or an error that helps to find the name that was meant."""
    if name in CORPORA:
        return CORPORA[name]
    close = difflib.get_close_matches(name, CORPORA, n=1)
    hint = f": did you mean {close[0]!r}?" if close else "."
    raise InputError(f"no corpus is called {name!r}{hint} There are: {', '.join(CORPORA)}")


def _get(corpus: Corpus, file: str) -> Path:
    """One file of a corpus, verified: from the cache, else from the hub."""
    try:
        remote = _ask(corpus, file)
    except InputError:
        path = _cached(corpus, file, corpus.revision)
        if path is None:
            raise
        return _verify_cached(path, etag="")
    path = _cached(corpus, file, remote.commit_hash)
    return _verify_cached(path, remote.etag or "") if path else _fetch(corpus, file, remote)


def _ask(corpus: Corpus, file: str) -> "HfFileMetadata":
    """What the hub says about a file: commit, etag, size. One request, no second try."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import FileMetadataError

    with _in_one_line(corpus, file):
        remote = get_hf_file_metadata(_url(corpus, file, corpus.revision))
        if remote.commit_hash is None or remote.etag is None:
            raise FileMetadataError("it does not answer as a hub does: no X-Repo-Commit, no ETag")
    return remote


def _cached(corpus: Corpus, file: str, revision: str | None) -> Path | None:
    """Where the cache holds a file, if it does."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(corpus.repo_id, file, revision=revision, repo_type="dataset")
    return Path(found) if isinstance(found, str) else None


def _fetch(corpus: Corpus, file: str, remote: "HfFileMetadata") -> Path:
    """Download a file into the cache, verified."""
    from huggingface_hub import hf_hub_download

    with _in_one_line(corpus, file):
        # Without a hash to check the joined parts by, all is left to hf_hub_download.
        if remote.size is not None and HASH.fullmatch(remote.etag or ""):
            _fetch_body(corpus, file, remote, remote.size)
        # With the body in its place, this only links the names to it.
        return Path(
            hf_hub_download(corpus.repo_id, file, repo_type="dataset", revision=corpus.revision)
        )


def _fetch_body(corpus: Corpus, file: str, remote: "HfFileMetadata", size: int) -> None:
    """Put the body of a file into the cache, going on from what an earlier run left of it.

    It gets its name once it is verified, so nothing wrong is ever found under that name.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # no __all__

    cache, etag = Path(constants.HF_HUB_CACHE), str(remote.etag)
    folder = repo_folder_name(repo_id=corpus.repo_id, repo_type="dataset")
    body = cache / folder / "blobs" / etag
    lock = cache / ".locks" / folder / f"{etag}.lock"  # the one that hf_hub_download takes
    for path in (body, lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        arrived = body
        if not body.exists():
            arrived = body.with_name(f"{etag}.incomplete")
            _append(arrived, _url(corpus, file, str(remote.commit_hash)), file, size)
        _verify(arrived, etag, file)
        arrived.replace(body)


def _append(partial: Path, url: str, name: str, size: int) -> None:
    """Download what is missing of ``partial``, with a progress bar that shows ``name``."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # no __all__

    # A compressed answer could not be joined to what is there.
    headers = build_hf_headers(headers={"Accept-Encoding": "identity"})
    with open(partial, "ab") as file:
        if file.tell() > size:  # two writers, where the file system's locks do nothing
            file.truncate(0)
            file.seek(0)
        if file.tell() < size:
            http_get(url, file, resume_size=file.tell(), headers=headers, displayed_filename=name)


def _url(corpus: Corpus, file: str, revision: str) -> str:
    """Address of a file on the hub."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(corpus.repo_id, file, repo_type="dataset", revision=revision)


def _verify_cached(path: Path, etag: str) -> Path:
    """Verify a file by its name in the cache, and return that.

    Args:
        path: A link to the body, or a copy of it where the file system has no links.
        etag: The hash that a copy should have, if known.
    """
    # One link only: the body may itself be a link, into a store with hashes of another kind.
    expected = path.readlink().name if path.is_symlink() else etag
    if HASH.fullmatch(expected):
        _verify(path, expected, path.name)
    return path


def _verify(path: Path, expected: str, name: str) -> None:
    """Compare a file with its hash; remove it if it differs, and say so of ``name``."""
    found = _hash(path, expected)
    if found != expected:
        _remove(path)
        raise DamagedError(
            f"{name} was damaged and has been removed from the cache (its hash is {found},"
            f" it should be {expected}): run the same command again to download it anew"
        )


def _hash(path: Path, like: str) -> str:
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


@contextlib.contextmanager
def _in_one_line(corpus: Corpus, file: str) -> Iterator[None]:
    """Turn what ``huggingface_hub`` raises into one line that says what to do."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, FileMetadataError, OfflineModeIsEnabled

    try:
        yield
    except (
        httpx2.HTTPError,  # the base of HfHubHTTPError and of everything about connections
        httpx2.InvalidURL,
        EntryNotFoundError,
        FileMetadataError,
        OfflineModeIsEnabled,
    ) as error:
        raise InputError(_explain(corpus, file, error)) from error
    except OSError as error:
        reason = "the disk is full" if error.errno in DISK_FULL else error.strerror or error
        raise StorageError(
            f"{file} cannot be written to the cache {constants.HF_HUB_CACHE} ({reason}): mend that,"
            " or set HF_HOME to another folder, and run the same command again"
        ) from error


def _explain(corpus: Corpus, file: str, error: Exception) -> str:
    """One line for a file that the hub does not give."""
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    hub, repo = constants.ENDPOINT, f"the data set {corpus.repo_id}"
    status = error.response.status_code if isinstance(error, HfHubHTTPError) else None
    if isinstance(error, OfflineModeIsEnabled):
        return (
            f"HF_HUB_OFFLINE is set, and {file} of {repo} is not in the cache"
            f" {constants.HF_HUB_CACHE}: unset it, or {OWN_FILES}"
        )
    if status in (401, 403):
        return (
            f"{hub} refuses {repo} ({status}): it does not exist, or it wants a login (`hf auth"
            f" login` or HF_TOKEN) and its terms accepted at {hub}/datasets/{corpus.repo_id};"
            f" or {OWN_FILES}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return f"{hub} does not have {repo}: check HF_ENDPOINT, or {OWN_FILES}"
    if isinstance(error, RevisionNotFoundError):
        return f"{repo} on {hub} has no revision {corpus.revision!r}: {OWN_FILES}"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"{repo} on {hub} has no file {file}: check HF_ENDPOINT, or {OWN_FILES}"
    reason = f"it answers {status}" if status else " ".join(str(error).split()) or repr(error)
    return (
        f"{file} of {repo} is not in the cache, and {hub} does not give it ({reason}): try again"
        f" (what has arrived is kept), set HF_ENDPOINT to a mirror, or {OWN_FILES}"
    )
