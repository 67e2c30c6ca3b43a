"""What a build notes of its finished shards, until the manifest says it.

A shard is not written again when a killed build goes on. Were its hashes made from the file as it
is then, damage from between would be taken for what was written. Hence ``train-00000.json``: it is
written before the ``.bin``, and removed when the manifest is there.
"""

from dataclasses import asdict
from pathlib import Path

from cygnet.errors import DamagedError, StaleError
from cygnet.files import read_json, write_json
from cygnet.tokens.checksums import find_damage
from cygnet.tokens.format import MANIFEST, Manifest, Shard, read_manifest

FILES = "bin", "idx", "mask"


def write_record(folder: Path, shard: Shard) -> None:
    """Note what a shard is."""
    write_json(_path(folder, shard.name), asdict(shard))


def check_record(folder: Path, split: str, shard: Shard) -> None:
    """Compare a finished shard with what was noted of it; without a note nothing is known.

    Args:
        folder: Where it is.
        split: What it belongs to.
        shard: What its files and the text are now.

    Raises:
        DamagedError: A file is not what was written.
        StaleError: The text is another.
    """
    noted = _read(folder, split, shard.name)
    if noted is None:
        return
    for suffix in FILES:
        written = getattr(noted, f"{suffix}_sha256")
        if getattr(shard, f"{suffix}_sha256") != written:
            path = folder / f"{shard.name}.{suffix}"
            damage = find_damage(path, written, getattr(noted, f"{suffix}_crc32", ""))
            raise DamagedError(f"{path} is damaged: {damage}; --overwrite makes it again")
    if shard.text_bytes != noted.text_bytes:
        raise StaleError(
            f"{folder / shard.name}.bin was made from other text: its {noted.documents:,} documents"
            f" had {noted.text_bytes:,} bytes, they have {shard.text_bytes:,} now; name another"
            " folder, or remove this one"
        )


def remove_records(folder: Path, manifest: Manifest) -> None:
    """The manifest is there: what was noted is not needed any more."""
    for split in manifest.splits.values():
        for shard in split.shards:
            _path(folder, shard.name).unlink(missing_ok=True)


def _path(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _read(folder: Path, split: str, name: str) -> Shard | None:
    """The note of a shard; or what an older manifest says of it, where a split is being added."""
    path = _path(folder, name)
    if path.exists():
        try:
            return Shard(**read_json(path))
        except TypeError as error:
            raise DamagedError(f"{path} is damaged: {error}; --overwrite makes it again") from error
    if not (folder / MANIFEST).exists():
        return None
    found = read_manifest(folder).splits.get(split)
    return next((shard for shard in found.shards if shard.name == name), None) if found else None
