"""How well a tokenizer suits a text, in figures."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.text.batch import Text, as_batches
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.display import visible

N_LONGEST = 8
PERCENTS = (90, 95, 99)
"""Where ``to_dict`` reads the coverage curve."""


@dataclass(frozen=True)
class VocabularyFigures:
    """What can be said of a vocabulary without any text.

    Attributes:
        n_rows: Rows of the vocabulary: learned tokens, special tokens, and rows without a token.
        unreachable: Ids of the learned tokens that no text becomes, as far as
            ``reachability.unreachable_tokens`` can tell.
        longest: The learned tokens of the most bytes, longest first.
    """

    n_rows: int
    unreachable: tuple[int, ...]
    longest: tuple[bytes, ...]

    @classmethod
    def of(cls, tokenizer: BaseTokenizer) -> "VocabularyFigures":
        """The figures of a tokenizer. Cost: as ``unreachable_tokens``."""
        longest = np.argsort(-tokenizer.token_lengths(), kind="stable")[:N_LONGEST]
        return cls(
            tokenizer.vocab_size,
            tokenizer.unreachable_ids(),
            tuple(tokenizer.token_bytes(token) for token in longest.tolist()),
        )


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of one tokenizer on one text.

    Attributes:
        vocabulary: What does not depend on the text.
        n_documents: Documents in the text.
        n_bytes: UTF-8 bytes of the documents.
        n_words: Longest runs without white space (as ``str.split`` cuts them). It is a property of
            the text alone: the words of a split pattern would differ from tokenizer to tokenizer.
        counts: How often each token occurs, ``int64`` of shape ``(n_rows,)``. Nothing is put
            between documents.
        n_single_byte: Tokens of the text that are one byte long, letters and marks of ASCII
            included.
    """

    vocabulary: VocabularyFigures
    n_documents: int
    n_bytes: int
    n_words: int
    counts: npt.NDArray[np.int64]
    n_single_byte: int

    @cached_property
    def n_tokens(self) -> int:
        """Tokens that the text becomes."""
        return int(self.counts.sum())

    @property
    def bytes_per_token(self) -> float:
        """UTF-8 bytes of the text for each token: its compression."""
        return self.n_bytes / self.n_tokens

    @property
    def tokens_per_word(self) -> float | None:
        """Tokens of the text, white space included, for each word: fertility.

        None where the text is nothing but white space. It says little of scripts that set no
        blanks between words.
        """
        return self.n_tokens / self.n_words if self.n_words else None

    @property
    def single_byte_share(self) -> float:
        """Share of the tokens of the text that are one byte long, 0 to 1."""
        return self.n_single_byte / self.n_tokens

    @cached_property
    def frequencies(self) -> npt.NDArray[np.int64]:
        """How often the tokens that occur do so, most frequent first: the line of a Zipf plot."""
        return np.sort(self.counts[self.counts > 0])[::-1]

    @property
    def coverage(self) -> npt.NDArray[np.float64]:
        """The share of the text's tokens that its ``n`` most frequent types cover, at ``n - 1``.

        ``float64`` of shape ``(types that occur,)``; never falls, ends at 1.
        """
        return np.cumsum(self.frequencies) / self.n_tokens

    def types_for(self, percent: int) -> int:
        """The fewest types (different tokens) that cover ``percent`` of the text's tokens.

        >>> from cygnet import Tokenizer
        >>> evaluate(Tokenizer([]), "a" * 89 + "bcdefghijkl").types_for(90)
        2
        """
        covered = np.cumsum(self.frequencies)
        return int(np.searchsorted(100 * covered, percent * self.n_tokens)) + 1

    @property
    def n_never_used(self) -> int:
        """Rows of the vocabulary, special tokens included, that do not occur in the text."""
        return self.vocabulary.n_rows - len(self.frequencies)

    @property
    def unreachable(self) -> tuple[int, ...]:
        """Unreachable tokens of the vocabulary, those left out that this text proves reachable."""
        return tuple(token for token in self.vocabulary.unreachable if not self.counts[token])

    def relative_tokens(self, other: "Evaluation") -> float:
        """By how many percent this takes more tokens than ``other``; a saving is negative."""
        return 100 * (self.n_tokens - other.n_tokens) / other.n_tokens

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON knows them: shares from 0 to 1, unreachable tokens by id."""
        return {
            "documents": self.n_documents,
            "bytes": self.n_bytes,
            "words": self.n_words,
            "tokens": self.n_tokens,
            "bytes_per_token": self.bytes_per_token,
            "tokens_per_word": self.tokens_per_word,
            "single_byte_share": self.single_byte_share,
            "types_for": {str(percent): self.types_for(percent) for percent in PERCENTS},
            "rows": self.vocabulary.n_rows,
            "never_used": self.n_never_used,
            "never_used_share": self.n_never_used / self.vocabulary.n_rows,
            "unreachable": list(self.unreachable),
            "longest": [visible(token) for token in self.vocabulary.longest],
        }


def evaluate(
    tokenizer: BaseTokenizer, text: Text, vocabulary: VocabularyFigures | None = None
) -> Evaluation:
    """Encode a text and count.

    Args:
        tokenizer: Any.
        text: Documents; read once, in a stream.
        vocabulary: ``VocabularyFigures.of(tokenizer)``, where they are known from another text.

    Raises:
        InputError: The text is empty.

    Cost: encoding; memory for one batch of documents and a count for each row.

    >>> from cygnet import Tokenizer
    >>> tokenizer = Tokenizer([(104, 117), (256, 103)])   # "hu", "hug"
    >>> found = evaluate(tokenizer, ["hug a hug", "hugs"])
    >>> found.n_tokens, found.n_words, found.n_bytes
    (7, 4, 13)
    >>> round(found.bytes_per_token, 3), found.tokens_per_word, found.n_never_used
    (1.857, 1.75, 255)
    """
    counts = np.zeros(tokenizer.vocab_size, np.int64)
    n_documents = n_bytes = n_words = 0
    for batch in as_batches(text):
        ids, _ = tokenizer.encode_batch(batch)
        counts += np.bincount(ids, minlength=len(counts))
        n_documents += len(batch)
        n_bytes += batch.text_bytes
        n_words += sum(len(document.split()) for document in batch)
    if not n_bytes:
        raise InputError("there is no text to evaluate a tokenizer on")
    return Evaluation(
        vocabulary or VocabularyFigures.of(tokenizer),
        n_documents,
        n_bytes,
        n_words,
        counts,
        int(counts[tokenizer.token_lengths() == 1].sum()),
    )
