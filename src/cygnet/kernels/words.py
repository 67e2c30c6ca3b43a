"""Encoding: words looked up in tables of words already encoded; only a miss runs the merges.

The tables are caches of fixed size in which a new word takes the place of an old one, so that
memory is bounded whatever the text:

- *short words*, up to 15 bytes that give up to 6 ids, have slots of 32 bytes: the word itself in
  two registers, and its ids in two more. Two slots make a set, which is one line of the cache.
- *long words*, up to 255 bytes, and short ones of more ids: an index of hashes points into a log, a
  ring that is written round and round.

Words are looked up in passes over some hundred at once. The first computes where each must be and
prefetches that line of the cache, the next compares; so the memory is waited for once, not once a
word.
"""

from typing import Any, NamedTuple

import numpy as np

from cygnet.kernels.bits import I64, U64, ZERO, inline, load64, prefetch
from cygnet.kernels.merging import HALF, LOW_HALF, MULTIPLIER, merge_word

MAX_SHORT, MAX_LONG = 15, 255
MAX_SHORT_IDS, IN_LOG = 6, 15
# uint64 values of a set and of a slot.
SET, SLOT = 8, 4
# Places that are none: of a word in the log, of one that no table can hold, and of the gap between
# two documents, whose border is ``-1 - start`` of the next one.
LONG, OTHER, GAP = -1, -2, -3
LOW_ID = U64((1 << 20) - 1)
SECOND_MULTIPLIER = U64(0xC2B2AE3D27D4EB4F)  # odd, otherwise of no meaning

# For words of 0 to 15 bytes: which bytes of two registers are theirs.
LOW_MASKS = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(16)], np.uint64)
HIGH_MASKS = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(16)], np.uint64)


class Tables(NamedTuple):
    """The words of one thread."""

    slots: Any
    """Short words, ``uint64`` of ``8 * 2**bits``."""
    index: Any
    """Long words, ``uint64`` of ``2 * 2**(bits + 1)``: hash, and place in the log + 1."""
    log: Any
    """``uint64`` of ``2**(bits + 3)``, and room for the longest record behind."""
    written: Any
    """How many values were ever written to the log, ``int64`` of 1."""
    bits: Any
    """At least 8, that the log may hold several records."""


class Wholes(NamedTuple):
    """Tokens that a word becomes as a whole though the merges do not lead to them."""

    table: Any
    """Open-addressing table of ``2**bits`` slots of four ``uint64``: hash, id + 1 (0: empty), and
    place and size of the bytes in ``token_data``."""
    bits: Any
    """0 if there are none."""
    token_data: Any


class Output(NamedTuple):
    """Where the ids of documents go."""

    ids: Any
    offsets: Any
    """Where each document's ids end, ``int64``; the first is 0."""
    before: Any
    """An id to put before each document, or -1."""
    after: Any
    """The same behind it."""
    n_documents: Any
    done: Any
    """How many documents are finished, ``int64`` of 1."""


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
def hash_word(text, position, size):
    """A hash of a word that is to be in the log; ``text`` is readable 16 bytes on."""
    if size <= MAX_SHORT:
        mixed = mix(key_high(text, position, size), key_low(text, position, size))
        return mixed ^ (mixed >> HALF)
    mixed, i = U64(size), 0
    while i < size:
        mixed = mix(mixed ^ (mixed >> HALF), load64(text, position + min(i, size - 8)))
        i += 8
    return mixed


@inline
def log_size(tables):
    """How many values the log has."""
    return 8 << tables.bits


@inline
def log_slot(tables, mixed):
    """Where the index is asked first for a hash."""
    return 2 * I64(mixed >> U64(63 - tables.bits))


