"""``SentencePieceTokenizer``: a BPE over characters, as the checkpoints of llama2.c need it."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.base import BaseTokenizer, Ids, Offsets
from cygnet.tokenizer.display import visible

BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
NEVER_IN_UTF8 = {0xC0, 0xC1, *range(0xF5, 0x100)}


class SentencePieceTokenizer(BaseTokenizer):
    """A BPE over characters, with a token for each byte of a character that it does not have.

    A text is encoded as one word, behind a blank that is put before it; decoding takes the blank
    away again. Nothing in it is normalised.

    Args:
        pieces: The spelling of each token, by id; those of bytes are ``<0x00>`` to ``<0xFF>``.
        special_tokens: Ids of pieces that are no text. The first one ends a document.
        merges: Pairs of pieces that are joined, first those that come first.

    Raises:
        InputError: A piece of a byte is missing, or two pieces are spelled the same.

    Cost of encoding: about 2 us a character. It is plain Python, for prompts rather than corpora.

    >>> pieces = ["<s>", *BYTES, " ", "a", " a"]
    >>> tokenizer = SentencePieceTokenizer(pieces, {"<s>": 0}, [(" ", "a")])
    >>> tokenizer.encode("a\\n"), tokenizer.decode([259, 11])
    ([259, 11], 'a\\n')
    """

    def __init__(
        self,
        pieces: Sequence[str],
        special_tokens: Mapping[str, int],
        merges: Sequence[tuple[str, str]],
    ) -> None:
        self.pieces, self.merges = tuple(pieces), tuple(merges)
        self._ids = {piece: token for token, piece in enumerate(self.pieces)}
        if len(self._ids) < len(self.pieces):
            raise InputError("two pieces of the vocabulary are spelled the same")
        missing = [piece for piece in BYTES if piece not in self._ids]
        if missing:
            raise InputError(f"the vocabulary has no piece {missing[0]}: bytes need 256 of them")
        values = {piece: bytes([byte]) for byte, piece in enumerate(BYTES)}
        rows = [values.get(piece, piece.encode()) for piece in self.pieces]
        super().__init__(rows, special_tokens, n_dead=0)
        hidden = {*BYTES, *special_tokens}
        self._characters = {piece: [i] for piece, i in self._ids.items() if piece not in hidden}
        self._joined = {
            (self._ids[left], self._ids[right]): (rank, self._ids[left + right])
            for rank, (left, right) in reversed([*enumerate(self.merges)])
        }

    @property
    def is_lossless(self) -> bool:
        """True: what is no piece is spelled in bytes."""
        return True

    @property
    def takes_parts(self) -> bool:
        """False: a blank is put before every text, so that parts have ids of their own."""
        return False

    @cached_property
    def sha256(self) -> str:
        """Hex sha256 of the ``tokenizer.json`` that ``save`` writes."""
        from cygnet.tokenizer.formats import sentencepiece

        return sentencepiece.sha256(self)

    def save(self, folder: str | Path) -> None:
        """Write ``tokenizer.json`` and ``tokenizer_config.json``, which ``AutoTokenizer`` loads."""
        from cygnet.tokenizer.formats import sentencepiece

        sentencepiece.write(self, Path(folder))

    def decode(self, ids: Iterable[int], errors: str = "replace") -> str:
        """The text of token ids, without the blank that encoding puts before it."""
        return super().decode(ids, errors).removeprefix(" ")

    def facts(self) -> dict[str, str]:
        """What one wants to know of a vocabulary at a glance, in words, by name."""
        longest = sorted(self._characters, key=len, reverse=True)[:12]
        return {
            "vocabulary": f"{self.vocab_size:,} tokens: 256 bytes, {len(self._characters):,}"
            f" pieces, {len(self.special_tokens)} special",
            "special": " ".join(f"{name} = {i}" for name, i in self.special_tokens.items()),
            "longest": " │ ".join(visible(piece.encode()) for piece in longest),
        }

    def unreachable_ids(self) -> tuple[int, ...]:
        """Ids of bytes that no text needs: of ASCII that has a piece, and of none in UTF-8."""
        of_pieces = {byte for byte in range(128) if chr(byte) in self._characters}
        return tuple(sorted(self._ids[BYTES[byte]] for byte in NEVER_IN_UTF8 | of_pieces))

    def __repr__(self) -> str:
        return f"SentencePieceTokenizer({self.vocab_size:,} tokens)"

    def _encode(
        self, batch: TextBatch, before: int, after: int, threads: int
    ) -> tuple[Ids, Offsets]:
        first, last = ([token] if token >= 0 else [] for token in (before, after))
        documents = [[*first, *self._encode_text(text), *last] for text in batch]
        flat = [token for document in documents for token in document]
        offsets = np.cumsum([0, *map(len, documents)], dtype=np.int64)
        return np.array(flat, self.dtype), offsets

    def _encode_text(self, text: str) -> list[int]:
        """Join the pair of lowest rank, the leftmost of several, until none is left."""
        ids = (
            [token for character in " " + text for token in self._spell(character)] if text else []
        )
        n = len(ids)
        left, right = [*range(-1, n - 1)], [*range(1, n + 1)]
        pairs = enumerate(pairwise(ids))
        heap = [(*self._joined[pair], i, pair) for i, pair in pairs if pair in self._joined]
        heapq.heapify(heap)
        while heap:
            _, joined, i, pair = heapq.heappop(heap)
            j = right[i]
            if j == n or (ids[i], ids[j]) != pair:
                continue  # one of the two has been joined with another since
            ids[i], ids[j], right[i] = joined, -1, right[j]
            if right[j] < n:
                left[right[j]] = i
            for k in (left[i], i):
                new = (ids[k], ids[right[k]]) if k >= 0 and right[k] < n else None
                if new in self._joined:
                    heapq.heappush(heap, (*self._joined[new], k, new))
        return [token for token in ids if token >= 0]

    def _spell(self, character: str) -> list[int]:
        in_bytes = [self._ids[BYTES[byte]] for byte in character.encode()]
        return self._characters.get(character, in_bytes)
