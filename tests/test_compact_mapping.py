"""token_mapping.json: read by the code of others, and read from others."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import regex
import tokenizers

from compact_cases import FAITHFUL, stories
from cygnet.errors import DamagedError, InputError
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from oracles import oracle


class OriginalReader:
    """What the mapping is for: a table and a base, with the names of the file."""

    def __init__(self, path: Path, encode: Callable[[str], list[int]], decode: Any) -> None:
        mapping = json.loads(path.read_text())
        self.gpt2_to_compact = {int(k): int(v) for k, v in mapping["gpt2_to_compact"].items()}
        self.compact_to_gpt2 = {int(k): int(v) for k, v in mapping["compact_to_gpt2"].items()}
        self.unk_id, self.vocab_size = mapping["unk_id"], mapping["total_vocab"]
        self.n_live, self.n_dead = mapping["live_tokens"], mapping["dead_tokens"]
        self.live_token_ids = mapping["live_token_ids"]
        self._encode, self._decode = encode, decode

    def encode(self, text: str) -> list[int]:
        return [self.gpt2_to_compact.get(token, self.unk_id) for token in self._encode(text)]

    def decode(self, ids: list[int]) -> str:
        known = [self.compact_to_gpt2[i] for i in ids if i in self.compact_to_gpt2]
        return str(self._decode(known))


def test_ours_loads_there(data: Path, tmp_path: Path) -> None:
    text = stories(data, 300)
    base = oracle("gpt2", data / "tokenizers").tokenizer
    CompactTokenizer.train(text, base, live=2000, dead=500).save(tmp_path)
    theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "base" / "tokenizer.json"))
    reader = OriginalReader(
        tmp_path / "token_mapping.json", lambda t: theirs.encode(t).ids, theirs.decode
    )
    ours = Tokenizer.load(tmp_path)
    assert isinstance(ours, CompactTokenizer)
    for document in stories(data, 400)[290:]:
        ids = reader.encode(document)
        assert ours.encode(document) == ids
        assert ours.decode([*ids, 2400]) == reader.decode([*ids, 2400])
    assert (reader.n_live, reader.n_dead, reader.vocab_size) == (2000, 500, ours.vocab_size)
    assert list(json.loads((tmp_path / "token_mapping.json").read_text())) == [
        *("live_tokens", "dead_tokens", "total_vocab", "unk_id"),
        *("gpt2_to_compact", "compact_to_gpt2", "live_token_ids"),
    ]
    assert reader.live_token_ids == ours.live_ids.tolist()


MAPPING: dict[str, Any] = {
    "live_tokens": 3,
    "dead_tokens": 2,
    "total_vocab": 5,
    "unk_id": 0,
    "gpt2_to_compact": {"46": 0, "97": 1, "32": 2},
    "compact_to_gpt2": {"0": 46, "1": 97, "2": 32},
    "live_token_ids": [46, 97, 32],
}


def write(folder: Path, changes: Mapping[str, Any] = {}) -> Path:
    Tokenizer([]).save(folder / "base")
    path = folder / "token_mapping.json"
    path.write_text(json.dumps(MAPPING | dict(changes)))
    return path


@pytest.mark.parametrize("ids", [[46, 97, 32], [32, 46, 97], [0, 1, 2]])
def test_a_mapping_of_others_loads(tmp_path: Path, ids: list[int]) -> None:
    path = write(tmp_path, {"live_token_ids": ids})
    for tokenizer in (Tokenizer.load(tmp_path), Tokenizer.load(path), CompactTokenizer.load(path)):
        assert tokenizer.encode("a. b") == [1, 0, 2, 0]
        assert tokenizer.decode([1, 0, 2, 0, 4]) == "a. ."
        assert tokenizer.dead_ids == range(3, 5)


def test_the_base_may_be_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "token_mapping.json"
    path.write_text(json.dumps(MAPPING | {"unk_id": 2}))
    assert CompactTokenizer.load(path, Tokenizer([])).encode("a?") == [1, 2]
    with pytest.raises(InputError, match=r"not beside it: put it into .*base \(for GPT-2"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"dead_tokens": 3}, DamagedError, "live_tokens 3 and dead_tokens 3 are not total_vocab 5"),
        ({"live_tokens": "3"}, DamagedError, "live_tokens is '3', not a number"),
        ({"unk_id": 3}, InputError, "unk_id 3 is none of 3 live tokens"),
        (
            {"compact_to_gpt2": {"0": 46, "2": 32, "3": 97}},
            DamagedError,
            "should have an id for each of 0..2: there is none for 1",
        ),
        (
            {"compact_to_gpt2": {"0": 46, "1": 97, "2": 32, "3": 98}},
            DamagedError,
            "should have an id for each of 0..2: it has 4",
        ),
        (
            {"compact_to_gpt2": {"0": 46, "1": 97, "2": 97}},
            DamagedError,
            "gives 97 for both 1 and 2",
        ),
        (
            {"gpt2_to_compact": {"46": 0, "97": 1, "98": 2}},
            DamagedError,
            "says None of token 32, compact_to_gpt2 says 2",
        ),
        (
            {"gpt2_to_compact": {"46": 0, "97": 1, "32": 1}},
            DamagedError,
            "says 1 of token 32, compact_to_gpt2 says 2",
        ),
        ({"gpt2_to_compact": {"46": 0, "97": 1, "032": 2, "32": 2}}, DamagedError, "id twice"),
        ({"compact_to_gpt2": {"0": 46, "1": 97, "2": True}}, DamagedError, "gives True for 2"),
        ({"live_token_ids": [46, 97, 97]}, DamagedError, "live_token_ids are not the ids"),
        ({"compact_to_gpt2": [46, 97, 32]}, DamagedError, "is damaged, or of another format"),
        (
            {
                "gpt2_to_compact": {"46": 0, "97": 1, "999": 2},
                "compact_to_gpt2": {"0": 46, "1": 97, "2": 999},
                "live_token_ids": [46, 97, 999],
            },
            InputError,
            "the base has no token 999: its 257 ids begin at 0",
        ),
    ],
)
def test_a_mapping_that_does_not_hold_together(
    tmp_path: Path, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    path = write(tmp_path, changes)
    with pytest.raises(error, match=regex.escape(message)) as caught:
        Tokenizer.load(tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_mapping_without_a_key(tmp_path: Path) -> None:
    path = write(tmp_path)
    for key in MAPPING:
        path.write_text(json.dumps({name: MAPPING[name] for name in MAPPING if name != key}))
        with pytest.raises(DamagedError, match=f"no '{key}' in it"):
            Tokenizer.load(tmp_path)


def test_a_folder_stands_alone_and_says_who_it_is(tmp_path: Path) -> None:
    FAITHFUL.save(tmp_path / "first")
    again = Tokenizer.load(tmp_path / "first")
    assert again.sha256 == FAITHFUL.sha256
    again.save(tmp_path / "second")
    first, second = (sorted((tmp_path / name).rglob("*.*")) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    bases = (Tokenizer([]), Tokenizer.train("abab", 259))
    others = [CompactTokenizer(base, [97, 98], n_dead) for base in bases for n_dead in (3, 4)]
    assert len({other.sha256 for other in others}) == 4
