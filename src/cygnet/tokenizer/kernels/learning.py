"""Learning merges: a merge touches only the words that hold its pair.

A pair ``(a, b)`` is born in the step that makes the later of ``a`` and ``b``; from then on its
count only falls. So what is known of a pair at its birth stays true: the list of the words that may
hold it never grows, and a count in the heap is right or too high. A pair too rare at its birth is
never kept at all.
"""

from typing import Any, NamedTuple

from cygnet.tokenizer.kernels.bits import I64, U64, inline
from cygnet.tokenizer.kernels.merging import MULTIPLIER

IDS, BYTES = 0, 1
N_BYTES = 256
LOW_ID = U64((1 << 20) - 1)
FINISHED, FULL, PAUSED = 0, 1, 2
# Places of the state.
N_MERGES, N_PAIRS, N_HEAP, N_HOLDERS, BEGUN = range(5)


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
def find_pair(pairs, key):
    """The number of a pair, or -1."""
    slot = I64((key * MULTIPLIER) >> U64(64 - pairs.bits))
    while pairs.index[slot] >= 0:
        if pairs.keys[pairs.index[slot]] == key:
            return I64(pairs.index[slot])
        slot = (slot + 1) & ((1 << pairs.bits) - 1)
    return -1


@inline
def enter_pair(pairs, number):
    """Put a pair into the index."""
    slot = I64((pairs.keys[number] * MULTIPLIER) >> U64(64 - pairs.bits))
    while pairs.index[slot] >= 0:
        slot = (slot + 1) & ((1 << pairs.bits) - 1)
    pairs.index[slot] = number


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
    enter_pair(pairs, number)
    pairs.heap[state[N_HEAP]] = number
    state[N_HEAP] += 1
    sift_up(words, pairs, state[N_HEAP] - 1)
    state[N_PAIRS] += 1
    state[N_HOLDERS] += n_holders
    return state[N_HOLDERS] - n_holders


@inline
def begin(words, pairs, least, counts, places):
    """Find the pairs of bytes.

    Args:
        counts, places: Zeros, ``int64`` of ``256 * 256`` each.
    """
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
def less_often(pairs, left, right, count):
    """A pair has become less frequent."""
    number = find_pair(pairs, U64(left) << U64(20) | U64(right))
    if number >= 0:
        pairs.counts[number] -= count


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
def learn(
    tokens, starts, sizes, occurs, n_words, text, keys, counts, first, n_holders, index, bits,
    holders, heap, known, tie, token_at, token_size, state, left, right, n_left, n_right,
    log_token, log_word, least, n_wanted, n_at_once, room, merges, byte_counts, byte_places
):  # fmt: skip
    """Learn merges until there are ``n_wanted``.

    Args:
        tokens, ..., text: ``Words``. keys, ..., state: ``Pairs``. left, ..., log_word: ``Step``.
        least: How often a pair must occur.
        n_at_once: Pause after so many merges.
        room: For how many pairs there is room.
        merges: The pairs are written here, ``int32`` of ``2 * n_wanted``.
        byte_counts, byte_places: Zeros, see ``begin``.

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
    if not state[BEGUN]:
        begin(words, pairs, least, byte_counts, byte_places)
        state[BEGUN] = 1
    stop = min(n_wanted, state[N_MERGES] + n_at_once)
    while state[N_MERGES] < stop:
        new = N_BYTES + state[N_MERGES]
        if state[N_PAIRS] + 2 * new + 2 > room:
            return FULL
        number = next_pair(words, pairs, least)
        if number < 0:
            return FINISHED
        one, two = I64(keys[number] >> U64(20)), I64(keys[number] & LOW_ID)
        drop_root(words, pairs)
        place_token(words, pairs, number, one, two, new)
        n_log, before = 0, -1
        for place in range(first[number], first[number] + n_holders[number]):
            word = holders[place]
            if word != before:  # a word that held the pair twice is listed twice, in a row
                n_log = merge_in_word(words, word, one, two, new, step, n_log)
            before = word
        settle(words, pairs, least, one, two, new, step, n_log)
        write_holders(pairs, step, n_log)
        counts[number] = 0
        merges[2 * state[N_MERGES]], merges[2 * state[N_MERGES] + 1] = one, two
        state[N_MERGES] += 1
    return FINISHED if state[N_MERGES] == n_wanted else PAUSED


@inline
def index_pairs(keys, n_pairs, index, bits):
    """Fill an empty index."""
    for number in range(n_pairs):
        slot = I64((keys[number] * MULTIPLIER) >> U64(64 - bits))
        while index[slot] >= 0:
            slot = (slot + 1) & ((1 << bits) - 1)
        index[slot] = number
    return FINISHED
