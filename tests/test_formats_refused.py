"""Tokenizer files that are damaged, hostile or of another kind: one line, and nothing runs."""

import base64
import contextlib
import gc
import json
import os
import pickle
import pickletools
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import cygnet, refused
from cygnet.errors import CygnetError, DamagedError, InputError
from cygnet.tokenizer import formats
from cygnet.tokenizer.formats.tiktoken import to_encoding
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
    with pytest.raises(InputError, match=r"holds no tokenizer: expected tokenizer\.json"):
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


# nanochat's pickle


class Call:
    """Pickles as a call, as hostile pickles do."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def word(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def opcodes(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


ENCODING = word("tiktoken.core") + word("Encoding") + b"\x93"
NEW = ENCODING + b")\x81"


def hostile(mark: Path) -> dict[str, bytes]:
    """Pickles that would create the file ``mark``, or do something else that they should not."""
    import functools

    command = f"open({str(mark)!r}, 'w')"
    encoding = to_encoding(CHAT)
    state = {"name": "x", "pat_str": Call(eval, command)}
    return {
        "os.system": pickle.dumps(Call(os.system, f"touch {mark}")),
        "eval": pickle.dumps(Call(eval, command)),
        "partial": pickle.dumps(Call(functools.partial, open, str(mark), "w")),
        "in the state": pickle.dumps([encoding, state]),
        "protocol 0": pickle.dumps(Call(eval, command), 0),
        "protocol 2": pickle.dumps(encoding, 2),
        "behind the encoding": pickle.dumps(encoding)[:-1] + pickle.dumps(Call(eval, command))[2:],
        "second pickle inside": opcodes(NEW, b"}", word("name"), pickle.dumps(Call(eval, command))),
        "reduce": opcodes(ENCODING, word("x"), b"\x85R"),
        "inst": b"(S'" + command.encode() + b"'\nibuiltins\neval\n.",
        "obj": opcodes(b"(", ENCODING, b"o"),
        "extension": opcodes(b"\x82\x01"),
        "persistent": opcodes(word("x"), b"Q"),
        "dotted": opcodes(word("tiktoken.core"), word("Encoding.__init__"), b"\x93"),
        "globals": opcodes(word("builtins"), word("eval"), b"\x93"),
        "recorder": opcodes(word("cygnet.tokenizer.formats.nanochat"), word("_Recorder"), b"\x93"),
        "newobj with arguments": opcodes(ENCODING, word("x"), b"\x85\x81"),
        "build on the class": opcodes(ENCODING, b"}", word("__setstate__"), word("x"), b"sb"),
        "slots on the class": opcodes(ENCODING, b"}}", word("state"), word("x"), b"s\x86b"),
        "build on a dict": opcodes(b"}}", word("clear"), word("x"), b"sb"),
        "memo bomb": opcodes(NEW, b"r\xff\xff\xff\x7f"),
        "recursive": opcodes(b"}\x94", word("x"), b"h\x00s"),
        "recursive ranks": opcodes(NEW, b"}\x94", word("x"), b"h\x00sb"),
        "deep": opcodes(NEW, (b"}" + word("x")) * 100_000, b"}", b"s" * 100_000, b"b"),
        "long frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b".",
        "long bytes": opcodes(b"B\xff\xff\xff\xff"),
        "long text": opcodes(b"X\xff\xff\xff\x7f"),
        "stack underflow": opcodes(b"\x81"),
        "missing memo": opcodes(b"h\x09"),
        "by name": opcodes(NEW, word("cl100k_base"), b"b"),
        "nothing": b"",
        "text": b"what is this?",
        "truncated": pickle.dumps(encoding)[:-500],
        "a list": pickle.dumps([1, 2]),
        "no state": opcodes(NEW),
    }


@pytest.mark.parametrize("name", hostile(Path("mark")))
def test_a_pickle_never_runs(name: str, tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / "tokenizer.pkl"
    path.write_bytes(hostile(mark)[name])
    with pytest.raises(CygnetError) as caught:
        Tokenizer.load(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert not mark.exists()


def test_only_the_one_class_is_found(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.pkl"
    pickled = pickle.dumps(to_encoding(CHAT))
    assert pickled.count(b"\x8c\x0dtiktoken.core") == 1
    path.write_bytes(pickled.replace(b"\x0dtiktoken.core", b"\x0dtiktoken.load"))
    assert "asks for tiktoken.load.Encoding" in why_refused(path, InputError)
    path.write_bytes(pickled)
    assert Tokenizer.load(path).sha256 == CHAT.sha256


def test_that_the_hostile_pickles_are_hostile(tmp_path: Path) -> None:
    """Opened as usual, some of them do create the file: the test above would notice."""
    for name in ("os.system", "eval", "protocol 0", "inst", "in the state"):
        mark = tmp_path / name.replace(" ", "-")
        with pytest.warns(ResourceWarning) if name != "os.system" else contextlib.nullcontext():
            pickle.loads(hostile(mark)[name])
            gc.collect()
        assert mark.exists()


def test_find_class_alone_stops_every_call(tmp_path: Path, monkeypatch: Any) -> None:
    """Were the look at the opcodes to miss one, the class would still not be found."""
    from cygnet.tokenizer.formats import nanochat

    everything = frozenset(opcode.name for opcode in pickletools.opcodes)
    monkeypatch.setattr(nanochat, "OPCODES", everything)
    for name in ("os.system", "eval", "partial", "protocol 0", "in the state", "inst", "reduce"):
        mark, path = tmp_path / "mark", tmp_path / "tokenizer.pkl"
        path.write_bytes(hostile(mark)[name])
        with pytest.raises(CygnetError):
            Tokenizer.load(path)
        assert not mark.exists()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mergeable_ranks", {b"a": 0}, "0x00 has no rank"),
        ("mergeable_ranks", {"a": 0}, "not ranks of bytes"),
        ("mergeable_ranks", {b"a": -1}, "from -1"),
        ("mergeable_ranks", 3, "does not hold the arguments"),
        ("pat_str", "(", "does not compile"),
        ("pat_str", 7, "does not hold the arguments"),
        ("special_tokens", {"x": 1 << 30}, "the id 1073741824"),
        ("special_tokens", {"x": 97}, "is the learned token b'a'"),
        ("more", {}, "does not hold the arguments"),
    ],
)
def test_an_encoding_of_the_wrong_shape(
    field: str, value: object, words: str, tmp_path: Path
) -> None:
    state = to_encoding(CHAT).__getstate__()
    assert isinstance(state, dict)
    pickled = pickle.dumps({**state, field: value})
    path = tmp_path / "tokenizer.pkl"
    # One object of the class, and this state: as tiktoken pickles it, without its check.
    path.write_bytes(opcodes(NEW)[:-1] + pickled[11:-1] + b"b.")
    with pytest.raises(CygnetError) as caught:
        Tokenizer.load(path)
    assert words in str(caught.value)


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
