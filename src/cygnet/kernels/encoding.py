"""The kernels of encoding: whole batches of documents, ids out."""

from cygnet.kernels.bits import I64, U32, U64, inline, offset
from cygnet.kernels.blocks import ROOM, split
from cygnet.kernels.log import Log
from cygnet.kernels.merging import (
    Merges,
    Room,
    add_merge,
    merge_word,
    rank_of,
)
from cygnet.kernels.words import (
    Output,
    Tables,
    Wholes,
    encode_words,
    look_ahead,
    unreadable_places,
)

# Places of the state with which a kernel stops and goes on: documents finished and split, where the
# splitting is in its document (one more than the position, 0 at its beginning), and ids written.
DONE, DOCUMENT, POSITION, N_IDS = range(4)
FINISHED = 0


@inline
def count_readable(borders, n_words, buffer_end):
    """How many words end so early that 16 bytes from there on may be read."""
    while n_words and borders[n_words - 1] + 16 > buffer_end:
        n_words -= 1
    return n_words


@inline
def split_documents(
    text, buffer_end, starts, ends, n_documents, pattern, classes, borders, capacity, state
):  # fmt: skip
    """Find the borders of the next words, over as many documents as there is room for.

    Where a document ends so near the end of the buffer that 16 bytes from there on may not be
    read, it is split on its own, and the words for which this holds come last and alone.

    Returns:
        How many borders, those of gaps included.
    """
    n_words = 0
    while state[DOCUMENT] < n_documents and n_words <= capacity - ROOM - 1:
        document = state[DOCUMENT]
        end = ends[document]
        readable = end + 16 <= buffer_end
        if not readable and n_words:
            break
        position = starts[document] if state[POSITION] == 0 else state[POSITION] - 1
        if position < end:
            n_words += split(
                text, position, end, buffer_end, pattern, classes, offset(borders, n_words),
                capacity - n_words - 1
            )  # fmt: skip
            if not readable:
                n_words = count_readable(borders, n_words, buffer_end) or n_words
            position = borders[n_words - 1]
        if position < end:
            state[POSITION] = position + 1
            break
        behind = document + 1
        borders[n_words] = -1 - (starts[behind] if behind < n_documents else 0)
        n_words += 1
        state[DOCUMENT], state[POSITION] = behind, 0
        if not readable:
            break
    return n_words


@inline
def encode_batch(
    text, buffer_end, starts, ends, n_documents, pattern, classes, before, after, slots,
    missed, index, log, written, log_bits, byte_ids, byte_pairs, pairs, bits, joined, whole,
    whole_bits, token_data, ids, values, scratch, places, hashes, room_bytes, borders, capacity,
    state, out, offsets
):  # fmt: skip
    """Encode documents.

    Args:
        text: UTF-8 bytes, readable up to ``buffer_end``.
        starts, ends: Where each document begins and ends, ``int64``.
        pattern: How to split, a number of ``one_word``.
        before, after: An id to put around each document, or -1.
        slots, ..., token_data: ``Tables``, ``Merges`` and ``Wholes``.
        ids, ..., hashes: ``Room`` for a word of ``room_bytes``.
        borders: Room for ``capacity`` words, ``int64``.
        state: ``int64``, zero at first. The kernel takes up its work from here, so that it can be
            called again with more room.
        out: Room for all ids and five more; at worst one a byte, and ``before`` and ``after``.
        offsets: Where each document's ids end is written here, ``int64``.

    Returns:
        FINISHED, or the size in bytes of a word that has no room.
    """
    tables = Tables(slots, missed, Log(index, log, written, log_bits))
    merges = Merges(byte_ids, byte_pairs, pairs, bits, joined)
    wholes = Wholes(whole, whole_bits, token_data)
    room = Room(ids, values, scratch, places, hashes)
    output = Output(out, offsets, before, after, n_documents, offset(state, DONE))
    n_ids = state[N_IDS]
    if before >= 0 and n_ids == 0 and n_documents:
        out[0] = before
        n_ids = 1
    while state[DOCUMENT] < n_documents:
        document, within = state[DOCUMENT], state[POSITION]
        position = starts[document] if within == 0 else within - 1
        n_words = split_documents(
            text, buffer_end, starts, ends, n_documents, pattern, classes, borders, capacity, state
        )
        last = borders[n_words - 1]
        if ends[document] + 16 <= buffer_end or 0 <= last <= buffer_end - 16:
            longest = look_ahead(text, position, borders, n_words, tables, room)
        else:
            longest = unreadable_places(position, borders, n_words, room)
        if longest > room_bytes:
            state[DOCUMENT], state[POSITION], state[N_IDS] = document, within, n_ids
            return longest
        n_ids = encode_words(
            text, position, borders, n_words, tables, merges, wholes, room, output, n_ids
        )
    state[N_IDS] = n_ids
    return FINISHED


