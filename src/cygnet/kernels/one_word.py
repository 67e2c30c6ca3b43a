r"""The split patterns one word at a time: where does the word that begins here end?

A regular expression that is applied again and again has no memory: what a word is depends only on
the text from its first character on. These functions say for each pattern of ``patterns.PATTERNS``
what its alternatives come to, in the order in which they are tried. They are exact everywhere;
``blocks`` is faster and asks them where a block is not plain.
"""

from cygnet.kernels.bits import I64, inline
from cygnet.kernels.characters import (
    APOSTROPHE,
    BLANK,
    LETTER,
    LOWER,
    MARK,
    NUMBER,
    SLASH,
    SPACE,
    UPPER,
    class_at,
    is_letter,
    is_newline,
    is_symbol,
    next_character,
)

GPT2, CL100K, O200K, QWEN2, NANOCHAT = range(5)


@inline
def contraction_end(text, position, end, any_case):
    """The end of ``'s 't 'm 'd 're 've 'll`` if one begins here, else ``position``.

    Args:
        any_case: Upper case counts too, and with it U+017F, the long s, which folds to s.
    """
    if position + 1 >= end or text[position] != APOSTROPHE:
        return position
    first = I64(text[position + 1])
    if any_case and 65 <= first <= 90:
        first |= 32
    if first == 115 or first == 116 or first == 109 or first == 100:  # s t m d
        return position + 2
    if position + 2 >= end:
        return position
    second = I64(text[position + 2])
    if any_case and first == 0xC5 and second == 0xBF:
        return position + 3
    if any_case and 65 <= second <= 90:
        second |= 32
    if second == 101 and (first == 114 or first == 118):  # re ve
        return position + 3
    if second == 108 and first == 108:  # ll
        return position + 3
    return position


@inline
def letters_end(text, position, end, classes):
    r"""``\p{L}*``."""
    while position < end and is_letter(class_at(text, position, end, classes)):
        position = next_character(text, position, end)
    return position


@inline
def symbols_end(text, position, end, classes):
    r"""``[^\s\p{L}\p{N}]*``."""
    while position < end and is_symbol(class_at(text, position, end, classes)):
        position = next_character(text, position, end)
    return position


@inline
def numbers_end(text, position, end, at_most, classes):
    r"""``\p{N}{0,at_most}``."""
    n = 0
    while n < at_most and position < end and class_at(text, position, end, classes) == NUMBER:
        position = next_character(text, position, end)
        n += 1
    return position


@inline
def newlines_end(text, position, end, with_slash):
    r"""``[\r\n]*``, or ``[\r\n/]*``."""
    while position < end and (
        is_newline(text[position]) or (with_slash and text[position] == SLASH)
    ):
        position += 1
    return position


@inline
def space_end(text, position, end, pattern, classes):
    r"""White space: up to its last newline; else all but its last character, if text follows.

    ``\s*[\r\n]+|\s+(?!\S)|\s+``; gpt2 knows no newlines, and cl100k takes what ends a text whole.
    """
    here = last = position
    behind_newline = position
    while here < end and class_at(text, here, end, classes) == SPACE:
        last = here
        here = next_character(text, here, end)
        if is_newline(text[last]):
            behind_newline = here
    if pattern == CL100K and here == end:
        return end
    if pattern != GPT2 and behind_newline > position:
        return behind_newline
    return last if here < end and last > position else here


@inline
def gpt2_end(text, position, end, classes):
    """The end of the word at ``position``, as pattern gpt2 has it."""
    contracted = contraction_end(text, position, end, False)
    if contracted > position:
        return contracted
    first = position
    if text[position] == BLANK and position + 1 < end:
        first = position + 1
    kind = class_at(text, first, end, classes)
    if is_letter(kind):
        return letters_end(text, first, end, classes)
    if kind == NUMBER:
        return numbers_end(text, first, end, end - first, classes)
    if is_symbol(kind):
        return symbols_end(text, first, end, classes)
    return space_end(text, position, end, GPT2, classes)


@inline
def gpt4_end(text, position, end, pattern, classes):
    """The end of the word at ``position``, as patterns cl100k, qwen2 and nanochat have it."""
    contracted = contraction_end(text, position, end, True)
    if contracted > position:
        return contracted
    kind = class_at(text, position, end, classes)
    if is_letter(kind):
        return letters_end(text, position, end, classes)
    if kind == NUMBER:
        at_most = 1 if pattern == QWEN2 else 2 if pattern == NANOCHAT else 3
        return numbers_end(text, position, end, at_most, classes)
    behind = next_character(text, position, end)
    may_prefix = behind < end and not is_newline(text[position])
    if may_prefix and is_letter(class_at(text, behind, end, classes)):
        return letters_end(text, behind, end, classes)
    return symbols_or_space_end(text, position, end, pattern, classes)


@inline
def symbols_or_space_end(text, position, end, pattern, classes):
    r"""`` ?[^\s\p{L}\p{N}]+[\r\n]*``, else white space. O200k takes slashes with the newlines."""
    first = position
    if text[position] == BLANK and position + 1 < end:
        first = position + 1
    if is_symbol(class_at(text, first, end, classes)):
        behind = symbols_end(text, first, end, classes)
        return newlines_end(text, behind, end, pattern == O200K)
    return space_end(text, position, end, pattern, classes)


@inline
def o200k_end(text, position, end, classes):
    """The end of the word at ``position``, as pattern o200k has it."""
    kind = class_at(text, position, end, classes)
    if kind == NUMBER:
        return numbers_end(text, position, end, 3, classes)
    behind = position
    if not is_letter(kind) and not is_newline(text[position]):
        behind = next_character(text, position, end)
    word = capitalised_end(text, behind, end, classes)
    if word == behind:
        word = capitalised_end(text, position, end, classes)
        if word == position:
            word = capitals_end(text, behind, end, classes)
            if word == behind:
                word = position
    if word > position:
        return contraction_end(text, word, end, True)
    return symbols_or_space_end(text, position, end, O200K, classes)


@inline
def capitals_end(text, position, end, classes):
    r"""``[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*``."""
    while position < end:
        kind = class_at(text, position, end, classes)
        if kind != UPPER and kind != LETTER and kind != MARK:
            break
        position = next_character(text, position, end)
    return position


@inline
def capitalised_end(text, position, end, classes):
    r"""``[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+``, or ``position`` if it fails.

    Letters without case and marks are in both brackets. The first takes all it can; if no
    lower-case letter follows, it gives back up to its last character without case.
    """
    here = both = position
    while here < end:
        kind = class_at(text, here, end, classes)
        if kind != UPPER and kind != LETTER and kind != MARK:
            break
        here = next_character(text, here, end)
        if kind != UPPER:
            both = here
    if here == end or class_at(text, here, end, classes) != LOWER:
        return both
    while here < end:
        kind = class_at(text, here, end, classes)
        if kind != LOWER and kind != LETTER and kind != MARK:
            break
        here = next_character(text, here, end)
    return here


@inline
def word_end(text, position, end, pattern, classes):
    """The end of the word that begins at ``position``, which is before ``end``."""
    if pattern == GPT2:
        return gpt2_end(text, position, end, classes)
    if pattern == O200K:
        return o200k_end(text, position, end, classes)
    return gpt4_end(text, position, end, pattern, classes)
