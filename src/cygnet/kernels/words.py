"""Encoding: words looked up among words already encoded; only a miss runs the merges.

What is known of words is a cache of fixed size, so that memory is bounded whatever the text. It has
two parts:

- the *slots* of words of up to 15 bytes that give up to 6 ids. A slot of 32 bytes is the word
  itself in two registers, and its ids in two more. Four slots make a set; two are one line of the
  cache.
- the *log* (see ``log``) of all other words of up to 255 bytes, and of those that had to leave
  their slot.

Words are looked up in passes over some hundred at once. The first computes where each must be and
prefetches that line of the cache, the next compares; so the memory is waited for once, not once a
word. Where many words are not found in that line, a pass between the two asks for more.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import I64, U64, inline, offset, prefetch
from cygnet.kernels.keys import MAX_SHORT, hash_long, hash_short, key_high, key_low, mix
from cygnet.kernels.log import (
    MAX_LONG,
    NUMBER,
    find_long,
    find_short,
    keep_long,
    keep_short,
    keep_slot,
    log_set,
    prefetch_record,
    three_ids,
    write_ids,
    write_three,
)
from cygnet.kernels.merging import LOW_HALF, MULTIPLIER, merge_word

MAX_SHORT_IDS = 6
# uint64 values of a slot, of a line of the cache, and of a set.
SLOT, LINE, SET = 4, 8, 16
# Places that are none: of a word in the log, of one that no table can hold, and of the gap between
# two documents, whose border is ``-1 - start`` of the next one.
LONG, OTHER, GAP = -1, -2, -3
# When one in so many words was not in the first line of its set, more is asked for ahead.
MANY = 100


class Tables(NamedTuple):
    """The words of one thread."""

    slots: Any
    """Short words, ``uint64`` of ``16 * 2**log.bits``."""
    missed: Any
    """How many short words of the last pass were not in the first line of their set, ``int64`` of
    1."""
    log: Any


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
def write_slot(slots, place, out, n_ids):
    """Write the ids of a slot; returns how many ids there are now."""
    write_three(slots[place + 2], out, n_ids)
    n = I64(slots[place + 2] >> NUMBER)
    if n > 3:
        write_three(slots[place + 3], out, n_ids + 3)
    return n_ids + n


@inline
def fill_slot(tables, place, low, high, ids, n):
    """Enter a word in a set: in one of the first two slots if it is empty, else in the third.

    So a word that is met once drives none from the first line, and of those in the second the one
    that came first goes to the log.
    """
    slots = tables.slots
    second_line = place + LINE
    while place < second_line and slots[place + 1]:
        place += SLOT
    if place == second_line:
        retire(tables, place + SLOT)
        for i in range(place, place + SLOT):
            slots[i + SLOT] = slots[i]
    slots[place] = low
    slots[place + 1] = high
    slots[place + 2] = three_ids(ids, 0, min(n, 3)) | U64(n) << NUMBER
    slots[place + 3] = three_ids(ids, 3, n)


@inline
def retire(tables, place):
    """Keep the word of a slot, if there is one, in the log."""
    low, high = tables.slots[place], tables.slots[place + 1]
    mixed = hash_short(low, high)
    if high and find_short(tables.log, mixed, low, high) < 0:
        keep_slot(tables.log, mixed, tables.slots, place)


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
    """Encode a word of 16 to 255 bytes; returns how many ids there are now."""
    log, mixed = tables.log, hash_long(text, position, size)
    place = find_long(log, mixed, text, position, size)
    if place >= 0:
        n = I64(log.values[place] & LOW_HALF)
        return write_ids(log.values, place + 1 + ((size + 7) >> 3), n, out, n_ids)
    behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    keep_long(log, mixed, text, position, size, room.ids, behind - n_ids)
    return behind


@inline
def encode_short(text, position, size, place, tables, merges, wholes, room, out, n_ids):
    """Encode a short word that is not the first of its set.

    If it is the second, the two change places; if it is one behind these, it becomes the second.
    So frequent words come to be in front.

    Returns:
        How many ids there are now.
    """
    slots = tables.slots
    low, high = key_low(text, position, size), key_high(text, position, size)
    above = place
    for other in range(place + SLOT, place + SET, SLOT):
        if slots[other] == low and slots[other + 1] == high:
            for i in range(SLOT):
                slots[above + i], slots[other + i] = slots[other + i], slots[above + i]
            return write_slot(slots, above, out, n_ids)
        above = place + SLOT
    tables.missed[0] += 1
    return encode_rare(
        text, position, size, place, low, high, tables, merges, wholes, room, out, n_ids
    )


@inline
def encode_rare(text, position, size, place, low, high, tables, merges, wholes, room, out, n_ids):
    """Encode a short word that has no slot, and give it one; returns how many ids there are now."""
    log, mixed = tables.log, hash_short(low, high)
    record = find_short(log, mixed, low, high)
    if record >= 0:
        behind = write_ids(
            log.values, record + 2, I64(log.values[record + 2] >> NUMBER), out, n_ids
        )
    else:
        behind = encode_anew(text, position, size, merges, wholes, room, out, n_ids)
    n = behind - n_ids
    if n <= MAX_SHORT_IDS:
        fill_slot(tables, place, low, high, offset(out, n_ids), n)
    elif record < 0:
        keep_short(log, mixed, low, high, room.ids, n)
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
            place = SET * I64(mixed >> U64(64 - tables.log.bits))
            prefetch(tables.slots, place)
        elif size <= MAX_LONG:
            mixed = hash_long(text, border - size, size)
            prefetch(tables.log.index, log_set(tables.log, mixed))
            room.hashes[n_longer] = mixed
            n_longer += 1
            place = LONG
        else:
            longest = max(longest, size)
            place = OTHER
        room.places[w] = place
    return n_longer, longest


@inline
def find_missing(text, position, borders, n_words, tables, room, n_hashes):
    """Ask for the sets in the log of short words that are not at the head of their slots.

    Args:
        n_hashes: How many hashes are in ``room.hashes``; more are added.

    Returns:
        How many there are now.
    """
    slots = tables.slots
    for w in range(n_words):
        border, place = borders[w], room.places[w]
        size = border - position
        if place >= 0:
            low, high = key_low(text, position, size), key_high(text, position, size)
            if (slots[place] ^ low) | (slots[place + 1] ^ high) and (
                (slots[place + SLOT] ^ low) | (slots[place + SLOT + 1] ^ high)
            ):
                mixed = hash_short(low, high)
                prefetch(slots, place + LINE)
                prefetch(tables.log.index, log_set(tables.log, mixed))
                room.hashes[n_hashes] = mixed
                n_hashes += 1
        position = -1 - border if border < 0 else border
    return n_hashes


@inline
def look_ahead(text, position, borders, n_words, tables, room):
    """Note where each word must be, and ask for all that will be read of it.

    Returns:
        The size in bytes of the longest word that no table can hold.
    """
    n_hashes, longest = find_places(text, position, borders, n_words, tables, room)
    if MANY * tables.missed[0] > n_words:
        n_hashes = find_missing(text, position, borders, n_words, tables, room, n_hashes)
    tables.missed[0] = 0
    for i in range(n_hashes):
        prefetch_record(tables.log, room.hashes[i])
    return longest


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
                n_ids = write_slot(slots, place, out, n_ids)
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
