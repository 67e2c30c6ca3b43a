"""``EmbeddingRecorder``: embedding rows over a training run, as a callback of ``Trainer``.

It works with any causal language model of ``transformers`` and anyone's own ``Trainer``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import Parameter
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from cygnet.errors import InputError, StaleError
from cygnet.transformer.growing_array import Array
from cygnet.transformer.snapshots import PREFIXES, SnapshotWriter

What = Literal["W", "grad", "adam"]
Matrix = Literal["W_E", "W_U"]
RANGES = re.compile(r"(\d+(-\d+)?)(,\d+(-\d+)?)*", re.ASCII)
KINDS = {"W": ("snapshots",), "grad": ("grad",), "adam": ("exp_avg", "exp_avg_sq")}


class EmbeddingRecorder(TrainerCallback):
    """Writes embedding rows to disk while a ``Trainer`` trains: step 0, and every so many after it.

    A snapshot at step ``s`` is what ``s`` optimizer steps have made: the weights after step ``s``,
    the gradient that step ``s`` took, AdamW's two means after it. The gradient is the one that the
    optimizer sees: of the whole batch, after clipping. At step 0 there is none yet (NaN).

    Args:
        path: The folder for the snapshots; ``Snapshots.open`` or NumPy read them.
        every: Steps between snapshots.
        schedule: ``"log"`` takes steps 0, 1, 2 ... 10, 20 ... 100, 200 ... instead.
        rows: Which rows: ``"all"``, ``"dead"``, ``"live"``, or ids, also as ``"0-49,90"``.
        what: Any of ``"W"`` (weights), ``"grad"``, ``"adam"`` (``exp_avg`` and ``exp_avg_sq``).
        matrices: Input embeddings ``"W_E"``, output embeddings ``"W_U"``; where they are tied there
            is one matrix, and it is recorded once.
        dead_ids: Ids of the dead tokens, for ``rows`` that are dead or live.
        overwrite: Let a training that begins at step 0 remove snapshots of an earlier one.

    Raises:
        InputError: An argument is out of its range, or the matrix changes its size while it is
            recorded. What has been recorded stays.
        StaleError: The folder holds the snapshots of another run.

    A training that goes on from a checkpoint drops the snapshots behind it and takes them again, so
    that the files end with the bytes of a training without a break.

    Cost: memory for one snapshot. ``python bench/recorder.py`` measures the time.

    >>> recorder = EmbeddingRecorder("snapshots", schedule="log", rows=range(100))
    >>> [step for step in range(250) if recorder.is_due(step)][9:]
    [9, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 200]
    """

    def __init__(
        self,
        path: str | Path,
        *,
        every: int = 100,
        schedule: Literal["log"] | None = None,
        rows: str | Iterable[int] = "all",
        what: Sequence[What] = ("W",),
        matrices: Sequence[Matrix] = ("W_E", "W_U"),
        dead_ids: Iterable[int] | None = None,
        overwrite: bool = False,
    ) -> None:
        _check_choices("what", what, KINDS)
        _check_choices("matrices", matrices, ("W_E", "W_U"))
        if schedule not in ("log", None):
            raise InputError(f"schedule is {schedule!r}: it can be 'log' or None")
        if every < 1:
            raise InputError(f"every must be at least 1, found {every}")
        self.path, self.every, self.schedule = Path(path), every, schedule
        self.rows = rows if isinstance(rows, str) else list(rows)
        self.dead_ids = None if dead_ids is None else list(dead_ids)
        self.what, self.matrices, self.overwrite = tuple(what), tuple(matrices), overwrite
        self._shape = torch.Size()

    def is_due(self, step: int) -> bool:
        """Whether a snapshot is taken after so many steps."""
        if self.schedule == "log":
            return len(str(step).rstrip("0")) <= 1
        return step % self.every == 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the first snapshot, or go on behind the checkpoint."""
        if not state.is_world_process_zero:
            return
        model, optimizer = kwargs["model"], kwargs["optimizer"]
        self._check_optimizer(optimizer)
        self._open(model, overwrite=self.overwrite and state.global_step == 0)
        if state.global_step:
            self._writer.go_on(state.global_step, self._weights(model))
        elif steps := self._writer.steps:
            raise StaleError(
                f"{self.path} holds the snapshots of another run, steps {steps[0]:,} to"
                f" {steps[-1]:,}: go on from its checkpoint, record into another folder, or remove"
                " them with EmbeddingRecorder(..., overwrite=True)"
            )
        if not self._writer.steps:
            self._take(state.global_step, model, optimizer, no_gradient=np.nan)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Refuse a matrix of another size before the optimizer runs past the end of its state."""
        if state.is_world_process_zero:
            self._matrices(kwargs["model"])

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take a snapshot if one is due: the step is done and its gradient still there."""
        step = state.global_step + 1  # counted after this
        # Trainer that goes on from its very last checkpoint takes one step too many (5.23).
        is_one_of_it = step <= state.max_steps
        if state.is_world_process_zero and is_one_of_it and self.is_due(step):
            self._take(step, kwargs["model"], kwargs["optimizer"])

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Before a checkpoint is written, note what the rows are."""
        if state.is_world_process_zero and control.should_save:
            self._writer.mark(state.global_step, self._weights(kwargs["model"]))

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The same, where a callback behind this one asked for the checkpoint."""
        if state.is_world_process_zero:
            self._writer.mark(state.global_step, self._weights(kwargs["model"]))

    def _open(self, model: PreTrainedModel, overwrite: bool) -> None:
        """Settle the rows and the files, which hang on the shape of the model."""
        found = embedding_matrices(model)
        names = [name for name in found if name == "W" or name in self.matrices]
        self._shape = found[names[0]].shape
        n_rows, width = self._shape
        ids = select_rows(self.rows, n_rows, self.dead_ids)
        self._index = _as_index(ids)
        self._names = {PREFIXES[name] + kind: name for name in names for kind in self._kinds()}
        settings = {
            "every": self.schedule or self.every,
            "matrices": names,
            "n_rows": n_rows,
            "width": width,
            "rows": len(ids),
        }
        self._writer = SnapshotWriter(
            self.path, settings, ids, width, tuple(self._names), overwrite
        )

    def _kinds(self) -> list[str]:
        return [kind for name in self.what for kind in KINDS[name]]

    def _take(
        self,
        step: int,
        model: PreTrainedModel,
        optimizer: torch.optim.Optimizer,
        no_gradient: float = 0.0,
    ) -> None:
        """Write one snapshot; ``no_gradient`` stands where a matrix has none."""
        found = self._matrices(model)
        values = {}
        for name, matrix in self._names.items():
            value = _read(name.removeprefix(PREFIXES[matrix]), found[matrix], optimizer)
            if value is None:
                fill = no_gradient if name.endswith("grad") else 0.0
                value = torch.full_like(found[matrix], fill)
            values[name] = self._rows_of(value)
        self._writer.append(step, values)

    def _weights(self, model: PreTrainedModel) -> dict[str, Array]:
        found = self._matrices(model)
        return {name: self._rows_of(found[name]) for name in set(self._names.values())}

    def _matrices(self, model: PreTrainedModel) -> dict[str, Parameter]:
        """The matrices, as long as they have the shape that they had at first."""
        found = embedding_matrices(model)
        for matrix in found.values():
            if matrix.shape != self._shape:
                raise InputError(
                    f"the embedding is now {tuple(matrix.shape)} and was {tuple(self._shape)} in"
                    f" the snapshots of {self.path}, which are kept: resize the model before"
                    " training, not while it is recorded"
                )
        return found

    def _rows_of(self, tensor: torch.Tensor) -> npt.NDArray[np.float32]:
        values: npt.NDArray[np.float32] = tensor.detach()[self._index].float().cpu().numpy()
        return values

    def _check_optimizer(self, optimizer: torch.optim.Optimizer) -> None:
        kind = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        if "adam" in self.what and not isinstance(kind, torch.optim.Adam):
            raise InputError(
                f"what='adam' needs torch's Adam or AdamW, found {type(kind).__name__}: leave"
                " 'adam' out"
            )


