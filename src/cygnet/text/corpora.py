"""Corpora by name: which files of a data set on the hub are to train, which to validate on."""

import difflib
from dataclasses import dataclass, field
from typing import Literal

from cygnet.errors import InputError


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

    @property
    def n_shards(self) -> int | None:
        """None: it is taken whole."""
        return None

    def take(self, n: int | None) -> "Corpus":
        """All of it; a number of shards is refused."""
        if n is not None:
            raise InputError(f"{self.name} is not in shards: leave the number out")
        return self


@dataclass(frozen=True)
class ShardedCorpus:
    """A data set of shards of equal size, in random order, so that some of them stand for all.

    Attributes:
        name, repo_id, about, revision: As of ``Corpus``.
        n_shards: ``shard_00000.parquet`` and so on.
        validates_on: The last shard of those that are taken; or the last there is, which is then
            taken as well.
    """

    name: str
    repo_id: str
    n_shards: int
    validates_on: Literal["last taken", "last of all"]
    about: str
    revision: str = field(default="main")

    def take(self, n: int | None) -> Corpus:
        """The first ``n`` shards, all of them for -1.

        Raises:
            InputError: No number is given; or there are not as many, or none would be left to
                train on.
        """
        if n is None:
            raise InputError(
                f"{self.name} has {self.n_shards:,} shards ({self.about}): say how many, for"
                f" example {self.name}:8, or {self.name}:-1 for all (by command -n 8, -n -1)"
            )
        apart = self.validates_on == "last of all"
        most, least = self.n_shards, 1 if apart else 2
        taken = most if n == -1 else n
        if not least <= taken <= most:
            raise InputError(
                f"{self.name} has {most:,} shards: take {least} to {most:,} of them, or -1 for"
                f" all; {n} is asked for"
            )
        shards = [f"shard_{number:05d}.parquet" for number in range(most)]
        last = shards[-1] if apart else shards[taken - 1]
        train = tuple(shard for shard in shards[:taken] if shard != last)
        name = f"{self.name}:{n}"
        return Corpus(name, self.repo_id, train, (last,), self.about, self.revision)


CORPORA: dict[str, Corpus | ShardedCorpus] = {
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
        # The numbers of shards, and which one validates, are those of nanochat/dataset.py, of
        # October 2025 for the first and of March 2026 for the second.
        ShardedCorpus(
            name="fineweb-edu",
            repo_id="karpathy/fineweb-edu-100b-shuffle",
            n_shards=1823,
            validates_on="last taken",
            about="educational web pages, shuffled; about 0.1 GB a shard; ODC-By-1.0",
        ),
        ShardedCorpus(
            name="climbmix",
            repo_id="karpathy/climbmix-400b-shuffle",
            n_shards=6543,
            validates_on="last of all",
            about="web pages, filtered and mixed, shuffled; about 0.1 GB a shard",
        ),
    )
}


def is_corpus(source: str) -> bool:
    """Whether a source is a named corpus, be it with a number of shards.

    >>> [is_corpus(source) for source in ("tinystories", "fineweb-edu:8", "stories:1:8", "a.txt")]
    [True, True, False, False]
    """
    return source.partition(":")[0] in CORPORA


def find_corpus(source: str, n: int | None = None) -> Corpus:
    """The corpus that a source names.

    Args:
        source: A key of ``CORPORA``, and ``:N`` behind it for the first N shards, ``:-1`` for all.
        n: The number, where the source does not say it.

    Raises:
        InputError: There is no such corpus; the message has the name that may have been meant. Or
            the number is wrong.

    >>> find_corpus("fineweb-edu:3").train
    ('shard_00000.parquet', 'shard_00001.parquet')
    >>> find_corpus("climbmix:1").valid
    ('shard_06542.parquet',)
    >>> find_corpus("tinystorys")
    Traceback (most recent call last):
        ...
    cygnet.errors.InputError: no corpus is called 'tinystorys': did you mean 'tinystories'? \
There are: tinystories, tinystories-v1, fineweb-edu, climbmix
    """
    name, colon, number = source.partition(":")
    if name not in CORPORA:
        close = difflib.get_close_matches(name, CORPORA, n=1)
        hint = f": did you mean {close[0]!r}?" if close else "."
        raise InputError(f"no corpus is called {name!r}{hint} There are: {', '.join(CORPORA)}")
    if colon:
        if not number.removeprefix("-").isdecimal():
            raise InputError(f"{source!r} is no source: write {name}:8 for 8 shards, or {name}:-1")
        n = int(number)
    return CORPORA[name].take(n)
