r"""The split patterns 64 bytes at a time: where words begin, by shifts and ands of bit masks.

Every block begins where a word begins, so that nothing is carried from one block to the next and
bit 0 is always the start of a word. A mask shifted left by one asks "is the byte before me of this
class", shifted right "is the next". Only starts that no byte beyond the block can change count
(``CERTAIN`` bits); the next block begins at the last of them. Blocks with something rare in them
(below, "not plain") are left to ``one_word``.

A character of several bytes is spread over all its bits, so that class borders fall on its first
byte by themselves.

Cost: 15 to 20 ns a block of ASCII; 2 ns more for each character that is not.
"""

from cygnet.kernels.bits import (
    ONE,
    U8,
    U64,
    ZERO,
    in_range,
    inline,
    leading_zeros,
    low_bits,
    trailing_zeros,
)
from cygnet.kernels.characters import classify
from cygnet.kernels.one_word import (
    CL100K,
    GPT2,
    NANOCHAT,
    O200K,
    QWEN2,
    contraction_end,
    word_end,
)

# A contraction reaches three bytes beyond its apostrophe: starts at bits 0..60 are certain.
CERTAIN = 61
# Borders that one block can add, and that are written before they are counted.
ROOM = 80


@inline
def starts_of(mask):
    """The first bit of each run."""
    return mask & ~(mask << ONE)


@inline
def runs_from(seeds, mask):
    """The runs of ``mask`` that begin at ``seeds``: adding carries through a run and clears it."""
    return mask & ~(mask + seeds)


@inline
def behind_runs_from(seeds, mask):
    """The bits just behind the runs of ``mask`` that begin at ``seeds``."""
    return (mask + seeds) & ~mask


@inline
def contractions(text, position, end, starts, apostrophes, any_case):
    """Correct ``starts`` for contractions at ``apostrophes``: one word, and one behind it."""
    left = apostrophes
    while left:
        first = trailing_zeros(left)
        left &= left - ONE
        size = contraction_end(text, position + first, end, any_case) - (position + first)
        if size:
            starts &= ~(U64(2) << U64(first))
            if position + first + size < end and first + size < 64:
                starts |= ONE << U64(first + size)
    return starts


@inline
def gpt2_starts(text, position, end, classes):
    """Bits where words begin in the block at ``position``; 0 if the block is not plain."""
    valid = low_bits(end - position)
    blank = in_range(text, position, U8(32), U8(1)) & valid
    space = (blank | in_range(text, position, U8(9), U8(5))) & valid
    letter = in_range(text, position, U8(97), U8(26)) | in_range(text, position, U8(65), U8(26))
    letter &= valid
    number = in_range(text, position, U8(48), U8(10)) & valid
    high = in_range(text, position, U8(128), U8(128)) & valid
    if high:
        upper, lower, other, _, numbers, spaces, _ = classify(text, position, end, high, classes)
        if spaces:
            return ZERO
        letter |= (upper | lower | other) & valid
        number |= numbers & valid
    symbol = valid & ~(letter | number | space)
    runs = starts_of(letter) | starts_of(number) | starts_of(symbol)
    starts = runs & ~(blank << ONE) | starts_of(space) | (space & ((valid & ~space) >> ONE))
    apostrophe = in_range(text, position, U8(39), U8(1)) & starts & symbol
    if apostrophe:
        starts = contractions(text, position, end, starts, apostrophe, False)
    return starts


@inline
def space_starts(space, newline, visible, absorbed):
    """Starts in white space where newlines matter, and whether it is plain.

    A run of white space is a word up to its last newline; of the rest the last character goes to
    the word that follows. Not plain: newlines with blanks between them.

    Args:
        absorbed: Newlines that belong to the symbols before them.
    """
    space &= ~absorbed
    newline &= ~absorbed
    other = space & ~newline
    behind_newline = (newline << ONE) & other
    plain = (behind_runs_from(behind_newline, other) & newline) == ZERO
    return starts_of(space) | behind_newline | (other & (visible >> ONE)), plain


@inline
def every_third(number):
    """In runs of digits, every third one counted from the start of its run."""
    within = number & (number << ONE)
    within &= within << U64(2)
    found = here = starts_of(number)
    while here:
        here = (here << U64(3)) & within
        found |= here
    return found


@inline
def every_second(number):
    """In runs of digits, every second one."""
    within = number & (number << ONE) & (number << U64(2))
    found = here = starts_of(number)
    while here:
        here = (here << U64(2)) & within
        found |= here
    return found