def embedding_matrices(model: PreTrainedModel) -> dict[str, Parameter]:
    """The embedding matrices of a model, shape ``(vocab_size, width)`` each.

    Returns:
        ``W_E`` and ``W_U``, or ``W`` alone where they are one (tied), or where there is no output.
    """
    inputs: Any = model.get_input_embeddings()
    outputs: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if outputs is None or outputs.weight is inputs.weight:
        return {"W": inputs.weight}
    return {"W_E": inputs.weight, "W_U": outputs.weight}


def select_rows(
    rows: str | Sequence[int], n_rows: int, dead_ids: Sequence[int] | None = None
) -> npt.NDArray[np.int64]:
    """Ids of the rows to record.

    Args:
        rows: ``"all"``, ``"dead"``, ``"live"``, or ids, also as ``"0-49,90"``.
        n_rows: Rows of the matrix.
        dead_ids: Ids of the dead tokens.

    Raises:
        InputError: An id is not in the matrix or occurs twice, none is left, or the dead ones are
            not known.

    >>> select_rows("live", 6, dead_ids=[4, 5])
    array([0, 1, 2, 3])
    >>> select_rows("0-2,5", 6)
    array([0, 1, 2, 5])
    """
    if isinstance(rows, str):
        rows = _named_rows(rows, n_rows, dead_ids)
    ids = np.asarray(rows, np.int64)
    if not len(ids):
        raise InputError("there are no rows to record")
    if ids.min() < 0 or ids.max() >= n_rows:
        worst = ids.min() if ids.min() < 0 else ids.max()
        raise InputError(f"row {worst} is not in the embedding, which has {n_rows:,} rows")
    if len(np.unique(ids)) < len(ids):
        raise InputError("an id occurs twice among the rows to record")
    return ids


