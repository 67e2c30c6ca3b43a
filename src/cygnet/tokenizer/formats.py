"""A tokenizer on disk: ``tokenizer.json`` for machines, ``vocab.txt`` for people.

``tokenizer.json`` is the format of Hugging Face's ``tokenizers``. It writes tokens as text, with
each byte as one printable character (GPT-2's alphabet).
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cygnet.errors import DamagedError, InputError
from cygnet.files import make_folder, read_json, write_json, write_text
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.reference import N_BYTES

if TYPE_CHECKING:
    from cygnet.tokenizer.tokenizer import Tokenizer


def byte_alphabet() -> list[str]:
    """One printable character for each byte: itself where it is one, else from U+0100 on.

    Source: ``bytes_to_unicode`` of openai/gpt-2.

    >>> alphabet = byte_alphabet()
    >>> alphabet[ord("a")], alphabet[ord(" ")], alphabet[ord("\\n")]
    ('a', 'Ġ', 'Ċ')
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(N_BYTES) if byte not in printable]
    characters = {byte: chr(byte) for byte in printable}
    characters |= {byte: chr(0x100 + place) for place, byte in enumerate(hidden)}
    return [characters[byte] for byte in range(N_BYTES)]


def to_tokenizer_json(tokenizer: "Tokenizer") -> dict[str, Any]:
    """The content of ``tokenizer.json``; ``tokenizers`` gives the same ids with it."""
    alphabet = byte_alphabet()
    n_learned = N_BYTES + len(tokenizer.merges)
    names = [
        "".join(alphabet[byte] for byte in tokenizer.token_bytes(token))
        for token in range(n_learned)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    split = {"type": "Split", "pattern": {"Regex": tokenizer.pattern}, "behavior": "Isolated"}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, token in tokenizer.special_tokens.items()
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{**split, "invert": False}, {**byte_level, "use_regex": False}],
        },
        "post_processor": None,
        "decoder": {**byte_level, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: token for token, name in enumerate(names)},
            "merges": [[names[left], names[right]] for left, right in tokenizer.merges],
        },
    }


def sha256_tokenizer(tokenizer: "Tokenizer") -> str:
    """Hex sha256 of the bytes that ``write_folder`` writes to ``tokenizer.json``."""
    return hashlib.sha256(_as_text(to_tokenizer_json(tokenizer)).encode()).hexdigest()


def write_folder(tokenizer: "Tokenizer", folder: Path) -> None:
    """Write ``vocab.txt``, ``tokenizer_config.json`` and, last, ``tokenizer.json``."""
    make_folder(folder)
    end = next(iter(tokenizer.special_tokens), None)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": end,
        "eos_token": end,
        "clean_up_tokenization_spaces": False,
    }
    write_text(folder / "vocab.txt", to_vocab_txt(tokenizer))
    write_json(folder / "tokenizer_config.json", config)
    write_text(folder / "tokenizer.json", _as_text(to_tokenizer_json(tokenizer)))


def to_vocab_txt(tokenizer: "Tokenizer") -> str:
    """A line per token: its id, its text with nothing hidden, and what it was merged from."""
    lines = []
    for token in range(tokenizer.vocab_size):
        line = f"{token:6d}  {visible(tokenizer.token_bytes(token))}"
        if 0 <= token - N_BYTES < len(tokenizer.merges):
            parts = tokenizer.merges[token - N_BYTES]
            line += "    = " + " + ".join(visible(tokenizer.token_bytes(part)) for part in parts)
        lines.append(line)
    return "\n".join(lines) + "\n"


def read_tokenizer_json(path: Path) -> "Tokenizer":
    """Read a ``tokenizer.json`` that ``write_folder`` wrote.

    Raises:
        DamagedError: It is not JSON, or a part of it is missing or inconsistent.
        InputError: It describes something other than a byte-level BPE with the ids that cygnet
            gives: bytes 0..255, then the merges in order, then the special tokens.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer

    content = read_json(path)
    try:
        model = content["model"]
        pattern = content["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
        merges = [(model["vocab"][a], model["vocab"][b]) for a, b in model["merges"]]
        added = sorted(content["added_tokens"], key=lambda token: token["id"])
        tokenizer = Tokenizer(merges, pattern, [token["content"] for token in added])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DamagedError(
            f"{path} is damaged, or no byte-level BPE that cygnet wrote: {error!r}"
        ) from error
    if to_tokenizer_json(tokenizer)["model"]["vocab"] != model["vocab"]:
        raise InputError(
            f"{path} numbers its tokens in another order: bytes 0..255, then merges, then special"
            " tokens were expected"
        )
    return tokenizer


def _as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
