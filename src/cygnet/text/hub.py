"""Files of data sets on the Hugging Face hub, brought into its cache and verified.

``huggingface_hub`` does the requests, so ``HF_ENDPOINT``, ``HF_HOME``, ``HF_HUB_OFFLINE`` and
tokens mean here what they mean everywhere. Three things are done on top of it. It starts a killed
download from zero (its issue 4196): here it goes on where it stopped. It compares only the size of
what it gets over plain HTTP: here every file is compared with its hash. And many files come at a
time, with one bar for all.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cygnet.console import progress
from cygnet.cores import reports, run_ahead
from cygnet.errors import StorageError
from cygnet.text.hub_cache import HASH, Repo, free_bytes, verify, verify_cached
from cygnet.text.hub_errors import in_one_line
from cygnet.text.hub_plan import THREADS, Item, Remote, plan

OnBytes = Callable[[int], None]


def download(source: str, n: int | None = None, threads: int = THREADS) -> dict[str, list[Path]]:
    """Bring the files of a source into the Hugging Face cache, and verify them.

    What is in the cache is not downloaded again, and serves alone when the hub cannot be asked.

    Args:
        source, n: See ``plan``.
        threads: How many files at a time.

    Returns:
        As ``plan``, the paths in the cache.

    Raises:
        InputError: See ``plan``.
        DamagedError: The bytes are not those that the hub names; they were removed.
        StorageError: There is no room, or the cache may not be written.

    Cost: beside that of ``plan`` one read of each file, a second for 1 to 2 GB. The check is not
    remembered: a note that a file was right once would say nothing about a disk that lost bytes
    since, or about a file that another program brought into the cache.
    """
    wanted = plan(source, n)
    items = [item for part in wanted.values() for item in part]
    check_room(sum(item.missing for item in items))
    paths = iter(_bring_all(items, threads))
    for repo, remote in {(item.repo, item.remote) for item in items if item.remote}:
        repo.note_commit(remote.commit)
    return {split: [next(paths) for _ in part] for split, part in wanted.items()}


def print_plan(source: str, n: int | None = None) -> None:
    """Print what a download would fetch, and whether the disk has room for it.

    Raises:
        InputError: See ``plan``.
    """
    wanted, free = plan(source, n), free_bytes()
    for split, items in wanted.items():
        n_bytes, missing = sum(item.size for item in items), sum(item.missing for item in items)
        print(f"{split:6}{len(items):>6,} files{n_bytes:>20,} bytes{missing:>20,} to download")
    needed = sum(item.missing for items in wanted.values() for item in items)
    room = "enough" if needed <= free else f"{needed - free:,} too few"
    print(f"disk  {needed:>32,} bytes{free:>20,} free: {room}")


def check_room(needed: int) -> None:
    """Refuse a download that the disk has no room for.

    Raises:
        StorageError: It says how much is missing.
    """
    free = free_bytes()
    if needed > free:
        raise StorageError(
            f"{needed:,} bytes are to be downloaded and the disk of the cache has {free:,} free:"
            " take fewer shards, free some space, or set HF_HOME to a folder on another disk"
        )


def _bring_all(items: list[Item], threads: int) -> list[Path]:
    """Bring files into the cache, some at a time; an error ends the other downloads, too."""
    missing = sum(item.missing for item in items)
    label = f"{sum(item.missing > 0 for item in items):,} files"
    with progress(label, missing / 1e6, "MB") as advance, reports(advance) as on_bytes:
        return list(run_ahead(lambda item: _bring(item, on_bytes), items, threads))


def _bring(item: Item, on_bytes: OnBytes) -> Path:
    """One file, verified: from the cache, else from the hub."""
    on_bytes(0)  # not begun if another has failed
    if item.cached:
        return verify_cached(item.cached, item.remote.etag if item.remote else "")
    assert item.remote is not None
    return _fetch(item.repo, item.name, item.remote, on_bytes)


def _fetch(repo: Repo, name: str, remote: Remote, on_bytes: OnBytes) -> Path:
    """Download a file into the cache, verified."""
    from huggingface_hub import hf_hub_download

    with in_one_line(repo, name):
        # Without a hash to check the joined parts by, all is left to hf_hub_download.
        if remote.size is not None and HASH.fullmatch(remote.etag):
            _fetch_body(repo, name, remote, remote.size, on_bytes)
        # With the body in its place, this only links the names to it.
        return Path(
            hf_hub_download(repo.repo_id, name, repo_type="dataset", revision=remote.commit)
        )


def _fetch_body(repo: Repo, name: str, remote: Remote, size: int, on_bytes: OnBytes) -> None:
    """Put the body of a file into the cache, going on from what an earlier run left of it.

    It gets its name once it is verified, so nothing wrong is ever found under that name.
    """
    from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # no __all__

    body = repo.body(remote.etag)
    # The lock is the one that hf_hub_download takes.
    lock = repo.folder.parent / ".locks" / repo.folder.name / f"{remote.etag}.lock"
    for path in (body, lock):
        path.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        arrived = body
        if not body.exists():
            arrived = body.with_name(f"{remote.etag}.incomplete")
            _append(arrived, repo.url(name, remote.commit), name, size, on_bytes)
        verify(arrived, remote.etag, name)
        arrived.replace(body)


def _append(partial: Path, url: str, name: str, size: int, on_bytes: OnBytes) -> None:
    """Download what is missing of ``partial``."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # no __all__

    class Bar:
        """What ``http_get`` takes for a progress bar."""

        def __init__(self, **_: object) -> None:
            pass

        def __enter__(self) -> "Bar":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, n_bytes: int) -> None:
            on_bytes(n_bytes)

    # A compressed answer could not be joined to what is there.
    headers = build_hf_headers(headers={"Accept-Encoding": "identity"})
    options: Any = {"headers": headers, "displayed_filename": name, "tqdm_class": Bar}
    with open(partial, "ab") as file:
        if file.tell() > size:  # two writers, where the file system's locks do nothing
            file.truncate(0)
            file.seek(0)
        if file.tell() < size:
            http_get(url, file, resume_size=file.tell(), **options)
