"""``tokenizer.json``, the format of Hugging Face's ``tokenizers``, read and written."""

import hashlib
import json
from collections.abc import Mapping
from json.encoder import encode_basestring as _quote
from pathlib import Path
from typing import Any, Literal

from cygnet.errors import DamagedError, InputError
from cygnet.files import make_folder, read_json, write_json, write_text
from cygnet.tokenizer.formats.byte_level import build_vocabulary, check_ids, naming, spell
from cygnet.tokenizer.formats.dead_rows import dead_names, forget_dead, take_dead
from cygnet.tokenizer.formats.dialects import covers_all, read_pattern, write_pattern
from cygnet.tokenizer.formats.vocab_txt import to_vocab_txt
from cygnet.tokenizer.patterns import PATTERNS
from cygnet.tokenizer.special_tokens import PADDING
from cygnet.tokenizer.tokenizer import Tokenizer

NOT_SUPPORTED = (
    "dropout",
    "unk_token",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
)
"""Fields of a BPE model that give other ids wherever they are set."""


def to_tokenizer_json(tokenizer: Tokenizer) -> dict[str, Any]:
    """The content of ``tokenizer.json``; ``tokenizers`` gives the same ids with it.

    Raises:
        InputError: Two tokens have the same bytes, a special token is spelled as a learned one
            is, or the split pattern cannot be said in Oniguruma's syntax.
    """
    vocabulary = tokenizer.vocabulary
    names = spell(vocabulary.token_bytes)
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    split = {
        "type": "Split",
        "pattern": {"Regex": write_pattern(tokenizer.pattern, "oniguruma")},
        "behavior": "Isolated",
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, token in _by_id(tokenizer.special_tokens).items()
        ],
        "normalizer": {"type": "NFC"} if tokenizer.normalizer == "nfc" else None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{**split, "invert": False}, {**byte_level, "use_regex": False}],
        },
        "post_processor": None,
        "decoder": forget_dead(byte_level) if tokenizer.dead_ids else byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": vocabulary.whole_words,
            "vocab": _to_vocab(names, tokenizer.special_tokens, tokenizer.dead_ids),
            "merges": [[names[left], names[right]] for left, right in tokenizer.merges],
        },
    }


def _to_vocab(
    names: list[str], special_tokens: Mapping[str, int], dead_ids: range
) -> dict[str, int]:
    """The id of each token by its spelling, dead rows included.

    Special tokens stand in it too, unless they come last, behind the learned ones: ``tokenizers``
    numbers those that are not in it by itself, from the end of the vocabulary on.
    """
    vocab: dict[str, int] = {}
    for token, name in enumerate(names):
        if name and vocab.setdefault(name, token) != token:
            raise InputError(
                f"tokens {vocab[name]} and {token} have the same bytes, {name!r} in the byte"
                " alphabet: tokenizer.json cannot tell them apart"
            )
    special = _by_id(special_tokens)
    come_last = [*special.values()] == [*range(len(vocab), len(vocab) + len(special))]
    come_last = come_last and not dead_ids
    for name, token in special.items():
        if vocab.get(name, token) != token:
            raise InputError(
                f"the special token {name!r} has id {token}, and the learned token {vocab[name]}"
                " is spelled the same: tokenizer.json cannot tell them apart"
            )
        if not come_last:
            vocab[name] = token
    return _by_id(vocab | dead_names(dead_ids))


def _by_id(ids: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(ids.items(), key=lambda item: item[1]))


def sha256_tokenizer(tokenizer: Tokenizer) -> str:
    """Hex sha256 of the bytes that ``write_folder`` writes to ``tokenizer.json``."""
    return hashlib.sha256(_as_text(to_tokenizer_json(tokenizer)).encode()).hexdigest()


