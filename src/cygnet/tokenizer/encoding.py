"""Encoding batches: the tables that the kernels work on, and threads over them."""

import unicodedata
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.cores import run_ahead
from cygnet.machine_code import kernels
from cygnet.text.batch import TextBatch
from cygnet.tokenizer.patterns import Splitter, find_scanner
from cygnet.tokenizer.reference import N_BYTES
from cygnet.tokenizer.unicode_classes import character_classes
from cygnet.tokenizer.vocabulary import Vocabulary

UInts = npt.NDArray[np.unsignedinteger[Any]]
EMPTY, NO_RANK = np.iinfo(np.uint64).max, 1 << 20
# The kernels ask for room only where a word is longer than those that have a place in the log.
LEAST_ROOM = 256
# Words whose borders are found before the first of them is looked up.
WORDS_AT_ONCE = 1024
# All tables of words, ``kernels.words.Tables``, for each set of short words; and values behind the
# end of the log, for the longest record.
BYTES_A_SET, LONGEST_RECORD = 384, 1024
CACHE_LINE = 64
# Text that one thread takes at a time.
PIECE_BYTES = 2 << 20


class MergeTable:
    """The merges of a vocabulary as the kernels look them up: ``kernels.merging.Merges``.

    Args:
        vocabulary: Its merges and bytes.
        n_merges: How many merges there is room for; those of the vocabulary by default.

    Cost: 40 to 70 bytes a merge, 256 KB for pairs of bytes; 10 ms for 50,000 merges.
    """

    def __init__(self, vocabulary: Vocabulary, n_merges: int | None = None) -> None:
        byte_ids = vocabulary.byte_ids.astype(np.uint32)
        byte_values = np.full(len(vocabulary.token_bytes), -1, np.int32)
        byte_values[byte_ids] = np.arange(N_BYTES, dtype=np.int32)
        room = len(vocabulary.merges) if n_merges is None else n_merges
        bits = max(4, (2 * room).bit_length() + 1)
        self.arguments = (
            byte_ids,
            np.full(N_BYTES * N_BYTES, NO_RANK, np.uint32),
            np.full((1 << bits) + room + 2, EMPTY, np.uint64),
            bits,
            np.zeros(max(1, room), np.uint32),
        )
        kernels()["add_merges"](
            vocabulary.merges.reshape(-1), len(vocabulary.merges), byte_values, *self.arguments
        )
        self.wholes = _whole_words(vocabulary, self)