@inline
def find_in_log(tables, mixed):
    """The place in the log of a word with this hash, -1 if there is none or it is overwritten.

    A record is used only while fewer values than the log has, less MAX_LONG, were written since it
    was begun; none is longer than 118, so no part of it can have been written over.
    """
    slot = log_slot(tables, mixed)
    if tables.index[slot] != mixed:
        slot ^= 2
    behind = I64(tables.index[slot + 1])
    if tables.index[slot] != mixed or behind == 0:
        return -1
    if tables.written[0] - behind >= log_size(tables) - MAX_LONG:
        return -1
    return (behind - 1) & (log_size(tables) - 1)


@inline
def is_logged(log, place, text, position, size):
    """Whether the record at ``place`` of the log holds the word of ``size`` bytes."""
    if log[place] & LOW_HALF != U64(size):
        return False
    if size <= MAX_SHORT:
        first, second = key_low(text, position, size), key_high(text, position, size)
        return log[place + 1] == first and log[place + 2] == second
    i = 0
    while i < size:
        if log[place + 1 + (i >> 3)] != load64(text, position + min(i, size - 8)):
            return False
        i += 8
    return True


@inline
def n_word_values(size):
    """How many values of a record are the word itself."""
    return 2 if size <= MAX_SHORT else (size + 7) >> 3


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
def write_logged(log, place, size, out, n_ids):
    """Write the ids of a record; returns how many ids there are now."""
    n = I64(log[place] >> HALF)
    place += 1 + n_word_values(size)
    for i in range(0, n, 3):
        write_three(log[place], out, n_ids + i)
        place += 1
    return n_ids + n


@inline
def keep_in_log(tables, mixed, text, position, size, ids, n):
    """Append a word to the log: sizes, bytes, ids. Its record is whole: the ring turns between."""
    log = tables.log
    place = start = tables.written[0] & (log_size(tables) - 1)
    log[place] = U64(size) | U64(n) << HALF
    if size <= MAX_SHORT:
        log[place + 1] = key_low(text, position, size)
        log[place + 2] = key_high(text, position, size)
    else:
        i = 0
        while i < size:
            log[place + 1 + (i >> 3)] = load64(text, position + min(i, size - 8))
            i += 8
    place += 1 + n_word_values(size)
    for i in range(0, n, 3):
        log[place] = three_ids(ids, i, n)
        place += 1
    slot = log_slot(tables, mixed)
    tables.index[slot ^ 2] = tables.index[slot]
    tables.index[(slot ^ 2) + 1] = tables.index[slot + 1]
    tables.index[slot] = mixed
    tables.index[slot + 1] = U64(tables.written[0] + 1)
    if place >= log_size(tables):
        place = log_size(tables)  # what is left of the ring counts as written
    tables.written[0] += place - start


@inline
def keep_short(slots, place, low, high, ids, n):
    """Put a short word at the head of its set; what was there moves one on.

    ``n`` is IN_LOG for a word of too many ids.
    """
    for i in range(SLOT):
        slots[place + SLOT + i] = slots[place + i]
    slots[place] = low
    slots[place + 1] = high
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
def encode_anew(text, position, size, merges, wholes, room, out, n_ids):
    """Encode a word without any table; returns how many ids there are now."""
    n = 0
    if wholes.bits:
        found = whole_word(text, position, size, wholes)
        if found:
            room.ids[0] = found - 1
            n = 1
    if n == 0:
        n = merge_word(text, position, size, merges, room)
    for i in range(n):
        out[n_ids + i] = room.ids[i]
    return n_ids + n


@inline
def encode_long(text, position, size, tables, merges, wholes, room, out, n_ids):
    """Encode a word that may be in the log; returns how many ids there are now."""
    mixed = hash_word(text, position, size)
    place = find_in_log(tables, mixed)
    if place >= 0 and is_logged(tables.log, place, text, position, size):
        return write_logged(tables.log, place, size, out, n_ids)
    behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    keep_in_log(tables, mixed, text, position, size, room.ids, behind - n_ids)
    return behind


