"""Tokenizers of other libraries, as what generation, evaluation and traces need of one."""

import functools
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from cygnet.errors import EncodingError, InputError
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.formats.byte_level import byte_alphabet


def adapt(tokenizer: Any) -> Any:
    """Any tokenizer as an ``AnyTokenizer``.

    Args:
        tokenizer: A ``BaseTokenizer``, one that ``adapt`` has given, a fast tokenizer of
            ``transformers``, a ``tokenizers.Tokenizer``, or a ``tiktoken.Encoding``.

    Raises:
        InputError: It is none of them.

    >>> import tokenizers
    >>> found = adapt(tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "?": 1}, "?")))
    >>> found.encode("a"), found.token_bytes(0)
    ([0], b'a')
    """
    if isinstance(tokenizer, BaseTokenizer | TransformersTokenizer | TiktokenTokenizer):
        return tokenizer
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        return TransformersTokenizer(tokenizer)
    kind = f"{type(tokenizer).__module__}.{type(tokenizer).__qualname__}"
    if kind == "tokenizers.Tokenizer":
        fast: Any = PreTrainedTokenizerFast
        return TransformersTokenizer(fast(tokenizer_object=tokenizer))
    if kind == "tiktoken.core.Encoding":
        return TiktokenTokenizer(tokenizer)
    raise InputError(
        f"{kind} is no tokenizer that can be read: take one of cygnet, a fast one of transformers,"
        " tokenizers.Tokenizer or tiktoken.Encoding"
    )


class TransformersTokenizer:
    """A tokenizer of ``transformers``, e.g. one in SentencePiece's manner.

    Args:
        found: A fast tokenizer.

    Attributes:
        special_tokens: The id of each special token, by name.
    """

    def __init__(self, found: Any) -> None:
        self._tokenizer = found
        added = found.added_tokens_decoder.items()
        self.special_tokens = {token.content: i for i, token in added if token.special}
        self._added = set(found.get_added_vocab())
        self._kinds = set(re.findall(r'"type": ?"(\w+)"', self._decoder_json()))

    @classmethod
    def load(cls, folder: Path) -> "TransformersTokenizer":
        """What ``AutoTokenizer`` loads from a folder. No code from there is executed.

        Raises:
            InputError: It cannot be loaded.
        """
        try:
            found: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (ImportError, OSError, ValueError, KeyError, TypeError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise InputError(f"the tokenizer in {folder} cannot be loaded: {reason}") from error
        if not isinstance(found, PreTrainedTokenizerFast):
            raise InputError(f"the tokenizer in {folder} has no tokenizer.json: convert it first")
        return cls(found)

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

    def encode(self, text: str, /, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text; special tokens that it spells out are ordinary text, unless they are
        allowed: all of them or none.

        Raises:
            EncodingError: ``text`` holds a lone surrogate.
        """
        _check_utf8(text)
        found = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=not allowed_special,
            verbose=False,
        )
        ids: list[int] = found["input_ids"]
        return ids

    def token_bytes(self, token: int, /) -> bytes:
        """The bytes of one token, as it stands within a text."""
        piece = str(self._tokenizer.convert_ids_to_tokens(token) or "")
        if piece in self._added:
            return piece.encode()
        if "ByteLevel" in self._kinds:
            table = _bytes_of_characters()
            return bytes(table[character] for character in piece if character in table)
        if "ByteFallback" in self._kinds and re.fullmatch(r"<0x[0-9A-F]{2}>", piece):
            return bytes.fromhex(piece[3:5])
        return piece.replace("▁", " ").encode()


class TiktokenTokenizer:
    """A ``tiktoken.Encoding``.

    Attributes:
        special_tokens: The id of each special token, by name.
    """

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding
        self.special_tokens = {
            name: encoding.encode_single_token(name) for name in encoding.special_tokens_set
        }

    @property
    def vocab_size(self) -> int:
        """Rows of the vocabulary, special tokens included."""
        size: int = self._encoding.n_vocab
        return size

    @property
    def boundary_id(self) -> int | None:
        """The token that a text begins behind: the one that ends a text, or nanochat's first."""
        return self.special_tokens.get("<|endoftext|>", self.special_tokens.get("<|bos|>"))

    def encode(self, text: str, /, *, allowed_special: Collection[str] = ()) -> list[int]:
        """The ids of a text; special tokens that it spells out are ordinary text, unless they are
        allowed.

        Raises:
            EncodingError: ``text`` holds a lone surrogate.
        """
        _check_utf8(text)  # tiktoken would put U+FFFD there
        ids: list[int] = self._encoding.encode(
            text, allowed_special=set(allowed_special), disallowed_special=()
        )
        return ids

    def token_bytes(self, token: int, /) -> bytes:
        """The bytes of one token; none for a row without a token."""
        try:
            found: bytes = self._encoding.decode_single_token_bytes(token)
        except KeyError:
            return b""
        return found


def _check_utf8(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise EncodingError(
            f"character {error.start} of the text is a lone surrogate, which UTF-8 lacks"
        ) from error


@functools.cache
def _bytes_of_characters() -> dict[str, int]:
    return {character: byte for byte, character in enumerate(byte_alphabet())}
