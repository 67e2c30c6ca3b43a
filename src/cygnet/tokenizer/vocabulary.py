"""``Vocabulary``: the bytes of every token and the merges that make it, whatever the numbering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokenizer import reference
from cygnet.tokenizer.reference import N_BYTES, Pair


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
        InputError: Some byte has no token of its own; then not every text has an encoding.

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
        merges: dict[Pair, tuple[int, int]] = {}
        byte_ids = [ranks[bytes([byte])] for byte in range(N_BYTES)]
        for token in range(len(by_rank)):
            parts = reference.encode(by_rank[token], merges, byte_ids)
            if len(parts) == 2:
                merges[parts[0], parts[1]] = (token, token)
        triples = [(*pair, token) for pair, (_, token) in merges.items()]
        return cls(by_rank, np.array(triples, np.int32).reshape(-1, 3), whole_words=True)
