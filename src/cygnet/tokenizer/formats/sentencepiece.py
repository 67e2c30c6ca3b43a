"""A ``SentencePieceTokenizer`` as ``tokenizer.json``; only what ``write`` wrote is read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cygnet.errors import DamagedError
from cygnet.files import make_folder, write_json, write_text
from cygnet.tokenizer.formats.byte_level import check_ids, naming
from cygnet.tokenizer.sentencepiece import SentencePieceTokenizer

BLANK_FIRST = {"type": "Prepend", "prepend": " "}


def describes(content: Any) -> bool:
    """Whether a ``tokenizer.json`` holds a tokenizer of this kind."""
    return isinstance(content, Mapping) and content.get("normalizer") == BLANK_FIRST


def to_json(tokenizer: SentencePieceTokenizer) -> dict[str, Any]:
    """The content of ``tokenizer.json``; ``tokenizers`` gives the same ids with it, behind the
    token that begins a document."""
    boundary = next(iter(tokenizer.special_tokens))
    by_id = sorted(tokenizer.special_tokens.items(), key=lambda item: item[1])
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": token, "content": name, **flags, "special": True} for name, token in by_id
        ],
        "normalizer": BLANK_FIRST,
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [_special(boundary), _sequence("A")],
            "pair": [_special(boundary), _sequence("A"), _special(boundary), _sequence("B")],
            "special_tokens": {
                boundary: {
                    "id": boundary,
                    "ids": [tokenizer.special_tokens[boundary]],
                    "tokens": [boundary],
                }
            },
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": {piece: token for token, piece in enumerate(tokenizer.pieces)},
            "merges": [[left, right] for left, right in tokenizer.merges],
        },
    }


def _special(name: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": name, "type_id": 0}}


def _sequence(name: str) -> dict[str, Any]:
    return {"Sequence": {"id": name, "type_id": 0}}


def _as_text(tokenizer: SentencePieceTokenizer) -> str:
    return json.dumps(to_json(tokenizer), indent=1, ensure_ascii=False) + "\n"


def sha256(tokenizer: SentencePieceTokenizer) -> str:
    """Hex sha256 of the bytes that ``write`` writes to ``tokenizer.json``."""
    return hashlib.sha256(_as_text(tokenizer).encode()).hexdigest()


def write(tokenizer: SentencePieceTokenizer, folder: Path) -> None:
    """Write ``tokenizer_config.json`` and, last, ``tokenizer.json``."""
    boundary = next(iter(tokenizer.special_tokens))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": boundary,
        "eos_token": boundary,
        "clean_up_tokenization_spaces": False,
    }
    make_folder(folder)
    write_json(folder / "tokenizer_config.json", config)
    write_text(folder / "tokenizer.json", _as_text(tokenizer))


def read(content: Mapping[str, Any], path: Path) -> SentencePieceTokenizer:
    """The tokenizer that the content of a ``tokenizer.json`` describes.

    Raises:
        DamagedError: A part is missing or contradicts another.
    """
    with naming(path):
        vocab: dict[str, int] = content["model"]["vocab"]
        check_ids(vocab)
        pieces = sorted(vocab, key=lambda piece: vocab[piece])
        if [vocab[piece] for piece in pieces] != [*range(len(pieces))]:
            raise DamagedError("the ids of its pieces have gaps")
        special = {token["content"]: token["id"] for token in content["added_tokens"]}
        if any(vocab.get(name) != token for name, token in special.items()):
            raise DamagedError("an added token has another id than in the vocabulary")
        boundary = content["post_processor"]["single"][0]["SpecialToken"]["id"]
        merges = [(left, right) for left, right in content["model"]["merges"]]
        if any({left, right, left + right} - vocab.keys() for left, right in merges):
            raise DamagedError("a merge has a part that is no piece")
        return SentencePieceTokenizer(pieces, {boundary: special[boundary], **special}, merges)
