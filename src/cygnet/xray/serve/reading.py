"""A text that is read for a page: the figures of some tokens at a time."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from cygnet.xray.serve.asking import MOST_ALTERNATIVES, Fields, read_tokens
from cygnet.xray.serve.subject import Subject
from cygnet.xray.tracing import trace_parts

Event = dict[str, Any]


def trace(subject: Subject, fields: Fields) -> Iterator[Event]:
    """What ``figures`` gives of a text, then an end: ``text``, ``special``, ``alternatives``."""
    n_alternatives = fields.integer("alternatives", 10, least=0, most=MOST_ALTERNATIVES)
    ids = read_tokens(fields, subject.tokenizer)
    fields.check_all_known()
    return chain(figures(subject, ids, n_alternatives), [{"end": "length"}])


def figures(subject: Subject, ids: Sequence[int], n_alternatives: int) -> Iterator[Event]:
    """``{"figures": [tokens]}`` for the tokens of a text in turn, as of ``TraceToken.to_dict``."""
    parts = trace_parts(subject.model, subject.tokenizer, ids, n_alternatives=n_alternatives)
    return ({"figures": [token.to_dict() for token in part]} for part in parts)