class Worker:
    """What one thread needs to encode: its tables of words and its scratch memory."""

    def __init__(self, merges: MergeTable, table_bytes: int) -> None:
        self._merges = merges
        bits = max(8, (table_bytes // BYTES_A_SET).bit_length() - 1)
        self._words = (
            _zeros(16 << bits),
            np.zeros(1, np.int64),
            _zeros(8 << bits),
            _zeros((24 << bits) + LONGEST_RECORD),
            np.zeros(1, np.int64),
            bits,
        )
        self._borders = np.empty(WORDS_AT_ONCE, np.int64)
        self._make_room(LEAST_ROOM)

    def _make_room(self, word_bytes: int) -> None:
        """Have room for words of this size."""
        self._room = make_room(word_bytes)  # may fail: then the old room is still the one in use
        self._word_bytes = word_bytes

    @property
    def _tables(self) -> tuple[Any, ...]:
        return *self._words, *self._merges.arguments, *self._merges.wholes, *self._room

    def encode(
        self, batch: TextBatch, scanner: int, before: int, after: int, dtype: Any
    ) -> tuple[UInts, npt.NDArray[np.int64]]:
        """The ids of a batch; ``before`` and ``after`` are ids, or -1."""
        n = len(batch)
        out = np.empty(batch.text_bytes + 2 * n + 5, dtype)
        offsets = np.zeros(n + 1, np.int64)
        state = np.zeros(4, np.int64)
        kernel = kernels()["encode_batch_u16" if dtype == np.uint16 else "encode_batch_u32"]
        while needed := kernel(
            batch.data, len(batch.data), batch.starts, batch.ends, n, scanner, character_classes(),
            before, after, *self._tables, self._word_bytes, self._borders, WORDS_AT_ONCE, state,
            out, offsets
        ):  # fmt: skip
            self._make_room(2 * needed)
        out.resize(int(state[3]), refcheck=False)
        return out, offsets

    def encode_words(self, data: npt.NDArray[np.uint8], borders: npt.NDArray[np.int64]) -> UInts:
        """The ids of words that end at ``borders``; the first begins at 0."""
        longest = int(np.diff(borders, prepend=0).max(initial=0))
        if longest > self._word_bytes:
            self._make_room(2 * longest)
        out = np.empty(len(data) + 5, np.uint32)
        n_ids = kernels()["encode_given"](
            data, len(data), *self._tables, borders, len(borders), WORDS_AT_ONCE, out
        )
        return out[:n_ids]


def _zeros(n: int) -> npt.NDArray[np.uint64]:
    """Zeros that begin where a line of the cache does."""
    room = np.zeros(n + CACHE_LINE // 8, np.uint64)
    start = -room.__array_interface__["data"][0] % CACHE_LINE // 8
    return room[start : start + n]


class Encoder:
    """Encodes batches for one vocabulary and split pattern, on any number of threads."""

    def __init__(
        self, vocabulary: Vocabulary, pattern: str, normalizer: str | None, table_bytes: int
    ) -> None:
        self._table_bytes = table_bytes
        self._merges = MergeTable(vocabulary)
        self._scanner = find_scanner(pattern)
        self._pattern = pattern
        self._normalizer = normalizer
        self._idle: deque[Worker] = deque()

    @cached_property
    def _split(self) -> Splitter:
        """For a pattern without a scanner; it would cost every fresh process an import."""
        return Splitter(self._pattern)

    def encode(
        self, batch: TextBatch, before: int, after: int, dtype: Any, threads: int
    ) -> tuple[UInts, npt.NDArray[np.int64]]:
        """The ids of a batch and where each document's end; see ``Tokenizer.encode_batch``."""
        if self._normalizer:
            batch = normalise(batch)
        pieces = cut(batch) if threads > 1 else [batch]
        if len(pieces) == 1:
            return self._encode_piece(pieces[0], before, after, dtype)
        parts = list(
            run_ahead(lambda p: self._encode_piece(p, before, after, dtype), pieces, threads)
        )
        lengths = np.concatenate([np.diff(offsets) for _, offsets in parts])
        return np.concatenate([ids for ids, _ in parts]), np.concatenate([[0], lengths.cumsum()])

    def _encode_piece(
        self, piece: TextBatch, before: int, after: int, dtype: Any
    ) -> tuple[UInts, npt.NDArray[np.int64]]:
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = Worker(self._merges, self._table_bytes)
        try:
            if self._scanner is not None:
                return worker.encode(piece, self._scanner, before, after, dtype)
            return self._encode_by_regex(worker, piece, before, after, dtype)
        finally:
            self._idle.append(worker)

    def _encode_by_regex(
        self, worker: Worker, piece: TextBatch, before: int, after: int, dtype: Any
    ) -> tuple[UInts, npt.NDArray[np.int64]]:
        around = [np.array([i] if i >= 0 else [], np.uint32) for i in (before, after)]
        parts, lengths = [], [0]
        for document in piece:
            sizes = [len(word.encode()) for word in self._split(document)]
            data = np.frombuffer(document.encode() + bytes(16), np.uint8)
            ids = worker.encode_words(data, np.cumsum(sizes, dtype=np.int64))
            parts += [around[0], ids, around[1]]
            lengths.append(len(ids) + len(around[0]) + len(around[1]))
        flat = np.concatenate(parts) if parts else np.empty(0)
        return flat.astype(dtype), np.cumsum(lengths, dtype=np.int64)


def make_room(word_bytes: int) -> tuple[Any, ...]:
    """Scratch memory for a word of ``word_bytes``: ``kernels.merging.Room``."""
    return (
        np.empty(word_bytes, np.uint32),
        np.empty(LEAST_ROOM, np.uint32),
        np.empty(6 * word_bytes, np.uint64),
        np.empty(WORDS_AT_ONCE, np.int64),
        np.empty(WORDS_AT_ONCE, np.uint64),
    )


def cut(batch: TextBatch, piece_bytes: int = PIECE_BYTES) -> list[TextBatch]:
    """Cut a batch into pieces of about ``piece_bytes``; no document is cut, no text is copied."""
    sizes = np.cumsum(batch.ends - batch.starts)
    if not len(sizes) or sizes[-1] <= piece_bytes:
        return [batch]
    marks = np.arange(piece_bytes, sizes[-1], piece_bytes)
    borders = np.unique(np.concatenate([[0], np.searchsorted(sizes, marks) + 1, [len(sizes)]]))
    pieces = [
        TextBatch(batch.data, batch.starts[a:b], batch.ends[a:b])
        for a, b in pairwise(borders.tolist())
    ]
    pieces[-1] = replace(pieces[-1], continues=batch.continues)
    return pieces


def normalise(batch: TextBatch) -> TextBatch:
    """The documents in Unicode's normal form C; the same batch where they are so already."""
    if not (batch.data >= 0xCC).any():  # below U+0300 every text is in normal form
        return batch
    documents = list(batch)
    if all(unicodedata.is_normalized("NFC", document) for document in documents):
        return batch
    return TextBatch.from_strings(unicodedata.normalize("NFC", text) for text in documents)


def split_tokens(
    tokens: Sequence[bytes], merges: MergeTable, learn: bool
) -> tuple[npt.NDArray[np.int32], int]:
    """Encode the bytes of every token, taken alone; see the kernel ``merge_tokens``.

    Returns:
        ``int32`` of shape ``(n_tokens, 3)``: how many ids, and the first two of them; and how many
        merges were learned.
    """
    data, ends = _join(tokens)
    found = np.zeros((len(tokens), 3), np.int32)
    longest = max(LEAST_ROOM, *map(len, tokens))
    n_learned = kernels()["merge_tokens"](
        data, ends, len(tokens), *merges.arguments, *make_room(longest), int(learn),
        found.reshape(-1)
    )  # fmt: skip
    return found, n_learned


def _whole_words(
    vocabulary: Vocabulary, merges: MergeTable
) -> tuple[npt.NDArray[np.uint64], int, npt.NDArray[np.uint8]]:
    """The tokens that must be looked up whole, since merges miss them: ``kernels.words.Wholes``."""
    tokens = vocabulary.token_bytes
    data, ends = _join(tokens)
    if not vocabulary.whole_words:
        return np.zeros(4, np.uint64), 0, data
    found, _ = split_tokens(tokens, merges, learn=False)
    alone = (found[:, 0] == 1) & (found[:, 1] == np.arange(len(tokens)))
    missed = [i for i in np.flatnonzero(~alone).tolist() if tokens[i]]
    if not missed:
        return np.zeros(4, np.uint64), 0, data
    bits = max(2, (2 * len(missed)).bit_length())
    table = np.zeros((1 << bits, 4), np.uint64)
    for token in missed:
        mixed = _hash(tokens[token])
        slot = mixed >> (64 - bits)
        while table[slot, 1]:
            slot = (slot + 1) % len(table)
        size = len(tokens[token])
        table[slot] = mixed, token + 1, int(ends[token]) - size, size
    return table.reshape(-1), bits, data


def _hash(word: bytes) -> int:
    """The hash of the kernel ``whole_word``."""
    mixed = len(word)
    for byte in word:
        mixed = (mixed ^ byte) * 0x9E3779B97F4A7C15 % (1 << 64)
    return mixed


def _join(tokens: Sequence[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
    return np.frombuffer(b"".join(tokens), np.uint8), np.cumsum(sizes)
