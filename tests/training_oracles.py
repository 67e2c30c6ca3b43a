"""Training by others: a readable definition for each tie rule, rustbpe, and ``tokenizers``.

Every function gives merges as pairs of byte strings, in the order learned.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from cygnet.tokenizer.reference import token_bytes

Merges = list[tuple[bytes, bytes]]
PRINTABLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
# GPT-2 writes printable bytes as themselves, and the others, in order, as characters from U+0100.
ALPHABET = [*PRINTABLE, *(byte for byte in range(256) if byte not in PRINTABLE)]
CHARACTERS = dict(
    zip([*map(chr, PRINTABLE), *(chr(256 + i) for i in range(68))], ALPHABET, strict=True)
)


def as_bytes(merges: Iterable[tuple[int, int]]) -> Merges:
    """Pairs of ids as pairs of byte strings."""
    merges = list(merges)
    table = token_bytes(merges)
    return [(table[left], table[right]) for left, right in merges]


def brute_force(words: Mapping[bytes, int], n_merges: int, least: int, rule: str) -> Merges:
    """Count all pairs anew for each merge; tokens are byte strings, as in CS336."""
    split = {word: [word[i : i + 1] for i in range(len(word))] for word in words}
    order = ALPHABET if rule == "hf" else range(256)
    numbers = {bytes([byte]): number for number, byte in enumerate(order)}
    merges: Merges = []
    while len(merges) < n_merges:
        counts: Counter[tuple[bytes, bytes]] = Counter()
        for word, tokens in split.items():
            for pair in pairwise(tokens):
                counts[pair] += words[word]
        most = max(counts.values(), default=0)
        if most < max(1, least):
            break
        ties = [pair for pair, count in counts.items() if count == most]
        by_ids = min(ties, key=lambda pair: (numbers[pair[0]], numbers[pair[1]]))
        best = max(ties) if rule == "bytes" else by_ids
        numbers[best[0] + best[1]] = len(numbers)
        merges.append(best)
        split = {word: join(tokens, best) for word, tokens in split.items()}
    return merges


def join(tokens: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    joined: list[bytes] = []
    for token in tokens:
        # What was joined is longer than either half, so that it is not taken for one.
        if joined and (joined[-1], token) == pair:
            joined[-1] += token
        else:
            joined.append(token)
    return joined


def by_rustbpe(documents: Iterable[str], n_merges: int, pattern: str) -> Merges:
    """Each item is a document; what the pattern does not match is dropped, and ids break ties."""
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(iter(documents), 256 + n_merges, pattern=pattern)
    ranks = {bytes(token): rank for token, rank in tokenizer.get_mergeable_ranks()}
    return [parents(token, ranks) for token in sorted(ranks, key=ranks.__getitem__)[256:]]


def parents(token: bytes, ranks: Mapping[bytes, int]) -> tuple[bytes, bytes]:
    """The two tokens that were joined into one: what earlier merges make of its bytes."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(left + right, len(ranks)) for left, right in pairwise(parts)]
        first = min(range(len(pairs)), key=pairs.__getitem__)
        parts[first : first + 2] = [parts[first] + parts[first + 1]]
    left, right = parts
    return left, right


def by_tokenizers(documents: Iterable[str], n_merges: int, pattern: str) -> Merges:
    """Each item is a document; what the pattern does not match becomes words of its own."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=256 + n_merges,
        min_frequency=2,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(iter(documents), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(to_bytes(left), to_bytes(right)) for left, right in merges]


def to_bytes(token: str) -> bytes:
    """The bytes of a token in GPT-2's alphabet."""
    return bytes(CHARACTERS[character] for character in token)
