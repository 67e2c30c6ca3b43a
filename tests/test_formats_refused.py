"""Tokenizer files that are damaged, hostile or of another kind: one line, and nothing runs."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import cygnet, refused
from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer import formats
from cygnet.tokenizer.formats.tokenizer_json import to_tokenizer_json
from cygnet.tokenizer.patterns import SPECIAL_TOKENS
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

MERGES = [(104, 117), (256, 103), (105, 116)]
BASE = Tokenizer(MERGES)
CHAT = Tokenizer(MERGES, "nanochat", SPECIAL_TOKENS["nanochat"])
ROWS = [*BASE.vocabulary.token_bytes]
Change = Callable[[dict[str, Any]], object]


def why_refused(
    path: Path, kind: type[CygnetError], pattern: str | None = None, blamed: Path | None = None
) -> str:
    """The message of a file that cannot be loaded: one line that begins with what is to blame."""
    with pytest.raises(CygnetError) as caught:
        Tokenizer.load(path, pattern)
    message = str(caught.value)
    assert type(caught.value) is kind
    assert "\n" not in message
    assert message.startswith(str(blamed or path))
    return message


# tokenizer.json


def vocab(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content["model"]["vocab"]
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("model"), "no 'model' in it"),
        (lambda c: c["model"].pop("vocab"), "no 'vocab' in it"),
        (lambda c: c["model"].update(vocab=[]), "damaged"),
        (lambda c: c["model"].update(merges=[["h"]]), "damaged"),
        (lambda c: c["model"].update(merges=["h u g"]), "damaged"),
        (lambda c: c["model"].update(merges=[["h", "q"]]), "needs the token 'hq'"),
        (lambda c: c["model"]["merges"].append(["h", "u"]), "twice"),
        (lambda c: vocab(c).pop("hu"), "needs the token 'hu'"),
        (lambda c: vocab(c).update(hu=257), "id 257 belongs to both 'hu' and 'hug'"),
        (lambda c: vocab(c).update(hu="7"), "the id '7'"),
        (lambda c: vocab(c).update(hu=True), "the id True"),
        (lambda c: vocab(c).update(hu=-1), "the id -1"),
        (lambda c: vocab(c).update(hu=10**12), "the id 1000000000000"),
        (lambda c: c["added_tokens"][0].update(id=10**12), "the id 1000000000000"),
        (lambda c: vocab(c).update({"<|endoftext|>": 300}), "has id 259 there, and 300"),
        (lambda c: c["added_tokens"].append({"id": 259, "content": "x y"}), "belongs to both"),
        (lambda c: c.update(added_tokens=None), "damaged"),
        (lambda c: c.update(pre_tokenizer={"type": "Sequence", "pretokenizers": 3}), "damaged"),
    ],
)
def test_a_damaged_tokenizer_json(tmp_path: Path, change: Change, words: str) -> None:
    content = to_tokenizer_json(BASE)
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    assert words in why_refused(path, DamagedError)


def byte_level(**options: object) -> dict[str, Any]:
    return {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False, **options}


def split(behavior: str = "Isolated", invert: bool = False, **pattern: str) -> dict[str, Any]:
    pattern = pattern or {"Regex": r"\w+"}
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def pre(*parts: dict[str, Any]) -> Change:
    sequence = {"type": "Sequence", "pretokenizers": [*parts]}
    return lambda content: content.update(pre_tokenizer=sequence)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["model"].update(type="Unigram"), "its model is Unigram"),
        (lambda c: c["model"].update(byte_fallback=True), "byte_fallback = True"),
        (lambda c: c["model"].update(dropout=0.1), "dropout = 0.1"),
        (lambda c: c["model"].update(unk_token="<unk>"), "unk_token = '<unk>'"),
        (lambda c: c["model"].update(continuing_subword_prefix="##"), "continuing_subword_prefix"),
        (lambda c: c["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix"),
        (lambda c: vocab(c).pop("a"), "the first is 0x61"),
        (lambda c: vocab(c).update({"日本": 300}), "'日本', is neither special nor spelled"),
        (lambda c: c["added_tokens"][0].update(id=97), "is the learned token b'a'"),
        (lambda c: c.update(normalizer={"type": "NFKC"}), "its normalizer is NFKC"),
        (lambda c: c.update(normalizer={"type": "Sequence"}), "its normalizer is Sequence"),
        (lambda c: c.update(pre_tokenizer=None), "no pre_tokenizer"),
        (lambda c: c.update(pre_tokenizer={"type": "Metaspace"}), "pre_tokenizer is Metaspace"),
        (lambda c: c.update(pre_tokenizer=byte_level()), "pre_tokenizer is ByteLevel:"),
        (pre(), "pre_tokenizer is empty"),
        (pre(split(), split(), byte_level()), "Split + Split + ByteLevel"),
        (pre({"type": "Digits"}, byte_level()), "Digits + ByteLevel"),
        (pre(split()), "pre_tokenizer is Split"),
        (pre(split(), byte_level(use_regex=True)), "Split + ByteLevel with use_regex"),
        (pre(byte_level(use_regex=True, add_prefix_space=True)), "add_prefix_space"),
        (pre(split("Removed"), byte_level()), "Removed with invert False"),
        (pre(split("Removed", True), byte_level()), "Removed with invert True"),
        (pre(split("MergedWithNext"), byte_level()), "MergedWithNext"),
        (pre(split(String=" "), byte_level()), "not at a Regex"),
        (pre(split(Regex="("), byte_level()), "does not compile"),
        (pre(split(Regex="(?m)."), byte_level()), "'(?'"),
        (pre(split(Regex=r"[\p{L}&&[a-z]]"), byte_level()), "not known"),
        (pre(split(Regex=r"\h+"), byte_level()), "'\\\\h'"),
    ],
)
def test_what_gives_other_ids_is_named(tmp_path: Path, change: Change, words: str) -> None:
    content = to_tokenizer_json(BASE)
    change(content)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    assert words in why_refused(path, InputError)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"model": 3}', "[" * 200_000, "\0"])
def test_json_of_another_kind(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(text)
    why_refused(path, DamagedError)


def test_a_config_beside_the_file(tmp_path: Path) -> None:
    BASE.save(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    config.write_text('{"eos_token": "</s>"}')
    message = why_refused(tmp_path, InputError, blamed=config)
    assert "'</s>' is not in the tokenizer.json" in message
    config.write_text("{")
    why_refused(tmp_path, DamagedError, blamed=config)
    config.write_text("[]")
    why_refused(tmp_path, DamagedError, blamed=config)


def test_a_pattern_where_the_file_says_it(tmp_path: Path) -> None:
    BASE.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    assert "leave out the pattern" in why_refused(path, InputError, "gpt2")
    with pytest.raises(InputError, match=r"holds no tokenizer: expected token_mapping\.json, tok"):
        Tokenizer.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (Tokenizer([(97, 97), (256, 97), (97, 256)]), "tokens 257 and 258 have the same bytes"),
        (Tokenizer([(32, 97)], special_tokens=["Ġa"]), "'Ġa' has id 257, and the learned token"),
        (Tokenizer(MERGES, r"(?P<x>a)(?P=x)"), "'(?'"),
        (Tokenizer(MERGES, r"[[a]"), "not known"),
        (Tokenizer(MERGES, r"a{2}?"), "{2}?"),
    ],
)
def test_what_tokenizer_json_cannot_say(tokenizer: Tokenizer, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        tokenizer.save(tmp_path / "out")
    assert words in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_special_token_that_is_learned() -> None:
    with pytest.raises(InputError, match="'hug' is also learned, as token 257"):
        Tokenizer(MERGES, special_tokens=["hug"])


# Rank files


def ranks() -> list[bytes]:
    return [base64.b64encode(bytes([i])) + b" %d" % i for i in range(256)] + [b"aHU= 256"]


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (lambda r: r.append(b"!!!! 257"), DamagedError, "line 258, b'!!!! 257'"),
        (lambda r: r.append(b"aHVn"), DamagedError, "line 258"),
        (lambda r: r.append(b"aHVn x"), DamagedError, "line 258"),
        (lambda r: r.append(b"aHVn -1"), DamagedError, "line 258"),
        (lambda r: r.append(b"aHVn 2 2"), DamagedError, "line 258"),
        (lambda r: r.append(b"aHVn " + b"9" * 5000), DamagedError, "line 258"),
        (lambda r: r.append(b"aHVn 99999999"), DamagedError, "from 0 to 99999999"),
        (lambda r: r.append(b"aHU= 257"), DamagedError, "the token b'hu' again"),
        (lambda r: r.append(b"aHVn 256"), DamagedError, "the rank 256 belongs to two tokens"),
        (lambda r: r.append(b"aHVn 258"), InputError, "a gap: 257 is missing"),
        (lambda r: r.__setitem__(97, b"aHVn 97"), InputError, "0x61 has no rank"),
        (lambda r: r.clear(), InputError, "holds no token"),
    ],
)
def test_a_bad_rank_file(
    tmp_path: Path, change: Callable[[list[bytes]], object], kind: type[CygnetError], words: str
) -> None:
    lines = ranks()
    path = tmp_path / "x.tiktoken"
    path.write_bytes(b"\n".join(lines))
    assert Tokenizer.load(path, "gpt2").encode("hu") == [256]
    change(lines)
    path.write_bytes(b"\n".join(lines))
    assert words in why_refused(path, kind, "gpt2")


def test_a_rank_file_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    path.write_bytes(b"\n".join(ranks()))
    assert "name its pattern" in why_refused(path, InputError)
    beside = tmp_path / "x.tiktoken.json"
    beside.write_text('{"pattern": "a"}')
    assert "no 'special_tokens'" in why_refused(path, DamagedError, blamed=beside)
    beside.write_text('{"pattern": "a", "special_tokens": {"x": -1}}')
    assert "'x' has the id -1" in why_refused(path, DamagedError, blamed=beside)


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (Tokenizer(MERGES, normalizer="nfc"), "NFC"),
        (Tokenizer([(97, 97), (256, 97), (97, 256)]), "the same bytes"),
        (
            Tokenizer(Vocabulary(ROWS, BASE.vocabulary.merges[[0, 2, 1]])),
            "258 is merged before",
        ),
        (Tokenizer(Vocabulary(ROWS, BASE.vocabulary.merges[:1])), "join 256 and 103 to 257"),
        (Tokenizer([(104, 117), (117, 103), (104, 257)]), "join 256 and 103 to 258"),
        (Tokenizer(Vocabulary([*ROWS, b"xyz"], BASE.vocabulary.merges)), "no merge leads to 1 of"),
        (Tokenizer(Vocabulary([*ROWS, b"", b"hi"], BASE.vocabulary.merges)), "a gap: 259"),
    ],
)
def test_what_tiktoken_cannot_say(tokenizer: Tokenizer, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        formats.save(tokenizer, tmp_path / "x.tiktoken", "tiktoken")
    assert words in str(caught.value)
    assert not [*tmp_path.iterdir()]


def test_a_rank_file_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not end in \.tiktoken"):
        formats.save(BASE, tmp_path / "x", "tiktoken")


# GPT-2's two files


def gpt2_files(folder: Path, merges: str = "#version: 0.2\nh u\nhu g\n") -> dict[str, int]:
    content = to_tokenizer_json(Tokenizer(MERGES[:2]))
    ids: dict[str, int] = content["model"]["vocab"] | {"<|endoftext|>": 258}
    (folder / "vocab.json").write_text(json.dumps(ids))
    (folder / "merges.txt").write_text(merges)
    return ids


def test_gpt2_files_that_do_not_belong_together(tmp_path: Path) -> None:
    gpt2_files(tmp_path)
    good = Tokenizer.load(tmp_path / "merges.txt")
    assert good.special_tokens == {"<|endoftext|>": 258}
    assert good.sha256 == Tokenizer(MERGES[:2]).sha256
    path, merges = tmp_path / "vocab.json", tmp_path / "merges.txt"
    gpt2_files(tmp_path, "h u\nhu q\n")
    assert "needs the token 'huq'" in why_refused(path, DamagedError)
    gpt2_files(tmp_path, "h u\nhu g\n<|endoftext|> h\n")
    assert "joins '<|endoftext|>'" in why_refused(path, DamagedError, blamed=merges)
    gpt2_files(tmp_path, "h u\nhu g x\n")
    assert "line 2, 'hu g x', is not two" in why_refused(merges, DamagedError)
    gpt2_files(tmp_path, "")
    assert "holds no merges" in why_refused(merges, InputError)
    merges.write_bytes(b"\xff \xff")
    assert "not UTF-8" in why_refused(merges, DamagedError)
    merges.write_text("a a\n")
    path.write_text('{"a": 97}')
    assert "needs the token 'aa'" in why_refused(path, DamagedError)
    path.write_text("[]")
    why_refused(path, DamagedError)
    merges.unlink()
    assert "does not exist" in why_refused(path, InputError, blamed=merges)


def test_nanochat_needs_its_special_tokens_and_tiktoken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"<\|bos\|>.*--tokenizer.special-tokens nanochat"):
        formats.save(BASE, tmp_path / "out", "nanochat")
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(InputError, match="pip install tiktoken"):
        formats.save(CHAT, tmp_path / "out", "nanochat")
    assert not (tmp_path / "out").exists()


# The command


def test_convert_says_it_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tiktoken"
    path.write_bytes(b"\n".join(ranks()))
    out = tmp_path / "out"
    assert "name its pattern" in refused(cygnet("tokenizer", "convert", path, out))
    pattern = ("--pattern", "gpt2")
    again = refused(cygnet("tokenizer", "convert", path, out, "--to", "nanochat", *pattern))
    assert "nanochat needs" in again
    assert not out.exists()
