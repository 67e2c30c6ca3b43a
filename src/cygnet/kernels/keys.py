"""Words as keys: their bytes in registers, and hashes of them."""

import numpy as np

from cygnet.kernels.bits import U64, inline, load64
from cygnet.kernels.merging import HALF, MULTIPLIER

MAX_SHORT = 15
# Where the size of a word is in its second register.
SIZE = U64(56)
SECOND_MULTIPLIER = U64(0xC2B2AE3D27D4EB4F)  # odd, otherwise of no meaning

# For words of 0 to 15 bytes: which bytes of two registers are theirs.
LOW_MASKS = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(16)], np.uint64)
HIGH_MASKS = np.array([(1 << 8 * max(size - 8, 0)) - 1 for size in range(16)], np.uint64)


@inline
def key_low(text, position, size):
    """The first 8 bytes of a word of 1 to 15 bytes, zeros behind it."""
    return load64(text, position) & LOW_MASKS[U64(size)]


@inline
def key_high(text, position, size):
    """Bytes 9 to 15 of a word, and its size in the top byte, so that no two words are equal."""
    return load64(text, position + 8) & HIGH_MASKS[U64(size)] | U64(size) << SIZE


@inline
def mix(low, high):
    """A hash of two registers, of which the top bits are the best."""
    return (low * MULTIPLIER) ^ (high * SECOND_MULTIPLIER)


@inline
def hash_short(low, high):
    """The hash of a word of up to 15 bytes by which the log knows it."""
    mixed = mix(high, low)
    return mixed ^ (mixed >> HALF)


@inline
def hash_long(text, position, size):
    """The hash of a longer word."""
    mixed, i = U64(size), 0
    while i < size:
        mixed = mix(mixed ^ (mixed >> HALF), load64(text, position + min(i, size - 8)))
        i += 8
    return mixed ^ (mixed >> HALF)
