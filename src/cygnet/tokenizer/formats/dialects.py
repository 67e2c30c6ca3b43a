r"""Split patterns in the syntax of the engines that other tokenizers run them on.

cygnet's patterns are those of the ``regex`` package. ``tokenizers`` runs Oniguruma with Ruby's
syntax, tiktoken runs Rust's ``fancy-regex``. The same characters can mean different things there:

=====================  ===================  =======================  ==================
what is meant          ``regex``            Oniguruma                Rust
=====================  ===================  =======================  ==================
end of text            ``\Z``               ``\z``                   ``\z``, ``$``
end, or newline there  ``$``                ``\Z``                   ``(?=\n?\z)``
start of text          ``\A``, ``^``        ``\A``                   ``\A``, ``^``
start, end of a line   ``(?m:^)`` ``(?m:$)``  ``^`` ``$``            ``(?m:^)`` ``(?m:$)``
no way back            ``x{1,3}+``          ``(?>x{1,3})``           ``x{1,3}+``
again and again        ``(?:x{1,3})+``      ``x{1,3}+``              ``(?:x{1,3})+``
=====================  ===================  =======================  ==================

Sources: ``doc/RE`` of kkos/oniguruma, the documentation of the crates ``regex`` and ``fancy-regex``
and of the Python package ``regex``. A construct that is not known to mean the same is refused.
"""

import re
from typing import Literal

from cygnet.errors import InputError
from cygnet.tokenizer.patterns import PATTERNS

Dialect = Literal["regex", "oniguruma", "rust"]

ENGINES = {"regex": "cygnet", "oniguruma": "tokenizers", "rust": "tiktoken"}
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Llama 3's, and cl100k_base's of old. Today's cl100k_base keeps white space at the end of a text
in one piece, so the two are not the same."""
OTHER_SPELLINGS = {
    # openai/gpt-2, encoder.py, to the letter
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": "gpt2",
    # openai/tiktoken, tiktoken_ext/openai_public.py
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s": "gpt2",
    # the same; what is possessive about the digits makes no difference
    (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ): "cl100k",
}

_LINE = ("(?m:^)", "(?m:$)")
_ANCHORS: dict[Dialect, tuple[str, ...]] = {
    # start of text, its end, its end or a newline there, start of a line, end of a line
    "regex": (r"\A", r"\Z", "$", *_LINE),
    "oniguruma": (r"\A", r"\z", r"\Z", "^", "$"),
    "rust": (r"\A", r"\z", r"(?=\n?\z)", *_LINE),
}
_SHORT: dict[Dialect, dict[str, str]] = {
    "regex": {"^": r"\A"},
    "oniguruma": {r"(?=\n?\z)": r"\Z"},
    "rust": {"^": r"\A", "$": r"\z"},
}
_PIECE = re.compile(
    r"""(?P<anchor>\(\?m:[\^$]\)|\(\?=\\n\?\\z\)|\\[AZz]|[\^$])
    |(?P<escape>\\[pP](?:\{[^}]*\}|\w)|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.)
    |(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
    |(?P<open>\(\?(?:[:>=!]|<[=!]|i:)|\((?!\?))
    |(?P<close>\))
    |(?P<exact>\{\d+\}\?)
    |(?P<interval>\{(?:\d+,?\d*|,\d+)\})(?P<more>\+?)
    |(?P<quantifier>[*+?][+?]?)
    |(?P<other>\(\?|.)""",
    re.VERBOSE | re.DOTALL,
)
_MADE_WHOLE = re.compile(r"\(\?:(.*)\)\|\(\?:\(\?!\1\)\(\?s:\.\)\)\+", re.DOTALL)
_SAME_ESCAPE = re.compile(r"\\(?:[pP]\{|x[0-9a-fA-F]|u[0-9a-fA-F]|[sSdDwWbBrntf]|[^\w\s<>])")


def translate(pattern: str, source: Dialect, target: Dialect) -> str:
    r"""The same split pattern in the syntax of another engine.

    Raises:
        InputError: It holds a construct that the other engine lacks or reads in another way.

    >>> translate(r"\p{N}{1,3}+|\s++$", "regex", "oniguruma")
    '(?>\\p{N}{1,3})|\\s++\\Z'
    >>> translate(r"\p{N}{1,3}+|^#", "oniguruma", "regex")
    '(?:\\p{N}{1,3})+|(?m:^)#'
    """
    anchors = dict(zip(_ANCHORS[source], _ANCHORS[target], strict=True))
    anchors |= {short: anchors[long] for short, long in _SHORT[source].items()}
    turn = (source == "oniguruma") != (target == "oniguruma")
    pieces: list[str] = []
    opened: list[int] = []
    atom = 0  # where in `pieces` begins what a quantifier would repeat
    for match in _PIECE.finditer(pattern):
        kind, piece = match.lastgroup, match.group()
        if kind == "close":
            atom = opened.pop() if opened else 0
        elif kind == "more" and turn and piece.endswith("+"):
            pieces.insert(atom, "(?>" if target == "oniguruma" else "(?:")
            piece = match["interval"] + (")" if target == "oniguruma" else ")+")
        elif kind not in ("more", "quantifier"):
            atom = len(pieces)
            if kind == "open":
                opened.append(atom)
            piece = anchors.get(piece, "") if kind == "anchor" else piece
            if not piece or not _means_the_same(kind, piece):
                raise InputError(
                    f"the split pattern holds {match.group()!r}, of which it is not known that"
                    f" {ENGINES[source]} and {ENGINES[target]} read it alike: write it another way"
                )
        pieces.append(piece)
    return "".join(pieces)


def _means_the_same(kind: str | None, piece: str) -> bool:
    if kind == "escape":
        return _SAME_ESCAPE.match(piece) is not None
    if kind == "set":
        escapes = re.findall(r"\\[pP](?:\{|\w)|\\x..|\\u....|\\.", piece)
        rest = re.sub(r"\\.", "", piece[1:])
        return all(map(_SAME_ESCAPE.match, escapes)) and not re.search(r"\[|&&|--|~~", rest)
    return kind != "exact" and piece != "(?"


def write_pattern(pattern: str, target: Dialect) -> str:
    r"""A tokenizer's pattern as another engine is to be given it.

    tiktoken drops what its pattern does not match. Here, and in ``tokenizers``, such a stretch is a
    word of its own, so a pattern for tiktoken is made to match it too.

    >>> write_pattern(r"\d+", "rust")
    '(?:\\d+)|(?:(?!\\d+)(?s:.))+'
    """
    if target == "rust" and covers_all(pattern):
        return pattern  # made for it, `$` included
    there = translate(pattern, "regex", target)
    return f"(?:{there})|(?:(?!{there})(?s:.))+" if target == "rust" else there


def read_pattern(pattern: str, source: Dialect) -> str:
    """What a pattern of another engine is here: a named one wherever it gives the same words."""
    for named in PATTERNS.values():
        if pattern == write_pattern(named, source):
            return named
    if pattern in OTHER_SPELLINGS:
        return PATTERNS[OTHER_SPELLINGS[pattern]]
    made_whole = _MADE_WHOLE.fullmatch(pattern)
    return translate(made_whole[1] if made_whole else pattern, source, "regex")


def covers_all(pattern: str) -> bool:
    """Whether a pattern is known to leave no character between two words."""
    return pattern in (*PATTERNS.values(), LLAMA3)
