"""What a page sees come: lines of JSON, as a text is read or written."""

import contextlib
import json
import traceback
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Self

from cygnet.errors import CygnetError, InputError
from cygnet.transformer.sampling import Sampling
from cygnet.xray.serve.asking import (
    MOST_ALTERNATIVES,
    MOST_WRITTEN,
    Fields,
    check_length,
    read_sampling,
    read_tokens,
)
from cygnet.xray.serve.reading import Event, figures, trace
from cygnet.xray.serve.subject import Subject
from cygnet.xray.serve.worker import Worker
from cygnet.xray.writing import Writing


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be written. The page keeps the text, the server nothing between two requests.

    Attributes:
        given: Ids of the prompt.
        written: Ids that stand behind it already.
        force: A token to put first, instead of one that is drawn.
        max_tokens: Most tokens to put behind it, the forced one included.
        sampling: How they are drawn.
        n_alternatives: How many of the likeliest to send with each.
        with_prompt: Send the tokens of the prompt first, and their figures from the first token on.
    """

    given: list[int]
    written: list[int]
    force: int | None
    max_tokens: int
    sampling: Sampling
    n_alternatives: int
    with_prompt: bool

    @classmethod
    def read(cls, fields: Fields, subject: Subject) -> Self:
        """From a request: the prompt is ``text``, or ``given``, its ids.

        Raises:
            InputError, HTTPException: A field is wrong.
        """
        if "text" in fields and "given" in fields:
            raise InputError("the prompt is either text or given, its ids")
        given = fields.ids("given") if "given" in fields else read_tokens(fields, subject.tokenizer)
        found = cls(
            given=given,
            written=fields.ids("written"),
            force=fields.optional_integer("force", least=0, most=subject.tokenizer.vocab_size - 1),
            max_tokens=fields.integer("max_tokens", 100, least=1, most=MOST_WRITTEN),
            sampling=read_sampling(fields),
            n_alternatives=fields.integer("alternatives", 10, least=0, most=MOST_ALTERNATIVES),
            with_prompt=fields.flag("with_prompt"),
        )
        fields.check_all_known()
        check_length(len(found.given) + len(found.written) + found.max_tokens)
        return found


class Writer:
    """Writes texts for all who ask, a token at a time in turn, and reads them in parts.

    Args:
        subject: Whose model.
        worker: In whose thread.

    Attributes:
        n_active: Texts that are being written or read.
        n_steps: Tokens that were asked of the model.
    """

    def __init__(self, subject: Subject, worker: Worker) -> None:
        self._subject, self._worker = subject, worker
        self.n_active = self.n_steps = 0

    async def read(self, fields: Fields) -> AsyncIterator[str]:
        """Take a text; the lines come as the model reads it.

        Returns:
            Lines of JSON, as ``reading.trace`` has them, or at the end ``{"error": ...}``.

        Raises:
            InputError, HTTPException: A field is wrong.
        """
        events = await self._worker.do(trace, self._subject, fields)
        return self._lines(self._worker.each(events))

    async def write(self, fields: Fields) -> AsyncIterator[str]:
        """Take an order, as ``Order.read``; the lines come as the text is written.

        Returns:
            Lines of JSON: ``{"token": ...}`` for each token, as of ``TraceToken.to_dict``; at the
            end ``{"end": "length" | "boundary"}``, or ``{"error": ...}``. Of a prompt that is
            asked for ``{"prompt": [tokens]}`` comes before them all, and from the first one on
            ``{"figures": [tokens]}`` for some tokens of it at a time.

        Raises:
            InputError, HTTPException: A field is wrong, or there is nothing to begin from.
        """
        order = Order.read(fields, self._subject)
        writing = await self._worker.do(self._open, order)
        return self._lines(self._events(order, writing))

    def _open(self, order: Order) -> Writing:
        return Writing(
            self._subject.model,
            self._subject.tokenizer,
            order.given,
            order.sampling,
            n_alternatives=order.n_alternatives,
            written=order.written,
            with_figures_of_prompt=False,
        )

    async def _lines(self, events: AsyncIterator[Event]) -> AsyncIterator[str]:
        with self._active():
            try:
                async for event in events:
                    yield json.dumps(event) + "\n"
            except CygnetError as error:  # too late for a status
                yield _failed(str(error))
            except Exception:
                traceback.print_exc()
                yield _failed("the server has failed; its terminal says more")

    async def _events(self, order: Order, writing: Writing) -> AsyncIterator[Event]:
        if order.with_prompt:
            prompt = writing.trace.tokens[: writing.n_given]
            yield {"prompt": [token.to_dict() for token in prompt]}
        of_prompt = self._of_prompt(order)
        for number in range(order.max_tokens):
            yield {"token": await self._worker.do(self._put, order, writing, number)}
            if part := await anext(of_prompt, None):
                yield part
            if writing.ended:
                break
        async for part in of_prompt:
            yield part
        yield {"end": writing.ended or "length"}

    async def _of_prompt(self, order: Order) -> AsyncIterator[Event]:
        if order.with_prompt:
            parts = figures(self._subject, order.given, order.n_alternatives)
            async for part in self._worker.each(parts):
                yield part

    def _put(self, order: Order, writing: Writing, number: int) -> Event:
        self.n_steps += 1
        if number == 0 and order.force is not None:
            return writing.force(order.force).to_dict()
        return writing.step().to_dict()

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        self.n_active += 1
        try:
            yield
        finally:
            self.n_active -= 1


def _failed(message: str) -> str:
    return json.dumps({"error": " ".join(message.split())}) + "\n"
