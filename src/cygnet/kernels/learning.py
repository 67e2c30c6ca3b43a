"""Learning merges: a merge touches only the words that hold its pair.

A pair ``(a, b)`` is born in the step that makes the later of ``a`` and ``b``; from then on its
count only falls. So what is known of a pair at its birth stays true: the list of the words that may
hold it never grows, and a count in the heap is right or too high. A pair too rare at its birth is
never kept at all.
"""

from typing import Any, NamedTuple

from cygnet.kernels.bits import I64, U64, inline
from cygnet.kernels.pairs import (
    LOW_ID,
    N_MERGES,
    N_PAIRS,
    Pairs,
    Words,
    add_pair,
    drop_root,
    less_often,
    next_pair,
)

N_BYTES = 256
FINISHED, FULL, PAUSED = 0, 1, 2


class Step(NamedTuple):
    """What one merge changes, gathered over all words; all zero between merges."""

    left: Any
    """For each token how often it was before the new one, ``int64``."""
    right: Any
    """The same behind it."""
    n_left: Any
    """In how many places; then where the next of its holders is to be written; ``int64``."""
    n_right: Any
    log_token: Any
    """Each of these places in turn: the token, less than 0 if behind: ``-1 - token``; ``int32``."""
    log_word: Any
    """And the word, ``int32``."""


@inline
def begin(
    tokens, starts, sizes, occurs, n_words, text, keys, counts, first, n_holders, index, bits,
    holders, heap, known, tie, token_at, token_size, state, least, byte_counts, byte_places
):  # fmt: skip
    """Find the pairs of bytes.

    Args:
        tokens, ..., state: As those of ``learn``; room for 256 * 256 pairs.
        least: How often a pair must occur.
        byte_counts, byte_places: Zeros, ``int64`` of ``256 * 256`` each.
    """
    words = Words(tokens, starts, sizes, occurs, n_words, text)
    pairs = Pairs(
        keys, counts, first, n_holders, index, bits, holders, heap, known, tie, token_at,
        token_size, state
    )  # fmt: skip
    enter_bytes(words, pairs, least, byte_counts, byte_places)
    return FINISHED


@inline
def enter_bytes(words, pairs, least, counts, places):
    """Enter every pair of bytes that is frequent enough; ``counts``, ``places``: see ``begin``."""
    for w in range(words.n_words):
        start = words.starts[w]
        for i in range(start, start + words.sizes[w] - 1):
            pair = N_BYTES * words.tokens[i] + words.tokens[i + 1]
            counts[pair] += words.occurs[w]
            places[pair] += 1
    for pair in range(N_BYTES * N_BYTES):
        if counts[pair] >= least:
            left, right = pair // N_BYTES, pair % N_BYTES
            places[pair] = add_pair(words, pairs, left, right, counts[pair], places[pair])
    for w in range(words.n_words):
        start = words.starts[w]
        for i in range(start, start + words.sizes[w] - 1):
            pair = N_BYTES * words.tokens[i] + words.tokens[i + 1]
            if counts[pair] >= least:
                pairs.holders[places[pair]] = w
                places[pair] += 1


@inline
def note(step, n_log, token, behind, word, occurs):
    """Gather a neighbour of the new token; returns how many there are now."""
    if behind:
        step.right[token] += occurs
        step.n_right[token] += 1
        step.log_token[n_log] = -1 - token
    else:
        step.left[token] += occurs
        step.n_left[token] += 1
        step.log_token[n_log] = token
    step.log_word[n_log] = word
    return n_log + 1


@inline
def merge_in_word(words, word, left, right, new, step, n_log):
    """Join the pair wherever the word holds it; returns how many neighbours there are now.

    Two new tokens side by side are noted once, as the second behind the first.
    """
    tokens, start, size = words.tokens, words.starts[word], words.sizes[word]
    occurs = words.occurs[word]
    source = target = start
    while source < start + size:
        token = tokens[source]
        joined = token == left and source + 1 < start + size and tokens[source + 1] == right
        if joined:
            token = new
        if target > start:
            before = tokens[target - 1]
            if before == new:
                n_log = note(step, n_log, token, True, word, occurs)
            elif joined:
                n_log = note(step, n_log, before, False, word, occurs)
        tokens[target] = token
        target += 1
        source += 2 if joined else 1
    words.sizes[word] = target - start
    return n_log


