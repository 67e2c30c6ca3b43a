"""How often each token occurs in a sample of documents that a seed alone decides."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.text.batch import TextBatch, as_batches
from cygnet.tokenizer.base import BaseTokenizer

Counts = npt.NDArray[np.int64]
Batches = Iterable[TextBatch]
PER_THOUSAND = (900, 950, 990, 995, 999)
"""Where a coverage curve is read, in thousandths of the tokens."""


def choose_documents(n_documents: int, sample: int | None, seed: int) -> npt.NDArray[np.bool_]:
    """Which documents are in the sample.

    The documents are those at the first ``sample`` places of
    ``numpy.random.default_rng(seed).permutation(n_documents)``: what
    ``dataset.shuffle(seed=seed).select(range(sample))`` of Hugging Face's ``datasets`` takes.

    Args:
        n_documents: How many there are.
        sample: How many are wanted; all if none, or if there are no more.
        seed: Another seed, another sample.

    Returns:
        ``bool`` of shape ``(n_documents,)``.

    Raises:
        InputError: ``sample`` is below 1.

    Cost: eight bytes a document, 10 ns a document.

    >>> choose_documents(8, 3, seed=42).nonzero()[0].tolist()
    [2, 3, 4]
    """
    if sample is not None and sample < 1:
        raise InputError(f"a sample of {sample} documents holds no text: ask for at least 1")
    chosen = np.zeros(n_documents, np.bool_)
    if sample is None or sample >= n_documents:
        chosen[:] = True
    else:
        chosen[np.random.default_rng(seed).permutation(n_documents)[:sample]] = True
    return chosen


@dataclass(frozen=True)
class Sample:
    """Some of the documents of a corpus.

    Attributes:
        read: Reads the corpus; called once for each pass.
        n_documents: Documents in the corpus.
        chosen: Which of them are in the sample, ``bool`` of shape ``(n_documents,)``.
    """

    read: Callable[[], Batches]
    n_documents: int
    chosen: npt.NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        read: Callable[[], Batches],
        sample: int | None,
        seed: int,
        n_documents: int | None = None,
    ) -> "Sample":
        """A seeded sample; see ``choose_documents``.

        Args:
            read: Reads the corpus.
            sample, seed: How many documents, and which.
            n_documents: How many documents there are, if it is known; else they are counted.

        Raises:
            InputError: The corpus holds no document.
        """
        if n_documents is None:
            n_documents = sum(batch.n_ended for batch in read())
        if not n_documents:
            raise InputError("there is no text to count tokens in")
        return cls(read, n_documents, choose_documents(n_documents, sample, seed))

    @property
    def n_chosen(self) -> int:
        """Documents in the sample."""
        return int(self.chosen.sum())

    def batches(self) -> Iterator[TextBatch]:
        """The documents of the sample, in the order of the corpus."""
        first = 0
        for batch in self.read():
            inside = batch.select(self.chosen[first : first + len(batch)])
            first += batch.n_ended
            if len(inside):
                yield inside


@dataclass(frozen=True, eq=False)
class Frequencies:
    """How often each token of a tokenizer occurs in a text.

    Attributes:
        counts: By id, ``int64`` of shape ``(vocab_size,)``.
        n_documents: Documents of the text.
        n_bytes: UTF-8 bytes of the text.
    """

    counts: Counts
    n_documents: int
    n_bytes: int

    @property
    def n_tokens(self) -> int:
        """Tokens that the text becomes."""
        return int(self.counts.sum())

    @property
    def n_types(self) -> int:
        """Different tokens among them."""
        return int(np.count_nonzero(self.counts))

    @property
    def ranked(self) -> npt.NDArray[np.int64]:
        """The ids that occur, most frequent first, the lower id first among equals."""
        ids = np.flatnonzero(self.counts)
        return ids[np.argsort(-self.counts[ids], kind="stable")]

    def covered(self) -> Counts:
        """How many tokens the most frequent ``n`` types make up, at ``n - 1``."""
        return np.cumsum(self.counts[self.ranked])

    def types_for(self, per_thousand: int) -> int:
        """The fewest types that make up so many thousandths of all tokens.

        >>> Frequencies(np.array([5, 0, 90, 5]), 1, 100).types_for(950)
        2
        """
        return int(np.searchsorted(1000 * self.covered(), per_thousand * self.n_tokens)) + 1


def count_tokens(
    tokenizer: BaseTokenizer, batches: Batches, on_bytes: Callable[[int], None] = lambda n: None
) -> Frequencies:
    """Encode a text and count; nothing is put between documents.

    Args:
        tokenizer: Any.
        batches: The text.
        on_bytes: Called with the bytes of text done after each batch.

    Cost: encoding, and 1 ns a token; memory for a batch of ids. The counts do not depend on how the
    text is cut into batches.

    >>> from cygnet import Tokenizer
    >>> found = count_tokens(Tokenizer([]), [TextBatch.from_strings(["aab", "b"])])
    >>> found.n_tokens, found.ranked.tolist()
    (4, [97, 98])
    """
    counts = np.zeros(tokenizer.vocab_size, np.int64)
    n_documents = n_bytes = 0
    for batch in as_batches(batches, parts=tokenizer.takes_parts):
        ids, _ = tokenizer.encode_batch(batch)
        counts += np.bincount(ids, minlength=len(counts))
        n_documents += batch.n_ended
        n_bytes += batch.text_bytes
        on_bytes(batch.text_bytes)
    return Frequencies(counts, n_documents, n_bytes)
