"""Other people's encoders of a text, and the texts on which encoders part."""

import base64
import functools
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tokenizers

from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

STORIES = [
    "Once upon a time, there was a little girl named Lily. She loved to hop. 1234567 12345.",
    "Lily's dog couldn't hop; HE'D nap and nap!\n\n  The end. \t x = 10000;\r\n\r\n",
    "naïve café 🍓🍓 日本語の本 Привет, мир! 123456789 مرحبا १२३४५",
]
TEXTS = [
    *STORIES,
    *("", " ", "\n ", "a\n \n", "  a  b\n\n\nc\t", "x" * 300, "1" * 300, "a!\nb", "^a$\na$"),
    *("٣٤٥٦٧ Ⅷ ½ \u3000 \xa0 \x85x", "DON'T we'Ll 'S 'ſ it's'", "<|endoftext|> <|im_start|>"),
    "".join(map(chr, range(0x250))),
]
"""What shows where two split patterns, or two engines, part."""
IDS = Callable[[str], list[int]]


def hf_ids(source: Path | dict[str, Any]) -> IDS:
    """Hugging Face's ids of a text in which special tokens are spelled, not meant."""
    text = source.read_text() if isinstance(source, Path) else json.dumps(source)
    encoder = tokenizers.Tokenizer.from_str(text)
    encoder.encode_special_tokens = True
    return lambda text: encoder.encode(text, add_special_tokens=False).ids


def assert_same(tokenizer: Tokenizer, theirs: IDS, texts: list[str]) -> None:
    for text in texts:
        assert tokenizer.encode(text) == theirs(text), text


@functools.cache
def real_texts(data: Path) -> list[str]:
    """Lines in many scripts, a story and code; in Unicode's normal form C."""
    lines = (data / "multilingual" / "unicode_mix.txt").read_text().split("\n\n")[::9]
    story = (data / "tinystories" / "tinystories_valid.txt").read_text()[:20_000]
    code = (data / "code" / "python_django.txt").read_text()[:20_000]
    return [unicodedata.normalize("NFC", text) for text in (*TEXTS, *lines, story, code)]


@functools.cache
def load(path: Path, pattern: str | None = None) -> Tokenizer:
    return Tokenizer.load(path, pattern)


def ranks_of(path: Path, limit: int | None = None) -> dict[bytes, int]:
    lines = path.read_bytes().splitlines()[:limit]
    return {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, lines)}


def added(name: str, token: int, special: bool = True) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": token, "content": name, "special": special, **flags}


def renumbered(tokenizer: Tokenizer, ids: list[int], special: dict[str, int]) -> Tokenizer:
    """The same tokenizer with its learned token ``i`` numbered ``ids[i]``."""
    rows = [b""] * (max(ids) + 1)
    for token, content in zip(ids, tokenizer.vocabulary.token_bytes, strict=True):
        rows[token] = content
    merges = np.array(ids, np.int32)[tokenizer.vocabulary.merges]
    return Tokenizer(Vocabulary(rows, merges), tokenizer.pattern, special, tokenizer.normalizer)
