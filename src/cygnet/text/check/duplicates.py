"""Documents that are the same, or nearly.

Exact duplicates have the same bytes (BLAKE2b, 128 bits). Near duplicates have the same runs of five
words, or most of them: the Jaccard similarity of the two sets of runs is at least 0.8. The measure
is that of Lee et al. (arXiv:2107.06499). MinHash signatures (rensa) only propose pairs; what is
reported has been compared run by run.
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from cygnet.cores import run_ahead
from cygnet.text.batch import TextBatch
from cygnet.text.check.corpus import Corpus, Piece, numbered
from cygnet.text.check.encoding import mend
from cygnet.text.check.words import Ints, UInts, mix, read_words, runs

SHINGLE_WORDS = 5
THRESHOLD = 0.8
N_HASHES, N_BANDS, N_ROWS = 128, 21, 6
SEED = 1
# Shingles of documents that wait to be compared; where they are more, the text is read again.
HELD_BYTES = 256 << 20
ROW_WEIGHTS = mix(np.arange(1, N_ROWS + 1, dtype=np.uint64)) | np.uint64(1)


def join_documents(batch: TextBatch) -> tuple[bytes, Ints]:
    """The documents with a line break behind each, and where these line breaks are."""
    data = batch.data.data
    borders = zip(batch.starts.tolist(), batch.ends.tolist(), strict=True)
    text = b"\n".join([*(data[start:end] for start, end in borders), b""])
    return text, np.cumsum(batch.ends - batch.starts + 1) - 1


def digests(batch: TextBatch) -> UInts:
    """A fingerprint of each document, ``uint64`` of shape ``(n_documents, 2)``."""
    data = batch.data.data
    borders = zip(batch.starts.tolist(), batch.ends.tolist(), strict=True)
    found = [hashlib.blake2b(data[start:end], digest_size=16).digest() for start, end in borders]
    return np.frombuffer(b"".join(found), np.uint64).reshape(-1, 2)


def first_copies(fingerprints: UInts) -> Ints:
    """For each document the index of the first one with the same fingerprint.

    >>> first_copies(np.array([[7, 1], [7, 2], [7, 1]], np.uint64)).tolist()
    [0, 1, 0]
    """
    order = np.lexsort(fingerprints.T)
    ranked = fingerprints[order]
    new = np.append(True, (ranked[1:] != ranked[:-1]).any(axis=1))[: len(order)]
    firsts = np.empty(len(order), np.int64)
    firsts[order] = order[np.flatnonzero(new)[np.cumsum(new) - 1]]
    return firsts


def bands(shingles: UInts, counts: Ints) -> npt.NDArray[np.uint32]:
    """The keys under which a document is looked up: two that are similar share one, probably.

    With similarity s the probability is ``1 - (1 - s**6)**21``: 0.998 at 0.8, 0.28 at 0.5, 0.015
    at 0.3.

    Returns:
        ``uint32`` of shape ``(n_documents, 21)``.
    """
    from rensa import RMinHash

    offsets = np.append(0, np.cumsum(counts)).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, offsets, N_HASHES, SEED)
    hashes = np.array(matrix.to_rows(), np.uint64).reshape(len(counts), N_HASHES)
    rows = hashes[:, : N_BANDS * N_ROWS].reshape(-1, N_BANDS, N_ROWS)
    keys: npt.NDArray[np.uint32] = (mix(rows @ ROW_WEIGHTS) >> np.uint64(32)).astype(np.uint32)
    return keys


def pairs_within(keys: npt.NDArray[np.uint32]) -> Ints:
    """Each document with the first one that has the same key in a band.

    Only with the first: a thousand copies with small changes are a thousand pairs, not a million.

    Returns:
        Pairs of indices, the smaller first, ``int64`` of shape ``(n_pairs, 2)``.
    """
    found = np.empty(0, np.int64)
    for column in keys.T:
        _, firsts, groups = np.unique(column, return_index=True, return_inverse=True)
        left = firsts[groups]
        right = np.flatnonzero(left != np.arange(len(left)))
        found = np.union1d(found, left[right] * len(keys) + right)
    return np.stack(np.divmod(found, max(1, len(keys))), axis=1)


def pairs_across(keys: npt.NDArray[np.uint32], others: npt.NDArray[np.uint32]) -> Ints:
    """Each document with the first of the others that has the same key in a band.

    Returns:
        Indices in ``keys`` and in ``others``, ``int64`` of shape ``(n_pairs, 2)``.
    """
    found = np.empty(0, np.int64)
    for column, other in zip(keys.T, others.T, strict=True):
        values, firsts = np.unique(other, return_index=True)
        if len(values):
            at = np.minimum(np.searchsorted(values, column), len(values) - 1)
            left = np.flatnonzero(values[at] == column)
            found = np.union1d(found, left * len(others) + firsts[at[left]])
    return np.stack(np.divmod(found, max(1, len(others))), axis=1)


def similarities(
    corpora: Sequence[Corpus], pairs: Ints, n_shingles: Ints, threads: int
) -> npt.NDArray[np.float64]:
    """The Jaccard similarity of the shingles of each pair; 0 where the sizes say it is below 0.8.

    Args:
        corpora: Where the documents are; they are numbered through all of them.
        pairs: Numbers of two documents, the smaller first, ``int64`` of shape ``(n_pairs, 2)``.
        n_shingles: How many shingles each document has.

    Cost: one reading of the corpora for every 256 MiB of shingles, at 8 bytes a word, of the
    documents that come first in a pair.
    """
    found = np.zeros(len(pairs))
    if not len(pairs):
        return found
    lefts = np.unique(pairs[:, 0])
    rounds = np.cumsum(8 * n_shingles[lefts]) // HELD_BYTES
    round_of = rounds[np.searchsorted(lefts, pairs[:, 0])]
    for chosen in map(partial(np.equal, round_of), np.unique(rounds)):
        found[chosen] = _similarities_of_round(corpora, pairs[chosen], threads)
    return found


def _similarities_of_round(
    corpora: Sequence[Corpus], pairs: Ints, threads: int
) -> npt.NDArray[np.float64]:
    found = np.zeros(len(pairs))
    by_right: dict[int, list[int]] = {}
    for index, right in enumerate(pairs[:, 1].tolist()):
        by_right.setdefault(right, []).append(index)
    lefts = set(pairs[:, 0].tolist())
    held: dict[int, UInts] = {}
    for document, shingles in _read_shingles(corpora, np.unique(pairs), threads):
        for index in by_right.get(document, ()):
            found[index] = jaccard(held[int(pairs[index, 0])], shingles)
        if document in lefts:
            held[document] = shingles
    return found


def jaccard(one: UInts, other: UInts) -> float:
    """Shared members over all members of two sets (sorted, unique); 0 if it cannot reach 0.8.

    >>> jaccard(np.arange(9, dtype=np.uint64), np.arange(10, dtype=np.uint64))
    0.9
    """
    if min(len(one), len(other)) < THRESHOLD * max(len(one), len(other)):
        return 0.0
    together = np.sort(np.concatenate([one, other]))
    shared = int(np.count_nonzero(together[1:] == together[:-1]))
    return shared / (len(together) - shared)


def _read_shingles(
    corpora: Sequence[Corpus], wanted: Ints, threads: int
) -> Iterator[tuple[int, UInts]]:
    """The sets of shingles of some documents, in order."""

    def read(numbered_piece: tuple[int, Piece]) -> list[tuple[int, UInts]]:
        first, piece = numbered_piece
        here = wanted[np.searchsorted(wanted, first) :]
        here = here[: np.searchsorted(here, first + len(piece.batch))]
        chosen = piece.batch.select(np.isin(np.arange(len(piece.batch)), here - first))
        return list(zip(here.tolist(), shingle_sets(chosen), strict=True))

    for found in run_ahead(read, numbered(corpora), threads):
        yield from found


def shingle_sets(batch: TextBatch) -> list[UInts]:
    """The shingles of each document, sorted, each once."""
    text, ends = join_documents(batch)
    shingles, counts = runs(read_words(mend(text)[0], ends), SHINGLE_WORDS, whole=True)
    return [np.unique(part) for part in np.split(shingles, np.cumsum(counts)[:-1])][: len(batch)]
