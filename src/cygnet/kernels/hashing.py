"""XXH64 of documents: where a document belongs is read off its text.

Source: the specification of xxHash, github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
"""

from cygnet.kernels.bits import U64, ZERO, inline, load64

PRIME_1, PRIME_2 = U64(0x9E3779B185EBCA87), U64(0xC2B2AE3D27D4EB4F)
PRIME_3, PRIME_4 = U64(0x165667B19E3779F9), U64(0x85EBCA77C2B2AE63)
PRIME_5 = U64(0x27D4EB2F165667C5)
STRIPE = 32


@inline
def rotate(value, n):
    """``value`` with its bits moved up by ``n``, those at the top coming in at the bottom."""
    return value << U64(n) | value >> U64(64 - n)


@inline
def mix_lane(accumulator, lane):
    """Take eight bytes into an accumulator."""
    return rotate(accumulator + lane * PRIME_2, 31) * PRIME_1


@inline
def join(hashed, accumulator):
    """Take an accumulator into the hash."""
    return (hashed ^ mix_lane(ZERO, accumulator)) * PRIME_1 + PRIME_4


@inline
def stripes(text, position, end):
    """The hash of all whole stripes of 32 bytes, of which there is at least one."""
    first, second = PRIME_1 + PRIME_2, PRIME_2
    third, fourth = ZERO, ZERO - PRIME_1
    while position + STRIPE <= end:
        first = mix_lane(first, load64(text, position))
        second = mix_lane(second, load64(text, position + 8))
        third = mix_lane(third, load64(text, position + 16))
        fourth = mix_lane(fourth, load64(text, position + 24))
        position += STRIPE
    hashed = rotate(first, 1) + rotate(second, 7) + rotate(third, 12) + rotate(fourth, 18)
    return join(join(join(join(hashed, first), second), third), fourth)


@inline
def xxh64(text, position, end):
    """XXH64 of the bytes from ``position`` to ``end``, with the seed 0."""
    size = end - position
    hashed = PRIME_5
    if size >= STRIPE:
        hashed = stripes(text, position, end)
        position += size - size % STRIPE
    hashed += U64(size)
    while position + 8 <= end:
        hashed = rotate(hashed ^ mix_lane(ZERO, load64(text, position)), 27) * PRIME_1 + PRIME_4
        position += 8
    if position + 4 <= end:
        lane = ZERO
        for i in range(4):
            lane |= U64(text[position + i]) << U64(8 * i)
        hashed = rotate(hashed ^ lane * PRIME_1, 23) * PRIME_2 + PRIME_3
        position += 4
    while position < end:
        hashed = rotate(hashed ^ U64(text[position]) * PRIME_5, 11) * PRIME_1
        position += 1
    hashed = (hashed ^ hashed >> U64(33)) * PRIME_2
    hashed = (hashed ^ hashed >> U64(29)) * PRIME_3
    return hashed ^ hashed >> U64(32)


@inline
def hash_documents(text, starts, ends, n_documents, most, hashes):
    """Write the XXH64 of at most ``most`` bytes of each document into ``hashes``, ``uint64``."""
    for document in range(n_documents):
        start = starts[document]
        hashes[document] = xxh64(text, start, min(ends[document], start + most))
    return 0
