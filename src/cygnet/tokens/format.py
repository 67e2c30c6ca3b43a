"""The token file format, version 1.

    manifest.json      what is here: see ``Manifest``, and a sha256 of it all; written last
    train-00000.bin    token ids, little-endian uint16 (vocab_size <= 65,536) or uint32, no header
    train-00000.idx    little-endian uint64: where each document ends in the .bin, in tokens
    train-00000.mask   a byte per token: 1 if it counts in the loss, 0 if not; absent: all do
    train-counts.npy   uint64[vocab_size]: how often each id occurs in the split

Every document ends with ``boundary_id`` unless that is null. Documents lie whole in one shard, in
the order of the text; the last number of an ``.idx`` is the number of tokens in its ``.bin``.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cygnet.errors import DamagedError, InputError
from cygnet.files import read_json, sha256_json, write_json

MANIFEST = "manifest.json"
FORMAT, VERSION = "cygnet tokens", 1
TOTALS = ("tokens", "documents", "text_bytes")
DTYPES: dict[str, type[np.unsignedinteger[Any]]] = {"uint16": np.uint16, "uint32": np.uint32}


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One pair of ``.bin`` and ``.idx``."""

    name: str
    """File name without ending, e.g. ``train-00000``."""
    tokens: int
    documents: int
    text_bytes: int
    """Bytes of UTF-8 text that the tokens stand for, boundaries not counted."""
    bin_sha256: str
    idx_sha256: str
    bin_crc32: str = ""
    """CRC-32 of each MiB, eight hex digits each, to find damage; files of others may lack it."""
    idx_crc32: str = ""
    mask_sha256: str | None = None
    """Of the ``.mask``; None where there is none."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """All shards of one split, in order."""

    shards: tuple[Shard, ...]
    counts_sha256: str

    @property
    def is_masked(self) -> bool:
        """Whether every shard has a ``.mask``."""
        return any(shard.mask_sha256 is not None for shard in self.shards)

    @property
    def tokens(self) -> int:
        """Tokens in the split, boundaries included."""
        return sum(shard.tokens for shard in self.shards)

    @property
    def documents(self) -> int:
        """Documents in the split."""
        return sum(shard.documents for shard in self.shards)

    @property
    def text_bytes(self) -> int:
        """Bytes of text in the split."""
        return sum(shard.text_bytes for shard in self.shards)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a folder of token files holds."""

    dtype: str
    vocab_size: int
    tokenizer_sha256: str
    boundary_id: int | None
    splits: dict[str, Split]


def shard_name(split: str, number: int) -> str:
    """Name of a shard's files without their ending."""
    return f"{split}-{number:05d}"


def bin_path(folder: Path, shard: str) -> Path:
    """The file of a shard's token ids."""
    return folder / f"{shard}.bin"


def idx_path(folder: Path, shard: str) -> Path:
    """The file of a shard's document ends."""
    return folder / f"{shard}.idx"


def mask_path(folder: Path, shard: str) -> Path:
    """The file of a shard's loss mask."""
    return folder / f"{shard}.mask"


def counts_path(folder: Path, split: str) -> Path:
    """The file of a split's token counts."""
    return folder / f"{split}-counts.npy"


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write ``manifest.json``: the last file of a build."""
    content = {"format": FORMAT, "version": VERSION, **dataclasses.asdict(manifest)}
    for split in manifest.splits:
        totals = {key: getattr(manifest.splits[split], key) for key in TOTALS}
        content["splits"][split] = {**totals, **content["splits"][split]}
        for shard in content["splits"][split]["shards"]:
            if shard["mask_sha256"] is None:
                del shard["mask_sha256"]
    write_json(folder / MANIFEST, {**content, "sha256": sha256_json(content)})


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises:
        InputError: It is of another format or version.
        DamagedError: A field is missing or unknown, or has a value that cannot be.
    """
    path = folder / MANIFEST
    content = read_json(path)
    try:
        found = content["format"], content["version"]
        if found != (FORMAT, VERSION):
            raise InputError(
                f"{path} is {found[0]} version {found[1]}, this reads version {VERSION}"
            )
        manifest = Manifest(
            dtype=content["dtype"],
            vocab_size=content["vocab_size"],
            tokenizer_sha256=content["tokenizer_sha256"],
            boundary_id=content["boundary_id"],
            splits={name: _read_split(split) for name, split in content["splits"].items()},
        )
        problem = next(_problems(manifest), None)
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path} is damaged: {error!r}") from error
    if problem:
        raise DamagedError(f"{path} is damaged: {problem}")
    return manifest


def check_manifest(folder: Path) -> None:
    """Compare ``manifest.json`` with the sha256 of its content, and its totals with its shards.

    Raises:
        DamagedError: They differ; the message names the key where that is known.
    """
    path, manifest = folder / MANIFEST, read_manifest(folder)
    content = read_json(path)
    for name, split in manifest.splits.items():
        for key in TOTALS:
            total, found = getattr(split, key), content["splits"][name].get(key)
            if found != total:
                raise DamagedError(
                    f"{path} is damaged: {key} of {name} is {found}, its shards have {total}"
                )
    # Others may write manifests without it; a key that is misspelled by damage is none of ours.
    unknown = content.keys() - {"format", "version", "sha256"} - _names(Manifest)
    if unknown:
        raise DamagedError(f"{path} is damaged: unknown key {min(unknown)!r}")
    sha256 = content.pop("sha256", None)
    if sha256 not in (None, sha256_json(content)):
        raise DamagedError(f"{path} is damaged: its content is not that which was written")


def _read_split(content: dict[str, Any]) -> Split:
    shards = tuple(Shard(**shard) for shard in content["shards"])
    if len({shard.mask_sha256 is None for shard in shards}) > 1:
        raise TypeError("a split has masks for all of its shards or for none")
    return Split(shards=shards, counts_sha256=content["counts_sha256"])


def _problems(manifest: Manifest) -> Iterator[str]:
    """What cannot be in a manifest, in words."""
    if manifest.dtype not in DTYPES:
        yield f"its dtype is {manifest.dtype!r}"
        return
    yield from _wrong_types(manifest, "")
    if not 0 < manifest.vocab_size <= 1 + np.iinfo(DTYPES[manifest.dtype]).max:
        yield f"{manifest.dtype} cannot hold a vocab_size of {manifest.vocab_size}"
    if manifest.boundary_id is not None and manifest.boundary_id not in range(manifest.vocab_size):
        yield f"boundary_id {manifest.boundary_id} is not in the vocabulary"
    for name, split in manifest.splits.items():
        yield from _wrong_types(split, name)
        for number, shard in enumerate(split.shards):
            if shard.name != shard_name(name, number):
                yield f"shard {number} of {name} is called {shard.name!r}"
            yield from _wrong_types(shard, shard.name)
            if shard.mask_sha256 is not None and type(shard.mask_sha256) is not str:
                yield f"mask_sha256 of {shard.name} is {shard.mask_sha256!r}"


def _wrong_types(record: Any, name: str) -> Iterator[str]:
    """Fields that should be a number from 0 on, or a text, and are not."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        wrong = (field.type is int and (type(value) is not int or value < 0)) or (
            field.type is str and type(value) is not str
        )
        if wrong:
            yield f"{field.name} {name and f'of {name} '}is {value!r}"


def _names(record: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(record)}
