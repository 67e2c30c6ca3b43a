"""What the page asks: functions from the fields of a request to plain JSON values."""

from collections.abc import Callable
from typing import Any

from cygnet.errors import InputError
from cygnet.xray.attention.reading import attention_of_ids
from cygnet.xray.dead.film import film
from cygnet.xray.dead.result import MEASURES
from cygnet.xray.dead.runs import analyse_run, open_rows
from cygnet.xray.runs.comparison import compare_runs
from cygnet.xray.runs.curves import AXES, UNITS
from cygnet.xray.runs.reading import read_runs
from cygnet.xray.runs.samples import read_samples
from cygnet.xray.serve.asking import Fields, read_tokens
from cygnet.xray.serve.subject import Subject, check_inside
from cygnet.xray.token_table import TokenTable

Answer = dict[str, Any]
Look = Callable[[Subject, Fields], Answer]
MOST_MAPPED = 300  # tokens: half a megabyte for one map
MOST_NEIGHBOURS = 100
MOST_SNAPSHOTS = 40


def tokens(subject: Subject, fields: Fields) -> Answer:
    """``Trace.to_dict`` of a text without any model: ``text``, ``special``."""
    ids = read_tokens(fields, subject.tokenizer)
    fields.check_all_known()
    return TokenTable(subject.tokenizer).trace(ids).to_dict()


def attention(subject: Subject, fields: Fields) -> Answer:
    """``Attention.to_dict`` of a text: ``text``, ``special``, ``layer``, ``head``, ``token``."""
    ids = read_tokens(fields, subject.tokenizer)
    chosen = {
        name: fields.optional_integer(name, least=0, most=10**6)
        for name in ("layer", "head", "token")
    }
    fields.check_all_known()
    found = attention_of_ids(subject.model, subject.tokenizer, ids, max_tokens=MOST_MAPPED)
    return found.to_dict(**chosen)


def row(subject: Subject, fields: Fields) -> Answer:
    """``TokenRow.to_dict`` of a token: ``id``, or its ``text``; ``neighbours``."""
    token = fields.optional_integer("id", least=0, most=10**9)
    text = fields.text("text")
    n_neighbours = fields.integer("neighbours", 10, least=0, most=MOST_NEIGHBOURS)
    fields.check_all_known()
    return subject.embedding.token(text if token is None else token, n_neighbours).to_dict()


def rows(subject: Subject, fields: Fields) -> Answer:
    """By matrix its ``overview`` and its ``picture``, as of ``Embedding``."""
    fields.check_all_known()
    embedding = subject.embedding
    return {
        "overview": {name: one.to_dict() for name, one in embedding.overview().items()},
        "pictures": {name: embedding.picture(name) for name in embedding.matrices},
    }


def dead(subject: Subject, fields: Fields) -> Answer:
    """``Analysis.to_dict`` of the run, and what the measures are in words."""
    fields.check_all_known()
    check_inside(subject.folder)
    analysis = analyse_run(subject.folder, max_snapshots=MOST_SNAPSHOTS)
    return analysis.to_dict() | {"measures": MEASURES}


def dead_film(subject: Subject, fields: Fields) -> Answer:
    """``Film.to_dict`` of the run: ``matrix``."""
    matrix = fields.text("matrix")
    fields.check_all_known()
    check_inside(subject.folder)
    return film(*open_rows(subject.folder), matrix or None).to_dict()


def runs(subject: Subject, fields: Fields) -> Answer:
    """``Comparison.to_dict`` of the runs: ``against``; and what the axes are in words."""
    asked = fields.text("against") or "steps"
    fields.check_all_known()
    against = next((one for one in AXES if one == asked), None)
    if against is None:
        raise InputError(f"against must be one of {', '.join(AXES)}")
    for folder in subject.runs:
        check_inside(folder)
    found = compare_runs(read_runs(subject.runs), against)
    return found.to_dict() | {
        "axes": {name: words for name, (_, words) in AXES.items()},
        "units": dict(UNITS),
    }


def samples(subject: Subject, fields: Fields) -> Answer:
    """``Samples.to_dict`` of the runs, by prompt."""
    fields.check_all_known()
    for folder in subject.runs:
        check_inside(folder)
    return {"prompts": [one.to_dict() for one in read_samples(read_runs(subject.runs))]}


OF_MODEL: dict[str, Look] = {"tokens": tokens, "attention": attention}
"""What the model is asked, in turn with texts that are being written."""
OF_FILES: dict[str, Look] = {
    "row": row,
    "rows": rows,
    "dead": dead,
    "film": dead_film,
    "runs": runs,
    "samples": samples,
}
"""What is read from the run folder: it may take seconds, in which nobody else should wait."""
