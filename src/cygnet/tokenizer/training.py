"""Learning a byte-level BPE: count the words once, then touch only the words a merge changes."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise

from cygnet.text.batch import Text, as_batches
from cygnet.tokenizer.patterns import Splitter
from cygnet.tokenizer.reference import Pair, join


def count_words(
    text: Text, pattern: str, on_bytes: Callable[[int], None] = lambda n: None
) -> Counter[bytes]:
    """How often each word occurs, as UTF-8 bytes.

    Args:
        text: Documents; words never cross the end of one.
        pattern: A regular expression that cuts a document into words.
        on_bytes: Called with the bytes of text counted after each batch.

    Cost: memory for the distinct words; 5 to 10 MB of text per second.
    """
    split = Splitter(pattern)
    counts: Counter[str] = Counter()
    for batch in as_batches(text):
        for document in batch:
            counts.update(split(document))
        on_bytes(batch.text_bytes)
    return Counter({word.encode(): count for word, count in counts.items()})


def learn_merges(
    words: Mapping[bytes, int],
    n_merges: int,
    min_frequency: int = 2,
    on_merge: Callable[[int], None] = lambda n: None,
) -> list[Pair]:
    """The merges that ``reference.train`` learns from the same words, in a fraction of the time.

    The counts of all pairs are kept, with the words that hold each pair. A merge changes only
    those words. The heap may hold outdated counts: counts of old pairs only fall, so an entry that
    comes out on top is either right or put back with its present count.

    Args:
        words: Each word and how often it occurs. Ties between pairs do not depend on its order.
        n_merges: How many merges are wanted.
        min_frequency: Stop when no pair occurs this often.
        on_merge: Called with 1 after each merge.

    Returns:
        At most ``n_merges`` pairs of token ids, in the order learned.

    Source: Sennrich et al. 2016 (arXiv 1508.07909), on bytes as in GPT-2.
    """
    tokens = [list(word) for word in words]
    occurs = list(words.values())
    counts: Counter[Pair] = Counter()
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, word in enumerate(tokens):
        for pair in pairwise(word):
            counts[pair] += occurs[index]
            holders[pair].add(index)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapq.heapify(heap)

    merges: list[Pair] = []
    while heap and len(merges) < n_merges:
        negative, pair = heapq.heappop(heap)
        if -negative != counts[pair]:
            if counts[pair] > 0:
                heapq.heappush(heap, (-counts[pair], pair))
            continue
        if counts[pair] < min_frequency:
            break
        new = 256 + len(merges)
        changed = _merge_everywhere(tokens, occurs, counts, holders, pair, new)
        for other in changed:
            heapq.heappush(heap, (-counts[other], other))
        merges.append(pair)
        on_merge(1)
    return merges


def _merge_everywhere(
    tokens: list[list[int]],
    occurs: list[int],
    counts: Counter[Pair],
    holders: defaultdict[Pair, set[int]],
    pair: Pair,
    new: int,
) -> set[Pair]:
    """Join ``pair`` into ``new`` in every word that holds it; return the pairs that are new."""
    created: set[Pair] = set()
    for index in holders.pop(pair):
        word, count = tokens[index], occurs[index]
        for old in pairwise(word):
            counts[old] -= count
        tokens[index] = word = join(word, pair, new)
        for fresh in pairwise(word):
            counts[fresh] += count
            holders[fresh].add(index)
            if new in fresh:
                created.add(fresh)
    del counts[pair]
    return created
