"""Each tokenizer of the benchmark, used in the way that is fastest for it.

``ENCODERS[name](files)`` loads GPT-2's vocabulary and returns ``prepare``; ``prepare(form, text)``
brings a text to that form and returns the call that is timed: no arguments, ids as an array.

    form         text is                     handed over as
    string       one text                    one ``str``
    documents    documents, boundary behind  one buffer, wherever the tokenizer takes one
    list         documents, boundary behind  a list of ``str``
    bytes        one text                    its bytes: what a fresh process has at hand

``BUILDERS[name](files, text, folder)`` returns the call that turns a text file into a file of ids.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

BOUNDARY = "<|endoftext|>"
BOUNDARY_ID = 50256
GPT2 = (  # openai/gpt-2, encoder.py
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
)

Encode = Callable[[], Any]
Prepare = Callable[[str, bytes], Encode]


@dataclass(frozen=True)
class Files:
    """GPT-2's vocabulary as each tokenizer reads it fastest."""

    folder: Path
    """Holds ``encoder.json`` and ``vocab.bpe``, as published."""
    made: Path
    """Holds what ``convert`` wrote."""

    @property
    def ranks(self) -> Path:
        """The tokens in tiktoken's format."""
        return self.made / "gpt2.tiktoken"

    @property
    def json(self) -> Path:
        """The whole tokenizer in the format of ``tokenizers``."""
        return self.made / "gpt2.json"


def convert(files: Files) -> None:
    """Write ``files.json`` and ``files.ranks``, by ``tokenizers`` itself."""
    import base64

    import tokenizers

    published = (str(files.folder / name) for name in ("encoder.json", "vocab.bpe"))
    model = tokenizers.ByteLevelBPETokenizer(*published)
    model.add_special_tokens([BOUNDARY])
    model.save(str(files.json))
    of_character = {character: byte for byte, character in enumerate(byte_characters())}
    lines = []
    for token in range(BOUNDARY_ID):
        content = bytes(of_character[character] for character in model.id_to_token(token))
        lines.append(f"{base64.b64encode(content).decode()} {token}\n")
    files.ranks.write_text("".join(lines))


def byte_characters() -> list[str]:
    """GPT-2's printable character for each byte (``bytes_to_unicode`` of openai/gpt-2)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(byte) for byte in printable}
    names |= {byte: chr(0x100 + place) for place, byte in enumerate(hidden)}
    return [names[byte] for byte in range(256)]


def split_documents(text: bytes) -> list[bytes]:
    """The documents of a text, each with a boundary behind it."""
    return text.split(BOUNDARY.encode())[:-1]


def split_strings(text: bytes) -> list[str]:
    """The same as strings."""
    return text.decode().split(BOUNDARY)[:-1]


def cygnet(files: Files) -> Prepare:
    """``Tokenizer.encode_batch``: documents as a ``TextBatch``."""
    from cygnet import TextBatch, Tokenizer

    tokenizer = Tokenizer.load(files.folder)
    inputs = {
        "string": lambda text: text.decode(),
        "documents": lambda text: TextBatch.from_bytes(split_documents(text)),
        "list": split_strings,
        "bytes": lambda text: TextBatch.from_bytes([text]),
    }

    def prepare(form: str, text: bytes) -> Encode:
        given = inputs[form](text)
        return lambda: tokenizer.encode_batch(given, threads=1)[0]

    return prepare


def gigatoken(files: Files) -> Prepare:
    """``encode_batch``, faster than ``encode``; for bytes ``encode``, which spares an import."""
    import gigatoken as library

    tokenizer = library.Tokenizer.from_tiktoken(files.ranks, "gpt2", {BOUNDARY: BOUNDARY_ID})
    inputs = {
        "string": lambda text: [text.decode()],
        "documents": lambda text: library.BytesSource(text, BOUNDARY),
        "list": split_strings,
    }

    def prepare(form: str, text: bytes) -> Encode:
        if form == "bytes":
            return lambda: tokenizer.encode(text)
        given = inputs[form](text)
        return lambda: flat(tokenizer.encode_batch(given, parallel=False))

    return prepare


def flat(ragged: Any) -> Any:
    """The flat ids of an ``awkward`` array of documents, without a copy."""
    import numpy as np

    return np.asarray(ragged.layout.content.data)


def tiktoken(files: Files) -> Prepare:
    """``encode_to_numpy``, faster than lists of Python integers."""
    import numpy as np
    import tiktoken as library
    from tiktoken.load import load_tiktoken_bpe

    tokenizer = library.Encoding(
        "gpt2",
        pat_str=GPT2,
        mergeable_ranks=load_tiktoken_bpe(str(files.ranks)),
        special_tokens={BOUNDARY: BOUNDARY_ID},
    )

    def prepare(form: str, text: bytes) -> Encode:
        given = [text.decode()] if form in ("string", "bytes") else split_strings(text)
        return lambda: np.concatenate(
            [tokenizer.encode_to_numpy(document, disallowed_special=()) for document in given]
        )

    return prepare


def tokenizers(files: Files) -> Prepare:
    """``encode_batch_fast``, which leaves offsets out."""
    import numpy as np
    import tokenizers as library

    tokenizer = library.Tokenizer.from_file(str(files.json))

    def prepare(form: str, text: bytes) -> Encode:
        given = [text.decode()] if form in ("string", "bytes") else split_strings(text)

        def encode() -> Any:
            found = tokenizer.encode_batch_fast(given, add_special_tokens=False)
            return np.array(list(chain.from_iterable(item.ids for item in found)), np.uint32)

        return encode

    return prepare


def build_cygnet(files: Files, text: Path, folder: Path) -> Callable[[], Path]:
    """Token files; beside the ids they hold counts and hashes, and are synced to the disk."""
    from cygnet import Tokenizer, build_tokens
    from cygnet.text.sources import read_files

    tokenizer = Tokenizer.load(files.folder)
    tokenizer.encode_batch(["Once upon a time"], threads=2)
    _ = tokenizer.sha256  # of the vocabulary, not of the text: as loading, it is done once

    def build() -> Path:
        source = read_files([text], BOUNDARY, "strict")
        build_tokens(folder, tokenizer, {"train": source}, shard_tokens=1 << 40)
        return folder / "train-00000.bin"

    return build


def build_gigatoken(files: Files, text: Path, folder: Path) -> Callable[[], Path]:
    """The file as one text, boundaries found as special tokens: no second pass to put them in."""
    import gigatoken as library
    import numpy as np

    tokenizer = library.Tokenizer.from_tiktoken(files.ranks, "gpt2", {BOUNDARY: BOUNDARY_ID})
    tokenizer.encode_batch(["Once upon a time"])

    def build() -> Path:
        ids = flat(tokenizer.encode_files(library.TextFileSource([text])))
        ids.astype(np.uint16).tofile(folder / "ids.bin")
        return folder / "ids.bin"

    return build


ENCODERS: dict[str, Callable[[Files], Prepare]] = {
    "cygnet": cygnet,
    "gigatoken": gigatoken,
    "tiktoken": tiktoken,
    "tokenizers": tokenizers,
}
BUILDERS = {"cygnet": build_cygnet, "gigatoken": build_gigatoken}