@inline
def gpt4_starts(text, position, end, pattern, classes):
    """As ``gpt2_starts``, for all the other patterns."""
    n = end - position
    valid = low_bits(n)
    blank = in_range(text, position, U8(32), U8(1)) & valid
    newline = in_range(text, position, U8(10), U8(1)) | in_range(text, position, U8(13), U8(1))
    newline &= valid
    space = (blank | in_range(text, position, U8(9), U8(5))) & valid
    upper = in_range(text, position, U8(65), U8(26)) & valid
    lower = in_range(text, position, U8(97), U8(26)) & valid
    number = in_range(text, position, U8(48), U8(10)) & valid
    rest = ZERO
    high = in_range(text, position, U8(128), U8(128)) & valid
    if high:
        uppers, lowers, other, mark, numbers, spaces, rest = classify(
            text, position, end, high, classes
        )
        if spaces | numbers:
            return ZERO
        upper |= uppers & valid
        lower |= (lowers | other) & valid
        if pattern == O200K and (mark or (other and upper)):
            return ZERO
    letter = upper | lower
    symbol = valid & ~(letter | number | space)
    absorbed = runs_from(newline & (symbol << ONE), newline)
    slash_absorbed = absorbed << ONE & in_range(text, position, U8(47), U8(1))
    if pattern == O200K and slash_absorbed:
        return ZERO
    starts, plain = space_starts(space, newline, valid & ~space, absorbed)
    if not plain:
        return ZERO

    symbol_starts = starts_of(symbol) & ~(blank << ONE)
    # A letter right behind one symbol, or behind white space but a newline, goes on with its word.
    behind_first = ((symbol_starts << ONE) + rest) & ~rest
    joined = behind_first | ((space & ~newline) << ONE)
    starts |= symbol_starts | (starts_of(letter) & ~joined)
    if pattern == O200K:
        starts |= upper & (lower << ONE)
    if number:
        if pattern == QWEN2:
            starts |= number
        elif pattern == NANOCHAT:
            starts |= every_second(number)
        else:
            starts |= every_third(number)
    apostrophe = in_range(text, position, U8(39), U8(1)) & symbol_starts
    if apostrophe:
        if pattern == O200K:
            starts = suffixes(text, position, end, starts, apostrophe & (letter << ONE))
        else:
            starts = contractions(text, position, end, starts, apostrophe, True)
    return clip_spaces(starts, space & ~absorbed, n, pattern)


@inline
def suffixes(text, position, end, starts, apostrophes):
    """Correct ``starts`` for contractions that go on with the word before them (o200k)."""
    behind = -1
    left = apostrophes
    while left:
        first = trailing_zeros(left)
        left &= left - ONE
        size = contraction_end(text, position + first, end, True) - (position + first)
        if size and first != behind:
            behind = first + size
            starts &= ~(low_bits(size) << U64(first))
            if position + behind < end and behind < 64:
                starts |= ONE << U64(behind)
    return starts


@inline
def clip_spaces(starts, space, n, pattern):
    """Take back starts in white space that reaches the end of the block or of the text."""
    if n > 64:
        n_space = leading_zeros(~space)
        return starts & low_bits(65 - n_space) if n_space else starts
    if pattern == CL100K:
        n_space = leading_zeros(~(space | ~low_bits(n))) - (64 - n)
        return starts & low_bits(n - n_space + 1) if n_space > 0 else starts
    return starts


@inline
def split(text, position, end, buffer_end, pattern, classes, borders, capacity):
    """Cut text into words.

    Args:
        text: UTF-8 bytes, ``uint8``.
        position: Where a word begins, before ``end``.
        end: Where the document ends.
        buffer_end: How far ``text`` may be read.
        borders: ``int64``: the end of each word is written here.
        capacity: Places in ``borders``, at least ``ROOM``.

    Returns:
        How many words; less than all when ``borders`` is nearly full.
    """
    n_words = 0
    while position < end and n_words <= capacity - ROOM:
        starts = ZERO
        if position + 64 <= buffer_end:
            if pattern == GPT2:
                starts = gpt2_starts(text, position, end, classes)
            else:
                starts = gpt4_starts(text, position, end, pattern, classes)
        more = starts & ~ONE
        if end - position > 64:
            more &= low_bits(CERTAIN)
            if more == ZERO:
                starts = ZERO
        if starts == ZERO:
            stop = min(position + 64, end)
            while position < stop:
                position = word_end(text, position, end, pattern, classes)
                borders[n_words] = position
                n_words += 1
            continue
        reached = end if end - position <= 64 else position + 63 - leading_zeros(more)
        while more:
            borders[n_words] = position + trailing_zeros(more)
            n_words += 1
            more &= more - ONE
        position = reached
        if position == end:
            borders[n_words] = end
            n_words += 1
    return n_words
