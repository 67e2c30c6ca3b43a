"""Pairs of tokens: how often each occurs, where, and which is to be merged next.

Counts only fall (see ``learning``), so the heap is mended late: a pair at the root whose count has
fallen sinks to where it belongs now.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import I64, U64, inline
from cygnet.kernels.merging import MULTIPLIER

IDS, BYTES = 0, 1
LOW_ID = U64((1 << 20) - 1)
# Places of the state.
N_MERGES, N_PAIRS, N_HEAP, N_HOLDERS = range(4)


class Words(NamedTuple):
    """The words, each as its tokens at present."""

    tokens: Any
    """``int32``, one place for each byte of all words."""
    starts: Any
    """Where each word begins in ``tokens`` and ``text``, ``int64``."""
    sizes: Any
    """How many tokens it has, ``int32``."""
    occurs: Any
    """Its count, ``int64``."""
    n_words: Any
    text: Any
    """The words as bytes, ``uint8``."""


class Pairs(NamedTuple):
    """Every pair that is frequent enough, by number."""

    keys: Any
    """``left << 20 | right``, ``uint64``."""
    counts: Any
    """``int64``."""
    first: Any
    """Where the words that may hold it begin in ``holders``, ``int64``."""
    n_holders: Any
    """How many these are, ``int32``."""
    index: Any
    """Hash table from key to number, ``int32`` of ``2**bits``, -1 where empty; half full."""
    bits: Any
    holders: Any
    """Numbers of words, ``int32``; room for three times the bytes of all words."""
    heap: Any
    """Numbers of pairs, the one to merge next at the root, ``int32``."""
    known: Any
    """The count with which each pair is in the heap, ``int64``."""
    tie: Any
    """IDS: of equal counts the lowest ids first; BYTES: the greatest pair of byte strings."""
    token_at: Any
    """Where the bytes of each token occur in ``Words.text``, ``int64``."""
    token_size: Any
    """``int64``."""
    state: Any


@inline
def find_pair(pairs, key):
    """The number of a pair, or -1."""
    slot = I64((key * MULTIPLIER) >> U64(64 - pairs.bits))
    while pairs.index[slot] >= 0:
        if pairs.keys[pairs.index[slot]] == key:
            return I64(pairs.index[slot])
        slot = (slot + 1) & ((1 << pairs.bits) - 1)
    return -1


@inline
def enter_pair(keys, index, bits, number):
    """Put a pair into the index."""
    slot = I64((keys[number] * MULTIPLIER) >> U64(64 - bits))
    while index[slot] >= 0:
        slot = (slot + 1) & ((1 << bits) - 1)
    index[slot] = number


@inline
def compare_bytes(words, pairs, first, second):
    """More than 0 if the bytes of token ``first`` are the greater ones, 0 if they are equal."""
    n_first, n_second = pairs.token_size[first], pairs.token_size[second]
    for i in range(min(n_first, n_second)):
        one = I64(words.text[pairs.token_at[first] + i])
        other = I64(words.text[pairs.token_at[second] + i])
        if one != other:
            return one - other
    return n_first - n_second


@inline
def comes_first(words, pairs, number, other):
    """Whether pair ``number`` is to be merged before pair ``other``."""
    if pairs.known[number] != pairs.known[other]:
        return pairs.known[number] > pairs.known[other]
    one, two = pairs.keys[number], pairs.keys[other]
    if pairs.tie == IDS:
        return one < two
    order = compare_bytes(words, pairs, I64(one >> U64(20)), I64(two >> U64(20)))
    if order == 0:
        order = compare_bytes(words, pairs, I64(one & LOW_ID), I64(two & LOW_ID))
    return order > 0


@inline
def sift_up(words, pairs, place):
    """Move the pair at ``place`` of the heap up to where it belongs."""
    heap = pairs.heap
    number = heap[place]
    while place > 0:
        parent = (place - 1) >> 1
        if not comes_first(words, pairs, number, heap[parent]):
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = number


@inline
def sift_down(words, pairs):
    """Move the pair at the root of the heap down to where it belongs."""
    heap, n, place = pairs.heap, pairs.state[N_HEAP], 0
    number = heap[0]
    while True:
        child = 2 * place + 1
        if child >= n:
            break
        if child + 1 < n and comes_first(words, pairs, heap[child + 1], heap[child]):
            child += 1
        if not comes_first(words, pairs, heap[child], number):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = number


@inline
def drop_root(words, pairs):
    """Take the root off the heap."""
    pairs.state[N_HEAP] -= 1
    pairs.heap[0] = pairs.heap[pairs.state[N_HEAP]]
    if pairs.state[N_HEAP]:
        sift_down(words, pairs)


@inline
def add_pair(words, pairs, left, right, count, n_holders):
    """Enter a new pair; returns where its holders are to be written."""
    state = pairs.state
    number = state[N_PAIRS]
    pairs.keys[number] = U64(left) << U64(20) | U64(right)
    pairs.counts[number] = pairs.known[number] = count
    pairs.first[number], pairs.n_holders[number] = state[N_HOLDERS], n_holders
    enter_pair(pairs.keys, pairs.index, pairs.bits, number)
    pairs.heap[state[N_HEAP]] = number
    state[N_HEAP] += 1
    sift_up(words, pairs, state[N_HEAP] - 1)
    state[N_PAIRS] += 1
    state[N_HOLDERS] += n_holders
    return state[N_HOLDERS] - n_holders


@inline
def next_pair(words, pairs, least):
    """The number of the pair to merge next, or -1 if none is frequent enough."""
    while pairs.state[N_HEAP]:
        number = I64(pairs.heap[0])
        if pairs.known[number] == pairs.counts[number]:
            return number
        if pairs.counts[number] < least:
            drop_root(words, pairs)
        else:
            pairs.known[number] = pairs.counts[number]
            sift_down(words, pairs)
    return -1


@inline
def less_often(pairs, left, right, count):
    """A pair has become less frequent."""
    number = find_pair(pairs, U64(left) << U64(20) | U64(right))
    if number >= 0:
        pairs.counts[number] -= count


@inline
def index_pairs(keys, n_pairs, index, bits):
    """Fill an empty index."""
    for number in range(n_pairs):
        enter_pair(keys, index, bits, number)
    return 0
