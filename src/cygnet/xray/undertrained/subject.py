"""A trained model and its tokenizer, opened to be looked at: a run folder, or any model folder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from cygnet.transformer.model import find_model_folder, load_model
from cygnet.transformer.recorder import embedding_matrices
from cygnet.xray.undertrained.indicators import Rows
from cygnet.xray.undertrained.vocabulary import TokenNames, read_names


@dataclass(frozen=True, eq=False)
class Subject:
    """What the analysis looks at.

    Attributes:
        path: As given.
        is_run: Whether it is the folder of a run, which knows its data.
        model: In evaluation mode.
        names: Its tokens.
        inputs, outputs: Embeddings, ``float32`` of shape ``(vocab_size, width)``; where they are
            tied, one array.
    """

    path: Path
    is_run: bool
    model: PreTrainedModel
    names: TokenNames
    inputs: Rows
    outputs: Rows

    @property
    def is_tied(self) -> bool:
        """Whether input and output embeddings are one matrix."""
        return self.inputs is self.outputs


def open_subject(path: Path) -> Subject:
    """Load a model with its tokenizer; nothing in the folder is executed.

    Raises:
        InputError: There is no model, or no tokenizer.
        DamagedError: A file of it is damaged.
    """
    is_run = find_model_folder(path) != path
    model = load_model(path)
    matrices = [_to_numpy(matrix) for matrix in embedding_matrices(model).values()]
    names = read_names(path, is_run)
    return Subject(path, is_run, model, names, matrices[0], matrices[-1])


def _to_numpy(matrix: torch.Tensor) -> Rows:
    values: Rows = matrix.detach().float().cpu().numpy()
    return np.ascontiguousarray(values)
