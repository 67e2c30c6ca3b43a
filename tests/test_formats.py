"""``tokenizer.json`` against Hugging Face, and the command that converts."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import cygnet
from cygnet.tokenizer.formats.dialects import LLAMA3
from cygnet.tokenizer.formats.tokenizer_json import to_tokenizer_json
from cygnet.tokenizer.patterns import PATTERNS
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary
from format_oracles import (
    STORIES,
    TEXTS,
    added,
    assert_same,
    hf_ids,
    renumbered,
)


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.train(STORIES * 3, vocab_size=420, pattern="cl100k")


def test_the_file_of_a_trained_tokenizer_stays_what_it_is() -> None:
    """Token files hold the sha256 of their tokenizer: another one makes them unreadable."""
    known = {
        "gpt2": "c8448eb1e974e68ebd93d65de2ca8ab20b693be6aef233b4b3545b6e588283ed",
        "o200k": "a1a6fe7aa9fc71adbdeaea0bbf3ace2781475db8b39b5cf96dbcfad7f6ab0004",
        "qwen2": "d80721529ea6521b735ea3018568a2959ca2717143179f49d1fb946857d121ab",
        "nanochat": "279cf730fc1b8943e27f21f7a2b2235ee4d931f3b82138986db323fc8ebfdf0c",
        r"\w+|\W+": "775fcd1b24dbd717e15af8078119aa3debe1b0221aeb32206623d3905b3e791e",
    }
    merges = [(104, 117), (256, 103)]
    for pattern, sha256 in known.items():
        assert Tokenizer(merges, pattern, ["<|a|>", "<|b|>"]).sha256 == sha256


def vary(tokenizer: Tokenizer, kind: str) -> Tokenizer:
    n = len(tokenizer.vocabulary.token_bytes)
    if kind == "backwards":
        return renumbered(tokenizer, [*range(n)][::-1], {"<|end|>": n, "<|a|>": n + 1})
    if kind == "specials first":
        return renumbered(tokenizer, [*range(3, n + 3)], {"<|end|>": 2, "<|a|>": 0})
    if kind == "holes":
        return renumbered(tokenizer, [3 * i for i in range(n)], {"<|end|>": 7, "<é ü>": 5000})
    if kind == "nfc":
        return Tokenizer(tokenizer.vocabulary, "qwen2", ["<|end|>"], normalizer="nfc")
    if kind == "whole words":
        ranks = {token: i for i, token in enumerate(tokenizer.vocabulary.token_bytes)}
        ranks |= {b" unmergeable": n, "日本語の本".encode(): n + 1}
        return Tokenizer(Vocabulary.from_ranks(ranks), "o200k", {"<|end|>": n + 9})
    assert kind == "no specials"
    return Tokenizer(tokenizer.vocabulary, r"\w+$|^\W+|[^\W\d]+", [])


KINDS = ["backwards", "specials first", "holes", "nfc", "whole words", "no specials"]


@pytest.mark.parametrize("kind", KINDS)
def test_any_numbering_gives_the_same_ids_in_hugging_face(
    small: Tokenizer, kind: str, tmp_path: Path
) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = vary(small, kind)
    tokenizer.save(tmp_path)
    texts = [unicodedata.normalize("NFC", text) for text in (*TEXTS, "an unmergeable 日本語の本")]
    assert_same(tokenizer, hf_ids(tmp_path / "tokenizer.json"), texts)
    auto = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert_same(tokenizer, lambda text: auto(text, split_special_tokens=True)["input_ids"], texts)
    for name, token in tokenizer.special_tokens.items():
        assert auto(f"a{name}b")["input_ids"] == tokenizer.encode(
            f"a{name}b", allowed_special=[name]
        )
        assert auto.convert_tokens_to_ids(name) == token
    assert auto.eos_token_id == tokenizer.boundary_id


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_comes_back_as_it_was(
    small: Tokenizer, kind: str, tmp_path: Path
) -> None:
    tokenizer = vary(small, kind)
    tokenizer.save(tmp_path)
    again = Tokenizer.load(tmp_path)
    assert again.sha256 == tokenizer.sha256
    assert again.special_tokens == tokenizer.special_tokens
    assert (again.boundary_id, again.normalizer) == (tokenizer.boundary_id, tokenizer.normalizer)
    assert_same(again, tokenizer.encode, TEXTS)
    lines = (tmp_path / "vocab.txt").read_text().splitlines()
    assert len(lines) == tokenizer.n_live


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_vocabulary_under_any_numbers(tmp_path_factory: Any, data: st.DataObject) -> None:
    words = data.draw(st.lists(st.text("abé '1\n", min_size=1, max_size=9), min_size=1))
    trained = Tokenizer.train(words, 256 + data.draw(st.integers(0, 30)), special_tokens=[])
    n = len(trained.vocabulary.token_bytes)
    names = ["<|end|>", "<x>", "日 本"][: data.draw(st.integers(0, 3))]
    ids = data.draw(st.permutations(range(n + 4)))
    tokenizer = renumbered(trained, ids[:n], dict(zip(names, ids[n:], strict=False)))
    folder = tmp_path_factory.mktemp("any")
    tokenizer.save(folder)
    again = Tokenizer.load(folder)
    texts = [*words, "".join(words), *data.draw(st.lists(st.text("abé '1\n<x>")))]
    assert_same(tokenizer, hf_ids(folder / "tokenizer.json"), texts)
    assert_same(again, tokenizer.encode, texts)
    assert list(again.special_tokens.items())[:1] == list(tokenizer.special_tokens.items())[:1]
    assert again.sha256 == tokenizer.sha256


def test_text_is_brought_to_nfc_as_hugging_face_does(small: Tokenizer, tmp_path: Path) -> None:
    tokenizer = vary(small, "nfc")
    tokenizer.save(tmp_path)
    texts = [unicodedata.normalize("NFD", text) for text in STORIES]
    assert_same(tokenizer, hf_ids(tmp_path / "tokenizer.json"), texts)


def test_digits_of_cl100k_are_cut_by_three_in_hugging_face(tmp_path: Path) -> None:
    """``{1,3}+`` is possessive for tiktoken, and "once or more" for Oniguruma."""
    merges = [(0x31, 0x31), (256, 0x31), (257, 0x31)]
    tokenizer = Tokenizer(merges, "cl100k")
    tokenizer.save(tmp_path)
    assert hf_ids(tmp_path / "tokenizer.json")("1111") == tokenizer.encode("1111") == [257, 0x31]


def test_merges_may_be_strings_and_the_type_be_left_out(small: Tokenizer, tmp_path: Path) -> None:
    content = to_tokenizer_json(small)
    content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
    del content["model"]["type"], content["model"]["ignore_merges"]
    content["model"]["continuing_subword_prefix"] = ""
    content["post_processor"] = {"type": "ByteLevel", "add_prefix_space": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert Tokenizer.load(tmp_path / "tokenizer.json").sha256 == small.sha256


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}


@pytest.mark.parametrize(
    ("pre_tokenizer", "pattern"),
    [
        (BYTE_LEVEL, PATTERNS["gpt2"]),
        ({"type": "Sequence", "pretokenizers": [BYTE_LEVEL | {"use_regex": True}]}, "gpt2"),
        (("Isolated", False, PATTERNS["qwen2"]), "qwen2"),
        (("Removed", True, PATTERNS["o200k"]), "o200k"),
        (("Removed", True, LLAMA3), LLAMA3),
        (("Isolated", False, r"\p{N}{1,3}+|\s"), r"(?:\p{N}{1,3})+|\s"),
        (("Isolated", False, r"^a|b$|\w+\Z"), r"(?m:^)a|b(?m:$)|\w+$"),
    ],
)
def test_the_forms_of_a_pre_tokenizer(
    small: Tokenizer, tmp_path: Path, pre_tokenizer: Any, pattern: str
) -> None:
    if isinstance(pre_tokenizer, tuple):
        behavior, invert, regex = pre_tokenizer
        split = {"type": "Split", "behavior": behavior, "invert": invert}
        parts = [{**split, "pattern": {"Regex": regex}}, {**BYTE_LEVEL, "use_regex": False}]
        pre_tokenizer = {"type": "Sequence", "pretokenizers": parts}
    content = to_tokenizer_json(small) | {"pre_tokenizer": pre_tokenizer}
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(content))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.pattern == PATTERNS.get(pattern, pattern)
    assert_same(tokenizer, hf_ids(path), TEXTS)


def test_the_eos_token_of_the_config_ends_a_document(small: Tokenizer, tmp_path: Path) -> None:
    vocabulary = small.vocabulary
    Tokenizer(vocabulary, special_tokens=["<|a|>", "<|b|>", "<|c|>"]).save(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"bos_token": "<|c|>", "eos_token": {"content": "<|b|>"}}))
    assert [*Tokenizer.load(tmp_path).special_tokens] == ["<|b|>", "<|a|>", "<|c|>"]
    config.write_text(json.dumps({"bos_token": "<|c|>", "eos_token": None}))
    assert [*Tokenizer.load(tmp_path).special_tokens] == ["<|c|>", "<|a|>", "<|b|>"]
    config.unlink()
    assert [*Tokenizer.load(tmp_path).special_tokens] == ["<|a|>", "<|b|>", "<|c|>"]


def test_an_added_token_that_is_also_learned_keeps_its_id(small: Tokenizer, tmp_path: Path) -> None:
    content = to_tokenizer_json(small)
    name = next(name for name, i in content["model"]["vocab"].items() if i > 256 and name.isalpha())
    token = content["model"]["vocab"][name]
    content["added_tokens"].append(added(name, token, special=False))
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.special_tokens[name] == token
    assert_same(tokenizer, small.encode, TEXTS)
    tokenizer.save(tmp_path / "again")
    assert_same(tokenizer, hf_ids(tmp_path / "again" / "tokenizer.json"), TEXTS)


def test_convert(tmp_path: Path) -> None:
    ours = Tokenizer.train(STORIES * 3, 420)
    ours.save(tmp_path / "run" / "tokenizer")
    rank_file = tmp_path / "new" / "demo.tiktoken"
    result = cygnet("tokenizer", "convert", tmp_path / "run", rank_file, "--to", "tiktoken")
    assert result.returncode == 0, result.stderr
    rank_file.with_name("demo.tiktoken.json").unlink()
    options = ("--pattern", "gpt2")
    result = cygnet("tokenizer", "convert", rank_file, tmp_path / "hf", *options)
    assert result.returncode == 0, result.stderr
    again = Tokenizer.load(tmp_path / "hf")
    assert again.special_tokens == {}
    assert_same(again, ours.encode, TEXTS)
