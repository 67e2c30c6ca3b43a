"""``Tokenizer``: a byte-level BPE that turns text into token ids and back."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cygnet.errors import InputError
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.base import BaseTokenizer, Ids, Offsets
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.patterns import find_pattern, find_scanner
from cygnet.tokenizer.reference import N_BYTES, Pair
from cygnet.tokenizer.special_tokens import (
    check_special_tokens,
    fill_rows,
    number_special_tokens,
)
from cygnet.tokenizer.vocabulary import Vocabulary

if TYPE_CHECKING:
    from cygnet.tokenizer.encoding import Encoder
    from cygnet.tokenizer.training import TieBreak

TABLE_BYTES = 48 << 20
END_OF_TEXT = "<|endoftext|>"


class Tokenizer(BaseTokenizer):
    """A byte-level BPE: split pattern, merges, special tokens.

    Every string has an encoding, and decoding gives it back exactly. Text never becomes a special
    token unless the caller allows that token by name.

    Args:
        vocabulary: What was learned; or pairs of token ids in the order learned, where 0..255 are
            the bytes and 256 the first merge.
        pattern: A name of ``patterns.PATTERNS`` or a regular expression: how text is cut into
            words.
        special_tokens: Names, whose ids follow the learned tokens; or the id of each name. The
            first one ends a document.
        normalizer: ``"nfc"`` brings text to that Unicode form first, as Qwen's tokenizers do (then
            decoding gives the normal form of a text); None leaves it alone.
        n_dead: How many dead rows follow all others: rows for a model, which no text becomes.

    Attributes:
        vocabulary: The learned tokens and their merges.
        pattern: The regular expression.
        special_tokens: The id of each special token, by name.
        dead_ids: The ids of the dead rows.
        normalizer: As given.
        table_bytes: How much memory a thread may use to remember words already encoded, 48 MiB by
            default, of which only what is used is touched. May be set before the first encoding;
            ids do not depend on it, the speed for text of many different words does.

    Raises:
        InputError: The pattern does not compile; a special token is empty, named twice or has the
            id of another token; ``n_dead`` is negative.

    >>> tokenizer = Tokenizer.train(["hug hug hugs", "bug"], vocab_size=259)
    >>> tokenizer.encode("hugs")
    [257, 115]
    >>> tokenizer.decode([257, 115])
    'hugs'
    >>> tokenizer.special_tokens
    {'<|endoftext|>': 258}
    """

    def __init__(
        self,
        vocabulary: Vocabulary | Sequence[Pair],
        pattern: str = "gpt2",
        special_tokens: Sequence[str] | Mapping[str, int] = (END_OF_TEXT,),
        normalizer: Literal["nfc"] | None = None,
        n_dead: int = 0,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary.from_merges(vocabulary)
        special = number_special_tokens(special_tokens, vocabulary)
        super().__init__(fill_rows(vocabulary, special, n_dead), special, n_dead)
        self.vocabulary = vocabulary
        self.pattern = find_pattern(pattern)
        self.normalizer = normalizer
        self.table_bytes = TABLE_BYTES

    @functools.cached_property
    def _encoder(self) -> "Encoder":
        from cygnet.tokenizer.encoding import Encoder

        return Encoder(self.vocabulary, self.pattern, self.normalizer, self.table_bytes)

    def _encode(
        self, batch: TextBatch, before: int, after: int, threads: int
    ) -> tuple[Ids, Offsets]:
        return self._encoder.encode(batch, before, after, self.dtype, threads)

    @classmethod
    def train(
        cls,
        text: Text,
        vocab_size: int,
        *,
        pattern: str = "gpt2",
        special_tokens: Sequence[str] = (END_OF_TEXT,),
        min_frequency: int = 2,
        tie_break: "TieBreak" = "ids",
        doc_cap: int | None = None,
        max_chars: int | None = None,
        threads: int | None = None,
    ) -> "Tokenizer":
        """Learn a vocabulary from text.

        Args:
            text: Documents.
            vocab_size: Rows wanted: 256 bytes, learned tokens and special tokens together.
            pattern: How text is cut into words, by name or as a regular expression.
            special_tokens: Added after the learned tokens; never learned from text.
            min_frequency: Stop when no pair of tokens occurs this often.
            tie_break: Which of equally frequent pairs is joined first; see ``learn_merges``. The
                ids of the bytes do not depend on it.
            doc_cap: Characters of each document that count.
            max_chars: Characters of the corpus that count.
            threads: How many threads count words; all cores by default. What is learned does not
                depend on it.

        Returns:
            A tokenizer of at most ``vocab_size`` rows; fewer where the text holds no more pairs.

        Raises:
            InputError: ``vocab_size`` has no room for the bytes and the special tokens; there is
                no text, or the pattern matches nothing of it; a special token is learned from it.

        Cost: a pass over the text, 1 to 2 ns a byte and thread; then 5 to 100 us a merge. Memory
        for the distinct words.
        """
        from cygnet.tokenizer.counting import check_pattern, count_words, limit
        from cygnet.tokenizer.training import learn_merges

        n_merges = cls.room_for_merges(vocab_size, special_tokens)
        expression = find_pattern(pattern)
        batches = as_batches(text)
        if doc_cap is not None or max_chars is not None:
            batches = limit(batches, doc_cap, max_chars)
        words = count_words(check_pattern(batches, expression), expression, threads=threads)
        if not len(words):
            raise InputError("there is no text to learn a vocabulary from")
        merges = learn_merges(words, n_merges, min_frequency, tie_break=tie_break)
        return cls(merges, pattern, special_tokens)

    @staticmethod
    def room_for_merges(vocab_size: int, special_tokens: Sequence[str]) -> int:
        """How many tokens can be learned in a vocabulary of ``vocab_size`` rows."""
        check_special_tokens(special_tokens)
        least = N_BYTES + len(special_tokens)
        if vocab_size < least:
            raise InputError(
                f"vocab_size {vocab_size:,} is too small: {N_BYTES} bytes and"
                f" {len(special_tokens)} special tokens need at least {least:,}"
            )
        return vocab_size - least

    @classmethod
    def load(cls, path: str | Path, pattern: str | None = None) -> BaseTokenizer:
        """Load a tokenizer of any kind, that cygnet or somebody else has made.

        Args:
            path: A run folder; a folder or file with a ``tokenizer.json``, a
                ``token_mapping.json`` (then it is a ``CompactTokenizer``), GPT-2's ``encoder.json``
                and ``vocab.bpe`` (or ``vocab.json`` and ``merges.txt``), a ``.tiktoken`` file, or
                nanochat's ``tokenizer.pkl``, which is not executed.
            pattern: How text is cut into words, by name or as a regular expression, for files that
                do not say it: ``.tiktoken`` files other than OpenAI's, and GPT-2's pair, where it
                is ``"gpt2"`` by default.

        Raises:
            InputError: There is none, it is not a byte-level BPE, or it has a part that cygnet
                cannot do; the message names the part.
            DamagedError: A file cannot be read as what it should be.
        """
        from cygnet.tokenizer import formats

        return formats.load(Path(path), pattern)

    def save(self, folder: str | Path) -> None:
        """Write ``tokenizer.json``, ``tokenizer_config.json`` and ``vocab.txt`` into a folder.

        ``transformers.AutoTokenizer.from_pretrained`` loads it; ``vocab.txt`` is for people.
        ``cygnet.tokenizer.formats.save`` writes other formats.
        """
        from cygnet.tokenizer import formats

        formats.save(self, Path(folder))

    @property
    def merges(self) -> list[Pair]:
        """The pairs of token ids that are joined, in the order learned."""
        return [(left, right) for left, right, _ in self.vocabulary.merges.tolist()]

    @property
    def takes_parts(self) -> bool:
        """Whether the ids of a document are those of its parts, cut as ``text.parts`` cuts."""
        return find_scanner(self.pattern) is not None

    @property
    def is_lossless(self) -> bool:
        """Whether decoding gives back every text exactly: unless a normalizer changes it first."""
        return self.normalizer is None

    @functools.cached_property
    def sha256(self) -> str:
        """Hex sha256 of the ``tokenizer.json`` that ``save`` writes."""
        from cygnet.tokenizer.formats.tokenizer_json import sha256_tokenizer

        return sha256_tokenizer(self)

    def __repr__(self) -> str:
        specials = ", ".join(self.special_tokens)
        return f"Tokenizer({self.vocab_size:,} tokens, special: {specials or 'none'})"

    def facts(self) -> dict[str, str]:
        """What one wants to know of a vocabulary at a glance, in words, by name."""
        learned = self._token_bytes[N_BYTES : N_BYTES + len(self.merges)]
        longest = sorted(learned, key=len, reverse=True)[:12]
        dead = f", {len(self.dead_ids):,} dead rows" if self.dead_ids else ""
        return {
            "vocabulary": f"{self.vocab_size:,} tokens: 256 bytes, {len(learned):,} learned,"
            f" {len(self.special_tokens)} special{dead}",
            "special": " ".join(f"{name} = {i}" for name, i in self.special_tokens.items()),
            "first learned": " │ ".join(visible(token) for token in learned[:12]),
            "last learned": " │ ".join(visible(token) for token in learned[-12:]),
            "longest": " │ ".join(visible(token) for token in longest),
            "split pattern": self.pattern,
        }

    def unreachable_ids(self) -> tuple[int, ...]:
        """Ids of learned tokens that no text becomes, as far as ``unreachable_tokens`` can tell."""
        from cygnet.tokenizer.reachability import unreachable_tokens

        return unreachable_tokens(self)