@inline
def settle(words, pairs, least, left, right, new, step, n_log):
    """Turn what a step has gathered into old pairs that are rarer and new pairs.

    Every neighbour before the new token was before ``left``, every one behind it behind ``right``;
    a new token behind a new one was ``left`` behind ``right``.
    """
    for i in range(n_log):
        token = I64(step.log_token[i])
        if token >= 0 and step.left[token]:
            less_often(pairs, token, left, step.left[token])
            place = -1
            if step.left[token] >= least:
                n = step.n_left[token]
                place = add_pair(words, pairs, token, new, step.left[token], n)
            step.left[token] = 0
            step.n_left[token] = place
        elif token < 0 and step.right[-1 - token]:
            token = -1 - token
            less_often(pairs, right, left if token == new else token, step.right[token])
            place = -1
            if step.right[token] >= least:
                n = step.n_right[token]
                place = add_pair(words, pairs, new, token, step.right[token], n)
            step.right[token] = 0
            step.n_right[token] = place


@inline
def write_holders(pairs, step, n_log):
    """Write the words of the new pairs, and leave the step empty."""
    for i in range(n_log):
        token = step.log_token[i]
        places = step.n_left if token >= 0 else step.n_right
        token = token if token >= 0 else -1 - token
        if places[token] >= 0:
            pairs.holders[places[token]] = step.log_word[i]
            places[token] += 1
    for i in range(n_log):
        token = step.log_token[i]
        if token >= 0:
            step.n_left[token] = 0
        else:
            step.n_right[-1 - token] = 0


@inline
def place_token(words, pairs, number, left, right, new):
    """Note where the bytes of the new token occur: in a word that holds its pair."""
    pairs.token_size[new] = pairs.token_size[left] + pairs.token_size[right]
    first = pairs.first[number]
    for place in range(first, first + pairs.n_holders[number]):
        word = pairs.holders[place]
        start, at = words.starts[word], words.starts[word]
        for i in range(start, start + words.sizes[word] - 1):
            if words.tokens[i] == left and words.tokens[i + 1] == right:
                pairs.token_at[new] = at
                return
            at += pairs.token_size[words.tokens[i]]


@inline
def merge_pair(words, pairs, step, number, left, right, new, least):
    """Join a pair in all words that hold it, and enter the new pairs."""
    drop_root(words, pairs)
    place_token(words, pairs, number, left, right, new)
    n_log, before = 0, -1
    first = pairs.first[number]
    for place in range(first, first + pairs.n_holders[number]):
        word = pairs.holders[place]
        if word != before:  # a word that held the pair twice is listed twice, in a row
            n_log = merge_in_word(words, word, left, right, new, step, n_log)
        before = word
    settle(words, pairs, least, left, right, new, step, n_log)
    write_holders(pairs, step, n_log)
    pairs.counts[number] = 0


@inline
def learn(
    tokens, starts, sizes, occurs, n_words, text, keys, counts, first, n_holders, index, bits,
    holders, heap, known, tie, token_at, token_size, state, left, right, n_left, n_right,
    log_token, log_word, least, n_wanted, n_at_once, room, merges
):  # fmt: skip
    """Learn merges until there are ``n_wanted``, after ``begin``.

    Args:
        tokens, ..., text: ``Words``. keys, ..., state: ``Pairs``. left, ..., log_word: ``Step``.
        least: How often a pair must occur.
        n_at_once: Pause after so many merges.
        room: For how many pairs there is room.
        merges: The pairs are written here, ``int32`` of ``2 * n_wanted``.

    Returns:
        FINISHED; PAUSED; or FULL, when there must be room for more pairs first.

    Cost: for each merge, the words that hold its pair are read once.
    """
    words = Words(tokens, starts, sizes, occurs, n_words, text)
    pairs = Pairs(
        keys, counts, first, n_holders, index, bits, holders, heap, known, tie, token_at,
        token_size, state
    )  # fmt: skip
    step = Step(left, right, n_left, n_right, log_token, log_word)
    stop = min(n_wanted, state[N_MERGES] + n_at_once)
    while state[N_MERGES] < stop:
        new = N_BYTES + state[N_MERGES]
        # A merge makes a pair with each token before it, and with each and itself behind it.
        if state[N_PAIRS] + 2 * new + 1 > room:
            return FULL
        number = next_pair(words, pairs, least)
        if number < 0:
            return FINISHED
        one, two = I64(keys[number] >> U64(20)), I64(keys[number] & LOW_ID)
        merge_pair(words, pairs, step, number, one, two, new, least)
        merges[2 * state[N_MERGES]], merges[2 * state[N_MERGES] + 1] = one, two
        state[N_MERGES] += 1
    return FINISHED if state[N_MERGES] == n_wanted else PAUSED
