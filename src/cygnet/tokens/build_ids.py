"""Writing token files from ids and loss masks: conversations, or what another tool encoded."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokens.build import build_from
from cygnet.tokens.format import Manifest
from cygnet.tokens.shards import Piece

Document = tuple[npt.ArrayLike, npt.ArrayLike | None]
"""Token ids, and which of them count in the loss: 1 or 0 for each, or None for all."""
BATCH_TOKENS = 1 << 20


def build_from_ids(
    folder: str | Path,
    tokenizer: BaseTokenizer,
    splits: Mapping[str, Iterable[Document]],
    *,
    shard_tokens: int = 100_000_000,
    resume: bool = False,
) -> Manifest:
    """Write documents that are ids already, each with a loss mask beside it.

    Args:
        folder: Where the files go; made where missing.
        tokenizer: The one that the ids are of. Its boundary token, if it has one, is added to every
            document, and counts in the loss where the token before it does.
        splits: The documents of each split, in order.
        shard_tokens, resume: As for ``build``.

    Returns:
        What was written, as it stands in ``manifest.json``.

    Raises:
        InputError: An id is not of this tokenizer, a mask is not of the length of its document or
            holds something else than 0 and 1, or what ``build`` refuses.
        StorageError: The disk is full; finished shards stay.

    Killed and called again with ``resume``, it goes on behind the finished shards, and the bytes
    are those of a call that was never killed. Cost: memory for a million tokens or one document.

    >>> from cygnet import Tokenizer
    >>> import tempfile
    >>> tokenizer = Tokenizer([])
    >>> document = [*b"2+2=", *b"4"], [0, 0, 0, 0, 1]
    >>> manifest = build_from_ids(tempfile.mkdtemp(), tokenizer, {"train": [document]})
    >>> manifest.splits["train"].tokens       # the boundary among them
    6
    """
    sources = {name: _IdsSource(name, found, tokenizer) for name, found in splits.items()}
    return build_from(folder, tokenizer, sources, shard_tokens, resume)


class _IdsSource:
    """Documents that are ids already."""

    is_masked = True

    def __init__(self, split: str, documents: Iterable[Document], tokenizer: BaseTokenizer) -> None:
        self._documents = enumerate(documents)
        self._split, self._tokenizer = split, tokenizer
        self._token_lengths = tokenizer.token_lengths()

    def skip(self, n_documents: int) -> int:
        """Leave out documents that are written; returns the bytes of their text."""
        written = itertools.islice(self._documents, n_documents)
        return sum(self._text_bytes(self._check(*item)[0]) for item in written)

    def pieces(self) -> Iterator[Piece]:
        """The other documents, about a million tokens at a time."""
        checked: list[tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]] = []
        waiting = 0
        for item in self._documents:
            checked.append(self._check(*item))
            waiting += len(checked[-1][0])
            if waiting >= BATCH_TOKENS:
                yield self._join(checked)
                checked, waiting = [], 0
        if checked:
            yield self._join(checked)

    def _check(
        self, number: int, document: Document
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
        """Ids and mask of a document, with its boundary."""
        what = f"document {number} of the {self._split} split"
        ids = np.asarray(document[0])
        mask = np.ones(len(ids), np.uint8) if document[1] is None else np.asarray(document[1])
        if not len(ids) or ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise InputError(f"{what} is no list of token ids")
        if ids.min() < 0 or ids.max() >= self._tokenizer.vocab_size:
            raise InputError(
                f"{what} holds the id {ids.max() if ids.min() >= 0 else ids.min()}, but the"
                f" tokenizer has {self._tokenizer.vocab_size:,} tokens"
            )
        if mask.shape != ids.shape or not np.isin(mask, (0, 1)).all():
            raise InputError(f"{what} has {len(ids):,} tokens: its mask must be a 0 or 1 for each")
        if self._tokenizer.boundary_id is not None:
            ids, mask = np.append(ids, self._tokenizer.boundary_id), np.append(mask, mask[-1])
        return ids.astype(self._tokenizer.dtype), mask.astype(np.uint8)

    def _join(self, checked: list[tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]]) -> Piece:
        ids, masks = zip(*checked, strict=True)
        return Piece(
            np.concatenate(ids),
            np.cumsum([len(document) for document in ids]),
            np.array([self._text_bytes(document) for document in ids]),
            np.concatenate(masks),
        )

    def _text_bytes(self, ids: npt.NDArray[Any]) -> int:
        return int(self._token_lengths[ids].sum())
