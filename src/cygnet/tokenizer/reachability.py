"""Tokens that a vocabulary has and that no text becomes."""

from collections.abc import Mapping

import numpy as np

from cygnet.tokenizer import reference
from cygnet.tokenizer.tokenizer import Tokenizer

# What stands before and after a token when its text alone becomes something else. Where a word
# ends can depend on its neighbours: a newline joins a symbol before it (o200k, "‡\n//"), white
# space a newline behind it (qwen2), capitals a small letter behind them (o200k, "AVⱥ"), and an
# apostrophe the contraction that it begins. The letter and the symbol are rare, so that hardly
# any vocabulary has merged them with something else.
CONTEXTS = (("", ""), ("‡", ""), ("", "ⱥ"), ("ⱥ", ""), ("", "\n"), ("", "LL"))
CHARACTER_TAIL = 3
CONTINUATION = range(0x80, 0xC0)
# For each first part of a character one of these makes it whole (Unicode Standard, table 3-7).
COMPLETIONS = (b"", b"\x80", b"\x80\x80", b"\xa0\x80", b"\x80\x80\x80", b"\x90\x80\x80")


def unreachable_tokens(tokenizer: Tokenizer) -> tuple[int, ...]:
    """Learned tokens that ``tokenizer.encode`` gives for no text, lowest id first.

    A token that is whole characters is *reachable* when its text becomes that token, alone (the
    test of the paper below) or between a few characters (``CONTEXTS``; the test of the paper takes
    tokens for unreachable that occur, e.g. ``\\n//`` in o200k). Each token that passes is proved
    to be reachable; of one that fails it is proved only that none of these texts gives it.

    A token with a part of a character cannot be tried like that, and the paper leaves such tokens
    out. It is *unreachable* when its bytes occur in no UTF-8 text (the bytes C0, C1 and F5 to FF
    alone are 13 such tokens of every byte-level vocabulary), or when the merges do not join its
    bytes into it: a token is joined inside a word as it is joined alone. Each token that fails is
    proved to be unreachable; one that passes may still be.

    Special tokens come only by name, and rows without a token not at all: both are left out.

    Args:
        tokenizer: Any.

    Returns:
        Their ids.

    Cost: the vocabulary is encoded once, and what fails up to five times more.

    Source: Land and Bartolo, Fishing for Magikarp (arXiv 2405.05417), section 2.1.

    >>> nested = Tokenizer([(104, 117), (117, 103), (104, 257)])   # "hu" "ug" "h"+"ug"
    >>> [nested.token_bytes(token) for token in unreachable_tokens(nested)[13:]]
    [b'hug']
    """
    texts: dict[int, str] = {}
    fragments: dict[int, bytes] = {}
    special = set(tokenizer.special_tokens.values())
    for token, content in enumerate(tokenizer.vocabulary.token_bytes):
        if not content or token in special:
            continue
        try:
            texts[token] = content.decode()
        except UnicodeDecodeError:
            fragments[token] = content
    for before, after in CONTEXTS:
        texts = _not_given(tokenizer, texts, before, after)
    return tuple(sorted([*texts, *_never_joined(tokenizer, fragments)]))


def _not_given(
    tokenizer: Tokenizer, texts: Mapping[int, str], before: str, after: str
) -> dict[int, str]:
    """The tokens that are not among those of their own text between ``before`` and ``after``."""
    wanted = np.array(list(texts), np.int64)
    ids, offsets = tokenizer.encode_batch([before + text + after for text in texts.values()])
    document = np.repeat(np.arange(len(wanted)), np.diff(offsets))
    given = set(wanted[document[ids == wanted[document]]].tolist())
    return {token: text for token, text in texts.items() if token not in given}


def _never_joined(tokenizer: Tokenizer, fragments: Mapping[int, bytes]) -> list[int]:
    """The tokens whose bytes no text has, or the merges join into something else."""
    vocabulary = tokenizer.vocabulary
    ranks = {
        (left, right): (rank, joined)
        for rank, (left, right, joined) in enumerate(vocabulary.merges.tolist())
    }
    byte_ids = vocabulary.byte_ids.tolist()
    return [
        token
        for token, content in fragments.items()
        if not occurs_in_utf8(content) or reference.encode(content, ranks, byte_ids) != [token]
    ]


def occurs_in_utf8(content: bytes) -> bool:
    """Whether some valid UTF-8 text holds these bytes in a row.

    >>> occurs_in_utf8("é!".encode()[1:]), occurs_in_utf8("日".encode()[:2])
    (True, True)
    >>> occurs_in_utf8(b"\\xff"), occurs_in_utf8(b"\\xc3!"), occurs_in_utf8(b"\\x80" * 4)
    (False, False, False)
    """
    start = 0
    while start < min(CHARACTER_TAIL, len(content)) and content[start] in CONTINUATION:
        start += 1
    return any(_is_utf8(content[start:] + completion) for completion in COMPLETIONS)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
