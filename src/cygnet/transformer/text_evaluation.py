"""The loss of a model on any text: bits per byte, nats per token, and the loss of each token."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel

from cygnet.console import progress
from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.text.parts import whole_documents
from cygnet.text.sources import Reading, open_source
from cygnet.tokens.batch import IGNORED
from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, load_tokenizer
from cygnet.transformer.decoding import context_length, half_of
from cygnet.transformer.loss import loss_function
from cygnet.transformer.model import evaluating, load_model_quietly

WINDOW_WITHOUT_LIMIT = 2048
ROWS = 8  # windows that are read at a time
GIVEN, TEXT, END = KINDS = np.arange(3, dtype=np.int8)


@dataclass(frozen=True, eq=False)
class TextIds:
    """A text as one row of tokens: documents one after the other, as in token files.

    Attributes:
        ids: ``int32`` of shape ``(n,)``.
        kinds: What each is, ``int8`` of shape ``(n,)``: ``GIVEN`` is not predicted, ``TEXT`` stands
            for text, ``END`` ends a document.
        documents: How many there are.
        text_bytes: UTF-8 bytes of the text that is predicted: counted in the text itself.
    """

    ids: npt.NDArray[np.int32]
    kinds: npt.NDArray[np.int8]
    documents: int
    text_bytes: int


@dataclass(frozen=True, eq=False)
class TextLoss:
    """What a model's loss is on a text.

    Attributes:
        text: The tokens.
        nats: Loss of each token, ``float32`` of shape ``(n,)``; 0 where there is no target.
        window, stride: The longest that a window was, and by how much it moved.
    """

    text: TextIds
    nats: npt.NDArray[np.float32]
    window: int
    stride: int

    @property
    def tokens(self) -> int:
        """Tokens that were predicted."""
        return int((self.text.kinds != GIVEN).sum())

    @property
    def nats_per_token(self) -> float:
        """Mean loss, ends of documents included."""
        return float(self.nats.sum(dtype=np.float64)) / self.tokens

    @property
    def bits_per_byte(self) -> float | None:
        """Bits to encode a byte of the text; tokens that are no text do not count. None of a text
        without bytes."""
        if not self.text.text_bytes:
            return None
        nats = float(self.nats[self.text.kinds == TEXT].sum(dtype=np.float64))
        return nats / math.log(2) / self.text.text_bytes

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "documents": self.text.documents,
            "tokens": self.tokens,
            "text_bytes": self.text.text_bytes,
            "nats_per_token": self.nats_per_token,
            "bits_per_byte": self.bits_per_byte,
            "window": self.window,
            "stride": self.stride,
        }

    def to_rows(self, tokenizer: AnyTokenizer) -> Iterator[dict[str, Any]]:
        """Each predicted token: ``id``, ``bytes`` in hexadecimal, ``nats``, ``is_text``."""
        for i in np.flatnonzero(self.text.kinds != GIVEN).tolist():
            token = int(self.text.ids[i])
            yield {
                "id": token,
                "bytes": tokenizer.token_bytes(token).hex(),
                "nats": float(self.nats[i]),
                "is_text": bool(self.text.kinds[i] == TEXT),
            }


def encode_text(tokenizer: AnyTokenizer, batches: Iterable[TextBatch]) -> TextIds:
    """Encode a text, with the token that ends a document behind each.

    The first document begins behind the boundary token, if there is one; where documents begin and
    end with different tokens, each does.

    Raises:
        InputError: There is nothing to predict.

    Cost: memory for the tokens.
    """
    begin, end = tokenizer.boundary_id, end_of_document(tokenizer)
    ids: list[npt.NDArray[np.int32]] = []
    kinds: list[npt.NDArray[np.int8]] = []
    documents = n_bytes = 0
    for document in itertools.chain.from_iterable(whole_documents(batches)):
        before = [] if begin is None or (documents and begin == end) else [begin]
        found = tokenizer.encode(document)
        after = [] if end is None else [end]
        ids.append(np.array([*before, *found, *after], np.int32))
        kinds.append(np.repeat(KINDS, (len(before), len(found), len(after))))
        if begin is None and not documents and found:
            kinds[0][0] = GIVEN
            n_bytes -= _first_bytes(tokenizer, found[0], document)
        documents += 1
        n_bytes += len(document.encode())
    kind = np.concatenate(kinds) if kinds else np.empty(0, np.int8)
    if not (kind != GIVEN).any():
        raise InputError("there is no text to evaluate, or not one token that another one precedes")
    return TextIds(np.concatenate(ids), kind, documents, n_bytes)


def end_of_document(tokenizer: AnyTokenizer) -> int | None:
    """The token that ends a document: the boundary, unless the tokenizer has another."""
    end: int | None = getattr(tokenizer, "end_id", tokenizer.boundary_id)
    return end


def _first_bytes(tokenizer: AnyTokenizer, token: int, document: str) -> int:
    """Bytes of a document in its first token, which may have a blank that the document has not."""
    spelled = tokenizer.token_bytes(token)
    return len(spelled if document.encode().startswith(spelled) else spelled.removeprefix(b" "))


def evaluate_text(
    model: PreTrainedModel,
    text: TextIds,
    *,
    stride: int | None = None,
    on_tokens: Callable[[int], None] = lambda n: None,
) -> TextLoss:
    """The loss of each token of a text, in windows of the model's context.

    The windows overlap: each moves on by ``stride`` and gives the loss of the tokens that the one
    before has not reached, so that every token is predicted exactly once. A token sees at least the
    context less the stride before it, the first window aside.

    Args:
        model: A causal language model.
        text: From ``encode_text``.
        stride: Tokens by which a window moves; half the context by default. The whole context costs
            half of that, and is what the validation of a training does.
        on_tokens: Called with the number of tokens that are done.

    Raises:
        InputError: ``stride`` is below 1 or above the context.

    Cost: a pass over the text for a stride of the whole context, two for half of it; memory for the
    loss of each token, and for eight windows in the model.
    """
    window = context_length(model) or WINDOW_WITHOUT_LIMIT
    stride = half_of(window) if stride is None else stride
    if not 1 <= stride <= window:
        raise InputError(f"stride must lie in 1..{window:,}, the context, found {stride}")
    losses = np.zeros(len(text.ids), np.float32)
    losses_of = loss_function(model)
    with torch.inference_mode(), evaluating(model):
        for rows in _groups(windows(len(text.ids), window, stride)):
            places = np.stack([np.arange(begin, end) for begin, _, end in rows])
            is_new = places + 1 >= np.array([[first] for _, first, _ in rows])
            counts = is_new & (text.kinds[places + 1] != GIVEN)
            x = torch.tensor(text.ids[places], dtype=torch.int64, device=model.device)
            y = torch.tensor(np.where(counts, text.ids[places + 1], IGNORED)).to(x)
            found = losses_of(x, y)[1].cpu().numpy()
            losses[(places + 1)[is_new]] = found[is_new]
            on_tokens(int(is_new.sum()))
    return TextLoss(text, losses, window, stride)


def windows(n: int, window: int, stride: int) -> list[tuple[int, int, int]]:
    """Windows over ``n`` tokens: begin, the first token that is new, and end.

    A window reads tokens ``begin .. end - 1`` and predicts ``begin + 1 .. end``; those from the
    new one on have been predicted by none before it.

    >>> windows(10, window=4, stride=2)
    [(0, 1, 4), (2, 5, 6), (4, 7, 8), (6, 9, 9)]
    """
    starts = range(0, max(1, n - 1 - window + stride), stride)
    ends = [min(begin + window, n - 1) for begin in starts]
    return list(zip(starts, [1, *(end + 1 for end in ends)], ends, strict=False))


def _groups(found: list[tuple[int, int, int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Windows of equal length together."""
    whole, last = found[:-1], found[-1:]
    for i in range(0, len(whole), ROWS):
        yield whole[i : i + ROWS]
    yield last


