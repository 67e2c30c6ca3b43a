"""``token_mapping.json``: which tokens of a base tokenizer a ``CompactTokenizer`` keeps.

``live_tokens``, ``dead_tokens``, ``total_vocab``   how many rows of each kind, and together
``unk_id``                                          the id of every other token of the base
``gpt2_to_compact``                                 new id by the base's id (as a string)
``compact_to_gpt2``                                 the base's id by new id (as a string)
``live_token_ids``                                  the base's ids in the order of the new ones

The keys say GPT-2, whose tokens they were made for; the base may be any other. It lies beside the
file, in the folder ``base``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cygnet.errors import DamagedError, InputError
from cygnet.files import make_folder, read_json, sha256_json, write_json, write_text
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.formats.byte_level import naming
from cygnet.tokenizer.tokenizer import Tokenizer

NAME, BASE = "token_mapping.json", "base"
COUNTS = ("live_tokens", "dead_tokens", "total_vocab", "unk_id")


def to_mapping(tokenizer: CompactTokenizer) -> dict[str, Any]:
    """The content of ``token_mapping.json``."""
    live_ids = tokenizer.live_ids.tolist()
    return {
        "live_tokens": len(live_ids),
        "dead_tokens": len(tokenizer.dead_ids),
        "total_vocab": tokenizer.vocab_size,
        "unk_id": tokenizer.unk_id,
        "gpt2_to_compact": {str(old): new for new, old in enumerate(live_ids)},
        "compact_to_gpt2": {str(new): old for new, old in enumerate(live_ids)},
        "live_token_ids": live_ids,
    }


def sha256(tokenizer: CompactTokenizer) -> str:
    """Hex sha256 of the mapping and of the base's sha256."""
    return sha256_json([to_mapping(tokenizer), tokenizer.base.sha256])


def write(tokenizer: CompactTokenizer, folder: Path) -> None:
    """Write the base, ``vocab.txt`` and, last, ``token_mapping.json``."""
    tokenizer.base.save(make_folder(folder) / BASE)
    write_text(folder / "vocab.txt", to_vocab_txt(tokenizer))
    write_json(folder / NAME, to_mapping(tokenizer))


def to_vocab_txt(tokenizer: CompactTokenizer) -> str:
    """A line per live token: its id, its text with nothing hidden, and the base's id.

    >>> print(to_vocab_txt(CompactTokenizer(Tokenizer([]), [97, 32], n_dead=1)), end="")
         0  a    = base 97
         1  ·    = base 32
    """
    return "".join(
        f"{new:6d}  {visible(tokenizer.token_bytes(new))}    = base {old}\n"
        for new, old in enumerate(tokenizer.live_ids.tolist())
    )


def read(path: Path, base: Tokenizer | None = None) -> CompactTokenizer:
    """Read a ``token_mapping.json`` that cygnet or somebody else has written.

    Args:
        path: The file, or its folder.
        base: The tokenizer whose ids it maps; by default that of the folder ``base`` beside it.

    Raises:
        InputError: There is no such file, or no base; the base lacks a token.
        DamagedError: It does not hold together.
    """
    path = path / NAME if path.is_dir() else path
    content = read_json(path)
    with naming(path):
        if not isinstance(content, dict):
            raise DamagedError("it is no JSON object")
        live, dead, total, unk_id = (_number(content, key) for key in COUNTS)
        if live + dead != total:
            raise DamagedError(
                f"live_tokens {live:,} and dead_tokens {dead:,} are not total_vocab {total:,}"
            )
        live_ids = _live_ids(content, live)
    base = base or _read_base(path)
    with naming(path):
        return CompactTokenizer(base, live_ids, dead, unk_id)


def _number(content: Mapping[str, Any], key: str) -> int:
    value = content[key]
    if type(value) is not int or value < 0:
        raise DamagedError(f"{key} is {value!r}, not a number of tokens")
    return value


def _live_ids(content: Mapping[str, Any], live: int) -> list[int]:
    """The base's ids in the order of the new ones, which all three tables must agree on."""
    to_base = _table(content, "compact_to_gpt2")
    missing = [new for new in range(live) if new not in to_base]
    if missing or len(to_base) != live:
        what = f"there is none for {missing[0]}" if missing else f"it has {len(to_base):,}"
        raise DamagedError(f"compact_to_gpt2 should have an id for each of 0..{live - 1}: {what}")
    owner: dict[int, int] = {}
    for new, old in sorted(to_base.items()):
        if owner.setdefault(old, new) != new:
            raise DamagedError(f"compact_to_gpt2 gives {old} for both {owner[old]} and {new}")
    to_compact = _table(content, "gpt2_to_compact")
    if to_compact != owner:
        old = min(set(to_compact.items()) ^ set(owner.items()))[0]
        raise DamagedError(
            f"gpt2_to_compact says {to_compact.get(old)} of token {old}, compact_to_gpt2 says"
            f" {owner.get(old)}"
        )
    if sorted(content["live_token_ids"]) not in (sorted(owner), list(range(live))):
        raise DamagedError("live_token_ids are not the ids of compact_to_gpt2")
    return [to_base[new] for new in range(live)]


def _table(content: Mapping[str, Any], key: str) -> dict[int, int]:
    """A table of the file, whose ids are strings on the left side."""
    table = {int(left): right for left, right in content[key].items()}
    if len(table) != len(content[key]):
        raise DamagedError(f"{key} names an id twice")
    for left, right in table.items():
        if type(right) is not int or right < 0:
            raise DamagedError(f"{key} gives {right!r} for {left}, which is no id")
    return table


def _read_base(path: Path) -> Tokenizer:
    """The base in its folder."""
    from cygnet.tokenizer.formats import load_bpe

    folder = path.with_name(BASE)
    if not folder.exists():
        raise InputError(
            f"{path} maps the ids of another tokenizer, which is not beside it: put it into"
            f" {folder} (for GPT-2 its vocab.json and merges.txt)"
        )
    return load_bpe(folder)
