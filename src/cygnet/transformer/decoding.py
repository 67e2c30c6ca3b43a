"""``Decoder``: what a model predicts after some tokens, reading as few of them as it can."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from cygnet.transformer.readers import Reader, UniformReader


def context_length(model: PreTrainedModel) -> int | None:
    """The longest context of a model, in tokens; none if it has no limit of its own."""
    config = model.config.get_text_config(decoder=True)
    length: int | None = getattr(config, "max_position_embeddings", None)
    return length


def half_of(length: int) -> int:
    """Tokens by which windows of a context move on."""
    return max(1, length // 2)


def window_start(n_tokens: int, length: int | None) -> int:
    """Where the window of a text begins: the model sees the text from there on.

    A text that fits the context is seen whole. When the context is full, its later half goes on:
    the window moves by half of it, and again when it is full, as in ``evaluate_text``. It depends
    on the number of tokens alone, so that going back is as if one had never gone on.

    Args:
        n_tokens: Tokens of the text.
        length: The context, as from ``context_length``.

    >>> [window_start(n, 8) for n in (8, 9, 13, 14, 18, 19)]
    [0, 4, 8, 8, 12, 12]
    """
    if length is None or n_tokens <= length:
        return 0
    hop = half_of(length)
    return -(-(n_tokens - length) // hop) * hop


class Decoder:
    """Predicts the token that follows, for one text or several at a time.

    It is asked with the whole text each time and knows what it has read. One more token is one step
    of the model, and so is another token in the place of the last ones. Anything else, and a window
    that moves, is one pass over the windows of all texts.

    Args:
        model: A causal language model. It is asked as in evaluation, without dropout. After a
            change of its weights, make another ``Decoder``.

    Cost: memory for keys and values of the windows, at most twice. Several texts are read side by
    side by a model of ``readers.UNIFORM``, one after the other by others.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.length = context_length(model)
        self._reader: Reader = UniformReader(model) if UniformReader.takes(model) else Reader(model)
        self._read: list[list[int]] = []
        self._others: list[Decoder] = []

    @torch.inference_mode()
    def logits(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        """The logits of what follows each text.

        Args:
            texts: Token ids, at least one each.

        Returns:
            ``float32`` of shape ``(len(texts), vocab_size)``, on the CPU.
        """
        if len(texts) > 1 and not isinstance(self._reader, UniformReader):
            return self._one_by_one(texts)
        windows = [list(text[window_start(len(text), self.length) :]) for text in texts]
        n_dropped = self._n_dropped(windows)
        self._read = []  # in case that the model raises
        if n_dropped is None:
            logits = self._reader.read(windows)
        else:
            logits = self._reader.step([window[-1] for window in windows], n_dropped)
        self._read = windows
        return logits.float().cpu()

    def _n_dropped(self, windows: list[list[int]]) -> int | None:
        """How many read tokens must go so that only the last of each window is new; or none."""
        if len(windows) != len(self._read):
            return None
        n_kept = len(windows[0]) - 1
        n_dropped = len(self._read[0]) - n_kept
        pairs = zip(windows, self._read, strict=True)
        fits = all(w[:-1] == r[: len(r) - n_dropped] for w, r in pairs)
        if not n_kept or not 0 <= n_dropped <= self._reader.most_dropped or not fits:
            return None
        return n_dropped

    def _one_by_one(self, texts: Sequence[Sequence[int]]) -> torch.Tensor:
        self._others += [Decoder(self.model) for _ in range(len(self._others), len(texts))]
        pairs = zip(self._others, texts, strict=False)
        return torch.cat([decoder.logits([text]) for decoder, text in pairs])