def evaluate_sources(
    path: str | Path, sources: Sequence[str], reading: Reading, stride: int | None = None
) -> tuple[dict[str, TextLoss], AnyTokenizer]:
    """Evaluate a model on several texts.

    Args:
        path: A run folder, or any model folder with its tokenizer.
        sources: What ``open_source`` takes: each is one text; of a named corpus it is the part to
            validate on.
        reading: How files become documents.
        stride: As for ``evaluate_text``.

    Returns:
        The loss on each text, by its name, and the tokenizer.

    Raises:
        InputError: There is no model, no text, or the tokenizer is not the model's.
        EncodingError: A text is not UTF-8.
    """
    if not sources:
        raise InputError("name a text: --text FILE, a folder, a pattern or another source")
    opened = [open_source(source, reading, "valid") for source in dict.fromkeys(sources)]
    model, tokenizer = load_model_quietly(path), load_tokenizer(path)
    check_vocabulary(model, tokenizer)
    found = {}
    for source in opened:
        try:
            text = encode_text(tokenizer, source.batches())
        except InputError as error:
            raise type(error)(f"{source.name}: {error}") from error
        with progress(f"reading {source.name}", len(text.ids), "token") as advance:
            found[source.name] = evaluate_text(model, text, stride=stride, on_tokens=advance)
    return found, tokenizer
