"""Byte-pair encoding of one word: join the pair of neighbours that was learned first, and again.

The merges are an open-addressing hash table. An entry is ``left << 40 | right << 20 | rank``, 20
bits each, so that a table of 50,000 merges takes 2 MB. What the pair of a
rank becomes is in ``joined``.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import (
    ALL,
    I64,
    ONE,
    U32,
    U64,
    inline,
    leading_zeros,
    least_of_16,
    low_bits,
    offset,
    trailing_zeros,
)

EMPTY = ALL
ID_BITS = U64(20)  # and of a rank
NO_RANK = U64(1 << 20)
LOW_RANK = NO_RANK - ONE
MULTIPLIER = U64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: spreads keys over the top bits
LOW_HALF = U64(0xFFFFFFFF)
HALF = U64(32)
# Longer words go to the heap, whose cost grows as n log n and not as the square.
SHORT_WORD = 64
NO_VALUE = U32(0xFFFFFFFF)


class Merges(NamedTuple):
    """The merges of a vocabulary."""

    byte_ids: Any
    """The id of each byte, ``uint32``."""
    byte_pairs: Any
    """The rank of each pair of bytes, ``uint32`` of ``256 * 256``."""
    pairs: Any
    """The hash table, ``uint64`` of ``2**bits`` and room behind; at most a quarter is full."""
    bits: Any
    joined: Any
    """The id that the pair of each rank becomes, ``uint32``."""


class Room(NamedTuple):
    """Where a word is encoded."""

    ids: Any
    """The result; one place a byte, ``uint32``."""
    values: Any
    """``SHORT_WORD`` places, ``uint32``."""
    scratch: Any
    """For longer words, six places a byte, ``uint64``."""
    places: Any
    """One for each word that is looked up at once, ``int64``."""
    hashes: Any
    """One for each long one among them, ``uint64``."""


@inline
def home(merges, pair):
    """The slot where a pair is looked for first."""
    return I64((pair * MULTIPLIER) >> U64(64 - merges.bits))


@inline
def rank_of(merges, left, right):
    """The rank of a pair, or ``NO_RANK``.

    Whether a pair is a merge cannot be foreseen, so a branch on it would be mispredicted half the
    time: the first two slots are compared without one. Few pairs lie further on.
    """
    pair = U64(left) << ID_BITS | U64(right)
    slot = home(merges, pair)
    first, second = merges.pairs[slot], merges.pairs[slot + 1]
    rank = second & LOW_RANK if second >> ID_BITS == pair else NO_RANK
    rank = first & LOW_RANK if first >> ID_BITS == pair else rank
    if rank == NO_RANK and max(first, second) != EMPTY:
        slot += 2
        while merges.pairs[slot] != EMPTY:
            if merges.pairs[slot] >> ID_BITS == pair:
                return merges.pairs[slot] & LOW_RANK
            slot += 1
    return rank


@inline
def add_merge(merges, left, right, rank):
    """Enter a merge; of two with the same pair the first one stays.

    The table has room behind its last slot, so that a search never begins anew at the front.
    """
    pair = U64(left) << ID_BITS | U64(right)
    slot = home(merges, pair)
    while merges.pairs[slot] != EMPTY:
        if merges.pairs[slot] >> ID_BITS == pair:
            return
        slot += 1
    merges.pairs[slot] = pair << ID_BITS | U64(rank)


@inline
def pair_value(merges, left, right, place):
    """What ``merge_short`` compares: the rank, and among equals the place."""
    rank = rank_of(merges, left, right)
    return NO_VALUE if rank == NO_RANK else U32(rank << U64(6) | U64(place))


@inline
def merge_short(ids, values, n, merges):
    """Encode the ``n <= SHORT_WORD`` ids of a word in place.

    No id moves until the end: the bits of ``alive`` say which places hold one.

    Args:
        values: For each place ``pair_value`` of the pair that begins there, ``uint32``;
            ``NO_VALUE`` up to the next multiple of 16.

    Returns:
        How many ids are left.
    """
    alive = low_bits(n)
    while True:
        best = least_of_16(values, 0)
        for start in range(16, n, 16):
            best = min(best, least_of_16(values, start))
        if best == NO_VALUE:
            break
        place = I64(best & U32(63))
        ids[place] = merges.joined[best >> U32(6)]
        behind = alive & ~low_bits(place + 1)
        gone = trailing_zeros(behind)
        alive &= ~(ONE << U64(gone))
        values[place] = values[gone] = NO_VALUE
        behind &= behind - ONE
        if behind:
            right = ids[trailing_zeros(behind)]
            values[place] = pair_value(merges, ids[place], right, place)
        before = alive & low_bits(place)
        if before:
            left = 63 - leading_zeros(before)
            values[left] = pair_value(merges, ids[left], ids[place], left)
    n_left = 0
    while alive:
        ids[n_left] = ids[trailing_zeros(alive)]
        n_left += 1
        alive &= alive - ONE
    return n_left


@inline
def sift_up(heap, place):
    """Move the entry at ``place`` up until its parent is not greater."""
    entry = heap[place]
    while place > 0:
        parent = (place - 1) >> 1
        if heap[parent] <= entry:
            break
        heap[place] = heap[parent]
        place = parent
    heap[place] = entry


@inline
def sift_down(heap, n):
    """Move the entry at the root down until its children are not less."""
    entry, place = heap[0], 0
    while True:
        child = 2 * place + 1
        if child >= n:
            break
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = entry


@inline
def merge_long(ids, n, merges, scratch):
    """Encode the ``n`` ids of a long word in place.

    The ids are a linked list; a heap holds ``rank << 32 | place`` of its pairs, so that equal
    ranks come from the left. An entry whose pair has changed since is passed over.

    Args:
        scratch: The list and the ranks of its pairs take ``3 * n``, the heap at most as much: one
            entry a pair and two a merge.

    Returns:
        How many ids are left.

    Cost: O(n log n).
    """
    lefts, rights, ranks = scratch, offset(scratch, n), offset(scratch, 2 * n)
    heap = offset(scratch, 3 * n)
    n_heap = 0
    for i in range(n):
        lefts[i], rights[i] = U64(i - 1), U64(i + 1)
        ranks[i] = NO_RANK if i == n - 1 else rank_of(merges, ids[i], ids[i + 1])
        n_heap = push_pair(heap, n_heap, ranks, i)
    while n_heap:
        entry = heap[0]
        n_heap -= 1
        heap[0] = heap[n_heap]
        sift_down(heap, n_heap)
        place = I64(entry & LOW_HALF)
        if ranks[place] != entry >> HALF:
            continue
        ids[place] = merges.joined[ranks[place]]
        gone = I64(rights[place])
        after, before = I64(rights[gone]), I64(lefts[place])
        ranks[gone] = ranks[place] = NO_RANK
        rights[place] = U64(after)
        if after < n:
            lefts[after] = U64(place)
            ranks[place] = rank_of(merges, ids[place], ids[after])
            n_heap = push_pair(heap, n_heap, ranks, place)
        if before >= 0:
            ranks[before] = rank_of(merges, ids[before], ids[place])
            n_heap = push_pair(heap, n_heap, ranks, before)
    place = n_left = 0
    while place < n:
        ids[n_left] = ids[place]
        n_left += 1
        place = I64(rights[place])
    return n_left


@inline
def push_pair(heap, n_heap, ranks, place):
    """Put the pair at ``place`` on the heap, if it has a rank; returns the size of the heap."""
    if ranks[place] == NO_RANK:
        return n_heap
    heap[n_heap] = ranks[place] << HALF | U64(place)
    sift_up(heap, n_heap)
    return n_heap + 1


@inline
def merge_word(text, position, n, merges, room):
    """Encode the ``n`` bytes of a word into ``room.ids``; returns how many ids."""
    ids, values = room.ids, room.values
    for i in range(n):
        ids[i] = merges.byte_ids[text[position + i]]
    if n > SHORT_WORD:
        return merge_long(ids, n, merges, room.scratch)
    for i in range(n - 1):
        pair = 256 * I64(text[position + i]) + I64(text[position + i + 1])
        rank = merges.byte_pairs[pair]
        values[i] = NO_VALUE if U64(rank) == NO_RANK else rank << U32(6) | U32(i)
    for i in range(n - 1, (n + 15) & ~15):
        values[i] = NO_VALUE
    return merge_short(ids, values, n, merges)
