"""``CompactTokenizer``: the most frequent tokens of another tokenizer, numbered anew.

It is faithful to the vocabulary of a published experiment with dead tokens, flaws included: what is
not among the tokens kept becomes id 0, which is also the most frequent token. ``lossless`` makes a
vocabulary for the same purpose without the flaw.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.errors import InputError
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.base import BaseTokenizer, Ids, Offsets
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.frequencies import Frequencies, Sample, count_tokens
from cygnet.tokenizer.tokenizer import Tokenizer

# Ids that are looked up at a time: NumPy brings them to 64 bits first, and these fit into a cache.
LOOKED_UP = 1 << 16


class CompactTokenizer(BaseTokenizer):
    """Text is encoded by the base tokenizer; then each id is looked up in a table.

    Args:
        base: Any byte-level BPE.
        live_ids: The base's id of each live token, in the order of the new ids.
        n_dead: How many dead rows follow.
        unk_id: The id of every token that is not live.

    Attributes:
        base: As given.
        live_ids: As given, ``int64`` of shape ``(n_live,)``.
        dead_ids: The ids of the dead rows.
        unk_id, pad_token_id, bos_token_id, eos_token_id, unk_token_id: ``unk_id``, all of them:
            there are no special tokens, and nothing ends a document.

    Raises:
        InputError: There is no live token, one of ``live_ids`` is no token of the base or is named
            twice, ``unk_id`` is not live, or ``n_dead`` is negative.

    Cost of encoding: that of the base, and 1 ns a token.

    >>> base = Tokenizer.train(["hug hug hugs", "bug"], vocab_size=259)
    >>> tokenizer = CompactTokenizer(base, live_ids=[257, 32], n_dead=3)     # "hug", " "
    >>> tokenizer(["hug hug", "a hug"])
    {'input_ids': [[0, 1, 0], [0, 1, 0]]}
    >>> tokenizer.decode([0, 1, 0, 4])                                       # 4 is dead
    'hug hug'
    >>> len(tokenizer), tokenizer.dead_ids, tokenizer.unknown("a hug")
    (5, range(2, 5), [b'a'])
    """

    def __init__(
        self, base: Tokenizer, live_ids: Sequence[int], n_dead: int, unk_id: int = 0
    ) -> None:
        self.base = base
        self.live_ids = np.array(live_ids, np.int64)
        self.unk_id = self.pad_token_id = self.bos_token_id = self.eos_token_id = unk_id
        self.unk_token_id = unk_id
        self._check(n_dead)
        rows = [base.token_bytes(token) for token in self.live_ids.tolist()]
        super().__init__(rows + [b""] * n_dead, {}, n_dead)

    def _check(self, n_dead: int) -> None:
        if n_dead < 0:
            raise InputError(f"there cannot be {n_dead} dead rows")
        if not 0 <= self.unk_id < len(self.live_ids):
            raise InputError(f"unk_id {self.unk_id} is none of {len(self.live_ids):,} live tokens")
        ids, counts = np.unique(self.live_ids, return_counts=True)
        if counts.max() > 1:
            raise InputError(f"token {ids[counts.argmax()]} of the base is live twice")
        if ids[0] < 0 or ids[-1] >= self.base.vocab_size:
            wrong = ids[0] if ids[0] < 0 else ids[-1]
            raise InputError(
                f"the base has no token {wrong}: its {self.base.vocab_size:,} ids begin at 0"
            )

    @classmethod
    def from_counts(
        cls, base: Tokenizer, frequencies: Frequencies, live: int, dead: int
    ) -> "CompactTokenizer":
        """The most frequent tokens of a text, most frequent first, the lower id among equals.

        Args:
            base: The tokenizer whose tokens were counted.
            frequencies: How often each occurs.
            live: How many to keep.
            dead: How many dead rows follow.

        Raises:
            InputError: The text has fewer types than ``live``.
        """
        if live < 1:
            raise InputError(f"{live} live tokens are too few: ask for at least 1")
        if live > frequencies.n_types:
            raise InputError(
                f"{live:,} live tokens were asked, and the sample of"
                f" {frequencies.n_documents:,} documents has only {frequencies.n_types:,} types:"
                " take a larger sample, or fewer live tokens"
            )
        return cls(base, frequencies.ranked[:live].tolist(), dead)

    @classmethod
    def train(
        cls,
        text: Text,
        base: Tokenizer,
        *,
        live: int,
        dead: int,
        sample: int | None = None,
        seed: int = 42,
    ) -> "CompactTokenizer":
        """Count the tokens of a sample of documents, and keep the most frequent ones.

        Args:
            text: Documents.
            base: Encodes them.
            live: How many tokens to keep.
            dead: How many dead rows follow.
            sample, seed: How many documents count, and which; see ``choose_documents``.

        Raises:
            InputError: There is no text, or the sample has fewer types than ``live``.

        Cost: encoding; memory for the text. ``compaction.compact`` reads a corpus in a stream.

        >>> base = Tokenizer.train(["hug hug hugs", "bug"], vocab_size=259)
        >>> CompactTokenizer.train(["hug hug hugs", "bug"], base, live=5, dead=3)
        CompactTokenizer(8 tokens: 5 live, 3 dead)
        """
        batches = list(as_batches(text))
        chosen = Sample.of(lambda: batches, sample, seed)
        return cls.from_counts(base, count_tokens(base, chosen.batches()), live, dead)

    @classmethod
    def load(cls, path: str | Path, base: Tokenizer | None = None) -> "CompactTokenizer":
        """Load a ``token_mapping.json``.

        Args:
            path: The file, or a folder that holds it.
            base: The tokenizer whose ids it maps, where it does not lie in the folder ``base``
                beside it.

        Raises:
            InputError: There is no such file, or no base; the base lacks a token.
            DamagedError: It does not hold together: a gap, a duplicate, sums that are wrong.
        """
        from cygnet.tokenizer.formats import token_mapping

        return token_mapping.read(Path(path), base)

    def save(self, folder: str | Path) -> None:
        """Write ``token_mapping.json``, ``vocab.txt``, and the base into the folder ``base``."""
        from cygnet.tokenizer.formats import token_mapping

        token_mapping.write(self, Path(folder))

    def __call__(self, text: str | Iterable[str]) -> dict[str, list[Any]]:
        """``{"input_ids": ids}`` of a text, or a list of ids for each of several.

        >>> CompactTokenizer(Tokenizer([]), live_ids=[97, 98], n_dead=1)("abba")
        {'input_ids': [0, 1, 1, 0]}
        """
        if isinstance(text, str):
            return {"input_ids": self.encode(text)}
        ids, offsets = self.encode_batch(text)
        borders = itertools.pairwise(offsets.tolist())
        return {"input_ids": [ids[start:end].tolist() for start, end in borders]}

    def __len__(self) -> int:
        """Rows of the vocabulary, dead ones included."""
        return self.vocab_size

    @property
    def is_lossless(self) -> bool:
        """False: what is not live becomes ``unk_id``."""
        return False

    @property
    def takes_parts(self) -> bool:
        """Whether the ids of a document are those of its parts: as for the base."""
        return self.base.takes_parts

    @cached_property
    def sha256(self) -> str:
        """Hex sha256 of the content of ``token_mapping.json`` and of the base's own."""
        from cygnet.tokenizer.formats import token_mapping

        return token_mapping.sha256(self)

    @cached_property
    def _compact_ids(self) -> Ids:
        """The new id of each id of the base."""
        table = np.full(self.base.vocab_size, self.unk_id, self.dtype)
        table[self.live_ids] = np.arange(len(self.live_ids))
        return table

    def _encode(
        self, batch: TextBatch, before: int, after: int, threads: int
    ) -> tuple[Ids, Offsets]:
        base_ids, offsets = self.base.encode_batch(
            batch, self._base_id(before), self._base_id(after), threads
        )
        ids = np.empty(len(base_ids), self.dtype)
        for start in range(0, len(ids), LOOKED_UP):
            part = slice(start, start + LOOKED_UP)
            np.take(self._compact_ids, base_ids[part], out=ids[part], mode="clip")
        return ids, offsets

    def _base_id(self, token: int) -> int | None:
        return None if token < 0 else int(self.live_ids[token])

    def unknown(self, text: str) -> list[bytes]:
        """The bytes of each token of a text that is not live, in order: what is lost."""
        base_ids = np.array(self.base.encode(text), np.int64)
        lost = base_ids[~np.isin(base_ids, self.live_ids)]
        return [self.base.token_bytes(token) for token in lost.tolist()]

    def show(self, text: str) -> None:
        """Print the tokens of a text with their borders and ids, and those that are unknown.

        >>> CompactTokenizer(Tokenizer([]), live_ids=[97, 98], n_dead=1).show("abc")
        a│b│a
        0 1 0
        3 tokens, 3 bytes, 1.00 bytes per token
        1 of them unknown, now id 0: c
        """
        super().show(text)
        if lost := self.unknown(text):
            shown = "│".join(map(visible, lost))
            print(f"{len(lost):,} of them unknown, now id {self.unk_id}: {shown}")

    def __repr__(self) -> str:
        return (
            f"CompactTokenizer({self.vocab_size:,} tokens: {len(self.live_ids):,} live,"
            f" {len(self.dead_ids):,} dead)"
        )

    def facts(self) -> dict[str, str]:
        """What one wants to know of a vocabulary at a glance, in words, by name."""
        shown = [visible(self.token_bytes(token)) for token in range(len(self.live_ids))]
        return {
            "vocabulary": f"{self.vocab_size:,} tokens: {len(shown):,} live,"
            f" {len(self.dead_ids):,} dead",
            "cut from": f"{self.base.vocab_size:,} tokens; all others are id {self.unk_id},"
            f" {shown[self.unk_id]}, so that decoding does not give every text back",
            "most frequent": " │ ".join(shown[:12]),
            "least frequent": " │ ".join(shown[-12:]),
            "split pattern": self.base.pattern,
        }

    def unreachable_ids(self) -> tuple[int, ...]:
        """Ids of live tokens that the base gives for no text."""
        new: Mapping[int, int] = {old: i for i, old in enumerate(self.live_ids.tolist())}
        return tuple(sorted(new[i] for i in self.base.unreachable_ids() if i in new))
