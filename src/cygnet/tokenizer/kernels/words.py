"""Encoding: words looked up in tables of words already encoded; only a miss runs the merges.

Two tables, each a cache of fixed size in which a new word takes the place of an old one, so that
memory is bounded whatever the text:

- *short words*, up to 15 bytes that give up to 6 ids. A slot is 32 bytes: the word itself in two
  registers, and its ids in two more. Two slots, the younger first, make a set: one cache line.
- *long words*, up to 96 bytes that give up to 57 ids: a record of 256 bytes, one place for each.

Words are looked up in two passes. The first computes where each must be and prefetches that line of
the cache, the second compares; so the memory is waited for once, not once a word.

Anything longer is encoded each time.
"""

from typing import Any, NamedTuple

import numpy as np

from cygnet.tokenizer.kernels.bits import I64, U64, ZERO, inline, load64, prefetch
from cygnet.tokenizer.kernels.merging import HALF, LOW_HALF, MULTIPLIER, merge_word

MAX_SHORT, MAX_SHORT_IDS, IN_RECORD = 15, 6, 15
MAX_LONG, MAX_LONG_IDS = 96, 57
SET, SLOT = 8, 4  # uint64 values in a set of two short words, and in one of them
RECORD, RECORD_IDS = 32, 13  # the same of the record of a long word, and where its ids begin
LONG, OTHER = -1, -2
LOW_ID = U64((1 << 20) - 1)
SECOND_MULTIPLIER = U64(0xC2B2AE3D27D4EB4F)  # odd, otherwise of no meaning
# For words of 0 to 15 bytes: which bytes of two registers are theirs.
LOW_MASKS = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(16)], np.uint64)
HIGH_MASKS = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(16)], np.uint64)


class Tables(NamedTuple):
    """The words of one thread."""

    slots: Any
    """Short words, ``uint64`` of ``8 * 2**slot_bits``."""
    slot_bits: Any
    records: Any
    """Long words, ``uint64`` of ``32 * 2**record_bits``."""
    record_bits: Any


class Wholes(NamedTuple):
    """Tokens that a word becomes as a whole though the merges do not lead to them."""

    table: Any
    """Open-addressing table of ``2**bits`` slots of four ``uint64``: hash, id + 1 (0: empty), and
    place and size of the bytes in ``token_data``."""
    bits: Any
    """0 if there are none."""
    token_data: Any


@inline
def key_low(text, position, size):
    """The first 8 bytes of a word of 1 to 15 bytes, zeros behind it."""
    return load64(text, position) & LOW_MASKS[U64(size)]


@inline
def key_high(text, position, size):
    """Bytes 9 to 15 of a word, and its size in the top byte, so that no two words are equal."""
    return load64(text, position + 8) & HIGH_MASKS[U64(size)] | U64(size) << U64(56)


@inline
def mix(low, high):
    """A hash of two registers, of which the top bits are the best."""
    return (low * MULTIPLIER) ^ (high * SECOND_MULTIPLIER)


@inline
def hash_long(text, position, size):
    """A hash of a word of 16 bytes or more."""
    mixed, i = U64(size), 0
    while i < size:
        mixed = mix(mixed ^ (mixed >> HALF), load64(text, position + min(i, size - 8)))
        i += 8
    return mixed


@inline
def record_of(text, position, size, tables):
    """The place of the record that a word may have."""
    if size <= MAX_SHORT:
        mixed = mix(key_high(text, position, size), key_low(text, position, size))
    else:
        mixed = hash_long(text, position, size)
    return RECORD * I64(mixed >> U64(64 - tables.record_bits))


@inline
def is_record_of(records, place, text, position, size):
    """Whether the record at ``place`` holds the word of ``size`` bytes at ``position``."""
    if records[place] & LOW_HALF != U64(size):
        return False
    if size <= MAX_SHORT:
        low, high = key_low(text, position, size), key_high(text, position, size)
        return records[place + 1] == low and records[place + 2] == high
    i = 0
    while i < size:
        if records[place + 1 + (i >> 3)] != load64(text, position + min(i, size - 8)):
            return False
        i += 8
    return True


