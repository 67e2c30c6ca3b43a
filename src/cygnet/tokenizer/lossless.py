"""A BPE cut down to the tokens that a text needs, and still a BPE.

Every token of a BPE is a byte or is made of two others, its parents, and each of those must stay
where the token stays. So the tokens that go are *leaves*: those that are nobody's parent. Where a
leaf goes, each of its occurrences becomes two tokens, its parents. The vocabulary is cut by
removing the leaf that occurs least, its count passed on to its parents, until the rest fits: each
step is the one that lengthens the text least.

Text whose tokens all stay is encoded as before: every merge on the way to a token makes one of the
token's ancestors, so none of them is missing, and what comes first is still what comes first.

Source: Purason et al., Teaching Old Tokenizers New Words (arXiv 2512.03989), leaf-based pruning.
"""

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokenizer.frequencies import Counts
from cygnet.tokenizer.reference import N_BYTES
from cygnet.tokenizer.special_tokens import PADDING, check_special_tokens
from cygnet.tokenizer.tokenizer import END_OF_TEXT, Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

Parents = npt.NDArray[np.int64]
SPECIAL_TOKENS = (END_OF_TEXT, PADDING)


def cut_lossless(
    base: Tokenizer,
    counts: Counts,
    live: int,
    dead: int,
    special_tokens: Sequence[str] = SPECIAL_TOKENS,
) -> Tokenizer:
    """A BPE of fewer tokens, with dead rows behind them.

    Args:
        base: Its tokens are chosen from; split pattern and normalizer are kept.
        counts: How often each of them occurs, ``int64`` of shape ``(base.vocab_size,)``.
        live: Rows that text or the caller can produce: 256 bytes, tokens that are kept, and
            special tokens.
        dead: Rows behind them.
        special_tokens: Names; the first one ends a document.

    Returns:
        Bytes 0 to 255, then the tokens kept in the order of their merges, special tokens, dead
        rows: ``live + dead`` rows exactly.

    Raises:
        InputError: ``live`` has no room for the bytes and the special tokens, or the text needs
            fewer tokens.

    Cost: 0.1 s for GPT-2's tokens.

    >>> base = Tokenizer([(104, 117), (256, 103), (98, 117)])          # "hu", "hug", "bu"
    >>> counts = np.bincount(base.encode("hug hug bu bu bu"), minlength=base.vocab_size)
    >>> cut = cut_lossless(base, counts, live=259, dead=5)             # room for one merge
    >>> [cut.token_bytes(token) for token in cut.encode("hug bu")]
    [b'h', b'u', b'g', b' ', b'bu']
    """
    check_special_tokens(special_tokens)
    n_learned = live - len(special_tokens)
    if n_learned < N_BYTES:
        raise InputError(
            f"{live:,} live tokens are too few: {N_BYTES} bytes and {len(special_tokens)} special"
            f" tokens need {N_BYTES + len(special_tokens):,}"
        )
    vocabulary = base.vocabulary
    parents = find_parents(vocabulary)
    kept = choose_tokens(vocabulary, parents, counts, n_learned)
    return Tokenizer(
        _keep(vocabulary, parents, kept), base.pattern, special_tokens, base.normalizer, dead
    )


def find_parents(vocabulary: Vocabulary) -> Parents:
    """The pair that makes each token, the one learned first: ``int64`` of shape ``(n_ids, 2)``.

    Bytes and what no merge makes have -1.
    """
    parents = np.full((len(vocabulary.token_bytes), 2), -1, np.int64)
    left_right, joined = vocabulary.merges[::-1, :2], vocabulary.merges[::-1, 2]
    parents[joined] = left_right  # of several the last one stands: in reverse, the first learned
    parents[vocabulary.byte_ids] = -1
    return parents


def choose_tokens(
    vocabulary: Vocabulary, parents: Parents, counts: Counts, n_wanted: int
) -> npt.NDArray[np.bool_]:
    """Which learned tokens to keep: ``n_wanted`` of them, with all their ancestors.

    Among leaves that occur equally often the one with the highest id goes first.

    Raises:
        InputError: Bytes, the tokens that occur and their ancestors are fewer.
    """
    kept = _needed(vocabulary, parents, counts)
    if kept.sum() < n_wanted:
        raise InputError(
            f"{n_wanted:,} learned tokens were asked, and the sample needs only {kept.sum():,}"
            " (256 bytes, the tokens that occur and what they are made of): take a larger sample,"
            " or fewer live tokens"
        )
    uses = counts[: len(parents)].tolist()
    n_children = np.bincount(parents[kept & (parents[:, 0] >= 0)].reshape(-1), minlength=len(kept))
    n_children[vocabulary.byte_ids] = len(kept)  # bytes never go
    leaves = [(uses[token], -token) for token in np.flatnonzero(kept & (n_children == 0)).tolist()]
    heapq.heapify(leaves)
    for _ in range(int(kept.sum()) - n_wanted):
        count, negative = heapq.heappop(leaves)
        kept[-negative] = False
        for parent in parents[-negative].tolist():
            if parent < 0:
                continue  # a token that no merge makes: it was a leaf and had no parents
            uses[parent] += count
            n_children[parent] -= 1
            if not n_children[parent]:
                heapq.heappush(leaves, (uses[parent], -parent))
    return kept


def _needed(vocabulary: Vocabulary, parents: Parents, counts: Counts) -> npt.NDArray[np.bool_]:
    """Bytes, tokens that occur, and the ancestors of these."""
    needed = counts[: len(parents)] > 0
    needed[vocabulary.byte_ids] = True
    newest = np.flatnonzero(needed)
    while len(newest):
        above = np.unique(parents[newest])
        newest = above[(above >= 0) & ~needed[above]]
        needed[newest] = True
    return needed


def _keep(vocabulary: Vocabulary, parents: Parents, kept: npt.NDArray[np.bool_]) -> Vocabulary:
    """The vocabulary of the tokens kept, numbered as cygnet does, and the merges among them."""
    made = vocabulary.merges[:, 2]
    in_order = dict.fromkeys([*vocabulary.byte_ids.tolist(), *made[kept[made]].tolist()])
    in_order |= dict.fromkeys(np.flatnonzero(kept).tolist())  # what no merge makes
    old_ids = list(in_order)
    new_ids = np.full(len(kept), -1, np.int32)
    new_ids[old_ids] = np.arange(len(old_ids))
    merges = new_ids[vocabulary.merges]
    return Vocabulary(
        [vocabulary.token_bytes[token] for token in old_ids],
        np.ascontiguousarray(merges[(merges >= 0).all(axis=1)]),
        vocabulary.whole_words,
    )
