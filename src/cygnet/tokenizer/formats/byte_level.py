"""Tokens spelled in GPT-2's byte alphabet, as ``tokenizer.json`` and ``vocab.json`` hold them."""

import contextlib
import itertools
import operator
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer.reference import N_BYTES
from cygnet.tokenizer.vocabulary import Vocabulary

MAX_ROWS = 1 << 24
"""Ids from here on are refused: a damaged id must not become a table of that many rows."""
NO_BYTE = 256


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
    merges: Sequence[tuple[str, ...]],
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
    triples = _number_merges(ids, merges)
    n_rows = 1 + max(ids.values(), default=0)
    learned = np.zeros(n_rows, np.bool_)
    learned[triples] = True
    learned[[ids[character] for character in byte_alphabet() if character in ids]] = True
    left_out = {name for name in special if name in ids and not learned[ids[name]]}
    names = [name for name in ids if name not in left_out] if left_out else [*ids]
    token_bytes = [b""] * n_rows
    for name, content in zip(names, _unspell(names, ids), strict=True):
        token_bytes[ids[name]] = content
    return Vocabulary(token_bytes, triples, whole_words)


def _unspell(names: Sequence[str], ids: Mapping[str, int]) -> list[bytes]:
    """The bytes of tokens spelled in the byte alphabet; ``ids`` are for what is wrong with them."""
    byte_of = np.full(max(map(ord, byte_alphabet())) + 2, NO_BYTE, np.uint16)
    byte_of[[ord(character) for character in byte_alphabet()]] = np.arange(N_BYTES)
    characters = np.frombuffer("".join(names).encode("utf-32-le", "surrogatepass"), "<u4")
    found = byte_of[np.minimum(characters, len(byte_of) - 1)]
    ends = np.cumsum(np.fromiter(map(len, names), np.int64, len(names)))
    if (found == NO_BYTE).any():
        name = names[int(np.searchsorted(ends, int((found == NO_BYTE).argmax()), side="right"))]
        raise InputError(
            f"token {ids[name]}, {name!r}, is neither special nor spelled in bytes: this is no"
            " byte-level BPE"
        )
    content = found.astype(np.uint8).tobytes()
    return [content[start:end] for start, end in itertools.pairwise([0, *ends.tolist()])]


def check_ids(ids: Mapping[str, int]) -> None:
    """Refuse ids that are no ids, and two names for one."""
    values = ids.values()
    is_right = {*map(type, values)} <= {int} and len({*values}) == len(ids)
    if is_right and min(values, default=0) >= 0 and max(values, default=0) < MAX_ROWS:
        return  # the usual case, without a loop
    names: dict[int, str] = {}
    for name, token in ids.items():
        if type(token) is not int or not 0 <= token < MAX_ROWS:
            raise DamagedError(f"{name!r} has the id {token!r}: 0 to {MAX_ROWS - 1:,} can be read")
        if token in names:
            raise DamagedError(f"id {token} belongs to both {names[token]!r} and {name!r}")
        names[token] = name


def _number_merges(
    ids: Mapping[str, int], merges: Sequence[tuple[str, ...]]
) -> npt.NDArray[np.int32]:
    """Left, right and joined id of each merge."""
    lefts, rights = zip(*merges, strict=True) if merges else ((), ())
    columns = (lefts, rights, map(operator.add, lefts, rights))
    try:
        triples = np.array([[*map(ids.__getitem__, names)] for names in columns], np.int32).T
    except KeyError as error:
        raise DamagedError(
            f"a merge needs the token {error}, which the vocabulary does not have"
        ) from error
    pairs = triples[:, 0].astype(np.int64) * MAX_ROWS + triples[:, 1]
    if len(np.unique(pairs)) < len(pairs):
        [(twice, _)] = Counter(map(tuple, merges)).most_common(1)
        raise DamagedError(f"the merge {twice[0]!r} + {twice[1]!r} stands there twice")
    return np.ascontiguousarray(triples)


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
