"""The analysis of a run folder, or of a folder with snapshots alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, get_scheduler

from cygnet import stage
from cygnet.errors import InputError, StaleError
from cygnet.recipe import TransformerOptions
from cygnet.recipes import find_recipe
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.model import load_model_quietly
from cygnet.transformer.recorder import embedding_matrices, select_rows
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.dead.analysis import MAX_SNAPSHOTS, analyse, dead_live_unseen
from cygnet.xray.dead.hidden import softmax_pull
from cygnet.xray.dead.result import Analysis, Hidden, Ids

RECIPE = "recipe.json"
NO_MODEL = (
    "there is no finished model of a run here, so nothing is measured along its mean hidden state,"
    " and no drift is predicted"
)


def analyse_run(
    path: str | Path, *, dead_ids: str | None = None, max_snapshots: int = MAX_SNAPSHOTS
) -> Analysis:
    """Analyse the snapshots of a run.

    Args:
        path: A run folder, also one that is being trained; or a folder with snapshots alone, of a
            training of one's own.
        dead_ids: Which tokens are dead, such as ``"6144-8191"``; those of the run's tokenizer by
            default.
        max_snapshots: As of ``analyse``.

    Returns:
        The figures, with predicted drift and directions where the run has finished.

    Raises:
        InputError: There are no snapshots, or fewer than two; no row is dead or live.
        StaleError: They are the snapshots of another run.
        DamagedError: A file is damaged.

    Cost: 0.1 s for a snapshot of the reference model, and a forward pass over 16,384 tokens.
    """
    path = Path(path)
    snapshots, groups = open_rows(path, dead_ids)
    if not (path / RECIPE).is_file():
        return analyse(snapshots, groups, notes=(NO_MODEL,), max_snapshots=max_snapshots)
    options = find_recipe(str(path / RECIPE)).transformer
    is_finished = (path / "transformer" / stage.FINISHED).exists()
    hidden = _hidden(path, snapshots) if is_finished else None
    note = (
        NO_MODEL if hidden is None else f"mean hidden state and softmax gradient: {hidden.source}"
    )
    return analyse(
        snapshots,
        groups,
        hidden=hidden,
        learning_rates=learning_rates(options),
        settings=_settings(options, is_tied="W" in snapshots.settings["matrices"]),
        notes=(note,),
        max_snapshots=max_snapshots,
    )


def open_rows(path: Path, dead_ids: str | None = None) -> tuple[Snapshots, dict[str, Ids]]:
    """The snapshots of a run, and which of its tokens are dead, live, and live but unseen.

    Arguments and errors as of ``analyse_run``.
    """
    try:
        snapshots = Snapshots.open(path)
    except InputError as error:
        raise InputError(
            f"{path} holds no snapshots of embedding rows: train with --transformer.record W, or"
            " with an EmbeddingRecorder in a Trainer of your own"
        ) from error
    snapshots.check_marks()
    n_rows = snapshots.settings["n_rows"]
    planted: Sequence[int] = ()
    counts = None
    if (path / RECIPE).is_file():
        planted, counts = Tokenizer.load(path).dead_ids, TokenStore.open(path).counts("train")
        _check_rows(n_rows, len(counts))
    dead = select_rows(dead_ids, n_rows) if dead_ids else np.array(planted, np.int64)
    return snapshots, dead_live_unseen(dead, n_rows, counts)


def learning_rates(options: TransformerOptions) -> npt.NDArray[np.float64]:
    """The learning rate of each step of a training, ``float64`` of shape ``(steps,)``.

    >>> from cygnet.recipes import duckling_transformer
    >>> rates = learning_rates(duckling_transformer())
    >>> len(rates), float(rates[0]), round(float(rates[10_000]), 9)
    (20000, 0.0001, 5e-05)
    """
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=options.learning_rate)
    schedule = get_scheduler(
        options.schedule,
        optimizer,
        num_warmup_steps=options.warmup_steps,
        num_training_steps=options.steps,
    )
    return np.array([_step(optimizer, schedule) for _ in range(options.steps)])


def _step(optimizer: torch.optim.Optimizer, schedule: Any) -> float:
    rate: float = schedule.get_last_lr()[0]
    optimizer.step()
    schedule.step()
    return rate


def _check_rows(recorded: int, vocab_size: int) -> None:
    if recorded != vocab_size:
        raise StaleError(
            f"these are the snapshots of another run: they are of {recorded:,} rows, and the"
            f" vocabulary has {vocab_size:,}"
        )


def _hidden(path: Path, snapshots: Snapshots) -> Hidden:
    """What the final model does to the tokens that never occur."""
    model, store = load_model_quietly(path), TokenStore.open(path)
    snapshots.check_model(_weights(model))
    return softmax_pull(model, store, np.flatnonzero(store.counts("train") == 0))


def _weights(model: PreTrainedModel) -> dict[str, npt.NDArray[np.float32]]:
    return {name: w.detach().cpu().numpy() for name, w in embedding_matrices(model).items()}


def _settings(options: TransformerOptions, is_tied: bool) -> dict[str, Any]:
    """What the controls differ in, and what else decides how far rows move."""
    names = ("dead_rows", "weight_decay", "learning_rate", "schedule", "steps")
    others = {name: getattr(options, name) for name in (*names, "batch_size", "seed")}
    return {"tie_embeddings": is_tied} | others
