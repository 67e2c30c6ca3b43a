"""Checksums of a file, and where in it damage lies.

A sha256 says that a file has changed, but not where. So each file also has a CRC-32 for each block
of 1 MiB. It is linear: if one bit of a block has flipped, the old and the new CRC differ by a
number that belongs to the place of that bit alone, so that the place can be looked up.
CRC-32 as in zlib: RFC 1952, section 8.
"""

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy.typing as npt

from cygnet.files import input_errors, storage_errors

BLOCK_BYTES = 1 << 20
POLYNOMIAL = 0xEDB88320  # of CRC-32, lowest bit first
HEX_DIGITS = 8


class Checksums:
    """The sha256 of a stream of bytes, and a CRC-32 for each block of it.

    >>> sums = Checksums()
    >>> sums.update(b"token")
    >>> sums.update(b" ids")
    >>> sums.sha256[:8], sums.crc32
    ('c8e82d38', '9aaeaa0e')
    """

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._blocks: list[int] = []
        self._filled = BLOCK_BYTES

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes. Cost: 0.7 ns a byte."""
        self._sha256.update(data)
        rest = memoryview(data).cast("B")
        while rest:
            if self._filled == BLOCK_BYTES:
                self._blocks.append(0)
                self._filled = 0
            part = rest[: BLOCK_BYTES - self._filled]
            self._blocks[-1] = zlib.crc32(part, self._blocks[-1])
            self._filled += len(part)
            rest = rest[len(part) :]

    @property
    def sha256(self) -> str:
        """Hex sha256 of all bytes so far."""
        return self._sha256.hexdigest()

    @property
    def crc32(self) -> str:
        """The CRC-32 of each block, eight hex digits each, one after the other."""
        return "".join(f"{block:0{HEX_DIGITS}x}" for block in self._blocks)


class SummedFile:
    """Writes arrays, and knows the checksums of what it wrote; without a file it only sums.

    Args:
        file: Where they go.
        path: Its final name, for messages.
    """

    def __init__(self, file: BinaryIO | None = None, path: Path = Path()) -> None:
        self._file, self._path, self.sums = file, path, Checksums()

    def write(self, items: npt.NDArray[Any]) -> None:
        """Write the bytes of an array, which must be contiguous."""
        if self._file is not None:
            with storage_errors(self._path):
                self._file.write(items.data)
        self.sums.update(items.data)


def find_damage(path: Path, sha256: str, crc32: str) -> str:
    """Where a file differs from what was written, in words.

    Args:
        path: A file of the size that was written, and with another sha256.
        sha256: Of what was written.
        crc32: Of the blocks of what was written; ``""`` where that is not known.

    Returns:
        The byte, if one bit of the first damaged block has flipped and no other; else the block.

    Cost: two reads of the file, and about a second.
    """
    written = [crc32[i : i + HEX_DIGITS] for i in range(0, len(crc32), HEX_DIGITS)]
    for number, (block, expected) in enumerate(zip(_read_blocks(path), written, strict=False)):
        difference = zlib.crc32(block) ^ int(expected, 16)
        if difference:
            start = number * BLOCK_BYTES
            flip = find_flipped_bit(difference, len(block))
            if flip is not None and _sha256_mended(path, start + flip[0], flip[1]) == sha256:
                found = block[flip[0]]
                written_byte = found ^ (1 << flip[1])
                return f"byte {start + flip[0]:,} is {found:#04x}, {written_byte:#04x} was written"
            return f"bytes {start:,} to {start + len(block) - 1:,} are not those that were written"
    return "its bytes are not those that were written"


def find_flipped_bit(difference: int, n_bytes: int) -> tuple[int, int] | None:
    """The byte and the bit in it whose flip changes the CRC-32 of a block by ``difference``.

    Args:
        difference: The exclusive or of the two checksums.
        n_bytes: Size of the block.

    Returns:
        None where no single bit does that.

    Cost: up to 0.1 us a bit.

    >>> find_flipped_bit(zlib.crc32(b"cygnet") ^ zlib.crc32(b"cyGnet"), 6)
    (2, 5)
    """
    change = POLYNOMIAL  # of the last bit; each earlier one has gone through one step more
    for place in range(8 * n_bytes - 1, -1, -1):
        if change == difference:
            return divmod(place, 8)
        change = change >> 1 ^ (POLYNOMIAL if change & 1 else 0)
    return None


def _sha256_mended(path: Path, byte: int, bit: int) -> str:
    """The sha256 that the file would have if one bit were flipped back."""
    digest = hashlib.sha256()
    for number, block in enumerate(_read_blocks(path)):
        inside = byte - number * BLOCK_BYTES
        if 0 <= inside < len(block):
            block = block[:inside] + bytes([block[inside] ^ (1 << bit)]) + block[inside + 1 :]
        digest.update(block)
    return digest.hexdigest()


def _read_blocks(path: Path) -> Iterator[bytes]:
    with input_errors(path), open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block
