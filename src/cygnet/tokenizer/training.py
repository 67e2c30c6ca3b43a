"""Learning merges from word counts."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

import numpy as np

from cygnet.errors import InputError
from cygnet.machine_code import kernels
from cygnet.tokenizer.counting import WordCounts
from cygnet.tokenizer.formats.byte_level import byte_alphabet
from cygnet.tokenizer.reference import N_BYTES, Pair

TieBreak = Literal["ids", "hf", "bytes"]
FINISHED, FULL = 0, 1  # what the kernel says
BY_IDS, BY_BYTES = 0, 1
# Merges between two reports of progress, during which nothing interrupts the kernel.
MERGES_AT_ONCE = 64
MAX_ID = 1 << 20
FIRST_BITS = 17  # of the index of pairs: it is half full of all pairs of bytes


def learn_merges(
    words: WordCounts | Mapping[bytes, int],
    n_merges: int,
    min_frequency: int = 2,
    on_merge: Callable[[int], None] = lambda n: None,
    tie_break: TieBreak = "ids",
) -> list[Pair]:
    """The merges that ``reference.train`` learns from the same words, in a fraction of the time.

    Args:
        words: Each word and how often it occurs. The merges do not depend on the order.
        n_merges: How many merges are wanted.
        min_frequency: Stop when no pair occurs this often.
        on_merge: Called with the number of merges learned since the last call.
        tie_break: Of pairs that are equally frequent, ``"ids"`` takes the one with the lowest ids,
            bytes numbered 0..255 (rustbpe); ``"hf"`` the same with bytes numbered in the order of
            GPT-2's alphabet (``tokenizers``); ``"bytes"`` the greatest pair of byte strings
            (Stanford's CS336).

    Returns:
        At most ``n_merges`` pairs of token ids, bytes 0..255 whatever the tie rule, in the order
        learned.

    Raises:
        InputError: More merges are asked than ids have room for (2**20), a word has a count below
            1, or there is no such tie rule.

    Cost: 25 bytes of memory for each byte of distinct words and 50 for each pair; 4,096 merges of
    9,000 words take 10 ms, 32,512 merges of 145,000 words 0.6 s. Ctrl-C waits for 64 merges at
    most.

    Source: Sennrich et al. 2016 (arXiv 1508.07909), on bytes as in GPT-2.

    >>> learn_merges({b"hug": 3, b"bug": 2, b"hugs": 1}, 2)
    [(117, 103), (104, 256)]
    """
    if n_merges + N_BYTES > MAX_ID:
        raise InputError(f"{n_merges:,} merges are too many: ids end at {MAX_ID:,}")
    if tie_break not in get_args(TieBreak):
        raise InputError(f"tie_break is {', '.join(get_args(TieBreak))}, found {tie_break!r}")
    if not isinstance(words, WordCounts):
        words = WordCounts.from_mapping(words)
    if (words.occurs < 1).any():
        raise InputError(f"a word has the count {words.occurs.min()}: leave it out")
    learner = _Learner(words, n_merges, max(1, min_frequency), tie_break)
    while True:
        before = learner.n_merges
        status = learner.learn()
        on_merge(learner.n_merges - before)
        if status == FINISHED:
            return learner.merges()
        if status == FULL:
            learner.double_room()


def _byte_order(tie_break: TieBreak) -> list[int]:
    """The bytes in the order in which a tie rule numbers them."""
    if tie_break == "hf":
        alphabet = byte_alphabet()
        return sorted(range(N_BYTES), key=alphabet.__getitem__)
    return list(range(N_BYTES))


class _Learner:
    """The arrays of the kernel ``learn``, in its order; ``kernels.pairs`` says what each holds."""

    def __init__(
        self, words: WordCounts, n_merges: int, min_frequency: int, tie_break: TieBreak
    ) -> None:
        order = np.array(_byte_order(tie_break))
        number_of = np.empty(N_BYTES, np.int32)
        number_of[order] = np.arange(N_BYTES, dtype=np.int32)
        n_ids, n_bytes = N_BYTES + n_merges, len(words.data)
        self._order, self._n_wanted, self._least = order, n_merges, min_frequency
        self._words = (
            number_of[words.data],
            words.ends - words.sizes,
            words.sizes.astype(np.int32),
            words.occurs,
            len(words),
            np.concatenate([words.data, order.astype(np.uint8)]),
        )
        # A word holds a pair for each byte at first, and at most two new ones for each merge in it.
        self._holders = np.empty(3 * n_bytes + 1, np.int32)
        self._tie = BY_BYTES if tie_break == "bytes" else BY_IDS
        self._tokens = np.zeros(n_ids, np.int64), np.ones(n_ids, np.int64)
        self._tokens[0][:N_BYTES] = n_bytes + np.arange(N_BYTES)
        self._state = np.zeros(4, np.int64)
        self._step = (
            *(np.zeros(n_ids, np.int64) for _ in range(4)),
            *(np.empty(n_bytes + 1, np.int32) for _ in range(2)),
        )
        self._merges = np.empty(2 * n_merges, np.int32)
        self._make_room(FIRST_BITS)
        zeros = (np.zeros(N_BYTES * N_BYTES, np.int64) for _ in range(2))
        kernels()["begin"](*self._arrays, self._least, *zeros)

    @property
    def n_merges(self) -> int:
        """How many have been learned."""
        return int(self._state[0])

    def learn(self) -> int:
        """Learn some more."""
        return kernels()["learn"](
            *self._arrays, *self._step, self._least, self._n_wanted, MERGES_AT_ONCE,
            len(self._pairs[0]), self._merges
        )  # fmt: skip

    def double_room(self) -> None:
        """Have room for twice as many pairs."""
        n_pairs, old = int(self._state[1]), self._pairs
        self._make_room(self._bits + 1)
        for new_array, old_array in zip(self._pairs, old, strict=True):
            new_array[: len(old_array)] = old_array
        kernels()["index_pairs"](self._pairs[0], n_pairs, self._index, self._bits)

    def _make_room(self, bits: int) -> None:
        """Keys, counts, first holder, number of holders, heap and known counts; and an index."""
        types = np.uint64, np.int64, np.int64, np.int32, np.int32, np.int64
        self._bits = bits
        self._pairs = tuple(np.empty(1 << (bits - 1), dtype) for dtype in types)
        self._index = np.full(1 << bits, -1, np.int32)

    @property
    def _arrays(self) -> tuple[Any, ...]:
        keys, counts, first, n_holders, heap, known = self._pairs
        return (
            *self._words, keys, counts, first, n_holders, self._index, self._bits, self._holders,
            heap, known, self._tie, *self._tokens, self._state
        )  # fmt: skip

    def merges(self) -> list[Pair]:
        """What was learned, with bytes numbered 0..255."""
        found = self._merges[: 2 * self.n_merges].reshape(-1, 2)
        numbered = np.where(found < N_BYTES, self._order[np.minimum(found, N_BYTES - 1)], found)
        return [(left, right) for left, right in numbered.tolist()]
