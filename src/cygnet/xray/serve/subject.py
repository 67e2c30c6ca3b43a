"""What a page is about: a model with its tokenizer, and the folder that they come from."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, load_tokenizer
from cygnet.transformer.decoding import context_length
from cygnet.transformer.model import load_model_quietly
from cygnet.transformer.snapshots import SETTINGS
from cygnet.xray.rows.embedding import Embedding, open_embedding
from cygnet.xray.runs.reading import read_runs

METRICS = Path("transformer", "metrics.jsonl")
TRACES = Path("transformer", "traces.jsonl")
SNAPSHOTS = Path("transformer", "recorder", SETTINGS)


@dataclass(frozen=True, eq=False)
class Subject:
    """A model that is loaded once, and where it lies.

    Attributes:
        folder: A run folder, or the folder of any causal model of ``transformers``.
        model, tokenizer: What is in it.
        against: More runs whose curves and samples stand beside those of this one.
    """

    folder: Path
    model: PreTrainedModel
    tokenizer: AnyTokenizer
    against: tuple[Path, ...] = ()

    @classmethod
    def load(cls, folder: Path, against: tuple[Path, ...] = ()) -> "Subject":
        """Read model and tokenizer.

        Raises:
            InputError: There is no model or no tokenizer, or one is not the other's; one of
                ``against`` is no run.
            DamagedError: A file is damaged.
        """
        model, tokenizer = load_model_quietly(folder), load_tokenizer(folder)
        check_vocabulary(model, tokenizer)
        if against:
            read_runs((folder, *against))
        return cls(folder, model, tokenizer, against)

    @property
    def runs(self) -> tuple[Path, ...]:
        """The folder, and those beside it."""
        return self.folder, *self.against

    @cached_property
    def embedding(self) -> Embedding:
        """The rows of the model.

        Raises:
            InputError: As ``open_embedding``.
        """
        return open_embedding(self.folder)

    def about(self) -> dict[str, Any]:
        """What the page says at its head, and which of its parts there are; plain JSON values."""
        return {
            "name": self.folder.resolve().name,
            "architecture": self.model.config.model_type,
            "parameters": self.model.num_parameters(),
            "vocab_size": self.tokenizer.vocab_size,
            "context": context_length(self.model),
            "has": {
                "dead": (self.folder / SNAPSHOTS).is_file(),
                "runs": (self.folder / METRICS).is_file(),
                "samples": (self.folder / TRACES).is_file(),
            },
        }


def check_inside(folder: Path) -> None:
    """See that nothing in a folder leads out of it.

    Raises:
        InputError: A symbolic link does.

    Cost: a look at each file; a run has some dozens.
    """
    home = folder.resolve()
    for path in _links(home):
        if not path.resolve().is_relative_to(home):
            raise InputError(
                f"{path.relative_to(home)} leads out of the run folder, and the page reads nothing"
                " there: copy what it points to"
            )


def _links(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink():
                yield path
