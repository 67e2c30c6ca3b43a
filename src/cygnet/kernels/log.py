"""The log: words already encoded, with their ids, in a ring that is written round and round.

An index of hashes says where a word's record is. It has sets of eight, which is one line of the
cache, in order of age, so that what is forgotten there first is what the ring overwrites first.

The record of a word of up to 15 bytes is its two registers, the second of which has the size in its
top byte, and its ids in threes, with their number in the top bits of the first three. The record of
a longer one is its size, also in the top byte, and the number of ids; its bytes; its ids in threes.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import I64, U64, ZERO, inline, load64, prefetch
from cygnet.kernels.keys import SIZE
from cygnet.kernels.merging import HALF, LOW_HALF

MAX_LONG = 255
SET = 8
ID_BITS, LOW_ID = U64(20), U64((1 << 20) - 1)
# Where the number of ids is in the first three of a short word.
NUMBER = U64(60)
# The index has 32 bits for a place; before that many values are written, all is forgotten.
MOST_WRITTEN = (1 << 32) - 1024


class Log(NamedTuple):
    """The log of one thread."""

    index: Any
    """``uint64`` of ``8 * 2**bits``: half of the hash, and in the low half how many values had
    been written before the record, + 1; 0 is empty."""
    values: Any
    """``uint64`` of ``24 * 2**bits``, and room for the longest record behind."""
    written: Any
    """How many values were ever written, ``int64`` of 1."""
    bits: Any
    """At least 8, that the log may hold several records."""


@inline
def log_size(log):
    """How many values the log has."""
    return 24 << log.bits


@inline
def log_set(log, mixed):
    """The set of the index for a hash."""
    return SET * I64(mixed >> U64(64 - log.bits))


@inline
def place_of(log, entry):
    """Where the record of an entry is, -1 if it may be overwritten.

    A record is used only while fewer values than the log has, less MAX_LONG, were written since it
    was begun; none is longer than 118, so no part of it can have been written over.
    """
    before = I64(entry & LOW_HALF) - 1
    if before < 0 or log.written[0] - before >= log_size(log) - MAX_LONG:
        return -1
    return before % log_size(log)


@inline
def find_short(log, mixed, low, high):
    """The place of the record of a word of up to 15 bytes, -1 if there is none."""
    start = log_set(log, mixed)
    for i in range(start, start + SET):
        if (log.index[i] ^ (mixed << HALF)) >> HALF == ZERO:
            place = place_of(log, log.index[i])
            if place >= 0 and log.values[place] == high and log.values[place + 1] == low:
                return place
    return -1


@inline
def find_long(log, mixed, text, position, size):
    """The place of the record of a longer word, -1 if there is none."""
    start = log_set(log, mixed)
    for i in range(start, start + SET):
        if (log.index[i] ^ (mixed << HALF)) >> HALF == ZERO:
            place = place_of(log, log.index[i])
            if place >= 0 and holds(log.values, place, text, position, size):
                return place
    return -1


@inline
def holds(values, place, text, position, size):
    """Whether the record at ``place`` is that of the long word at ``position``."""
    if values[place] >> SIZE != U64(size):
        return False
    i = 0
    while i < size:
        if values[place + 1 + (i >> 3)] != load64(text, position + min(i, size - 8)):
            return False
        i += 8
    return True


@inline
def prefetch_record(log, mixed):
    """Ask for the record of a word, whose part of the index is there by now."""
    start = log_set(log, mixed)
    for i in range(start, start + SET):
        if (log.index[i] ^ (mixed << HALF)) >> HALF == ZERO:
            place = place_of(log, log.index[i])
            if place >= 0:
                prefetch(log.values, place)
                prefetch(log.values, place + 8)


@inline
def three_ids(ids, first, n):
    """Up to three of ``n`` ids from ``first`` on, 20 bits each."""
    packed = ZERO
    for i in range(first, min(n, first + 3)):
        packed |= U64(ids[i]) << (ID_BITS * U64(i - first))
    return packed


@inline
def write_three(packed, out, n_ids):
    """Write three ids, of which the last may be beyond the end."""
    out[n_ids] = packed & LOW_ID
    out[n_ids + 1] = (packed >> ID_BITS) & LOW_ID
    out[n_ids + 2] = (packed >> (ID_BITS + ID_BITS)) & LOW_ID


@inline
def write_ids(values, place, n, out, n_ids):
    """Write ``n`` ids that begin at ``place``; returns how many ids there are now."""
    for i in range(0, n, 3):
        write_three(values[place], out, n_ids + i)
        place += 1
    return n_ids + n


@inline
def keep_ids(values, place, ids, n):
    """Keep ``n`` ids from ``place`` on; returns the place behind them."""
    for i in range(0, n, 3):
        values[place] = three_ids(ids, i, n)
        place += 1
    return place


@inline
def keep_short(log, mixed, low, high, ids, n):
    """Append the record of a word of up to 15 bytes."""
    place = start = begin_record(log)
    log.values[place] = high
    log.values[place + 1] = low
    place = keep_ids(log.values, place + 2, ids, n)
    log.values[start + 2] |= U64(n) << NUMBER
    end_record(log, mixed, start, place)


@inline
def keep_slot(log, mixed, slots, slot):
    """Append the record of the word in a slot."""
    start = begin_record(log)
    log.values[start] = slots[slot + 1]
    log.values[start + 1] = slots[slot]
    log.values[start + 2] = slots[slot + 2]
    log.values[start + 3] = slots[slot + 3]
    end_record(log, mixed, start, start + 4)


@inline
def keep_long(log, mixed, text, position, size, ids, n):
    """Append the record of a longer word."""
    place = start = begin_record(log)
    log.values[place] = U64(size) << SIZE | U64(n)
    place += 1
    for i in range(0, size, 8):
        log.values[place] = load64(text, position + min(i, size - 8))
        place += 1
    end_record(log, mixed, start, keep_ids(log.values, place, ids, n))


@inline
def begin_record(log):
    """The place of the next record."""
    if log.written[0] > MOST_WRITTEN:
        for i in range(8 << log.bits):
            log.index[i] = ZERO
        log.written[0] = 0
    return log.written[0] % log_size(log)


@inline
def end_record(log, mixed, start, place):
    """Enter a record from ``start`` to ``place`` in the index.

    It is whole: the ring turns between two records, and what is left of it counts as written.
    """
    line = log_set(log, mixed)
    for i in range(line + SET - 1, line, -1):
        log.index[i] = log.index[i - 1]
    log.index[line] = mixed << HALF | U64(log.written[0] + 1)
    log.written[0] += min(place, log_size(log)) - start