@inline
def encode_short(text, position, size, place, tables, merges, wholes, room, out, n_ids):
    """Encode a short word that is not the first of its set; returns how many ids there are now.

    If it is the second, the two change places, so that a frequent word comes to be first.
    """
    slots, other = tables.slots, place + SLOT
    low, high = key_low(text, position, size), key_high(text, position, size)
    if slots[other] == low and slots[other + 1] == high:
        for i in range(SLOT):
            slots[place + i], slots[other + i] = slots[other + i], slots[place + i]
        n = I64(slots[place + 2] >> U64(60))
        if n == IN_LOG:
            return encode_long(text, position, size, tables, merges, wholes, room, out, n_ids)
        write_three(slots[place + 2], out, n_ids)
        write_three(slots[place + 3], out, n_ids + 3)
        return n_ids + n
    behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    n = behind - n_ids
    if n > MAX_SHORT_IDS:
        keep_in_log(tables, hash_word(text, position, size), text, position, size, room.ids, n)
        n = IN_LOG
    keep_short(slots, place, low, high, room.ids, n)
    return behind


@inline
def find_places(text, position, borders, n_words, tables, room):
    """Note the set of each word, and prefetch it; or LONG, OTHER or GAP.

    Returns:
        How many words are LONG, whose hashes are in ``room.hashes``; and the size in bytes of the
        longest word that is OTHER.
    """
    n_longer = longest = 0
    for w in range(n_words):
        border = borders[w]
        size = border - position
        position = border
        if border < 0:
            place = GAP
            position = -1 - border
        elif size <= MAX_SHORT:
            start = border - size
            mixed = mix(key_low(text, start, size), key_high(text, start, size))
            place = SET * I64(mixed >> U64(64 - tables.bits))
            prefetch(tables.slots, place)
        elif size <= MAX_LONG:
            mixed = hash_word(text, border - size, size)
            prefetch(tables.index, log_slot(tables, mixed))
            room.hashes[n_longer] = mixed
            n_longer += 1
            place = LONG
        else:
            longest = max(longest, size)
            place = OTHER
        room.places[w] = place
    return n_longer, longest


@inline
def prefetch_log(tables, hashes, n_hashes):
    """Ask for the records of long words, whose index is there by now."""
    for i in range(n_hashes):
        place = find_in_log(tables, hashes[i])
        if place >= 0:
            prefetch(tables.log, place)
            prefetch(tables.log, place + 8)


@inline
def unreadable_places(position, borders, n_words, room):
    """Note every word as OTHER, or GAP: near the end of the buffer no 16 bytes may be read at once.

    Returns:
        The size of the longest word, bytes.
    """
    longest = 0
    for w in range(n_words):
        border = borders[w]
        longest = max(longest, border - position)
        room.places[w] = GAP if border < 0 else OTHER
        position = -1 - border if border < 0 else border
    return longest


@inline
def encode_words(text, position, borders, n_words, tables, merges, wholes, room, output, n_ids):
    """Encode the words between ``position`` and each of ``borders``, whose places are known.

    Args:
        room: For the longest of the words; ``room.places`` are the places.
        output: The ids are written to ``output.ids`` from ``n_ids`` on, and up to five more.

    Returns:
        How many ids there are now.
    """
    slots, places, out = tables.slots, room.places, output.ids
    for w in range(n_words):
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
                if n == IN_LOG:
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
        elif place == GAP:
            n_ids = end_document(output, n_ids)
            border = -1 - border
        else:
            n_ids = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
        position = border
    return n_ids


@inline
def end_document(output, n_ids):
    """Write what is between two documents; returns how many ids there are now."""
    if output.after >= 0:
        output.ids[n_ids] = output.after
        n_ids += 1
    output.done[0] += 1
    output.offsets[output.done[0]] = n_ids
    if output.before >= 0 and output.done[0] < output.n_documents:
        output.ids[n_ids] = output.before
        n_ids += 1
    return n_ids
