"""What the page asks about texts: functions from the fields of a request to plain JSON values."""

from typing import Any

from cygnet.xray.serve.asking import MOST_ALTERNATIVES, Fields, read_tokens
from cygnet.xray.serve.subject import Subject
from cygnet.xray.token_table import TokenTable
from cygnet.xray.tracing import trace_ids

Answer = dict[str, Any]


def trace(subject: Subject, fields: Fields) -> Answer:
    """``Trace.to_dict`` of a text: ``text``, ``special``, ``alternatives``."""
    n_alternatives = fields.integer("alternatives", 10, least=0, most=MOST_ALTERNATIVES)
    ids = read_tokens(fields, subject.tokenizer)
    fields.check_all_known()
    return trace_ids(subject.model, subject.tokenizer, ids, n_alternatives=n_alternatives).to_dict()


def tokens(subject: Subject, fields: Fields) -> Answer:
    """``Trace.to_dict`` of a text without any model: ``text``, ``special``."""
    ids = read_tokens(fields, subject.tokenizer)
    fields.check_all_known()
    return TokenTable(subject.tokenizer).trace(ids).to_dict()
