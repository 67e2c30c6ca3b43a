"""Model folders: what ``transformers`` reads and writes, never a pickle."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import transformers
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, PreTrainedModel

from cygnet import stage
from cygnet.errors import DamagedError, InputError
from cygnet.transformer.dead_rows import restore_mask


def find_model_folder(path: str | Path) -> Path:
    """The folder with ``config.json`` that a model folder or a run folder stands for.

    Raises:
        InputError: There is none.
    """
    path = Path(path)
    for folder in (path, path / "transformer"):
        if (folder / "config.json").is_file():
            return folder
    raise InputError(
        f"{path} holds no model: expected a folder with config.json and model.safetensors, or a run"
        " folder whose training has finished"
    )


def load_model(path: str | Path) -> PreTrainedModel:
    """Load a causal language model, ready to be asked (in evaluation mode).

    Args:
        path: A run folder, or any folder with safetensors that ``AutoModelForCausalLM`` loads.

    Raises:
        InputError: There is no model.
        DamagedError: A file of it is truncated or changed.
    """
    folder = find_model_folder(path)
    if (folder / stage.FINISHED).exists():
        stage.verify(folder)
    elif (folder / stage.STARTED).exists():
        raise InputError(f"the training in {folder} has not finished: run its recipe again")
    try:
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True
        )
    except (SafetensorError, json.JSONDecodeError, OSError, ValueError) as error:
        raise DamagedError(f"the model in {folder} cannot be loaded: {error}") from error
    assert isinstance(model, PreTrainedModel)
    restore_mask(model)
    model.train(False)
    return model


def load_model_quietly(path: str | Path) -> PreTrainedModel:
    """``load_model`` for a command: a terminal that has our own lines shows no others."""
    quiet_transformers()
    return load_model(path)


def quiet_transformers() -> None:
    """Keep the log lines and progress bars of ``transformers`` off a terminal that has our own."""
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def block_size(model: PreTrainedModel) -> int:
    """The longest context of a model, in tokens."""
    length: int = model.config.max_position_embeddings
    return length


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Ask a model without dropout; modules that were in training are so again behind it."""
    trained = [module for module in model.modules() if module.training]
    for module in trained:
        module.training = False
    try:
        yield
    finally:
        for module in trained:
            module.training = True
