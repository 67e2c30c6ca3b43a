"""``tok512.bin``, ``tokenizer.bin``: the vocabularies that llama2.c runs with."""

import struct
from collections.abc import Iterator
from pathlib import Path

from cygnet.errors import DamagedError, InputError
from cygnet.files import read_bytes
from cygnet.tokenizer.sentencepiece import BYTES, SentencePieceTokenizer

SPECIAL = {"<s>": 1, "</s>": 2, "<unk>": 0}
"""The first rows of every such file; in it, ``<s>`` and ``</s>`` stand between newlines."""


def read_llama2c(path: Path) -> SentencePieceTokenizer:
    """Read the vocabulary of a llama2.c checkpoint.

    The file is an ``int32``, the length of the longest piece, and for each piece a ``float32``, its
    score, an ``int32``, its length in bytes, and its bytes. Of two neighbours those are joined
    first whose product has the highest score: each way to cut a piece in two is a merge.

    Raises:
        InputError: It is no such file.
        DamagedError: It ends in the middle of a piece.

    Source: karpathy/llama2.c, tokenizer.py and run.c.
    """
    scored = [*_read_pieces(path)]
    pieces = [piece for _, piece in scored]
    names = sorted(SPECIAL, key=lambda name: SPECIAL[name])
    if [piece.strip("\n") for piece in pieces[:3]] != names or {*BYTES} - {*pieces}:
        raise InputError(
            f"{path} is no vocabulary of llama2.c: it begins with {', '.join(names)} and has"
            " the 256 bytes"
        )
    pieces[:3] = names
    scores = {piece: score for score, piece in scored[3:] if piece not in BYTES}
    by_score = sorted(scores, key=lambda piece: -scores[piece])
    merges = [
        (piece[:cut], piece[cut:])
        for piece in by_score
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    return SentencePieceTokenizer(pieces, SPECIAL, merges)


def _read_pieces(path: Path) -> Iterator[tuple[float, str]]:
    """Score and spelling of each piece."""
    content = read_bytes(path)
    at = 4
    while at < len(content):
        head = content[at : at + 8]
        score, size = struct.unpack("<fi", head) if len(head) == 8 else (0.0, -1)
        piece = content[at + 8 : at + 8 + max(0, size)]
        if size < 1 or len(piece) < size:
            raise DamagedError(f"{path} is damaged, or no vocabulary of llama2.c: byte {at:,}")
        try:
            yield score, piece.decode()
        except UnicodeDecodeError as error:
            raise DamagedError(f"{path} is damaged: a piece at byte {at:,} is no text") from error
        at += 8 + size
