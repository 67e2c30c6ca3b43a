"""What a page is about: a model with its tokenizer, and the folder that they come from."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, load_tokenizer
from cygnet.transformer.decoding import context_length
from cygnet.transformer.model import load_model_quietly
from cygnet.transformer.sampling import Sampling
from cygnet.transformer.snapshots import SETTINGS
from cygnet.xray.play.settings import options_of, sampling_of
from cygnet.xray.rows.embedding import Embedding, open_embedding
from cygnet.xray.runs.reading import read_runs
from cygnet.xray.tokens.comparison import open_tokenizers

METRICS = Path("transformer", "metrics.jsonl")
TRACES = Path("transformer", "traces.jsonl")
SNAPSHOTS = Path("transformer", "recorder", SETTINGS)
OWN = "this model"


@dataclass(frozen=True, eq=False)
class Subject:
    """A model that is loaded once, and where it lies.

    Attributes:
        folder: A run folder, or the folder of any causal model of ``transformers``.
        model, tokenizer: What is in it.
        against: More runs whose curves and samples stand beside those of this one.
        tokenizers: By name, those that cut a text side by side, its own among them; or none.
        sampling: How the page begins to draw tokens.
    """

    folder: Path
    model: PreTrainedModel
    tokenizer: AnyTokenizer
    against: tuple[Path, ...] = ()
    tokenizers: Mapping[str, Any] = field(default_factory=dict)
    sampling: Sampling = Sampling()

    @classmethod
    def load(
        cls, folder: Path, against: tuple[Path, ...] = (), tokenizers: tuple[Path, ...] = ()
    ) -> "Subject":
        """Read model and tokenizers.

        Args:
            folder: Of the model.
            against: More runs.
            tokenizers: Run folders, or files and folders of tokenizers.

        Raises:
            InputError: There is no model or no tokenizer, or one is not the other's; one of
                ``against`` is no run, one of ``tokenizers`` none.
            DamagedError: A file is damaged.
        """
        sampling = sampling_of(options_of(folder), {})
        model, tokenizer = load_model_quietly(folder), load_tokenizer(folder)
        check_vocabulary(model, tokenizer)
        if against:
            read_runs((folder, *against))
        beside = _beside(tokenizer, against, tokenizers)
        return cls(folder, model, tokenizer, against, beside, sampling)

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
            "sampling": asdict(self.sampling),
            "tokenizers": list(self.tokenizers),
            "has": {
                "dead": (self.folder / SNAPSHOTS).is_file(),
                "runs": (self.folder / METRICS).is_file(),
                "samples": (self.folder / TRACES).is_file(),
            },
        }


def _beside(
    tokenizer: AnyTokenizer, against: Sequence[Path], more: Sequence[Path]
) -> dict[str, Any]:
    """By name the tokenizer and those beside it; none where it is the only one."""
    paths = [*(run for run in against if _has_another(run, tokenizer)), *more]
    return {OWN: tokenizer, **open_tokenizers(paths)} if paths else {}


def _has_another(run: Path, tokenizer: AnyTokenizer) -> bool:
    """Whether a run has a tokenizer that is not this one."""
    try:
        other = load_tokenizer(run)
    except InputError:
        return False
    return bool(getattr(other, "sha256", other) != getattr(tokenizer, "sha256", tokenizer))


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
