"""What may happen to the embedding rows of dead tokens in training, beside being trained."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from cygnet.errors import InputError
from cygnet.transformer.recorder import embedding_matrices

MASKED = "masked_token_ids"


class FrozenRows(TrainerCallback):
    """Keeps rows of the embedding matrices as they are, bit by bit, in anyone's own ``Trainer``.

    They get no gradient, so that they count in no gradient norm, and what the optimizer does all
    the same (weight decay) is undone after each of its steps.

    Args:
        ids: The rows, in the input and in the output matrix.
    """

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = torch.tensor(ids)
        self._handles: list[RemovableHandle] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Hook into the gradients and into the optimizer, which accelerate has wrapped."""
        optimizer = getattr(kwargs["optimizer"], "optimizer", kwargs["optimizer"])
        for matrix in embedding_matrices(kwargs["model"]).values():
            ids = self.ids.to(matrix.device)
            rows = matrix.detach()[ids]
            no_gradient = partial(torch.index_fill, dim=0, index=ids, value=0)
            self._handles += [
                matrix.register_hook(no_gradient),  # type: ignore[no-untyped-call]
                optimizer.register_step_post_hook(partial(_put_back, matrix, ids, rows)),
            ]

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Let the rows be trained again."""
        for handle in self._handles:
            handle.remove()
        self._handles = []


def _put_back(matrix: torch.Tensor, ids: torch.Tensor, rows: torch.Tensor, *optimizer: Any) -> None:
    with torch.no_grad():
        matrix[ids] = rows


def mask_rows(model: PreTrainedModel, ids: Sequence[int]) -> None:
    """Leave tokens out of the softmax of a model: their logits are minus infinity from now on.

    Their output rows get no gradient. The ids go into the config, so that ``load_model`` masks
    them again, and into the generation config, where ``generate`` of ``transformers`` looks.

    Args:
        model: A causal language model.
        ids: The tokens; none of them may ever be a target.

    Raises:
        InputError: The model caps its logits, which would make a mask of a number of it.
    """
    if getattr(model.config, "final_logit_softcapping", None) is not None:
        raise InputError(
            f"a {model.config.model_type} model caps its logits: none can be left out of its"
            " softmax: take --transformer.dead-rows frozen, or another preset"
        )
    setattr(model.config, MASKED, list(ids))
    if model.generation_config is not None:
        model.generation_config.suppress_tokens = list(ids)
    restore_mask(model)


def masked_ids(model: PreTrainedModel) -> list[int]:
    """The tokens that are left out of the softmax of a model; none as a rule."""
    return list(getattr(model.config, MASKED, None) or [])


def restore_mask(model: PreTrainedModel) -> None:
    """Mask the tokens that the config of a model names, if it does."""
    if ids := masked_ids(model):
        outputs: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        outputs.register_forward_hook(partial(mask_logits, torch.tensor(ids)))


def mask_logits(ids: torch.Tensor, module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
    """The forward hook by which a model's output matrix leaves tokens out."""
    return logits.index_fill(-1, ids.to(logits.device), -torch.inf)
