"""Byte-level byte-pair encoding, as short as it can be said. Slow, and the definition.

A tokenizer is a list of merges. Learning: split the text into words, write each word as its bytes,
and again and again join the pair of neighbouring tokens that occurs most often into a new token.
Encoding: split, and join the pair that was learned first, until no learned pair is left.

>>> merges = train({b"hug": 3, b"bug": 2, b"hugs": 1}, n_merges=2)
>>> merges                                   # "u" + "g" -> 256, then "h" + 256 -> 257
[(117, 103), (104, 256)]
>>> encode(b"hugs", ranks(merges))
[257, 115]
>>> decode([257, 115], token_bytes(merges))
b'hugs'

Everything faster in this package must give what this gives; the tests hold them together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

N_BYTES = 256
Pair = tuple[int, int]
Ranks = Mapping[Pair, tuple[int, int]]
"""For each pair its place in the order of learning, and the token that it is joined to."""


def train(words: Mapping[bytes, int], n_merges: int, min_frequency: int = 2) -> list[Pair]:
    """Learn merges from words and how often each occurs.

    The most frequent pair is joined first; among equals the one with the lowest ids (bytes are
    0..255, the first merge makes 256). Ends early when no pair occurs ``min_frequency`` times.
    """
    split = {word: list(word) for word in words}
    merges: list[Pair] = []
    while len(merges) < n_merges:
        counts: Counter[Pair] = Counter()
        for word, tokens in split.items():
            for pair in pairwise(tokens):
                counts[pair] += words[word]
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        if counts[best] < min_frequency:
            break
        split = {word: join(tokens, best, 256 + len(merges)) for word, tokens in split.items()}
        merges.append(best)
    return merges


def encode(word: bytes, ranks: Ranks, byte_ids: Sequence[int] = range(N_BYTES)) -> list[int]:
    """The tokens of one word: the pair that was learned first is joined first."""
    tokens = [byte_ids[byte] for byte in word]
    while len(tokens) > 1:
        known = [pair for pair in pairwise(tokens) if pair in ranks]
        if not known:
            break
        first = min(known, key=lambda pair: ranks[pair][0])
        tokens = join(tokens, first, ranks[first][1])
    return tokens


def decode(tokens: Sequence[int], token_bytes: Sequence[bytes]) -> bytes:
    """The bytes of a sequence of tokens."""
    return b"".join(token_bytes[token] for token in tokens)


def join(tokens: Sequence[int], pair: Pair, new: int) -> list[int]:
    """Replace every occurrence of ``pair``, from the left, by ``new``.

    >>> join([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    joined: list[int] = []
    position = 0
    while position < len(tokens):
        if tuple(tokens[position : position + 2]) == pair:
            joined.append(new)
            position += 2
        else:
            joined.append(tokens[position])
            position += 1
    return joined


def ranks(merges: Sequence[Pair]) -> Ranks:
    """The place of each merge in the order of learning, and its token: 256 and what follows."""
    return {pair: (rank, N_BYTES + rank) for rank, pair in enumerate(merges)}


def token_bytes(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes of every token: the 256 single bytes, then what each merge joins."""
    table = [bytes([byte]) for byte in range(256)]
    for left, right in merges:
        table.append(table[left] + table[right])
    return table
