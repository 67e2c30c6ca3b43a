"""``Writing``: a text as a model writes it, as a ``Trace`` that grows, goes back and branches."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.other_tokenizers import adapt
from cygnet.transformer.sampler import GeneratedToken, Sampler, begin
from cygnet.transformer.sampling import Sampling
from cygnet.xray.token_table import TokenTable
from cygnet.xray.trace import Alternative, Origin, Trace, TraceToken
from cygnet.xray.tracing import trace_ids, window_over


class Writing:
    """Writes on from a prompt, a token at a time, and knows the figures of each.

    Args:
        model: A causal language model.
        tokenizer: Any that ``trace`` takes.
        prompt: Text, or ids without the boundary token, which comes before it as in training.
        sampling: How tokens are drawn; may be replaced at any time.
        n_alternatives: How many of the likeliest tokens to keep at each position.
        written: Ids that were written behind the prompt before. Their figures are not asked for
            again; what is drawn next is what would have been drawn then.
        with_figures_of_prompt: Ask the model for the figures of the prompt too.

    Raises:
        InputError: There is neither prompt nor boundary token, an id is out of range, or the
            tokenizer is not the model's.

    Cost: a pass over the prompt, then see ``Decoder``.

    >>> from cygnet import Tokenizer
    >>> from cygnet.transformer.presets import gpt2
    >>> from transformers import GPT2LMHeadModel
    >>> config = gpt2(257, n_layer=1, n_head=1, n_embd=8, block_size=16, boundary_id=256)
    >>> writing = Writing(GPT2LMHeadModel(config), Tokenizer([]), "hot")
    >>> writing.replace(2, ord("p")).text, writing.trace.text
    ('p', 'hop')
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any,
        prompt: str | Sequence[int] = "",
        sampling: Sampling = Sampling(),
        *,
        n_alternatives: int = 5,
        written: Sequence[int] = (),
        with_figures_of_prompt: bool = True,
    ) -> None:
        self._model, self._tokenizer = model, adapt(tokenizer)
        self._table = TokenTable(self._tokenizer)
        self._n_alternatives = n_alternatives
        ids = self._tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
        self._sampler = self._new_sampler(ids, sampling, written)
        self._given = (
            trace_ids(model, self._tokenizer, ids, n_alternatives=n_alternatives)
            if with_figures_of_prompt
            else self._table.trace(ids)
        ).tokens
        self._written = [self._token(token) for token in self._sampler.tokens]

    @property
    def trace(self) -> Trace:
        """All tokens: those of the prompt, and those behind it."""
        tokens = (*self._given, *self._written)
        n_before = 0 if self._tokenizer.boundary_id is None else 1
        window = window_over(self._model, n_before + len(tokens))
        return replace(self._table.with_roles(tokens), window=window)

    @property
    def n_given(self) -> int:
        """How many tokens the prompt has."""
        return len(self._given)

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        return self._sampler.sampling

    @sampling.setter
    def sampling(self, sampling: Sampling) -> None:
        self._sampler.sampling = sampling

    @property
    def ended(self) -> Literal["boundary", "stop"] | None:
        """What has ended the text, if something has."""
        return self._sampler.ended

    def step(self) -> TraceToken:
        """Draw the next token."""
        return self._append(self._sampler.step())

    def force(self, token: int) -> TraceToken:
        """Put a token instead of drawing one.

        Raises:
            InputError: There is no such token.
        """
        return self._append(self._sampler.force(token))

    def back(self, n: int = 1) -> None:
        """Take back the last ``n`` tokens.

        Raises:
            InputError: There are not so many behind the prompt.
        """
        self._sampler.back(n)
        del self._written[len(self._written) - n :]

    def replace(self, position: int, token: int) -> TraceToken:
        """Put another token at a position and drop what follows it.

        In the prompt, too: then the prompt ends before it.

        Raises:
            InputError: There is no such position, no such token, or nothing to begin from: the
                first token of all, without a boundary token before it. Nothing is changed.
        """
        n_tokens = self.n_given + len(self._written)
        if not 0 <= position < n_tokens:
            raise InputError(f"there is no token {position}: the text has {n_tokens}")
        self._sampler.check(token)
        if position >= self.n_given:
            self.back(n_tokens - position)
        else:
            given = self._given[:position]
            self._sampler = self._new_sampler([one.id for one in given], self.sampling)
            self._given, self._written = given, []
        return self.force(token)

    def alternatives(self, n: int = 5) -> tuple[tuple[Alternative, ...], tuple[Alternative, ...]]:
        """What may come next: in the model's own distribution, and in the one drawn from."""
        own, drawn_from = self._sampler.alternatives(n)
        return self._table.alternatives(own), self._table.alternatives(drawn_from)

    def _new_sampler(
        self, ids: Sequence[int], sampling: Sampling, written: Sequence[int] = ()
    ) -> Sampler:
        return Sampler(
            self._model,
            self._tokenizer,
            begin(self._tokenizer, ids),
            sampling,
            n_alternatives=self._n_alternatives,
            written=written,
        )

    def _append(self, token: GeneratedToken) -> TraceToken:
        self._written.append(self._token(token))
        return self.trace.tokens[-1]

    def _token(self, token: GeneratedToken) -> TraceToken:
        origin: Origin = "forced" if token.is_forced else "drawn"
        return self._table.token(token.id, token.before, origin, token.after)