@inline
def three_ids(ids, first, n):
    """Up to three of ``n`` ids from ``first`` on, 20 bits each."""
    packed = ZERO
    for i in range(first, min(n, first + 3)):
        packed |= U64(ids[i]) << U64(20 * (i - first))
    return packed


@inline
def write_three(packed, out, n_ids):
    """Write three ids, of which the last may be beyond the end."""
    out[n_ids] = packed & LOW_ID
    out[n_ids + 1] = (packed >> U64(20)) & LOW_ID
    out[n_ids + 2] = (packed >> U64(40)) & LOW_ID


@inline
def write_record(records, place, out, n_ids):
    """Write the ids of a record; returns how many ids there are now."""
    n = I64(records[place] >> HALF)
    for i in range(0, n, 3):
        write_three(records[place + RECORD_IDS], out, n_ids + i)
        place += 1
    return n_ids + n


@inline
def keep_record(tables, text, position, size, ids, n):
    """Put a word into its record: sizes, bytes, ids."""
    records, place = tables.records, record_of(text, position, size, tables)
    records[place] = U64(size) | U64(n) << HALF
    if size <= MAX_SHORT:
        records[place + 1] = key_low(text, position, size)
        records[place + 2] = key_high(text, position, size)
    else:
        i = 0
        while i < size:
            records[place + 1 + (i >> 3)] = load64(text, position + min(i, size - 8))
            i += 8
    place += RECORD_IDS
    for i in range(0, n, 3):
        records[place] = three_ids(ids, i, n)
        place += 1


@inline
def keep_short(slots, place, text, position, size, ids, n):
    """Put a short word at the head of its set; what was there moves one on.

    ``n`` is IN_RECORD for a word of too many ids, which has a record, unless that is lost.
    """
    for i in range(SLOT):
        slots[place + SLOT + i] = slots[place + i]
    slots[place] = key_low(text, position, size)
    slots[place + 1] = key_high(text, position, size)
    slots[place + 2] = three_ids(ids, 0, min(n, 3)) | U64(n) << U64(60)
    slots[place + 3] = three_ids(ids, 3, min(n, 6))


@inline
def whole_word(text, position, size, wholes):
    """The id + 1 of the token whose bytes the word is, among ``wholes``; 0 if none."""
    mixed = U64(size)
    for i in range(size):
        mixed = (mixed ^ U64(text[position + i])) * MULTIPLIER
    table, data = wholes.table, wholes.token_data
    slot = I64(mixed >> U64(64 - wholes.bits))
    while table[4 * slot + 1]:
        if table[4 * slot] == mixed and table[4 * slot + 3] == U64(size):
            start, i = I64(table[4 * slot + 2]), 0
            while i < size and data[start + i] == text[position + i]:
                i += 1
            if i == size:
                return I64(table[4 * slot + 1])
        slot = (slot + 1) & ((1 << wholes.bits) - 1)
    return 0


@inline
def encode_word(text, position, size, merges, wholes, room):
    """Encode one word that no table holds into ``room.ids``; returns how many ids."""
    if wholes.bits:
        found = whole_word(text, position, size, wholes)
        if found:
            room.ids[0] = found - 1
            return 1
    return merge_word(text, position, size, merges, room)


@inline
def encode_anew(text, position, size, merges, wholes, room, out, n_ids):
    """Encode a word without any table; returns how many ids there are now."""
    n = encode_word(text, position, size, merges, wholes, room)
    for i in range(n):
        out[n_ids + i] = room.ids[i]
    return n_ids + n


@inline
def encode_long(text, position, size, tables, merges, wholes, room, out, n_ids):
    """Encode a word that may have a record; returns how many ids there are now."""
    place = record_of(text, position, size, tables)
    if is_record_of(tables.records, place, text, position, size):
        return write_record(tables.records, place, out, n_ids)
    behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    if behind - n_ids <= MAX_LONG_IDS:
        keep_record(tables, text, position, size, room.ids, behind - n_ids)
    return behind


