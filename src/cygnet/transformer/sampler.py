"""``Sampler``: one text as it is written, step by step, forwards and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, end_ids
from cygnet.transformer.decoding import Decoder
from cygnet.transformer.figures import TokenFigures, check_finite, token_figures
from cygnet.transformer.sampling import Sampling, draw, filtered
from cygnet.transformer.text_stream import TextStream


@dataclass(frozen=True)
class GeneratedToken:
    """A token that a sampler has put behind a text.

    Attributes:
        id: The token.
        text: What became certain of the text with it: whole characters, nothing of a stop sequence.
        before: The token in the model's own distribution; none where no figures are asked for.
        after: The token in the distribution it was drawn from, behind temperature, top-k, top-p and
            min-p. Its alternatives are those that could have been drawn.
        is_forced: It was put there, not drawn.
    """

    id: int
    text: str
    before: TokenFigures | None
    after: TokenFigures | None
    is_forced: bool


class Sampler:
    """Writes on from a prompt, a token at a time. Between two steps anything may change.

    Iterating draws until the model ends the document or a stop sequence comes. ``step`` draws one
    token, also behind an end; ``force`` puts one; ``back`` takes some away. What is drawn depends
    on the text, ``sampling`` and how many tokens are behind the prompt: a way back and on again
    gives the same text, another seed another one.

    Args:
        model: A causal language model.
        tokenizer: The one it was trained with.
        prompt: Text to write on from, behind a boundary token, as in training; or ids, as ``begin``
            gives them.
        sampling: How tokens are drawn.
        stop: Strings that end the text and are not part of it.
        n_alternatives: How many likeliest tokens to report beside each token; none for no figures.
        written: Ids that were written behind the prompt before; they get no figures.

    Attributes:
        sampling: As given; may be replaced at any time.
        ids: The token ids of prompt and text. Not to be changed.
        n_given: How many of them are the prompt's, boundary included.
        tokens: What was written behind the prompt.
        end_ids: The tokens that end a document.

    Raises:
        InputError: There is neither prompt nor boundary token to begin from, an id is out of range,
            or the tokenizer is not the model's.

    Cost: see ``Decoder``.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: AnyTokenizer,
        prompt: str | Sequence[int] = "",
        sampling: Sampling = Sampling(),
        *,
        stop: Sequence[str] = (),
        n_alternatives: int | None = 5,
        written: Sequence[int] = (),
    ) -> None:
        check_vocabulary(model, tokenizer)
        self.sampling = sampling
        self.ids = begin(tokenizer, prompt) if isinstance(prompt, str) else list(prompt)
        self.n_given = len(self.ids)
        self.tokens: list[GeneratedToken] = []
        self.end_ids = end_ids(model, tokenizer)
        self._tokenizer, self._n_alternatives = tokenizer, n_alternatives
        self._stop, self._stream = tuple(stop), TextStream(stop)
        self._decoder = Decoder(model)
        self._following: torch.Tensor | None = None
        for token in (*self.ids, *written):
            self.check(token)
        for token in written:
            self._append(token)

    @property
    def text(self) -> str:
        """What was written behind the prompt, without a stop sequence."""
        return "".join(token.text for token in self.tokens) + self.rest

    @property
    def rest(self) -> str:
        """The end of ``text`` that is in no token's text yet, because it is not certain."""
        return self._stream.rest

    @property
    def ended(self) -> Literal["boundary", "stop"] | None:
        """What has ended the text, if something has."""
        if self._stream.stopped:
            return "stop"
        return "boundary" if self.tokens and self.tokens[-1].id in self.end_ids else None

    def __iter__(self) -> Iterator[GeneratedToken]:
        """Draw tokens until the text has ended."""
        while not self.ended:
            yield self.step()

    def step(self) -> GeneratedToken:
        """Draw the next token."""
        return self.take(self.logits())

    def take(self, logits: torch.Tensor) -> GeneratedToken:
        """Draw the next token from logits that somebody else has asked the model for."""
        likeliest = self._likeliest(logits)
        if not self.sampling.temperature:
            return self._put(likeliest, logits, None, is_forced=False)
        scores = self._filtered(logits)
        token = draw(scores, self.sampling.seed, len(self.tokens))
        return self._put(token, logits, scores, is_forced=False)

    def force(self, token: int) -> GeneratedToken:
        """Put a token instead of drawing one.

        Raises:
            InputError: There is no such token.
        """
        self.check(token)
        logits = self.logits()
        check_finite(logits.max())
        return self._put(token, logits, self._filtered(logits), is_forced=True)

    def back(self, n: int = 1) -> None:
        """Take back the last ``n`` tokens.

        Raises:
            InputError: There are not so many behind the prompt.
        """
        if not 0 <= n <= len(self.tokens):
            raise InputError(f"cannot go back by {n}: {len(self.tokens)} tokens were written")
        kept = len(self.tokens) - n
        del self.tokens[kept:], self.ids[self.n_given + kept :]
        self._following = None
        self._stream = TextStream(self._stop)
        for token in self.tokens:
            self._stream.push(self._bytes(token.id))

    def logits(self) -> torch.Tensor:
        """The model's logits for the next token, ``float32`` of shape ``(n_rows,)``."""
        if self._following is None:
            self._following = self._decoder.logits([self.ids])[0]
        return self._following

    def alternatives(self, n: int = 5) -> tuple[TokenFigures, TokenFigures]:
        """The next token before it is drawn: the figures of the likeliest one, with ``n``
        alternatives, in the model's own distribution and in the one that is drawn from."""
        logits = self.logits()
        likeliest = self._likeliest(logits)
        scores = self._filtered(logits)
        return self._figures(logits, likeliest, n), self._figures(scores, likeliest, n)

    def _put(
        self, token: int, logits: torch.Tensor, scores: torch.Tensor | None, is_forced: bool
    ) -> GeneratedToken:
        """Put a token; without ``scores``, it was the only one that could be drawn."""
        before = after = None
        if self._n_alternatives is not None:
            before = after = self._figures(logits, token, self._n_alternatives)
            if scores is None:
                after = TokenFigures(token, 0.0, 1, 0.0, ((token, 1.0),)[: self._n_alternatives])
            elif scores is not logits:
                after = self._figures(scores, token, self._n_alternatives)
        return self._append(token, before, after, is_forced)

    def _append(
        self,
        token: int,
        before: TokenFigures | None = None,
        after: TokenFigures | None = None,
        is_forced: bool = False,
    ) -> GeneratedToken:
        text = self._stream.push(self._bytes(token))
        self.tokens.append(GeneratedToken(token, text, before, after, is_forced))
        self.ids.append(token)
        self._following = None
        return self.tokens[-1]

    def check(self, token: int) -> None:
        """See that there is such a token.

        Raises:
            InputError: There is not.
        """
        if not 0 <= token < self._tokenizer.vocab_size:
            raise InputError(
                f"token id {token} is out of range: the vocabulary has"
                f" {self._tokenizer.vocab_size:,} rows"
            )

    def _filtered(self, logits: torch.Tensor) -> torch.Tensor:
        """What is drawn from: rows behind the last token are padding, which nothing can write."""
        n_tokens = self._tokenizer.vocab_size
        scores = logits if len(logits) == n_tokens else logits[:n_tokens]
        return scores if self.sampling.is_plain else filtered(scores, self.sampling)

    def _likeliest(self, logits: torch.Tensor) -> int:
        """The likeliest token. Minus infinity is one that the model leaves out."""
        highest, token = logits[: self._tokenizer.vocab_size].max(dim=0)
        check_finite(highest)
        return int(token)

    def _figures(self, logits: torch.Tensor, token: int, n_alternatives: int) -> TokenFigures:
        ids, n_tokens = torch.tensor([token]), self._tokenizer.vocab_size
        return token_figures(logits[None], ids, n_alternatives, n_tokens)[0]

    def _bytes(self, token: int) -> bytes:
        return b"" if token in self.end_ids else self._tokenizer.token_bytes(token)


def begin(tokenizer: AnyTokenizer, prompt: str | Sequence[int]) -> list[int]:
    """The ids of a prompt, or those given, behind the boundary token if there is one.

    Raises:
        InputError: There is neither.
    """
    boundary = tokenizer.boundary_id
    text = tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
    ids = [*([] if boundary is None else [boundary]), *text]
    if not ids:
        raise InputError("an empty prompt needs a tokenizer with a boundary token to begin from")
    return ids
