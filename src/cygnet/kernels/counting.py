"""Counting words: the same split, into a table that keeps every word.

A slot is four ``uint64``. Of a word up to 15 bytes: the word in two registers, as in ``words``, and
its count. Of a longer one: its hash, LONG_MARK and its size, its count, and where its bytes are in
the arena.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import I64, U64, ZERO, inline, prefetch
from cygnet.kernels.blocks import split
from cygnet.kernels.merging import MULTIPLIER
from cygnet.kernels.words import MAX_SHORT, SLOT, key_high, key_low, mix

LONG_MARK = U64(0xFF << 56)
SIZE_MASK = U64((1 << 56) - 1)
FINISHED, FULL = 0, 1
# Places of the state: where the work goes on (a document, and a word in it); words and bytes in the
# table; the bytes that found no room in the arena.
DOCUMENT, POSITION, N_WORDS, ARENA_BYTES, WANTED_BYTES = range(5)


class Counts(NamedTuple):
    """A table of words."""

    slots: Any
    """``uint64`` of ``4 * 2**bits``; at most half of them are full."""
    bits: Any
    arena: Any
    """Bytes of long words, ``uint8``."""
    arena_size: Any
    state: Any
    """``int64``, see above."""


@inline
def has_room(counts, n_words, n_bytes):
    """Whether so many new words of so many bytes together would fit."""
    used, stored = counts.state[N_WORDS], counts.state[ARENA_BYTES]
    return used + n_words <= 1 << (counts.bits - 1) and stored + n_bytes <= counts.arena_size


@inline
def short_keys(text, position, size, buffer_end):
    """The registers of a word up to 15 bytes, also where 16 may not be read."""
    if position + 16 <= buffer_end:
        return key_low(text, position, size), key_high(text, position, size)
    low, high = ZERO, U64(size) << U64(56)
    for i in range(size):
        byte = U64(text[position + i]) << U64(8 * (i & 7))
        if i < 8:
            low |= byte
        else:
            high |= byte
    return low, high


@inline
def hash_bytes(text, position, size):
    """A hash of a word of any size."""
    mixed = U64(size)
    for i in range(size):
        mixed = (mixed ^ U64(text[position + i])) * MULTIPLIER
    return mixed


@inline
def add_short(counts, low, high, n):
    """Add ``n`` to the count of a short word."""
    slots, last = counts.slots, (1 << counts.bits) - 1
    slot = I64(mix(low, high) >> U64(64 - counts.bits))
    while slots[SLOT * slot + 1] != high or slots[SLOT * slot] != low:
        if slots[SLOT * slot + 1] == ZERO:
            slots[SLOT * slot], slots[SLOT * slot + 1] = low, high
            counts.state[N_WORDS] += 1
            break
        slot = (slot + 1) & last
    slots[SLOT * slot + 2] += U64(n)


@inline
def same_bytes(arena, place, text, position, size):
    """Whether the arena has this word at ``place``."""
    i = 0
    while i < size and arena[place + i] == text[position + i]:
        i += 1
    return i == size


@inline
def add_long(counts, text, position, size, n):
    """Add ``n`` to the count of a long word."""
    slots, arena, last = counts.slots, counts.arena, (1 << counts.bits) - 1
    mixed, marked = hash_bytes(text, position, size), LONG_MARK | U64(size)
    slot = I64(mixed >> U64(64 - counts.bits))
    while True:
        at = SLOT * slot
        if slots[at + 1] == ZERO:
            place = counts.state[ARENA_BYTES]
            for i in range(size):
                arena[place + i] = text[position + i]
            slots[at], slots[at + 1], slots[at + 3] = mixed, marked, U64(place)
            counts.state[ARENA_BYTES] += size
            counts.state[N_WORDS] += 1
            break
        alike = slots[at] == mixed and slots[at + 1] == marked
        if alike and same_bytes(arena, I64(slots[at + 3]), text, position, size):
            break
        slot = (slot + 1) & last
    slots[SLOT * slot + 2] += U64(n)


@inline
def add_word(counts, text, position, size, buffer_end, n):
    """Add ``n`` to the count of a word."""
    if size <= MAX_SHORT:
        low, high = short_keys(text, position, size, buffer_end)
        add_short(counts, low, high, n)
    else:
        add_long(counts, text, position, size, n)


@inline
def prefetch_words(counts, text, position, buffer_end, borders, n_words):
    """Ask for the slots of the short words, so that the memory is waited for once."""
    for w in range(n_words):
        size = borders[w] - position
        if size <= MAX_SHORT and position + 16 <= buffer_end:
            mixed = mix(key_low(text, position, size), key_high(text, position, size))
            prefetch(counts.slots, SLOT * I64(mixed >> U64(64 - counts.bits)))
        position = borders[w]


@inline
def count_batch(
    text, buffer_end, starts, ends, n_documents, pattern, classes, borders, capacity, slots, bits,
    arena, arena_size, state
):  # fmt: skip
    """Count the words of documents.

    Args:
        text, ..., capacity: As those of ``encode_batch``.
        slots, ..., state: ``Counts``. The kernel takes up its work from the state.

    Returns:
        FINISHED, or FULL when there must be room for ``capacity`` more words and WANTED_BYTES.
    """
    counts = Counts(slots, bits, arena, arena_size, state)
    while state[DOCUMENT] < n_documents:
        end = ends[state[DOCUMENT]]
        position = max(state[POSITION], starts[state[DOCUMENT]])
        while position < end:
            n_words = split(text, position, end, buffer_end, pattern, classes, borders, capacity)
            state[POSITION], state[WANTED_BYTES] = position, borders[n_words - 1] - position
            if not has_room(counts, n_words, state[WANTED_BYTES]):
                return FULL
            prefetch_words(counts, text, position, buffer_end, borders, n_words)
            for w in range(n_words):
                add_word(counts, text, position, borders[w] - position, buffer_end, 1)
                position = borders[w]
        state[DOCUMENT] += 1
        state[POSITION] = 0
    return FINISHED


@inline
def add_words(text, ends, occurs, n_words, slots, bits, arena, arena_size, state):
    """Add words that were counted elsewhere; there must be room for all.

    Args:
        text, ends: The words one after the other, and where each ends.
        occurs: The count of each.
    """
    counts = Counts(slots, bits, arena, arena_size, state)
    start = 0
    for w in range(n_words):
        add_word(counts, text, start, ends[w] - start, ends[n_words - 1], occurs[w])
        start = ends[w]
    return FINISHED


@inline
def move_words(old_slots, old_bits, slots, bits):
    """Move all words into an empty table that is larger; the arena stays."""
    for old in range(0, SLOT << old_bits, SLOT):
        low, high = old_slots[old], old_slots[old + 1]
        if high == ZERO:
            continue
        mixed = low if high >= LONG_MARK else mix(low, high)
        slot = I64(mixed >> U64(64 - bits))
        while slots[SLOT * slot + 1] != ZERO:
            slot = (slot + 1) & ((1 << bits) - 1)
        for i in range(SLOT):
            slots[SLOT * slot + i] = old_slots[old + i]
    return FINISHED


@inline
def list_words(slots, bits, arena, text, ends, occurs):
    """Write all words of a table one after the other.

    Args:
        text: Room for their bytes.
        ends, occurs: Room for the end and the count of each.

    Returns:
        How many bytes they have.
    """
    n_words = n_bytes = 0
    for slot in range(1 << bits):
        at = SLOT * slot
        high = slots[at + 1]
        if high == ZERO:
            continue
        if high >= LONG_MARK:
            size, place = I64(high & SIZE_MASK), I64(slots[at + 3])
            for i in range(size):
                text[n_bytes + i] = arena[place + i]
        else:
            size = I64(high >> U64(56))
            for i in range(size):
                half = slots[at] if i < 8 else high
                text[n_bytes + i] = (half >> U64(8 * (i & 7))) & U64(255)
        n_bytes += size
        ends[n_words], occurs[n_words] = n_bytes, slots[at + 2]
        n_words += 1
    return n_bytes


@inline
def shorten(text, starts, ends, n_documents, most_each, most):
    """Cut documents to ``most_each`` characters, and all together to ``most``.

    Args:
        starts, ends: Where each begins and ends; ``ends`` is changed.

    Returns:
        How many characters they have then.
    """
    total = 0
    for document in range(n_documents):
        position, n = starts[document], 0
        allowed = min(most_each, most - total)
        while position < ends[document]:
            if text[position] & 0xC0 != 0x80:
                if n == allowed:
                    break
                n += 1
            position += 1
        ends[document] = position
        total += n
    return total