@inline
def encode_short(text, position, size, place, tables, merges, wholes, room, out, n_ids):
    """Encode a short word that is not the first of its set; returns how many ids there are now.

    If it is the second, the two change places, so that a frequent word comes to be first.
    """
    slots = tables.slots
    other = place + SLOT
    low, high = key_low(text, position, size), key_high(text, position, size)
    if slots[other] == low and slots[other + 1] == high:
        for i in range(SLOT):
            slots[place + i], slots[other + i] = slots[other + i], slots[place + i]
        n = I64(slots[place + 2] >> U64(60))
        if n == IN_RECORD:
            return encode_long(text, position, size, tables, merges, wholes, room, out, n_ids)
        write_three(slots[place + 2], out, n_ids)
        write_three(slots[place + 3], out, n_ids + 3)
        return n_ids + n
    behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    n = behind - n_ids
    if n <= MAX_SHORT_IDS:
        keep_short(slots, place, text, position, size, room.ids, n)
    else:
        keep_short(slots, place, text, position, size, room.ids, IN_RECORD)
        if n <= MAX_LONG_IDS:
            keep_record(tables, text, position, size, room.ids, n)
    return behind


@inline
def find_places(text, position, borders, n_words, tables, places):
    """Write the place of each word in its table to ``places``, and prefetch it.

    Of a short word it is that of its set, of a longer one LONG or OTHER.
    """
    for w in range(n_words):
        border = borders[w]
        size = border - position
        if size <= MAX_SHORT:
            mixed = mix(key_low(text, position, size), key_high(text, position, size))
            place = SET * I64(mixed >> U64(64 - tables.slot_bits))
            prefetch(tables.slots, place)
        elif size <= MAX_LONG:
            place = record_of(text, position, size, tables)
            prefetch(tables.records, place)
            prefetch(tables.records, place + 8)
            prefetch(tables.records, place + 16)
            place = LONG
        else:
            place = OTHER
        places[w] = place
        position = border


@inline
def count_readable(borders, n_words, buffer_end):
    """How many words end so early that reading ``MAX_LONG`` bytes from them on is safe."""
    while n_words and borders[n_words - 1] + MAX_LONG > buffer_end:
        n_words -= 1
    return n_words


@inline
def encode_words(
    text, position, buffer_end, borders, n_words, tables, merges, wholes, room, out, n_ids
):  # fmt: skip
    """Encode the words between ``position`` and each of ``borders``.

    Args:
        room: For the longest of the words, and for the places of all.
        out: The ids are written here from ``n_ids`` on, and up to five more places.

    Returns:
        How many ids there are now.
    """
    slots, places = tables.slots, room.places
    n_readable = count_readable(borders, n_words, buffer_end)
    find_places(text, position, borders, n_readable, tables, places)
    for w in range(n_readable):
        border, place = borders[w], places[w]
        size = border - position
        if place >= 0:
            low, high = key_low(text, position, size), key_high(text, position, size)
            if (slots[place] ^ low) | (slots[place + 1] ^ high):
                n_ids = encode_short(
                    text, position, size, place, tables, merges, wholes, room, out, n_ids
                )
            else:
                packed = slots[place + 2]
                n = I64(packed >> U64(60))
                if n == IN_RECORD:
                    n_ids = encode_long(
                        text, position, size, tables, merges, wholes, room, out, n_ids
                    )
                else:
                    write_three(packed, out, n_ids)
                    if n > 3:
                        write_three(slots[place + 3], out, n_ids + 3)
                    n_ids += n
        elif place == LONG:
            n_ids = encode_long(text, position, size, tables, merges, wholes, room, out, n_ids)
        else:
            n_ids = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
        position = border
    for w in range(n_readable, n_words):
        size = borders[w] - position
        n_ids = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
        position = borders[w]
    return n_ids
