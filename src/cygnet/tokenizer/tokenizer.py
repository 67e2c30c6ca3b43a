"""``Tokenizer``: a byte-level BPE that turns text into token ids and back."""

import codecs
import functools
import html
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads
from cygnet.errors import InputError
from cygnet.text.batch import Text, as_batches
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


class Tokenizer:
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

    Attributes:
        vocabulary: The learned tokens and their merges.
        pattern: The regular expression.
        special_tokens: The id of each special token, by name.
        normalizer: As given.
        table_bytes: How much memory a thread may use to remember words already encoded, 48 MiB by
            default, of which only what is used is touched. May be set before the first encoding;
            ids do not depend on it, the speed for text of many different words does.

    Raises:
        InputError: The pattern does not compile; a special token is empty, named twice or has the
            id of another token.

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
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary.from_merges(vocabulary)
        self.vocabulary = vocabulary
        self.pattern = find_pattern(pattern)
        self.normalizer = normalizer
        self.table_bytes = TABLE_BYTES
        self.special_tokens = number_special_tokens(special_tokens, vocabulary)
        self._token_bytes = fill_rows(vocabulary, self.special_tokens)

    @functools.cached_property
    def _encoder(self) -> "Encoder":
        from cygnet.tokenizer.encoding import Encoder

        return Encoder(self.vocabulary, self.pattern, self.normalizer, self.table_bytes)

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
    def load(cls, path: str | Path, pattern: str | None = None) -> "Tokenizer":
        """Load a tokenizer that cygnet or somebody else has made.

        Args:
            path: A run folder; a folder or file with a ``tokenizer.json``, GPT-2's ``encoder.json``
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
    def vocab_size(self) -> int:
        """Rows of the vocabulary, special tokens included."""
        return len(self._token_bytes)

    @property
    def n_live(self) -> int:
        """Rows that some text or the caller can produce: learned and special tokens."""
        return self.vocabulary.n_tokens + len(self.special_tokens)

    @property
    def merges(self) -> list[Pair]:
        """The pairs of token ids that are joined, in the order learned."""
        return [(left, right) for left, right, _ in self.vocabulary.merges.tolist()]

    @property
    def boundary_id(self) -> int | None:
        """Id of the token that ends a document: the first special token, if there is one."""
        return next(iter(self.special_tokens.values()), None)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest of ``uint16`` and ``uint32`` that holds every id."""
        return np.uint16 if self.vocab_size <= 1 << 16 else np.uint32

    @functools.cached_property
    def sha256(self) -> str:
        """Hex sha256 of the ``tokenizer.json`` that ``save`` writes."""
        from cygnet.tokenizer.formats.tokenizer_json import sha256_tokenizer

        return sha256_tokenizer(self)

    def encode(
        self,
        text: str,
        prepend: int | str | None = None,
        append: int | str | None = None,
        allowed_special: Collection[str] = (),
    ) -> list[int]:
        """The token ids of one text.

        Args:
            text: Any string.
            prepend: A token, by id or by special name, to put first.
            append: A token to put last.
            allowed_special: Special tokens that are recognised where ``text`` spells them out. By
                default none: their spelling is ordinary text.

        Raises:
            InputError: A special token is named that this tokenizer does not have.
            EncodingError: ``text`` holds a lone surrogate.

        Cost: about 10 us, and 2 ns a byte.

        >>> tokenizer = Tokenizer([], special_tokens=["<|end|>"])
        >>> tokenizer.encode("hi<|end|>", allowed_special=["<|end|>"])
        [104, 105, 256]
        >>> len(tokenizer.encode("hi<|end|>", append="<|end|>"))
        10
        """
        pieces = self._cut_at_special(text, allowed_special)
        flat, offsets = self.encode_batch(pieces[::2], threads=1)
        ids = [] if prepend is None else [self._find_id(prepend)]
        for i, (start, end) in enumerate(itertools.pairwise(offsets.tolist())):
            ids += flat[start:end].tolist()
            ids += [self.special_tokens[name] for name in pieces[2 * i + 1 : 2 * i + 2]]
        return ids if append is None else [*ids, self._find_id(append)]

    def encode_batch(
        self,
        text: Text,
        prepend: int | str | None = None,
        append: int | str | None = None,
        threads: int | None = None,
    ) -> tuple[npt.NDArray[np.unsignedinteger[Any]], npt.NDArray[np.int64]]:
        """The token ids of many documents, in one flat array.

        Args:
            text: Documents. A ``TextBatch`` is encoded where it lies; ``str`` is copied once.
            prepend: A token to put before every document.
            append: A token to put after every document.
            threads: How many threads share the documents; all cores by default. The ids do not
                depend on it.

        Returns:
            ``ids`` of shape ``(n_tokens,)``, ``uint16`` or ``uint32``; and ``offsets``, ``int64``
            of shape ``(n_documents + 1,)``: document ``i`` is ``ids[offsets[i]:offsets[i + 1]]``.

        Cost: 1 to 2 ns a byte and thread for text whose words repeat; the memory of the ids, and at
        most ``table_bytes`` a thread.

        >>> ids, offsets = Tokenizer([]).encode_batch(["hi", "you"])
        >>> ids.tolist(), offsets.tolist()
        ([104, 105, 121, 111, 117], [0, 2, 5])
        """
        before = -1 if prepend is None else self._find_id(prepend)
        after = -1 if append is None else self._find_id(append)
        threads = threads or available_threads()
        parts = [
            self._encoder.encode(batch, before, after, self.dtype, threads)
            for batch in as_batches(text)
        ]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return np.empty(0, self.dtype), np.zeros(1, np.int64)
        lengths = [np.zeros(1, np.int64), *(np.diff(offsets) for _, offsets in parts)]
        return np.concatenate([ids for ids, _ in parts]), np.concatenate(lengths).cumsum()

    def encode_iterable(self, documents: Iterable[str]) -> Iterator[int]:
        """The token ids of a stream of texts, one by one, in bounded memory.

        >>> list(Tokenizer([]).encode_iterable(["a", "b"]))
        [97, 98]
        """
        for document in documents:
            yield from self.encode(document)

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """The text of token ids.

        Args:
            ids: Token ids in ``0..vocab_size-1``.
            errors: What to do with bytes that are no whole character, as in ``bytes.decode``.

        Raises:
            InputError: An id is out of range; the message names it and its position.
        """
        return self.decode_bytes(ids).decode(errors=errors)

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The bytes of token ids; special tokens give the bytes of their name."""
        table = self._token_bytes
        pieces = []
        for position, token in enumerate(ids):
            if not 0 <= token < len(table):
                raise InputError(
                    f"token id {token} at position {position} is out of range: the vocabulary has"
                    f" {len(table):,} rows"
                )
            pieces.append(table[token])
        return b"".join(pieces)

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """Text for each id as it comes, held back until its characters are complete.

        >>> tokenizer = Tokenizer([])
        >>> list(tokenizer.decode_stream("é!".encode()))
        ['', 'é', '!', '']
        """
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        for token in ids:
            yield decoder.decode(self.token_bytes(token))
        yield decoder.decode(b"", final=True)

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token."""
        return self.decode_bytes([token])

    @property
    def takes_parts(self) -> bool:
        """Whether the ids of a document are those of its parts, cut as ``text.parts`` cuts."""
        return find_scanner(self.pattern) is not None

    def token_lengths(self) -> npt.NDArray[np.int64]:
        """Bytes of text in each token, shape ``(vocab_size,)``; special tokens have none."""
        lengths = np.array([len(token) for token in self._token_bytes], np.int64)
        lengths[list(self.special_tokens.values())] = 0
        return lengths

    def show(self, text: str) -> None:
        """Print the tokens of a text with their borders, and their ids.

        >>> Tokenizer([]).show("a b")
        a│·│b
        97 32 98
        3 tokens, 3 bytes, 1.00 bytes per token
        """
        ids = self.encode(text)
        n_bytes = len(self.decode_bytes(ids))
        print("│".join(visible(self.token_bytes(token)) for token in ids))
        print(" ".join(map(str, ids)))
        ratio = n_bytes / max(1, len(ids))
        print(f"{len(ids):,} tokens, {n_bytes:,} bytes, {ratio:.2f} bytes per token")

    def __repr__(self) -> str:
        specials = ", ".join(self.special_tokens)
        return f"Tokenizer({self.vocab_size:,} tokens, special: {specials or 'none'})"

    def facts(self) -> dict[str, str]:
        """What one wants to know of a vocabulary at a glance, in words, by name."""
        learned = self._token_bytes[N_BYTES : N_BYTES + len(self.merges)]
        longest = sorted(learned, key=len, reverse=True)[:12]
        return {
            "vocabulary": f"{self.vocab_size:,} tokens: 256 bytes, {len(learned):,} learned,"
            f" {len(self.special_tokens)} special",
            "special": " ".join(f"{name} = {i}" for name, i in self.special_tokens.items()),
            "first learned": " │ ".join(visible(token) for token in learned[:12]),
            "last learned": " │ ".join(visible(token) for token in learned[-12:]),
            "longest": " │ ".join(visible(token) for token in longest),
            "split pattern": self.pattern,
        }

    def _repr_html_(self) -> str:
        body = "".join(
            f"<tr><th style='text-align:left'>{name}</th>"
            f"<td style='text-align:left'><code>{html.escape(value)}</code></td></tr>"
            for name, value in self.facts().items()
        )
        return f"<table>{body}</table>"

    def _find_id(self, token: int | str) -> int:
        if isinstance(token, str):
            if token not in self.special_tokens:
                known = ", ".join(self.special_tokens) or "none"
                raise InputError(f"{token!r} is no special token of this tokenizer: it has {known}")
            return self.special_tokens[token]
        self.token_bytes(token)
        return token

    def _cut_at_special(self, text: str, allowed: Collection[str]) -> list[str]:
        """Cut a text before and after every special token that is allowed in it."""
        import regex

        if not allowed:
            return [text]
        for name in allowed:
            self._find_id(name)
        longest_first = sorted(allowed, key=len, reverse=True)
        pieces: list[str] = regex.split(f"({'|'.join(map(regex.escape, longest_first))})", text)
        return pieces
