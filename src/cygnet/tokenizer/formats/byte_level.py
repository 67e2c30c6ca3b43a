"""Tokens spelled in GPT-2's byte alphabet, as ``tokenizer.json`` and ``vocab.json`` hold them."""

import contextlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer.reference import N_BYTES
from cygnet.tokenizer.vocabulary import Vocabulary

MAX_ROWS = 1 << 24
"""Ids from here on are refused: a damaged id must not become a table of that many rows."""


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


def spell(tokens: Sequence[bytes]) -> list[str]:
    """Each token in the byte alphabet.

    >>> spell([b" upon", b"\\n"])
    ['Ġupon', 'Ċ']
    """
    # Latin-1 makes one character of each byte.
    table = dict(enumerate(byte_alphabet()))
    return [token.decode("latin-1").translate(table) for token in tokens]


def build_vocabulary(
    ids: Mapping[str, int],
    merges: Sequence[tuple[str, str]],
    special: Collection[str],
    whole_words: bool,
) -> Vocabulary:
    """A vocabulary out of tokens and merges that are spelled in the byte alphabet.

    Args:
        ids: The id of each token.
        merges: Pairs of tokens, in the order learned.
        special: Tokens that are no text; they are left out unless a merge makes or takes them.
        whole_words: As in ``Vocabulary``.

    Raises:
        DamagedError: Two tokens have one id, or a merge stands there twice, takes a token that
            is missing or makes one.
        InputError: A token is not spelled in the byte alphabet, or a byte has no token.

    >>> ids = {character: byte for byte, character in enumerate(byte_alphabet())} | {"hu": 300}
    >>> build_vocabulary(ids, [("h", "u")], [], False).merges.tolist()
    [[104, 117, 300]]
    """
    check_ids(ids)
    triples = np.array(_number_merges(ids, merges), np.int32).reshape(-1, 3)
    learned = {ids[character] for character in byte_alphabet() if character in ids}
    learned.update(np.unique(triples).tolist())
    # A character of the alphabet becomes one of Latin-1, which is one byte; others a character
    # that Latin-1 lacks, lest they pass for one that it has.
    table = dict.fromkeys(range(0x100), "\uffff")
    table |= {ord(character): chr(byte) for byte, character in enumerate(byte_alphabet())}
    token_bytes = [b""] * (1 + max(ids.values(), default=0))
    for name, token in ids.items():
        if token in learned or name not in special:
            try:
                token_bytes[token] = name.translate(table).encode("latin-1")
            except UnicodeEncodeError as error:
                raise InputError(
                    f"token {token}, {name!r}, is neither special nor spelled in bytes: this is no"
                    " byte-level BPE"
                ) from error
    return Vocabulary(token_bytes, triples, whole_words)


def check_ids(ids: Mapping[str, int]) -> None:
    """Refuse ids that are no ids, and two names for one."""
    names: dict[int, str] = {}
    for name, token in ids.items():
        if type(token) is not int or not 0 <= token < MAX_ROWS:
            raise DamagedError(f"{name!r} has the id {token!r}: 0 to {MAX_ROWS - 1:,} can be read")
        if token in names:
            raise DamagedError(f"id {token} belongs to both {names[token]!r} and {name!r}")
        names[token] = name


def _number_merges(
    ids: Mapping[str, int], merges: Sequence[tuple[str, str]]
) -> list[tuple[int, int, int]]:
    try:
        triples = [(ids[left], ids[right], ids[left + right]) for left, right in merges]
    except KeyError as error:
        raise DamagedError(
            f"a merge needs the token {error}, which the vocabulary does not have"
        ) from error
    if len({(left, right) for left, right, _ in triples}) < len(triples):
        [(twice, _)] = Counter(map(tuple, merges)).most_common(1)
        raise DamagedError(f"the merge {twice[0]!r} + {twice[1]!r} stands there twice")
    return triples


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with its content, in one line."""
    try:
        yield
    except CygnetError as error:
        raise type(error)(f"{path}: {error}") from error
    except KeyError as error:
        raise DamagedError(f"{path} is damaged, or of another format: no {error} in it") from error
    except (IndexError, TypeError, AttributeError, ValueError) as error:
        raise DamagedError(f"{path} is damaged, or of another format: {error!r}") from error
