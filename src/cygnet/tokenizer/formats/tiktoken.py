"""``*.tiktoken``: a line per token, its bytes in base64 and its rank, which is also its id.

The file holds neither the split pattern nor the special tokens. Those of OpenAI are recognised by
their sha256; beside a file that cygnet wrote lies a ``NAME.tiktoken.json`` with both.
"""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cygnet.errors import DamagedError, InputError
from cygnet.files import make_folder, read_bytes, read_json, sha256_file, write_json, write_text
from cygnet.tokenizer.formats.byte_level import MAX_ROWS, check_ids, naming
from cygnet.tokenizer.formats.dialects import read_pattern, write_pattern
from cygnet.tokenizer.reference import N_BYTES
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

if TYPE_CHECKING:
    import tiktoken

_END = "<|endoftext|>"
_GPT2 = ("gpt2", {_END: 50256})
_FILL = {"<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260}
OPENAI = {
    # r50k_base, p50k_base, cl100k_base, o200k_base
    "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930": _GPT2,
    "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069": _GPT2,
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": (
        "cl100k",
        {_END: 100257, **_FILL, "<|endofprompt|>": 100276},
    ),
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": (
        "o200k",
        {_END: 199999, "<|endofprompt|>": 200018},
    ),
}
"""Pattern and special tokens of OpenAI's files, by sha256 (openai/tiktoken, openai_public.py)."""


def read_tiktoken(path: Path, pattern: str | None = None) -> Tokenizer:
    """Read a rank file of tiktoken.

    Args:
        path: The file.
        pattern: Its split pattern, by name or as a regular expression; needed unless the file is
            one of OpenAI's, or cygnet wrote it and its ``NAME.tiktoken.json`` lies beside it.

    Raises:
        DamagedError: A line is not base64 and a rank, or a token or rank stands there twice.
        InputError: Ranks are missing, a byte is, or the pattern is not known.
    """
    ranks = _parse(path)
    known, special_tokens = _read_pattern_and_special(path)
    if pattern is None and known is None:
        raise InputError(
            f"{path} does not say how text is split, and is none of OpenAI's files: name its"
            " pattern, such as cl100k"
        )
    with naming(path):
        vocabulary = rank_vocabulary(ranks, special_tokens)
        return Tokenizer(vocabulary, pattern or known or "", special_tokens)


def _read_pattern_and_special(path: Path) -> tuple[str | None, dict[str, int]]:
    beside = path.with_name(path.name + ".json")
    if beside.is_file():
        content = read_json(beside)
        with naming(beside):
            check_ids(content["special_tokens"])
            return read_pattern(content["pattern"], "rust"), content["special_tokens"]
    return OPENAI.get(sha256_file(path), (None, {}))


