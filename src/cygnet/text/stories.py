"""Simple English children's stories, as many as are wanted, the same for the same seed.

A story is made in two steps. First a plot is picked, and from each of its slots one of the
sentences written there. Then the words in braces are filled in: a word is drawn from its pool
when the story first names it, and is kept, so that what was lost at the beginning is found at
the end. The plots are in ``plots.py``, the words in ``lexicon.py``; this file is the machine.
"""

import random
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Any

from cygnet.errors import InputError
from cygnet.text.lexicon import NOT_A, NOT_AN, Pools
from cygnet.text.plots import PLOTS, WORLDS

# Why no two stories are alike. A story is a path of independent choices: a plot, a sentence for
# each slot, a word for each name; even the plainest path has a chance below 1e-13. Two stories
# take the same path with the mean chance of a path, which was measured as 5e-17 (a mean over
# 8,000 stories of the product of 1 / size over all the pools drawn from). A million stories are
# 5e11 pairs, so that about 3e-5 pairs of equal stories are to be expected.

DEFAULT_COUNT = 20_000
_HERO_WORDS = frozenset(("he", "him", "his", "himself"))


def story(seed: int, index: int) -> str:
    """Write story number ``index`` of the stream ``seed``.

    Args:
        seed: any integer; each seed is another stream of stories.
        index: the number of the story in the stream, 0 or more.

    Returns:
        ASCII text of 80 to 220 words in 2 to 5 paragraphs, which are separated by a newline.
        It depends on the two arguments only, not on the machine or the Python version.

    Raises:
        InputError: ``index`` is negative.

    Cost: about 0.1 ms, whatever the index.

    >>> story(0, 7) == story(0, 7)
    True
    >>> story(0, 7) == story(0, 8)
    False
    """
    if index < 0:
        raise InputError(f"story number {index}: the stories of a stream are numbered from 0")
    rng = random.Random(int.from_bytes(sha256(f"{seed}/{index}".encode()).digest(), "big"))
    plot = pick(rng, PLOTS)
    words = Words(rng, WORLDS[pick(rng, plot.worlds)])
    paragraphs = ([pick(rng, slot) for slot in slots] for slots in plot.text)
    return words.say("\n".join(" ".join(filter(None, chosen)) for chosen in paragraphs))


def stories(seed: int, start: int = 0) -> Iterator[str]:
    """Write the stories of the stream ``seed``, one after another, without end.

    Args:
        seed: any integer; each seed is another stream of stories.
        start: the number of the first story wanted.

    Returns:
        An iterator over ``story(seed, start)``, ``story(seed, start + 1)`` and so on.

    Cost: about 0.1 ms and a kilobyte for each story; nothing is kept.

    >>> from itertools import islice
    >>> len(list(islice(stories(seed=0), 3)))
    3
    """
    return (story(seed, index) for index in count(start))


def parse_source(source: str) -> tuple[int, int]:
    """Seed and number of stories of a source ``stories:SEED`` or ``stories:SEED:COUNT``.

    Raises:
        InputError: It is written in another way.

    >>> parse_source("stories:7:100")
    (7, 100)
    """
    fields = source.removeprefix("stories:").split(":")
    if len(fields) > 2 or not all(field.isdecimal() for field in fields):
        raise InputError(f"{source!r} is no source: write stories:SEED or stories:SEED:COUNT")
    return int(fields[0]), int(fields[1]) if len(fields) == 2 else DEFAULT_COUNT


def pick(rng: random.Random, pool: tuple[Any, ...]) -> Any:
    """Pick one entry of a pool, each with the same chance.

    ``rng.choice`` would do, but its draws may change between Python versions.
    """
    return pool[int(rng.random() * len(pool))]


class Words(dict[str, str]):
    """The words of one story: each is drawn when it is first asked for, and then kept.

    A key is the name of a pool (``toy``), a second word of the same pool (``toy2``), a field
    of a word (``place.spot``), or one of the first three with an article (``a toy``).
    A capital makes a capital (``Toy``, ``A toy``). ``he``, ``him``, ``his`` and ``himself``
    stand for the hero; those of another character are fields (``friend.his``).
    """

    def __init__(self, rng: random.Random, pools: Pools) -> None:
        super().__init__()
        self._rng = rng
        self._pools = pools
        self._records: dict[str, Any] = {}
        self._drawn: set[str] = set()

    def say(self, template: str) -> str:
        """Fill in the words in braces."""
        parts = template.replace("}", "{").split("{")
        parts[1::2] = [self[key] for key in parts[1::2]]
        return "".join(parts)

    def __missing__(self, key: str) -> str:
        """Find the word for a key that the story has not used before."""
        if key[0].isupper():
            word = self[key[0].lower() + key[1:]]
            word = word[0].upper() + word[1:]
        elif key.startswith("a "):
            word = with_article(self[key[2:]])
        elif key in _HERO_WORDS:
            word = self["hero." + key]
        else:
            word = self._draw(key)
        self[key] = word
        return word

    def _draw(self, key: str) -> str:
        """Draw a new word, and remember its record if it has one."""
        owner, _, field = key.rstrip("0123456789").rpartition(".")
        if owner:
            self[owner]  # The owner is drawn before its field.
            entry = getattr(self._records[owner], field)
        else:
            entry = self._pools[field]
        if type(entry) is tuple:
            entry = self._fresh(entry)
        if not isinstance(entry, str):
            self._records[key] = entry
        return self.say(_name(entry))

    def _fresh(self, pool: tuple[Any, ...]) -> Any:
        """Pick an entry that the story has not drawn yet, if there is one."""
        entry = pick(self._rng, pool)
        if _name(entry) in self._drawn:
            rest = tuple(other for other in pool if _name(other) not in self._drawn)
            entry = pick(self._rng, rest or pool)
        self._drawn.add(_name(entry))
        return entry


def _name(entry: Any) -> str:
    """Return the name of a pool's entry: the phrase itself, or the record's first field."""
    return entry if isinstance(entry, str) else str(entry[0])


def with_article(words: str) -> str:
    """Put "a" or "an" before a noun phrase.

    >>> with_article("apple"), with_article("kite"), with_article("honest fox")
    ('an apple', 'a kite', 'an honest fox')
    """
    vowel = words[0] in "aeiou" and not words.startswith(NOT_AN)
    return ("an " if vowel or words.startswith(NOT_A) else "a ") + words
