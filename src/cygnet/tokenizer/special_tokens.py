"""The ids of special tokens: checked, and given where names come alone."""

from collections.abc import Mapping, Sequence

from cygnet.errors import InputError
from cygnet.tokenizer.vocabulary import Vocabulary

PADDING = "<|padding|>"
"""The name by which a special token is known to be for padding."""


def check_special_tokens(special_tokens: Sequence[str]) -> None:
    """Refuse names that are empty or occur twice."""
    for name in special_tokens:
        if not name:
            raise InputError("a special token is empty")
        if list(special_tokens).count(name) > 1:
            raise InputError(f"the special token {name!r} is named twice")


def number_special_tokens(
    special_tokens: Sequence[str] | Mapping[str, int], vocabulary: Vocabulary
) -> dict[str, int]:
    """The id of each special token; names alone are numbered behind the learned tokens."""
    check_special_tokens(list(special_tokens))
    n_learned = len(vocabulary.token_bytes)
    if not isinstance(special_tokens, Mapping):
        for name in special_tokens:
            if name.encode() in vocabulary.token_bytes:
                token = vocabulary.token_bytes.index(name.encode())
                raise InputError(
                    f"the special token {name!r} is also learned, as token {token}: give it"
                    " another name"
                )
        return {name: n_learned + i for i, name in enumerate(special_tokens)}
    owners: dict[int, str] = {}
    for name, token in special_tokens.items():
        learned = vocabulary.token_bytes[token] if 0 <= token < n_learned else b""
        other = owners.setdefault(token, name)
        if token < 0 or other != name or learned not in (b"", name.encode()):
            same = (
                f"the special token {other!r}"
                if other != name
                else f"the learned token {learned!r}"
            )
            reason = f"which is {same}" if token >= 0 else "but ids begin at 0"
            raise InputError(f"the special token {name!r} has id {token}, {reason}")
    return dict(special_tokens)


def fill_rows(
    vocabulary: Vocabulary, special_tokens: Mapping[str, int], n_dead: int = 0
) -> list[bytes]:
    """The bytes of every row: up to the last one in use, and ``n_dead`` more.

    A row without a token has ``b""``.
    """
    if n_dead < 0:
        raise InputError(f"there cannot be {n_dead} dead rows")
    n_rows = max(len(vocabulary.token_bytes), *(i + 1 for i in special_tokens.values()), 0)
    rows = [*vocabulary.token_bytes] + [b""] * (n_rows - len(vocabulary.token_bytes))
    for name, token in special_tokens.items():
        rows[token] = name.encode()
    return rows + [b""] * n_dead