@inline
def encode_given(
    text, buffer_end, slots, missed, index, log, written, log_bits, byte_ids, byte_pairs, pairs,
    bits, joined, whole, whole_bits, token_data, ids, values, scratch, places, hashes, borders,
    n_words, capacity, out
):  # fmt: skip
    """Encode words that something else has split, ``capacity`` at once.

    There must be room for the longest, and 16 bytes behind the last must be readable.

    Returns:
        How many ids.
    """
    tables = Tables(slots, missed, Log(index, log, written, log_bits))
    merges = Merges(byte_ids, byte_pairs, pairs, bits, joined)
    wholes = Wholes(whole, whole_bits, token_data)
    room = Room(ids, values, scratch, places, hashes)
    output = Output(out, borders, -1, -1, 0, borders)
    position = n_ids = first = 0
    while first < n_words:
        n = min(capacity, n_words - first)
        part = offset(borders, first)
        look_ahead(text, position, part, n, tables, room)
        n_ids = encode_words(text, position, part, n, tables, merges, wholes, room, output, n_ids)
        first += n
        position = borders[first - 1]
    return n_ids


@inline
def add_merges(triples, n_merges, byte_values, byte_ids, byte_pairs, pairs, bits, joined):
    """Fill the tables of merges.

    Args:
        triples: ``int32`` of shape ``(n_merges, 3)``: left, right, joined.
        byte_values: For each id the byte that it is, or -1; ``int32``.
        byte_ids, ..., joined: ``Merges``: all pairs empty, no pair of bytes with a rank.
    """
    merges = Merges(byte_ids, byte_pairs, pairs, bits, joined)
    for rank in range(n_merges):
        left, right = triples[3 * rank], triples[3 * rank + 1]
        joined[rank] = triples[3 * rank + 2]
        add_merge(merges, left, right, rank)
        first, second = byte_values[left], byte_values[right]
        if first >= 0 and second >= 0:
            byte_pairs[256 * first + second] = rank_of(merges, left, right)
    return 0


@inline
def merge_tokens(
    token_data, ends, n_tokens, byte_ids, byte_pairs, pairs, bits, joined, ids, values, scratch,
    places, hashes, learn, found
):  # fmt: skip
    """Encode the bytes of every token, taken alone.

    Args:
        token_data, ends: The bytes of all tokens, and where each ends.
        learn: Whether a token that is left in two parts makes a merge of these parts, whose rank
            and result is the token's own number: then tokens must come in the order of their ranks.
        found: For each token how many ids it gives, and the first two; ``int32`` of ``3 * n``.

    Returns:
        How many merges were learned.
    """
    merges, room = (
        Merges(byte_ids, byte_pairs, pairs, bits, joined),
        Room(ids, values, scratch, places, hashes),
    )
    start = n_learned = 0
    for token in range(n_tokens):
        size = ends[token] - start
        n = merge_word(token_data, start, size, merges, room) if size else 0
        found[3 * token] = n
        found[3 * token + 1] = ids[0]
        found[3 * token + 2] = ids[1] if n > 1 else U32(0)
        if learn and n == 2:
            joined[token] = token
            add_merge(merges, ids[0], ids[1], token)
            if size == 2:
                pair = 256 * I64(token_data[start]) + I64(token_data[start + 1])
                byte_pairs[pair] = rank_of(merges, ids[0], ids[1])
            n_learned += 1
        start = ends[token]
    return n_learned


@inline
def count_ids(ids, n_ids, counts):
    """Add how often each id occurs to ``counts``, ``uint64``."""
    for i in range(n_ids):
        counts[ids[i]] += U64(1)
    return FINISHED