def _parse(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        if not line:
            continue
        try:
            encoded, rank = line.split()
            token = base64.b64decode(encoded, validate=True)
            if not token or not rank.isdigit() or len(rank) > 9:
                raise ValueError("no token, or no rank")
        except (ValueError, binascii.Error) as error:
            raise DamagedError(
                f"{path} is damaged: line {number}, {line[:40]!r}, is not a token in base64 and its"
                " rank"
            ) from error
        if token in ranks:
            raise DamagedError(f"{path} is damaged: line {number} has the token {token!r} again")
        ranks[token] = int(rank)
    return ranks


def rank_vocabulary(ranks: Mapping[bytes, int], special_tokens: Mapping[str, int]) -> Vocabulary:
    """The vocabulary of tiktoken's ranks, where special tokens may hold ids between them.

    Raises:
        DamagedError: Two tokens have one rank.
        InputError: A byte has no rank, or nothing has an id below the highest rank.
    """
    order = sorted(ranks, key=ranks.__getitem__)
    ids = np.array([ranks[token] for token in order], np.int64)
    _check_ranks(ids, special_tokens)
    for byte in range(N_BYTES):
        if bytes([byte]) not in ranks:
            raise InputError(f"the byte 0x{byte:02x} has no rank: this is no byte-level BPE")
    by_place = Vocabulary.from_ranks({token: place for place, token in enumerate(order)})
    token_bytes = [b""] * (int(ids[-1]) + 1)
    for token, content in zip(ids.tolist(), order, strict=True):
        token_bytes[token] = content
    merges = ids[by_place.merges].astype(np.int32)
    # Where merges lead to every token, looking words up whole changes nothing.
    return Vocabulary(token_bytes, merges, whole_words=N_BYTES + len(merges) < len(order))


def _check_ranks(ids: npt.NDArray[np.int64], special: Mapping[str, int]) -> None:
    if not len(ids):
        raise InputError("it holds no token")
    if ids[0] < 0 or ids[-1] >= MAX_ROWS:
        raise DamagedError(
            f"the ranks go from {ids[0]} to {ids[-1]}: 0 to {MAX_ROWS - 1:,} can be read"
        )
    twice = ids[1:][ids[1:] == ids[:-1]]
    if len(twice):
        raise DamagedError(f"the rank {twice[0]} belongs to two tokens")
    missing = set(range(int(ids[-1]))) - set(ids.tolist()) - set(special.values())
    if missing:
        raise InputError(f"the ranks have a gap: {min(missing)} is missing, {ids[-1]} is the last")


def to_ranks(tokenizer: Tokenizer) -> dict[bytes, int]:
    """The rank of each learned token, with which tiktoken gives the same ids.

    tiktoken joins neighbours whose bytes together are a token, the lowest id first, takes a word
    that is a token as it is, and leaves text as it comes. Not every tokenizer is of that kind.

    Raises:
        InputError: This one is not; the message says why.
    """
    vocabulary = tokenizer.vocabulary
    if tokenizer.normalizer:
        raise InputError("tiktoken does not bring text to NFC, as this tokenizer does")
    if tokenizer.dead_ids:
        raise InputError(
            f"tiktoken has no rows without a token: it cannot keep {len(tokenizer.dead_ids):,} dead"
            " ones"
        )
    ranks = {token: i for i, token in enumerate(vocabulary.token_bytes) if token}
    if len(ranks) != vocabulary.n_tokens:
        raise InputError("two tokens have the same bytes: tiktoken cannot tell them apart")
    joined = vocabulary.merges[:, 2]
    if (np.diff(joined) < 0).any():
        first = int(np.flatnonzero(np.diff(joined) < 0)[0])
        raise InputError(
            f"token {joined[first]} is merged before {joined[first + 1]}: tiktoken merges in the"
            " order of ids"
        )
    theirs = rank_vocabulary(ranks, tokenizer.special_tokens).merges
    missing = set(map(tuple, theirs.tolist())) - set(map(tuple, vocabulary.merges.tolist()))
    if missing:
        left, right, token = min(missing, key=lambda merge: merge[2])
        raise InputError(f"tiktoken would join {left} and {right} to {token}, this tokenizer not")
    unreachable = vocabulary.n_tokens - N_BYTES - len(theirs)
    if unreachable and not vocabulary.whole_words:
        raise InputError(f"tiktoken uses every token, and no merge leads to {unreachable} of these")
    return ranks


def write_tiktoken(tokenizer: Tokenizer, path: Path) -> None:
    """Write a rank file, and beside it ``NAME.tiktoken.json`` with pattern and special tokens.

    ``tiktoken.Encoding`` takes them as ``mergeable_ranks``, ``pat_str`` and ``special_tokens``.

    Raises:
        InputError: tiktoken would give other ids, see ``to_ranks``; or ``path`` does not end in
            ``.tiktoken``.
    """
    if path.suffix != ".tiktoken":
        raise InputError(f"{path} does not end in .tiktoken, as a rank file must")
    ranks = to_ranks(tokenizer)
    pattern = write_pattern(tokenizer.pattern, "rust")
    make_folder(path.parent)
    lines = [f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items()]
    content = {"pattern": pattern, "special_tokens": tokenizer.special_tokens}
    write_json(path.with_name(path.name + ".json"), content)
    write_text(path, "".join(lines))


def to_encoding(tokenizer: Tokenizer, name: str = "cygnet") -> "tiktoken.Encoding":
    """The tokenizer as an object of tiktoken's.

    Raises:
        InputError: tiktoken is not installed, or would give other ids, see ``to_ranks``.
    """
    try:
        import tiktoken
    except ModuleNotFoundError as error:
        raise InputError("this needs tiktoken: pip install tiktoken") from error

    return tiktoken.Encoding(
        name,
        pat_str=write_pattern(tokenizer.pattern, "rust"),
        mergeable_ranks=to_ranks(tokenizer),
        special_tokens=tokenizer.special_tokens,
    )
