"""``BaseTokenizer``: what every tokenizer can do, and the little that each kind must bring."""

import abc
import codecs
import html
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads
from cygnet.errors import InputError
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.display import visible

Ids = npt.NDArray[np.unsignedinteger[Any]]
Offsets = npt.NDArray[np.int64]


class BaseTokenizer(abc.ABC):
    """Text to token ids and back. ``Tokenizer`` and ``CompactTokenizer`` are the two kinds.

    A row of the vocabulary is a learned token, a special token, or *dead*: a row that the model
    has and no text becomes. Dead rows are the last ones, and ``encode`` never gives one.

    Args:
        token_bytes: What each row decodes to; ``b""`` for rows that decode to nothing.
        special_tokens: The id of each special token, by name. The first one ends a document.
        n_dead: How many of the last rows are dead.

    Attributes:
        special_tokens: As given.
        dead_ids: The ids of the dead rows.
    """

    def __init__(
        self, token_bytes: Sequence[bytes], special_tokens: Mapping[str, int], n_dead: int
    ) -> None:
        self.special_tokens = dict(special_tokens)
        self.dead_ids = range(len(token_bytes) - n_dead, len(token_bytes))
        self._token_bytes = token_bytes

    @property
    @abc.abstractmethod
    def is_lossless(self) -> bool:
        """Whether decoding gives back every text exactly, byte by byte."""

    @property
    @abc.abstractmethod
    def takes_parts(self) -> bool:
        """Whether the ids of a document are those of its parts, cut as ``text.parts`` cuts."""

    @property
    @abc.abstractmethod
    def sha256(self) -> str:
        """Hex sha256 of all that the ids depend on."""

    @abc.abstractmethod
    def save(self, folder: str | Path) -> None:
        """Write what ``Tokenizer.load`` reads into a folder."""

    @abc.abstractmethod
    def facts(self) -> dict[str, str]:
        """What one wants to know of a vocabulary at a glance, in words, by name."""

    @abc.abstractmethod
    def unreachable_ids(self) -> tuple[int, ...]:
        """Ids of learned tokens that no text becomes; see ``reachability``."""

    @abc.abstractmethod
    def _encode(
        self, batch: TextBatch, before: int, after: int, threads: int
    ) -> tuple[Ids, Offsets]:
        """Encode a batch; ``before`` and ``after`` are ids around each document, or -1."""

    @property
    def vocab_size(self) -> int:
        """Rows of the vocabulary, special tokens included."""
        return len(self._token_bytes)

    @property
    def n_live(self) -> int:
        """Rows that some text or the caller can produce: learned and special tokens."""
        return sum(1 for content in self._token_bytes if content)

    @property
    def boundary_id(self) -> int | None:
        """Id of the token that ends a document: the first special token, if there is one."""
        return next(iter(self.special_tokens.values()), None)

    @property
    def dtype(self) -> type[np.unsignedinteger[Any]]:
        """The smallest of ``uint16`` and ``uint32`` that holds every id."""
        return np.uint16 if self.vocab_size <= 1 << 16 else np.uint32

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

        >>> from cygnet import Tokenizer
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
    ) -> tuple[Ids, Offsets]:
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

        >>> from cygnet import Tokenizer
        >>> ids, offsets = Tokenizer([]).encode_batch(["hi", "you"])
        >>> ids.tolist(), offsets.tolist()
        ([104, 105, 121, 111, 117], [0, 2, 5])
        """
        before = -1 if prepend is None else self._find_id(prepend)
        after = -1 if append is None else self._find_id(append)
        threads = threads or available_threads()
        parts = [self._encode(batch, before, after, threads) for batch in as_batches(text)]
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return np.empty(0, self.dtype), np.zeros(1, np.int64)
        lengths = [np.zeros(1, np.int64), *(np.diff(offsets) for _, offsets in parts)]
        return np.concatenate([ids for ids, _ in parts]), np.concatenate(lengths).cumsum()

    def encode_iterable(self, documents: Iterable[str]) -> Iterator[int]:
        """The token ids of a stream of texts, one by one, in bounded memory.

        >>> from cygnet import Tokenizer
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

        >>> from cygnet import Tokenizer
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

    def token_lengths(self) -> npt.NDArray[np.int64]:
        """Bytes of text in each token, shape ``(vocab_size,)``; special tokens have none."""
        lengths = np.array([len(token) for token in self._token_bytes], np.int64)
        lengths[list(self.special_tokens.values())] = 0
        return lengths

    def show(self, text: str) -> None:
        """Print the tokens of a text with their borders, and their ids.

        >>> from cygnet import Tokenizer
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
        if token in self.dead_ids:
            raise InputError(f"token {token} is dead: it stands in no text")
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
