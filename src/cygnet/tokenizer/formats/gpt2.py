"""GPT-2's two files: ``encoder.json`` and ``vocab.bpe``, or ``vocab.json`` and ``merges.txt``."""

import itertools
import operator
from pathlib import Path

from cygnet.errors import DamagedError, InputError
from cygnet.files import read_bytes, read_json
from cygnet.tokenizer.formats.byte_level import build_vocabulary, byte_alphabet, check_ids, naming
from cygnet.tokenizer.tokenizer import Tokenizer

PAIRS = {"encoder.json": "vocab.bpe", "vocab.json": "merges.txt"}
"""The file of merges that belongs to each file of ids."""
NAMES = (*PAIRS, *PAIRS.values())


def read_gpt2(path: Path, pattern: str | None = None) -> Tokenizer:
    """Read GPT-2's two files, of which ``path`` is one.

    What is neither a byte nor made by a merge is a special token, as ``<|endoftext|>`` is.

    Args:
        path: One of ``NAMES``; the other file of the pair lies beside it.
        pattern: The split pattern, by name or as a regular expression; GPT-2's by default. The
            files do not say it.

    Raises:
        DamagedError: A file cannot be read as such, or the two do not belong together.
        InputError: One of them is missing.
    """
    ids_name, merges_name = next(pair for pair in PAIRS.items() if path.name in pair)
    ids_path, merges_path = path.with_name(ids_name), path.with_name(merges_name)
    ids, merges = read_json(ids_path), _read_merges(merges_path)
    with naming(ids_path):
        check_ids(ids)
        made = {*byte_alphabet(), *itertools.starmap(operator.add, merges)}
        special = {name: ids[name] for name in ids.keys() - made}
    with naming(merges_path):
        taken = special.keys() & itertools.chain.from_iterable(merges)
        if taken:
            raise DamagedError(f"it joins {min(taken)!r}, which no merge makes")
    with naming(ids_path):
        special = dict(sorted(special.items(), key=lambda item: item[1]))
        vocabulary = build_vocabulary(ids, merges, special, whole_words=False)
        return Tokenizer(vocabulary, pattern or "gpt2", special)


def _read_merges(path: Path) -> list[tuple[str, ...]]:
    try:
        lines = read_bytes(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise DamagedError(f"{path} is damaged: it is not UTF-8 ({error.reason})") from error
    if lines and lines[0].startswith("#version"):
        lines[0] = ""
    merges = [tuple(line.split(" ")) for line in lines if line]
    if {*map(len, merges)} - {2}:
        number, line = next(
            (number, line)
            for number, line in enumerate(lines, start=1)
            if line and line.count(" ") != 1
        )
        raise DamagedError(f"{path} is damaged: line {number}, {line[:40]!r}, is not two tokens")
    if not merges:
        raise InputError(f"{path} holds no merges")
    return merges
