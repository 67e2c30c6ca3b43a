"""What the page asks: functions from the fields of a request to plain JSON values."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
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
from cygnet.xray.serve.asking import Fields, check_length, read_ids, read_tokens
from cygnet.xray.serve.subject import SNAPSHOTS, Subject, check_inside
from cygnet.xray.token_table import TokenTable
from cygnet.xray.tokens.comparison import compare_tokens

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


def compared(subject: Subject, fields: Fields) -> Answer:
    """``Comparison.to_dict`` of a text by all tokenizers, and its stretches: ``text``, ``special``.

    A stretch also says whether it ``differs``.
    """
    text, special = fields.text("text"), fields.flag("special")
    fields.check_all_known()
    if not subject.tokenizers:
        raise InputError("there is no other tokenizer: start the page with --tokenizers PATH")
    found = compare_tokens(subject.tokenizers, text, special=special)
    check_length(max(len(trace.tokens) for trace in found.traces.values()))
    stretches = [one.to_dict() | {"differs": one.differs} for one in found.stretches]
    return found.to_dict() | {"stretches": stretches}


def attention(subject: Subject, fields: Fields) -> Answer:
    """``Attention.to_dict`` of a text: ``text``, ``special``; or ``ids``; and what of it to show:
    ``layer``, ``head``, ``token``.
    """
    ids = read_ids(fields, subject.tokenizer)
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
    """By matrix its ``overview`` and ``picture``, as of ``Embedding``; the texts of all rows."""
    fields.check_all_known()
    embedding = subject.embedding
    return {
        "overview": {name: one.to_dict() for name, one in embedding.overview().items()},
        "pictures": {name: embedding.picture(name) for name in embedding.matrices},
        "texts": [embedding.name(i).text for i in range(embedding.n_rows)],
    }


def dead(subject: Subject, fields: Fields) -> Answer:
    """``Analysis.to_dict`` of the run, and what the measures are in words."""
    fields.check_all_known()
    check_inside(subject.folder)
    return _analysis(subject.folder, _state(subject.folder))


def dead_film(subject: Subject, fields: Fields) -> Answer:
    """``Film.to_dict`` of the run: ``matrix``."""
    matrix = fields.text("matrix")
    fields.check_all_known()
    check_inside(subject.folder)
    return _film(subject.folder, _state(subject.folder), matrix or None)


State = tuple[tuple[str, int, int], ...]


def _state(folder: Path) -> State:
    """What changes when a run that is still going on has taken more snapshots."""
    files = sorted((folder / SNAPSHOTS).parent.glob("*"))
    return tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files)


@lru_cache(maxsize=1)
def _analysis(folder: Path, state: State) -> Answer:
    """Seconds, for a large vocabulary and many snapshots: whoever asks again gets the same."""
    analysis = analyse_run(folder, max_snapshots=MOST_SNAPSHOTS)
    return analysis.to_dict() | {"measures": MEASURES}


@lru_cache(maxsize=2)  # the matrices of a model
def _film(folder: Path, state: State, matrix: str | None) -> Answer:
    return film(*open_rows(folder), matrix).to_dict()


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


OF_MODEL: dict[str, Look] = {
    "tokens": tokens,
    "compare": compared,
    "attention": attention,
}
"""What the model is asked, in turn with texts that are being written."""
OF_FILES: dict[str, Look] = {
    "row": row,
    "rows": rows,
    "runs": runs,
    "samples": samples,
}
"""What is read from the run folder: texts that are being written do not wait for it."""
OF_SNAPSHOTS: dict[str, Look] = {"dead": dead, "film": dead_film}
"""What takes seconds, in which nobody who asks for something else should wait."""
