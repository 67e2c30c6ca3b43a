"""What a report is made of: everything that a run has, read or asked for once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cygnet import stage
from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.recipe import Recipe, read_recipe
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.model import load_model_quietly
from cygnet.transformer.warnings_file import WARNINGS, read_warnings
from cygnet.xray.attention.reading import attention_of_ids
from cygnet.xray.attention.result import Attention
from cygnet.xray.dead.page import rows_html
from cygnet.xray.runs.reading import METRICS, Run, read_runs
from cygnet.xray.runs.samples import Samples, read_samples
from cygnet.xray.trace import Trace
from cygnet.xray.tracing import trace_ids

STAGES = ("text", "tokenizer", "tokens", "transformer")
HELD_OUT_TOKENS = 300
ATTENTION_TOKENS = 64  # the maps of more would be too fine to read


@dataclass(frozen=True, eq=False)
class Material:
    """A run as far as it has come.

    Attributes:
        path: The run folder.
        recipe: What it was to be.
        records: The record of each finished stage, by name.
        tokenizer, store: Of the stages of that name.
        run: The training, which may still go on.
        warnings: The lines of ``warnings.jsonl``.
        samples: What the model writes.
        held_out: What it thinks of the first document of the valid split.
        attention: What it looks at in the first sample, or without samples in ``held_out``.
        over_training: Samples at steps of the training.
        embedding_rows: What happened to dead and live rows, as HTML, if that was recorded.
    """

    path: Path
    recipe: Recipe
    records: dict[str, dict[str, Any]]
    tokenizer: BaseTokenizer | None = None
    store: TokenStore | None = None
    run: Run | None = None
    warnings: Sequence[dict[str, Any]] = ()
    samples: Sequence[Trace] = ()
    held_out: Trace | None = None
    attention: Attention | None = None
    over_training: Sequence[Samples] = ()
    embedding_rows: str | None = None

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The results of each finished stage."""
        return {name: record["results"] for name, record in self.records.items()}


def gather(folder: Path, samples: Sequence[Trace]) -> Material:
    """Read what a run has, and ask its model for the rest.

    Args:
        folder: A run folder; what is not finished is left out.
        samples: What its model writes.

    Raises:
        InputError: It is no run folder.
        DamagedError: A file of it is not what was written.

    Cost: a few passes of the model, and as of ``analyse_run`` where rows were recorded.
    """
    recipe = recipe_of(folder)
    records = {name: found for name in STAGES if (found := _finished(folder / name))}
    tokenizer = Tokenizer.load(folder) if "tokenizer" in records else None
    store = TokenStore.open(folder) if "tokens" in records else None
    run = _run(folder)
    material = Material(
        path=folder,
        recipe=recipe,
        records=records,
        tokenizer=tokenizer,
        store=store,
        run=run,
        warnings=read_warnings(folder / "transformer" / WARNINGS),
        samples=samples,
        over_training=_over_training(run) if run else (),
    )
    return _with_model(material, tokenizer) if tokenizer and "transformer" in records else material


def recipe_of(folder: Path) -> Recipe:
    """The recipe that a run folder was made from.

    Raises:
        InputError: It is no run folder.
    """
    path = folder / "recipe.json"
    if not path.is_file():
        raise InputError(f"{folder} is no run folder: it has no recipe.json")
    return read_recipe(read_json(path), where=str(path))


def _finished(folder: Path) -> dict[str, Any] | None:
    path = folder / stage.FINISHED
    return read_json(path) if path.is_file() else None


def _run(folder: Path) -> Run | None:
    """The training as far as it has come; none before its first line."""
    if not (folder / "transformer" / METRICS).is_file():
        return None
    try:
        return read_runs([folder])[0]
    except InputError:
        return None


def _over_training(run: Run) -> Sequence[Samples]:
    """What it wrote while it learned; nothing before its first trace."""
    try:
        return read_samples([run])
    except InputError:
        return ()


def _with_model(found: Material, tokenizer: BaseTokenizer) -> Material:
    """The same with what its model is asked for."""
    model = load_model_quietly(found.path)
    ids = _held_out_ids(found.store) if found.store else []
    sample = [token.id for trace in found.samples[:1] for token in trace.tokens]
    shown = (sample or ids)[:ATTENTION_TOKENS]
    return Material(
        **vars(found)
        | {
            "held_out": trace_ids(model, tokenizer, ids) if ids else None,
            "attention": _attention(model, tokenizer, shown) if shown else None,
            "embedding_rows": rows_html(found.path, len(tokenizer.dead_ids)),
        }
    )


def _attention(model: Any, tokenizer: BaseTokenizer, ids: Sequence[int]) -> Attention | None:
    try:
        return attention_of_ids(model, tokenizer, ids)
    except InputError:  # a model whose layers have no attention weights
        return None


def _held_out_ids(store: TokenStore) -> list[int]:
    """The beginning of the first document of the valid split that has one."""
    if "valid" not in store.splits:
        return []
    boundary = store.manifest.boundary_id
    for document in store.documents("valid"):
        ids = np.asarray(document[:HELD_OUT_TOKENS])
        kept: list[int] = ids[ids != boundary].tolist() if boundary is not None else ids.tolist()
        if kept:
            return kept
    return []
