"""The tokenizer against its readable definition and against ``tokenizers``."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from cygnet.errors import CygnetError, EncodingError, InputError
from cygnet.text.sources import read_files
from cygnet.tokenizer.patterns import PATTERNS, Splitter
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.vocabulary import Vocabulary

SAMPLE = [
    "Once upon a time, there was a little girl named Lily. She loved to hop.",
    "Lily's dog couldn't hop; he'd nap and nap and nap!\n\n  The end.",
    "naïve café 🍓🍓 日本語 123 4567",
]
ANY_TEXT = st.text(max_size=60)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(SAMPLE * 3, vocab_size=400)


@given(ANY_TEXT)
def test_decode_of_encode_is_the_text(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.lists(st.integers(0, 399), max_size=40))
def test_decode_never_fails(tokenizer: Tokenizer, ids: list[int]) -> None:
    ids = [token % tokenizer.vocab_size for token in ids]
    assert "".join(tokenizer.decode_stream(ids)) == tokenizer.decode(ids)


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=ANY_TEXT)
def test_named_patterns_lose_no_text(pattern: str, text: str) -> None:
    assert "".join(Splitter(PATTERNS[pattern])(text)) == text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_saved_tokenizer_gives_the_same_ids_elsewhere(pattern: str, tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(SAMPLE * 3, vocab_size=380, pattern=pattern)
    tokenizer.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    other = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert loaded.sha256 == tokenizer.sha256
    for text in [*SAMPLE, " a  b\n\n\nc\t", "DON'T we'Ll 'S", "x" * 300, "٣٤ Ⅷ ½ \u3000 \xa0"]:
        assert tokenizer.encode(text) == loaded.encode(text) == other.encode(text).ids


def test_auto_tokenizer_loads_it(tokenizer: Tokenizer, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer.save(tmp_path)
    auto = transformers.AutoTokenizer.from_pretrained(tmp_path)
    for text in SAMPLE:
        assert auto(text)["input_ids"] == tokenizer.encode(text)
        assert auto.decode(tokenizer.encode(text)) == text
    assert auto.eos_token_id == tokenizer.boundary_id


def test_real_stories_give_the_same_ids_in_tokenizers(data: Path, tmp_path: Path) -> None:
    path = data / "tinystories" / "tinystories_valid.txt"
    batches = list(read_files([path], "<|endoftext|>", "strict"))
    tokenizer = Tokenizer.train(batches, vocab_size=4096)
    tokenizer.save(tmp_path)
    other = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    ids, offsets = tokenizer.encode_batch(batches)
    documents = [text for batch in batches for text in batch]
    expected = [found.ids for found in other.encode_batch(documents)]
    assert [part.tolist() for part in np.split(ids, offsets[1:-1])] == expected


def test_special_tokens_come_only_by_name(tokenizer: Tokenizer) -> None:
    end = tokenizer.special_tokens["<|endoftext|>"]
    text = "a<|endoftext|>b"
    assert end not in tokenizer.encode(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode(text, allowed_special=["<|endoftext|>"]).count(end) == 1
    assert tokenizer.encode("a", prepend=end, append="<|endoftext|>")[::2] == [end, end]
    with pytest.raises(InputError, match="no special token"):
        tokenizer.encode("a", allowed_special=["<|bos|>"])
    with pytest.raises(InputError, match="out of range"):
        tokenizer.encode("a", prepend=400)


def test_training_text_that_spells_a_special_token_stays_text() -> None:
    tokenizer = Tokenizer.train(["<|endoftext|> " * 50], vocab_size=300)
    assert tokenizer.encode("<|endoftext|>") != [tokenizer.boundary_id]


def test_encode_batch_is_encode(tokenizer: Tokenizer) -> None:
    ids, offsets = tokenizer.encode_batch(SAMPLE, append="<|endoftext|>")
    assert ids.dtype == np.uint16
    for i, text in enumerate(SAMPLE):
        expected = tokenizer.encode(text, append="<|endoftext|>")
        assert ids[offsets[i] : offsets[i + 1]].tolist() == expected
    empty, offsets = tokenizer.encode_batch([])
    assert len(empty) == 0
    assert offsets.tolist() == [0]


def test_refusals(tokenizer: Tokenizer, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="token id 400 at position 1"):
        tokenizer.decode([1, 400])
    with pytest.raises(EncodingError, match="surrogate"):
        tokenizer.encode("\ud800")
    with pytest.raises(InputError, match="holds no tokenizer"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "[]",
        lambda text: text.replace('"merges"', '"mergers"'),
        lambda text: text.replace('"a": 97', '"a": 98'),
        lambda text: text.replace('"BPE"', '"Unigram"').replace('"vocab"', '"scores"'),
    ],
)
def test_a_damaged_file_is_refused(tokenizer: Tokenizer, tmp_path: Path, damage: object) -> None:
    tokenizer.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    assert callable(damage)
    path.write_text(damage(path.read_text()))
    with pytest.raises(CygnetError, match=r"tokenizer\.json"):
        Tokenizer.load(path)


def test_views(tokenizer: Tokenizer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    tokenizer.show("Lily 🍓")
    assert "·" in capsys.readouterr().out
    markup = Tokenizer.train(["<b> <b> <b>"], 300, special_tokens=["<script>"])._repr_html_()
    assert "<script>" not in markup
    assert "&lt;script&gt;" in markup
    tokenizer.save(tmp_path)
    lines = (tmp_path / "vocab.txt").read_text().splitlines()
    assert len(lines) == tokenizer.vocab_size
    assert json.loads((tmp_path / "tokenizer.json").read_text())["model"]["type"] == "BPE"


def test_vocabularies_that_name_what_is_not_there_are_refused() -> None:
    single = [bytes([byte]) for byte in range(256)]
    for pair in ([97, 98, 70_000], [97, 256, 97], [-1, 97, 98]):
        with pytest.raises(InputError, match="which no token has"):
            Vocabulary(single, np.array([pair], np.int32))
    with pytest.raises(InputError, match=r"1 of the 256 bytes"):
        Vocabulary(single[1:], np.empty((0, 3), np.int32))
    with pytest.raises(InputError, match="may have 1,048,576 ids"):
        Vocabulary(single + [b""] * (1 << 20), np.empty((0, 3), np.int32))
    with pytest.raises(InputError, match="ids begin at 0"):
        Tokenizer([], special_tokens={"<x>": -1})


def test_two_threads_may_be_the_first_to_encode() -> None:
    code = (
        "import threading; from cygnet import Tokenizer; found = []\n"
        "run = lambda: found.append(Tokenizer([]).encode('hi'))\n"
        "threads = [threading.Thread(target=run) for _ in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "assert found == [[104, 105]] * 4, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
