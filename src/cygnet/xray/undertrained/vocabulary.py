"""What the analysis asks of a tokenizer: names of tokens, tokens no text has, ids for prompts."""

import contextlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.formats import token_mapping
from cygnet.tokenizer.formats.byte_level import byte_alphabet
from cygnet.tokenizer.formats.dead_rows import NAME as DEAD_NAME
from cygnet.tokenizer.reachability import unreachable_tokens
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.xray.undertrained.indicators import Ids
from cygnet.xray.undertrained.verification import SEPARATORS

NO_UTF8 = (0xC0, 0xC1, *range(0xF5, 0x100))
"""The bytes that UTF-8 never has: Unicode Standard, table 3-7."""
NO_TOKEN, DEAD = "rows without a token", "dead rows"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json")
UNREACHABLE = "tokens that no text becomes"


@dataclass(frozen=True, kw_only=True)
class TokenNames:
    """The tokens of a vocabulary by id.

    Attributes:
        texts: What each token is, for people; an id that is missing has no token.
        dead_ids: Rows that no text becomes, by design.
        special_ids: Special tokens.
        unreachable: Tokens that the tokenizer gives for no text, among them the bytes that UTF-8
            never has; of a tokenizer that is no byte-level BPE, those bytes alone.
        prefix: Ids that a text begins with.
        separators: Ids of what stands between repetitions, in a prompt each.
    """

    texts: Mapping[int, str] = field(repr=False)
    dead_ids: frozenset[int]
    special_ids: frozenset[int]
    unreachable: tuple[int, ...]
    prefix: tuple[int, ...]
    separators: tuple[tuple[int, ...], ...]

    def text(self, token: int) -> str:
        """The token for people; empty for a row without one."""
        return self.texts.get(token, "")

    def known_unused(self, n_rows: int) -> dict[str, Ids]:
        """Ids that occur in no text, by the reason; each once.

        Args:
            n_rows: Rows of the embedding, which may be more than there are tokens.
        """
        found = {
            NO_TOKEN: sorted(set(range(n_rows)) - self.texts.keys()),
            DEAD: sorted(self.dead_ids),
            UNREACHABLE: sorted(set(self.unreachable) - self.dead_ids),
        }
        return {reason: np.array(ids, np.int64) for reason, ids in found.items() if ids}


def read_names(folder: Path, is_run: bool) -> TokenNames:
    """The tokens of a run folder, of a compact vocabulary, or of any folder of ``transformers``.

    Raises:
        InputError: There is no tokenizer that can be loaded.
    """
    if is_run or (folder / token_mapping.NAME).is_file():
        return _of_cygnet(folder)
    return _of_transformers(folder)


def _of_cygnet(folder: Path) -> TokenNames:
    tokenizer = Tokenizer.load(folder)
    rows = [tokenizer.token_bytes(token) for token in range(tokenizer.vocab_size)]
    dead = frozenset(tokenizer.dead_ids)
    first = tokenizer.boundary_id
    return TokenNames(
        texts={i: "" if i in dead else visible(row) for i, row in enumerate(rows)},
        dead_ids=dead,
        special_ids=frozenset(tokenizer.special_tokens.values()),
        unreachable=unreachable_tokens(tokenizer) if isinstance(tokenizer, Tokenizer) else (),
        prefix=() if first is None else (first,),
        separators=tuple(tuple(tokenizer.encode(text)) for text in SEPARATORS),
    )


def _of_transformers(folder: Path) -> TokenNames:
    tokenizer = _load_fast(folder)
    ids: dict[str, int] = tokenizer.get_vocab()
    added = tokenizer.added_tokens_decoder
    backend = getattr(tokenizer, "backend_tokenizer", None)  # those without are SentencePiece's
    spelled = _unspell if _is_byte_level(backend) else _readable
    return TokenNames(
        texts={token: spelled(name) for name, token in ids.items()},
        dead_ids=frozenset(token for name, token in ids.items() if DEAD_NAME.fullmatch(name)),
        special_ids=frozenset(i for i, token in added.items() if token.special),
        unreachable=_unreachable(backend, ids),
        prefix=tuple(tokenizer("")["input_ids"]),
        separators=tuple(
            tuple(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in SEPARATORS
        ),
    )


def _load_fast(folder: Path) -> Any:
    """The tokenizer of a folder, by ``transformers``."""
    from transformers import AutoTokenizer

    if not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(
            f"{folder} holds no tokenizer: expected {TOKENIZER_FILES[0]} beside the model, as"
            " save_pretrained of the tokenizer writes it"
        )
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # tokenizers raises nothing narrower
        raise DamagedError(f"the tokenizer in {folder} cannot be loaded: {error}") from error


def _unreachable(backend: Any, ids: Mapping[str, int]) -> tuple[int, ...]:
    """What no text becomes; of a tokenizer that ``Tokenizer`` does not read, bytes by name.

    It is read as ``transformers`` made it: a folder's ``vocab.json`` and ``merges.txt`` do not say
    how text is cut into words, and by another pattern a sixth of Qwen's tokens seem unreachable.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(CygnetError):
        (Path(folder) / TOKENIZER_FILES[0]).write_text(backend.to_str() if backend else "{}")
        tokenizer = Tokenizer.load(folder)
        if isinstance(tokenizer, Tokenizer):
            return unreachable_tokens(tokenizer)
    alphabet = byte_alphabet()
    lone = [alphabet[byte] if _is_byte_level(backend) else f"<0x{byte:02X}>" for byte in NO_UTF8]
    return tuple(ids[name] for name in lone if name in ids)


def _is_byte_level(backend: Any) -> bool:
    return "ByteLevel" in repr(getattr(backend, "decoder", None))


_BYTES = {character: byte for byte, character in enumerate(byte_alphabet())}


def _unspell(name: str) -> str:
    """A token spelled in GPT-2's byte alphabet, for people; added tokens are spelled as they are.

    >>> _unspell("Ġupon"), _unspell("<|dead 7|>")
    ('·upon', '<|dead·7|>')
    """
    if all(character in _BYTES for character in name):
        return visible(bytes(_BYTES[character] for character in name))
    return visible(name.encode())


def _readable(name: str) -> str:
    """A token of SentencePiece, whose blank is U+2581, for people."""
    return visible(name.replace("▁", " ").encode())
