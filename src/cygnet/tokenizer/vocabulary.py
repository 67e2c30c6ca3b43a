"""``Vocabulary``: the bytes of every token and the merges that make it, whatever the numbering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokenizer import reference
from cygnet.tokenizer.reference import N_BYTES, Pair

# Room in the table of merges for tokens that are made of a second pair, as only odd files have.
ROOM = 4
MAX_IDS = 1 << 20
"""The kernels pack ids and ranks into 20 bits."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What a byte-level BPE has learned.

    Attributes:
        token_bytes: The bytes of each token, by id; ``b""`` where no learned token has that id.
        merges: ``int32`` of shape ``(n_merges, 3)``: left id, right id and the id that they join
            to, in the order learned. The earliest one that applies is applied first.
        whole_words: Whether a word that is a token as a whole becomes that token even where the
            merges would not lead to it (tiktoken; ``ignore_merges`` of ``tokenizers``).

    Raises:
        InputError: Some byte has no token of its own, so that not every text has an encoding; a
            merge names an id that no token has; or there are more than 2**20 ids or merges.

    >>> vocabulary = Vocabulary.from_merges([(104, 117), (256, 103)])
    >>> vocabulary.token_bytes[257], vocabulary.merges.tolist()
    (b'hug', [[104, 117, 256], [256, 103, 257]])
    """

    token_bytes: Sequence[bytes]
    merges: npt.NDArray[np.int32]
    whole_words: bool = False

    def __post_init__(self) -> None:
        missing = sorted(set(range(N_BYTES)) - {t[0] for t in self.token_bytes if len(t) == 1})
        if missing:
            raise InputError(
                f"{len(missing)} of the 256 bytes have no token, the first is 0x{missing[0]:02x}:"
                " this is no byte-level BPE"
            )
        n_most = max(len(self.token_bytes), len(self.merges))
        if n_most > MAX_IDS:
            raise InputError(f"a vocabulary may have {MAX_IDS:,} ids and merges, not {n_most:,}")
        wrong = (self.merges < 0) | (self.merges >= len(self.token_bytes))
        if wrong.any():
            raise InputError(f"a merge names the id {self.merges[wrong][0]}, which no token has")

    @classmethod
    def from_merges(cls, merges: Sequence[Pair]) -> "Vocabulary":
        """Number the tokens as cygnet does: bytes 0..255, then one for each merge, in order."""
        joined = range(N_BYTES, N_BYTES + len(merges))
        triples = [(left, right, new) for (left, right), new in zip(merges, joined, strict=True)]
        return cls(reference.token_bytes(merges), np.array(triples, np.int32).reshape(-1, 3))

    @property
    def byte_ids(self) -> npt.NDArray[np.int32]:
        """The id of each single byte, ``int32`` of shape ``(256,)``."""
        ids = np.zeros(N_BYTES, np.int32)
        for token, content in enumerate(self.token_bytes):
            if len(content) == 1:
                ids[content[0]] = token
        return ids

    @property
    def n_tokens(self) -> int:
        """Ids that a learned token has: 256 bytes and the rest."""
        return sum(1 for content in self.token_bytes if content)

    @classmethod
    def from_ranks(cls, ranks: Mapping[bytes, int]) -> "Vocabulary":
        """The vocabulary of a tiktoken rank file: a token's rank is its id and its priority.

        tiktoken joins any two neighbours whose bytes together are a token, lowest rank first. The
        bytes of a token, taken alone, thus go through the same steps as they do inside any word in
        which they become that token, so that each token has one pair that makes it: the last two
        parts on that way.

        Raises:
            InputError: Ranks are not 0, 1, 2, ... without a gap, or a byte is missing.
        """
        by_rank = sorted(ranks, key=ranks.__getitem__)
        for rank, content in enumerate(by_rank):
            if ranks[content] != rank:
                raise InputError(
                    f"the ranks have a gap: {rank} is missing, {ranks[content]} follows"
                )
        return cls(by_rank, _merges_of(by_rank), whole_words=True)


def _merges_of(by_rank: list[bytes]) -> npt.NDArray[np.int32]:
    """The pair that makes each token, from tokens in the order of their ranks.

    A token is encoded with the merges of lower rank; the two parts that are left are its pair.
    The few that are left in more need merges of higher rank inside: they are tried again with all.
    """
    from cygnet.tokenizer.encoding import MergeTable, split_tokens

    merges = np.empty((0, 3), np.int32)
    table = MergeTable(Vocabulary(by_rank, merges), n_merges=ROOM * len(by_rank))
    n_learned = 1
    while n_learned:
        if len(merges) > (ROOM - 1) * len(by_rank):
            raise InputError("the ranks make no BPE: their tokens have several pairs each")
        found, n_learned = split_tokens(by_rank, table, learn=True)
        made = np.flatnonzero(found[:, 0] == 2)
        new = np.column_stack([found[made, 1:], made])
        merges = np.concatenate([merges, new.astype(np.int32)])
    return merges[np.argsort(merges[:, 2])]