def parse_ids(text: str) -> list[int]:
    """Ids that are written as numbers and ranges.

    Raises:
        InputError: It is something else.

    >>> parse_ids("0-3,90")
    [0, 1, 2, 3, 90]
    """
    if not RANGES.fullmatch(text):
        raise InputError(f"{text!r} names no ids: write them as 0-49,90")
    ends = (part.split("-") for part in text.split(","))
    return [row for part in ends for row in range(int(part[0]), int(part[-1]) + 1)]


def _named_rows(name: str, n_rows: int, dead_ids: Sequence[int] | None) -> Sequence[int]:
    if name == "all":
        return range(n_rows)
    if RANGES.fullmatch(name):
        return parse_ids(name)
    if name not in ("dead", "live"):
        raise InputError(f"rows is {name!r}: it can be all, dead, live, or ids such as 0-49,90")
    if not dead_ids:
        raise InputError(f"rows={name!r} needs a vocabulary with dead tokens, or their dead_ids")
    return dead_ids if name == "dead" else sorted(set(range(n_rows)) - set(dead_ids))


def _as_index(ids: npt.NDArray[np.int64]) -> Any:
    """A slice where the ids are in a row: then nothing is copied."""
    if np.array_equal(ids, np.arange(ids[0], ids[0] + len(ids))):
        return slice(int(ids[0]), int(ids[0]) + len(ids))
    return torch.from_numpy(ids)


def _read(kind: str, matrix: Parameter, optimizer: torch.optim.Optimizer) -> torch.Tensor | None:
    """The tensor that belongs to a file, if there is one yet."""
    if kind == "snapshots":
        return matrix
    if kind == "grad":
        return matrix.grad
    state: Mapping[str, torch.Tensor] = optimizer.state.get(matrix, {})
    return state.get(kind)


def _check_choices(name: str, given: Sequence[str], known: Iterable[str]) -> None:
    for value in given:
        if value not in known:
            raise InputError(f"{name} has {value!r}: it can hold {', '.join(known)}")
    if not given:
        raise InputError(f"{name} is empty: it can hold {', '.join(known)}")
