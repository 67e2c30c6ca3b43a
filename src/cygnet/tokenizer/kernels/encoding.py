"""The kernels of encoding: whole batches of documents, ids out."""

from cygnet.tokenizer.kernels.bits import I64, U32, inline, offset
from cygnet.tokenizer.kernels.blocks import split
from cygnet.tokenizer.kernels.merging import (
    Merges,
    Room,
    add_merge,
    merge_word,
    rank_of,
)
from cygnet.tokenizer.kernels.words import Tables, Wholes, encode_words

# Places of the state with which a kernel stops and goes on; POSITION is one more than the position,
# and 0 where a document has not been begun.
DOCUMENT, POSITION, N_IDS = range(3)
FINISHED = 0


@inline
def longest(borders, n_words, position):
    """The size of the longest of the words, bytes."""
    size = 0
    for w in range(n_words):
        size = max(size, borders[w] - position)
        position = borders[w]
    return size


@inline
def encode_batch(
    text, buffer_end, starts, ends, n_documents, pattern, classes, before, after, slots, slot_bits,
    records, record_bits, byte_ids, byte_pairs, pairs, bits, joined, whole, whole_bits, token_data,
    ids, values, scratch, places, room_bytes, borders, capacity, state, out, offsets
):  # fmt: skip
    """Encode documents.

    Args:
        text: UTF-8 bytes, readable up to ``buffer_end``.
        starts, ends: Where each document begins and ends, ``int64``.
        pattern: How to split, a number of ``one_word``.
        before, after: An id to put around each document, or -1.
        slots, ..., token_data: ``Tables``, ``Merges`` and ``Wholes``.
        ids, ..., places: ``Room`` for a word of ``room_bytes``.
        borders: Room for ``capacity`` words, ``int64``.
        state: ``int64``, zero at first. The kernel takes up its work from here, so that it can be
            called again with more room.
        out: Room for all ids and five more; at worst one a byte, and ``before`` and ``after``.
        offsets: Where each document's ids end is written here, ``int64``.

    Returns:
        FINISHED, or the size in bytes of a word that has no room.
    """
    tables = Tables(slots, slot_bits, records, record_bits)
    merges = Merges(byte_ids, byte_pairs, pairs, bits, joined)
    wholes, room = Wholes(whole, whole_bits, token_data), Room(ids, values, scratch, places)
    document, n_ids = state[DOCUMENT], state[N_IDS]
    while document < n_documents:
        end = ends[document]
        position = state[POSITION] - 1
        if position < 0:
            position = starts[document]
            if before >= 0:
                out[n_ids] = before
                n_ids += 1
        while position < end:
            n_words = split(text, position, end, buffer_end, pattern, classes, borders, capacity)
            needed = longest(borders, n_words, position)
            if needed > room_bytes:
                state[DOCUMENT], state[POSITION], state[N_IDS] = document, position + 1, n_ids
                return needed
            n_ids = encode_words(
                text, position, buffer_end, borders, n_words, tables, merges, wholes, room, out,
                n_ids
            )  # fmt: skip
            position = borders[n_words - 1]
        if after >= 0:
            out[n_ids] = after
            n_ids += 1
        document += 1
        offsets[document] = n_ids
        state[POSITION] = 0
    state[DOCUMENT], state[N_IDS] = document, n_ids
    return FINISHED


@inline
def encode_given(
    text, buffer_end, slots, slot_bits, records, record_bits, byte_ids, byte_pairs, pairs, bits,
    joined, whole, whole_bits, token_data, ids, values, scratch, places, borders, n_words, capacity,
    out
):  # fmt: skip
    """Encode words that something else has split, ``capacity`` at once; returns how many ids."""
    tables = Tables(slots, slot_bits, records, record_bits)
    merges = Merges(byte_ids, byte_pairs, pairs, bits, joined)
    wholes, room = Wholes(whole, whole_bits, token_data), Room(ids, values, scratch, places)
    position = n_ids = first = 0
    while first < n_words:
        n = min(capacity, n_words - first)
        n_ids = encode_words(
            text, position, buffer_end, offset(borders, first), n, tables, merges, wholes, room,
            out, n_ids
        )  # fmt: skip
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
    places, learn, found
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
        Room(ids, values, scratch, places),
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
