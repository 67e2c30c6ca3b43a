"""Writing token files: text in, shards out, in a stream.

A shard is written as ``.tmp`` and renamed when it is whole, its ``.mask`` and ``.idx`` before its
``.bin``. So a ``.bin`` stands for a finished shard, and a killed build goes on behind the last one:
it reads the text again, but encodes only what is not yet written. Where a shard ends depends on the
documents alone, so the bytes are those of a build that was never killed.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cygnet.cores import available_threads, run_ahead
from cygnet.errors import InputError
from cygnet.files import lock_folder, make_folder
from cygnet.text.batch import Text, TextBatch, as_batches
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.encoding import cut
from cygnet.tokens.finished import read_finished
from cygnet.tokens.format import Manifest, Split, write_manifest
from cygnet.tokens.records import remove_records
from cygnet.tokens.shards import Ids, Piece, write_split


class Source(Protocol):
    """The documents of a split, in order."""

    is_masked: bool

    def skip(self, n_documents: int) -> int:
        """Leave out the next documents, which are written; returns the bytes of their text."""

    def pieces(self) -> Iterator[Piece]:
        """The others."""


def build(
    folder: str | Path,
    tokenizer: BaseTokenizer,
    splits: dict[str, Text],
    *,
    shard_tokens: int = 100_000_000,
    resume: bool = False,
    on_bytes: Callable[[int], None] = lambda n: None,
) -> Manifest:
    """Encode text into token files.

    Args:
        folder: Where the files go; made where missing.
        tokenizer: Encodes the text. Its boundary token, if it has one, ends every document.
        splits: The documents of each split, e.g. ``{"train": ..., "valid": ...}``.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
        resume: Go on behind the finished shards of an earlier call, which the caller knows to have
            had the same arguments.
        on_bytes: Called with the bytes of text done after each batch.

    Returns:
        What was written, as it stands in ``manifest.json``.

    Raises:
        InputError: A split holds no document; or there are token files already, without ``resume``.
        BusyError: Another process builds into the folder.
        StorageError: The disk is full; finished shards stay.

    Cost: memory for a few batches of text and the encoder's tables, whatever the size of the
    corpus, and, unless it comes in parts (see ``text.parts``), for the longest document; all cores.

    >>> from cygnet import Tokenizer
    >>> import tempfile
    >>> tokenizer = Tokenizer([])
    >>> manifest = build(tempfile.mkdtemp(), tokenizer, {"train": ["hi", "you"]})
    >>> manifest.splits["train"].tokens       # two boundaries among them
    7
    """
    sources = {name: _TextSource(text, tokenizer, on_bytes) for name, text in splits.items()}
    return build_from(folder, tokenizer, sources, shard_tokens, resume)


def build_from(
    folder: str | Path,
    tokenizer: BaseTokenizer,
    sources: Mapping[str, Source],
    shard_tokens: int,
    resume: bool,
) -> Manifest:
    """Write the documents of each split, wherever they come from; see ``build``."""
    folder = make_folder(Path(folder))
    if shard_tokens < 1:
        raise InputError(f"shard_tokens must be at least 1, found {shard_tokens}")
    with lock_folder(folder):
        if not resume and any(folder.glob("*.bin")):
            raise InputError(
                f"{folder} holds token files already: remove them, or name another folder"
            )
        manifest = Manifest(
            dtype=np.dtype(tokenizer.dtype).name,
            vocab_size=tokenizer.vocab_size,
            tokenizer_sha256=tokenizer.sha256,
            boundary_id=tokenizer.boundary_id,
            splits={
                name: _build_split(folder, name, tokenizer, source, shard_tokens)
                for name, source in sources.items()
            },
        )
        write_manifest(folder, manifest)
        remove_records(folder, manifest)
    return manifest


def _build_split(
    folder: Path, split: str, tokenizer: BaseTokenizer, source: Source, shard_tokens: int
) -> Split:
    finished = read_finished(
        folder, split, tokenizer.dtype, tokenizer.vocab_size, source.skip, source.is_masked
    )
    return write_split(folder, split, source.pieces(), finished, shard_tokens, source.is_masked)


class _TextSource:
    """Documents as text, encoded on all cores."""

    is_masked = False

    def __init__(
        self, text: Text, tokenizer: BaseTokenizer, on_bytes: Callable[[int], None]
    ) -> None:
        self._batches = _counted(as_batches(text, parts=tokenizer.takes_parts), on_bytes)
        self._tokenizer = tokenizer

    def skip(self, n_documents: int) -> int:
        """Leave out documents that are written; returns the bytes of their text."""
        taken = 0
        for batch in self._batches:
            inside = np.arange(len(batch)) < n_documents
            written = batch.select(inside)
            taken += written.text_bytes
            n_documents -= written.n_ended
            if not n_documents:
                self._batches = itertools.chain([batch.select(~inside)], self._batches)
                break
        return taken

    def pieces(self) -> Iterator[Piece]:
        """Encode batches on all cores, in order."""
        batches = (piece for batch in self._batches for piece in cut(batch))
        n_before = 0  # bytes of a document's earlier parts
        for batch, ids, ends in run_ahead(self._encode, batches, available_threads()):
            sizes = batch.ends - batch.starts
            sizes[:1] += n_before
            n_before = int(sizes[-1]) if batch.continues else 0
            yield Piece(ids, ends, sizes[: batch.n_ended])

    def _encode(self, batch: TextBatch) -> tuple[TextBatch, Ids, npt.NDArray[np.int64]]:
        """The ids of a batch, and where documents end in them."""
        boundary = self._tokenizer.boundary_id
        ids, offsets = self._tokenizer.encode_batch(batch, append=boundary, threads=1)
        is_open = batch.continues and boundary is not None
        return batch, ids[:-1] if is_open else ids, offsets[1 : batch.n_ended + 1]


def _counted(batches: Iterable[TextBatch], on_bytes: Callable[[int], None]) -> Iterator[TextBatch]:
    for batch in batches:
        yield batch
        on_bytes(batch.text_bytes)