def write_folder(tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``vocab.txt``, ``tokenizer_config.json`` and, last, ``tokenizer.json``."""
    text = _as_text(to_tokenizer_json(tokenizer))
    make_folder(folder)
    end = next(iter(tokenizer.special_tokens), None)
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": end,
        "eos_token": end,
        "clean_up_tokenization_spaces": False,
    }
    if PADDING in tokenizer.special_tokens:
        config["pad_token"] = PADDING
    write_text(folder / "vocab.txt", to_vocab_txt(tokenizer))
    write_json(folder / "tokenizer_config.json", config)
    write_text(folder / "tokenizer.json", text)


def _as_text(content: dict[str, Any]) -> str:
    """The content as JSON, indented by one.

    With an indent Python's encoder is not the fast one: a quarter of a second for GPT-2's tokens
    and merges, which are therefore written line by line, as it would write them.
    """
    model = content["model"]
    tokens = [f"   {_quote(name)}: {token}" for name, token in model["vocab"].items()]
    merges = [
        f"   [\n    {_quote(left)},\n    {_quote(right)}\n   ]" for left, right in model["merges"]
    ]
    hollow = {**content, "model": {**model, "vocab": "<tokens>", "merges": "<merges>"}}
    text = json.dumps(hollow, indent=1, ensure_ascii=False)
    head, _, rest = text.rpartition('"<tokens>"')
    middle, _, tail = rest.rpartition('"<merges>"')
    listed = "[\n" + ",\n".join(merges) + "\n  ]" if merges else "[]"
    return "".join([head, "{\n", ",\n".join(tokens), "\n  }", middle, listed, tail, "\n"])


def read_tokenizer_json(path: Path) -> Tokenizer:
    """Read a byte-level BPE: one of GPT-2, Llama 3, Qwen, ..., or one that cygnet wrote.

    Any numbering of the tokens will do. Every added token becomes a special token, whether the
    file calls it special or not: here it is found in text only where the caller allows it. The
    ``eos_token`` of a ``tokenizer_config.json`` beside the file, or else its ``bos_token``, comes
    first, and so ends a document; without one that is the special token with the lowest id.
    A ``post_processor`` is ignored: no token is added unless asked for.

    Raises:
        DamagedError: The file is no JSON, or a part of it is missing or contradicts another.
        InputError: It describes something that gives other ids than a byte-level BPE would; the
            message names the part.
    """
    return read_content(read_json(path), path)


def read_content(content: Any, path: Path) -> Tokenizer:
    """The tokenizer that the content of the file describes: see ``read_tokenizer_json``."""
    with naming(path):
        model = content["model"]
        _check_model(model)
        vocab, n_dead = take_dead(model["vocab"])
        added = {token["content"]: token["id"] for token in content["added_tokens"]}
        check_ids(added)
        special = _by_id(added)
        merges = [_read_merge(merge) for merge in model["merges"]]
        for name, token in special.items():
            if vocab.get(name, token) != token:
                raise DamagedError(
                    f"the added token {name!r} has id {token} there, and"
                    f" {vocab[name]} in the vocabulary"
                )
        whole_words = model.get("ignore_merges", False)
        pattern = _read_pre_tokenizer(content["pre_tokenizer"])
        normalizer = _read_normalizer(content["normalizer"])
    special = _put_end_first(special, vocab, path.with_name("tokenizer_config.json"))
    with naming(path):
        vocabulary = build_vocabulary(vocab, merges, special, whole_words)
        return Tokenizer(vocabulary, pattern, special, normalizer, n_dead)


def _check_model(model: Mapping[str, Any]) -> None:
    if model.get("type", "BPE") != "BPE":
        raise InputError(f"its model is {model['type']}: only a byte-level BPE can be read")
    for field in NOT_SUPPORTED:
        if model.get(field):
            raise InputError(f"its model has {field} = {model[field]!r}, which cygnet cannot do")


def _read_merge(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _read_normalizer(normalizer: Mapping[str, Any] | None) -> Literal["nfc"] | None:
    if normalizer is None:
        return None
    if normalizer["type"] != "NFC":
        raise InputError(f"its normalizer is {normalizer['type']}: only NFC or none can be read")
    return "nfc"


def _read_pre_tokenizer(pre_tokenizer: Mapping[str, Any] | None) -> str:
    """The split pattern of a pre-tokenizer: that of ByteLevel itself, or of one Split before it."""
    if pre_tokenizer is None:
        raise InputError("it has no pre_tokenizer: only a byte-level BPE can be read")
    several = pre_tokenizer["type"] == "Sequence"
    parts = pre_tokenizer["pretokenizers"] if several else [pre_tokenizer]
    kinds = [part["type"] for part in parts]
    uses_regex = kinds[-1:] == ["ByteLevel"] and parts[-1].get("use_regex", True)
    if kinds not in (["ByteLevel"], ["Split", "ByteLevel"]) or uses_regex != (len(kinds) == 1):
        regex_too = " with use_regex" if uses_regex else ""
        raise InputError(
            f"its pre_tokenizer is {' + '.join(kinds) or 'empty'}{regex_too}: only ByteLevel with"
            " use_regex, or one Split and ByteLevel without, can be read"
        )
    if parts[-1]["add_prefix_space"]:
        raise InputError("its pre_tokenizer has add_prefix_space, which cygnet cannot do")
    return PATTERNS["gpt2"] if uses_regex else _read_split(parts[0])


def _read_split(split: Mapping[str, Any]) -> str:
    if "Regex" not in split["pattern"]:
        raise InputError(f"its Split is at the string {split['pattern']}, not at a Regex")
    pattern = read_pattern(split["pattern"]["Regex"], "oniguruma")
    way = (split["behavior"], split["invert"])
    if way != ("Isolated", False) and not (way == ("Removed", True) and covers_all(pattern)):
        raise InputError(
            f"its Split has the behavior {way[0]} with invert {way[1]}: only Isolated can be read,"
            " and Removed with invert where the pattern is known to leave nothing out"
        )
    return pattern


def _put_end_first(
    special: Mapping[str, int], vocab: Mapping[str, int], config_path: Path
) -> dict[str, int]:
    """The special tokens, first the one with which a ``tokenizer_config.json`` ends a text."""
    if not config_path.is_file():
        return dict(special)
    config = read_json(config_path)
    with naming(config_path):
        end = config.get("eos_token") or config.get("bos_token")
        name = end["content"] if isinstance(end, dict) else end
        if name is None:
            return dict(special)
        known = {**vocab, **special}
        if name not in known:
            raise InputError(f"the eos_token {name!r} is not in the tokenizer.json beside it")
        return {name: known[name], **special}
