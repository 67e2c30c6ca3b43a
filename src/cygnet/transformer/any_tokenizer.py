"""The tokenizer of any model folder: cygnet's where it can be, else that of ``transformers``."""

import contextlib
import functools
import json
import re
from pathlib import Path
from typing import Any, Protocol

from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from cygnet import stage
from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.tokenizer.formats.byte_level import byte_alphabet
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.model import find_model_folder

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

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text; special tokens that it spells out are ordinary text."""

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
    return TransformersTokenizer(folder)


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


class TransformersTokenizer:
    """A tokenizer of ``transformers``, e.g. one in SentencePiece's manner.

    Args:
        folder: What ``AutoTokenizer`` loads. No code from there is executed.

    Attributes:
        special_tokens: The id of each special token, by name.

    Raises:
        InputError: It cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        try:
            found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise InputError(f"the tokenizer in {folder} cannot be loaded: {reason}") from error
        if not isinstance(found, PreTrainedTokenizerFast):
            raise InputError(f"the tokenizer in {folder} has no tokenizer.json: convert it first")
        self._tokenizer = found
        added = found.added_tokens_decoder.items()
        self.special_tokens = {token.content: i for i, token in added if token.special}
        self._kinds = set(re.findall(r'"type": ?"(\w+)"', self._decoder_json()))

    def _decoder_json(self) -> str:
        return json.dumps(json.loads(self._tokenizer.backend_tokenizer.to_str())["decoder"])

    @property
    def vocab_size(self) -> int:
        """Rows of the vocabulary, special tokens included."""
        return len(self._tokenizer)

    @property
    def end_id(self) -> int | None:
        """The token that ends a document."""
        last: int | None = self._tokenizer.eos_token_id
        return last

    @property
    def boundary_id(self) -> int | None:
        """The token that a text begins behind: the first one if it has a name, else the last."""
        first: int | None = self._tokenizer.bos_token_id
        return self.end_id if first is None else first

    def encode(self, text: str, /) -> list[int]:
        """The ids of a text; special tokens that it spells out are ordinary text."""
        found = self._tokenizer(
            text, add_special_tokens=False, split_special_tokens=True, verbose=False
        )
        ids: list[int] = found["input_ids"]
        return ids

    def token_bytes(self, token: int, /) -> bytes:
        """The bytes of one token, as it stands within a text."""
        piece = str(self._tokenizer.convert_ids_to_tokens(token) or "")
        if piece in self._tokenizer.get_added_vocab():
            return piece.encode()
        if "ByteLevel" in self._kinds:
            table = _bytes_of_characters()
            return bytes(table[character] for character in piece if character in table)
        if "ByteFallback" in self._kinds and re.fullmatch(r"<0x[0-9A-F]{2}>", piece):
            return bytes.fromhex(piece[3:5])
        return piece.replace("▁", " ").encode()


@functools.cache
def _bytes_of_characters() -> dict[str, int]:
    return {character: byte for byte, character in enumerate(byte_alphabet())}
