"""What a source needs from the hub: which files, how large, and what of them is in the cache."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cygnet.console import say
from cygnet.cores import run_ahead
from cygnet.errors import InputError
from cygnet.text.corpora import find_corpus
from cygnet.text.hub_cache import Repo
from cygnet.text.hub_errors import in_one_line
from cygnet.text.sources import HUB, format_of, is_text_name

THREADS = 8
# More files than these are looked up in the list of all files: a request for each of thousands
# would meet the hub's limit of requests.
FEW = 32


@dataclass(frozen=True)
class Remote:
    """What the hub says of a file: ``size`` in bytes; ``etag`` is its hash, as a rule."""

    commit: str
    etag: str
    size: int | None


@dataclass(frozen=True)
class Item:
    """A file that is wanted.

    Attributes:
        repo, name: Which.
        remote: What the hub says of it; None if it cannot be asked.
        cached: Where the cache holds it, if it does.
    """

    repo: Repo
    name: str
    remote: Remote | None
    cached: Path | None

    @property
    def size(self) -> int:
        """Bytes of the file, as far as they are known."""
        if self.cached:
            return self.cached.stat().st_size
        return (self.remote and self.remote.size) or 0

    @property
    def missing(self) -> int:
        """Bytes that are to be downloaded, as far as they are known."""
        if self.cached or self.remote is None:
            return 0
        return max(0, self.size - self.repo.arrived(self.remote.etag))


def plan(source: str, n: int | None = None) -> dict[str, list[Item]]:
    """Find out what a source needs, and download nothing.

    Args:
        source: A named corpus, or ``hub:owner/name[/pattern][@revision]``.
        n: How many shards of a corpus, where the source does not say it.

    Returns:
        The files of ``"train"`` and ``"valid"`` for a corpus, else those of ``"files"``.

    Raises:
        InputError: There is no such corpus, or no file that matches; or the hub is out of reach (or
            lacks the file, or refuses it) and the cache does not hold it.

    Cost: one request for each file, or one for every thousand files of the data set.

    >>> plan("tinystorys")
    Traceback (most recent call last):
        ...
    cygnet.errors.InputError: no corpus is called 'tinystorys': did you mean 'tinystories'? \
There are: tinystories, tinystories-v1, fineweb-edu, climbmix
    """
    if source.startswith(HUB):
        repo, pattern = parse_source(source)
        return {"files": _matching(repo, pattern)}
    corpus = find_corpus(source, n)
    repo = Repo(corpus.repo_id, corpus.revision)
    items = _look_up(repo, [*corpus.train, *corpus.valid])
    return {"train": items[: len(corpus.train)], "valid": items[len(corpus.train) :]}


def parse_source(source: str) -> tuple[Repo, str]:
    """Data set and pattern of a source ``hub:owner/name[/pattern][@revision]``.

    >>> parse_source("hub:allenai/c4/en/*.json.gz@main")
    (Repo(repo_id='allenai/c4', revision='main'), 'en/*.json.gz')
    """
    where, at, revision = source.removeprefix(HUB).rpartition("@")
    owner, _, rest = (where if at else revision).partition("/")
    name, _, pattern = rest.partition("/")
    if not owner or not name or (at and not revision):
        raise InputError(f"{source!r} is no source: write hub:owner/name[/pattern][@revision]")
    return Repo(f"{owner}/{name}", revision if at else "main"), pattern


def _matching(repo: Repo, pattern: str) -> list[Item]:
    """The files of a data set that a pattern names, or all that are text by their name."""
    try:
        remotes = _list(repo)
    except InputError:
        names = _match(repo.cached_names(), pattern)
        if not names:
            raise
        say(f"  the hub cannot be asked: {len(names):,} files of {repo.repo_id} are in the cache")
        return [Item(repo, name, None, repo.find(name, repo.revision)) for name in names]
    names = _match(list(remotes), pattern)
    if not names:
        some = ", ".join(list(remotes)[:5]) or "nothing"
        raise InputError(
            f"the data set {repo.repo_id} ({repo.revision}) has no file that matches"
            f" {pattern or 'a known format'!r}; it holds {some}{', ...' * (len(remotes) > 5)}"
        )
    return [_item(repo, name, remotes[name]) for name in names]


def _match(names: list[str], pattern: str) -> list[str]:
    """The names that a file, a folder or a pattern means; ``*`` also matches ``/``."""
    exact = [name for name in names if name == pattern] or sorted(
        name for name in names if pattern and fnmatch.fnmatchcase(name, pattern)
    )
    for name in exact:
        format_of(Path(name))
    folder = f"{pattern.rstrip('/')}/" if pattern else ""
    return exact or sorted(
        name for name in names if name.startswith(folder) and is_text_name(Path(name))
    )


def _look_up(repo: Repo, names: Sequence[str]) -> list[Item]:
    """What is known of some files."""
    if len(names) <= FEW:
        return list(run_ahead(lambda name: _look_up_one(repo, name), names, THREADS))
    try:
        remotes = _list(repo)
    except InputError:
        cached = [repo.find(name, repo.revision) for name in names]
        if not all(cached):
            raise
        return [Item(repo, *pair) for pair in zip(names, [None] * len(names), cached, strict=True)]
    for name in names:
        if name not in remotes:
            raise InputError(f"the data set {repo.repo_id} ({repo.revision}) has no file {name}")
    return [_item(repo, name, remotes[name]) for name in names]


def _look_up_one(repo: Repo, name: str) -> Item:
    try:
        return _item(repo, name, _ask(repo, name))
    except InputError:
        cached = repo.find(name, repo.revision)
        if cached is None:
            raise
        return Item(repo, name, None, cached)


def _item(repo: Repo, name: str, remote: Remote) -> Item:
    return Item(repo, name, remote, repo.find(name, remote.commit))


def _ask(repo: Repo, name: str) -> Remote:
    """What the hub says about a file. One request, no second try."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.errors import FileMetadataError

    with in_one_line(repo, name):
        found = get_hf_file_metadata(repo.url(name, repo.revision))
        if found.commit_hash is None or found.etag is None:
            raise FileMetadataError("it does not answer as a hub does: no X-Repo-Commit, no ETag")
    return Remote(found.commit_hash, found.etag, found.size)


def _list(repo: Repo) -> dict[str, Remote]:
    """What the hub says about all files of a data set."""
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    with in_one_line(repo, "the list of files"):
        commit = str(api.dataset_info(repo.repo_id, revision=repo.revision).sha)
        tree = api.list_repo_tree(
            repo.repo_id, recursive=True, revision=commit, repo_type="dataset"
        )
        return {
            entry.path: Remote(commit, entry.lfs.sha256 if entry.lfs else entry.blob_id, entry.size)
            for entry in tree
            if isinstance(entry, RepoFile)
        }
