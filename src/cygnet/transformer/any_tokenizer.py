"""The tokenizer of any model folder: cygnet's where it can be, else that of ``transformers``."""

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedModel

from cygnet import stage
from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.model import find_model_folder, load_model
from cygnet.transformer.other_tokenizers import TransformersTokenizer, adapt

MOST_PADDING = 0.05  # Phi-2 has 1.8% more rows than tokens, Qwen2.5 0.2%


class AnyTokenizer(Protocol):
    """What generation, evaluation and traces need of a tokenizer; a ``BaseTokenizer`` has it."""

    special_tokens: dict[str, int]

    @property
    def vocab_size(self) -> int:
        """Rows of the vocabulary, special tokens included."""

    @property
    def boundary_id(self) -> int | None:
        """The token that a text begins behind, if there is one."""

    def encode(self, text: str, /, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text; special tokens that it spells out are ordinary text, unless they are
        allowed."""

    def token_bytes(self, token: int, /) -> bytes:
        """The bytes of one token."""


def load_tokenizer(path: str | Path) -> AnyTokenizer:
    """The tokenizer of a run folder or of any model folder that ``AutoTokenizer`` loads.

    Raises:
        InputError: There is none, or it needs a library that is not there.
    """
    folder = find_model_folder(path)
    if (folder / stage.FINISHED).exists():
        return Tokenizer.load(path)
    with contextlib.suppress(InputError):
        found = Tokenizer.load(folder)
        # The first special token ends a document in cygnet's own; elsewhere it may be any.
        if found.boundary_id is None or next(iter(found.special_tokens)) in _named_tokens(folder):
            return found
    return TransformersTokenizer.load(folder)


def open_model(
    model: PreTrainedModel | str | Path, tokenizer: Any = None
) -> tuple[PreTrainedModel, AnyTokenizer]:
    """A model and its tokenizer, ready to be asked.

    Args:
        model: A run folder, the folder of any causal model of ``transformers``, or a model.
        tokenizer: By default the one in the folder. Another folder with one; or a tokenizer of
            cygnet, ``transformers`` (fast), ``tokenizers`` or ``tiktoken``.

    Raises:
        InputError: There is no model or no tokenizer, or it is not the model's.
    """
    tokenizer = _from_folder(tokenizer)
    if not isinstance(model, PreTrainedModel):
        tokenizer = tokenizer or load_tokenizer(model)
        model = load_model(model)
    if tokenizer is None:
        raise InputError("a model in memory needs its tokenizer: name it behind the model")
    found: AnyTokenizer = adapt(tokenizer)
    check_vocabulary(model, found)
    return model, found


def _from_folder(tokenizer: Any) -> Any:
    """A tokenizer that is named by its folder, loaded; all else as it is.

    Raises:
        InputError: It is some other string, such as a text in the tokenizer's place.
    """
    if not isinstance(tokenizer, str | Path):
        return tokenizer
    is_folder = False
    with contextlib.suppress(OSError):  # a text may be too long for the name of a file
        is_folder = bool(str(tokenizer)) and Path(tokenizer).is_dir()
    if is_folder:
        return load_tokenizer(tokenizer)
    raise InputError(
        f"{str(tokenizer)[:40]!r} is no tokenizer's folder: name a text as text=..., as in"
        ' trace(model, text="Once upon")'
    )


def _named_tokens(folder: Path) -> set[str]:
    """What ``tokenizer_config.json`` calls the first and the last token of a text."""
    path = folder / "tokenizer_config.json"
    config = read_json(path) if path.exists() else {}
    named = (config.get("bos_token"), config.get("eos_token"))
    return {token["content"] if isinstance(token, dict) else token for token in named if token}


def end_ids(model: PreTrainedModel, tokenizer: AnyTokenizer) -> frozenset[int]:
    """The tokens that end a document: the boundary, and what the model's folder says."""
    found = {tokenizer.boundary_id}
    for config in (model.config, model.generation_config):
        ids = getattr(config, "eos_token_id", None)
        found |= set(ids) if isinstance(ids, list) else {ids}
    return frozenset(token for token in found if token is not None)


def check_vocabulary(model: PreTrainedModel, tokenizer: AnyTokenizer) -> None:
    """See that a tokenizer can be the model's.

    A model may have a few rows more than there are tokens, to fill up a round number.

    Raises:
        InputError: It has fewer, or many more.
    """
    embedding: Any = model.get_input_embeddings()
    n_rows, n_tokens = embedding.weight.shape[0], tokenizer.vocab_size
    if not n_tokens <= n_rows <= n_tokens * (1 + MOST_PADDING) + 8:
        raise InputError(
            f"the model has {n_rows:,} rows in its vocabulary and the tokenizer {n_tokens:,}"
            " tokens: this is not its tokenizer"
        )
