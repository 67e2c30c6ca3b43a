r"""How text is cut into words before BPE: merges never cross a border between words.

Every named pattern covers every character, so no text is lost. They are written in what the
``regex`` package, tiktoken and ``tokenizers`` all read alike; ``\p{L}``, ``\p{M}``, ``\p{N}`` and
``\s`` follow ``unicode_classes``, in patterns of the caller's as well.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.tokenizer.unicode_classes import N_CODE_POINTS, character_classes

PATTERNS = {
    # GPT-2: openai/gpt-2, encoder.py
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    # GPT-3.5 and GPT-4: openai/tiktoken, tiktoken_ext/openai_public.py. \p{N}{1,3}+ there, which
    # says the same; but tokenizers takes the + for a repetition and joins digits without end.
    "cl100k": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    ),
    # GPT-4o: openai/tiktoken, tiktoken_ext/openai_public.py
    "o200k": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    # Qwen2 and Qwen2.5: the pre_tokenizer of their tokenizer.json
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    # nanochat: karpathy/nanochat, nanochat/tokenizer.py
    "nanochat": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
}

SPECIAL_TOKENS = {
    # karpathy/nanochat, nanochat/tokenizer.py, in its order
    "nanochat": (
        "<|bos|>",
        "<|user_start|>",
        "<|user_end|>",
        "<|assistant_start|>",
        "<|assistant_end|>",
        "<|python_start|>",
        "<|python_end|>",
        "<|output_start|>",
        "<|output_end|>",
    ),
}
"""Named sets of special tokens."""


def find_special_tokens(names: Sequence[str]) -> Sequence[str]:
    """The special tokens of a named set; any other names are the tokens themselves.

    >>> find_special_tokens(["nanochat"])[:2]
    ('<|bos|>', '<|user_start|>')
    >>> find_special_tokens(["<|endoftext|>"])
    ['<|endoftext|>']
    """
    return SPECIAL_TOKENS.get(names[0], names) if len(names) == 1 else names


def find_pattern(name: str) -> str:
    r"""The regular expression of a named pattern; any other string is taken as one itself.

    Raises:
        InputError: It is no name and does not compile.

    >>> find_pattern(r"\w+|\W+")
    '\\w+|\\W+'
    """
    pattern = PATTERNS.get(name, name)
    if find_scanner(pattern) is not None:
        return pattern
    import regex

    try:
        regex.compile(pattern)
    except regex.error as error:
        raise InputError(
            f"the split pattern {name!r} is none of {', '.join(PATTERNS)} and does not compile:"
            f" {error}"
        ) from error
    return pattern


def find_scanner(pattern: str) -> int | None:
    """The number that the kernels give to the regular expression of a named pattern, else None.

    >>> find_scanner(PATTERNS["cl100k"]), find_scanner("[a-z]+")
    (1, None)
    """
    expressions = list(PATTERNS.values())
    return expressions.index(pattern) if pattern in expressions else None


class Splitter:
    """Cuts text into words; what the pattern does not match becomes words of its own.

    >>> Splitter(PATTERNS["gpt2"])("Once upon a time, it's 12.")
    ['Once', ' upon', ' a', ' time', ',', ' it', "'s", ' 12', '.']
    >>> Splitter(r"[a-z]+")("ab-c")
    ['ab', '-', 'c']
    """

    def __init__(self, pattern: str) -> None:
        import regex

        self._compiled: Any = regex.compile(pattern)
        self._covers_all = pattern in PATTERNS.values()

    def __call__(self, text: str) -> list[str]:
        """The words of ``text``; joined they give ``text`` again."""
        known = text if text.isascii() else _with_stand_ins(text)
        if known == text and self._covers_all:
            words: list[str] = self._compiled.findall(text)
            return words
        return self._split_with_gaps(text, known)

    def matches(self, text: str) -> bool:
        """Whether the pattern finds a word in ``text``, a match that is not empty."""
        known = text if text.isascii() else _with_stand_ins(text)
        return any(match.end() > match.start() for match in self._compiled.finditer(known))

    def _split_with_gaps(self, text: str, known: str) -> list[str]:
        words, end = [], 0
        for match in self._compiled.finditer(known):
            words += [text[end : match.start()], text[match.start() : match.end()]]
            end = match.end()
        words.append(text[end:])
        return [word for word in words if word]


# For each class, in the order of unicode_classes.CLASS_NAMES: what does not belong to it in the
# eyes of regex, and a character that does in every version of Unicode.
_OTHERWISE = (
    (r"[\p{L}\p{M}\p{N}\s]", "\uffff"),
    (r"[^\p{Lu}\p{Lt}]", "À"),
    (r"\P{Ll}", "à"),
    (r"[^\p{Lm}\p{Lo}]", "ª"),
    (r"\P{M}", "\u0300"),
    (r"\P{N}", "²"),
    (r"\S", "\u2003"),
)


@cache
def _stand_ins() -> npt.NDArray[np.uint32]:
    """For each code point itself, or one of its class where ``regex`` has another class for it."""
    import regex

    stand_ins = np.arange(N_CODE_POINTS, dtype=np.uint32)
    for code, (otherwise, stand_in) in enumerate(_OTHERWISE):
        members = np.flatnonzero(character_classes() == code).astype(np.uint32)
        wrong = regex.findall(otherwise, _to_text(members))
        stand_ins[[ord(character) for character in wrong]] = ord(stand_in)
    return stand_ins


def _with_stand_ins(text: str) -> str:
    """Text of the same length in which ``regex`` finds the classes of ``unicode_classes``."""
    code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return _to_text(_stand_ins()[code_points])


def _to_text(code_points: npt.NDArray[np.uint32]) -> str:
    return code_points.tobytes().decode("utf-32-le", "surrogatepass")
