"""nanochat's pickled tokenizer: nothing that a pickle holds is ever run."""

import contextlib
import gc
import os
import pickle
import pickletools
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cygnet.errors import CygnetError, InputError
from cygnet.tokenizer.formats.tiktoken import to_encoding
from cygnet.tokenizer.patterns import SPECIAL_TOKENS
from cygnet.tokenizer.tokenizer import Tokenizer

MERGES = [(104, 117), (256, 103), (105, 116)]
CHAT = Tokenizer(MERGES, "nanochat", SPECIAL_TOKENS["nanochat"])


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
    with pytest.raises(InputError, match=r"asks for tiktoken\.load\.Encoding"):
        Tokenizer.load(path)
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
