"""Bases, rows and samples that cannot be: one line says why."""

from pathlib import Path

import pytest

from compact_cases import BASE, FAITHFUL, ROWS, STORIES, TEXT, cut
from conftest import cygnet, refused
from cygnet.errors import InputError
from cygnet.tokenizer.compact import CompactTokenizer


def why_refused(*options: str | Path, base: str | Path) -> str:
    return refused(cygnet("tokenizer", "compact", "--base", base, *options, "--out", "never-made"))


def test_a_base_that_is_not_there(tmp_path: Path) -> None:
    for base in (tmp_path / "nowhere", tmp_path):
        message = why_refused("--text", "stories:1:3", base=base)
        assert "takes a folder with tokenizer.json, or with vocab.json and merges.txt" in message
        assert "https://huggingface.co/openai-community/gpt2" in message
        assert "hub:openai-community/gpt2" in message
    FAITHFUL.save(tmp_path)
    assert "is a compact vocabulary" in why_refused("--text", "stories:1:3", base=tmp_path)


@pytest.mark.parametrize(
    ("kind", "live", "dead", "message"),
    [
        ("faithful", 600, 1, "600 live tokens were asked, and the sample of 3 documents has only"),
        ("lossless", 600, 1, "598 learned tokens were asked, and the sample needs only"),
        (
            "lossless",
            257,
            1,
            "257 live tokens are too few: 256 bytes and 2 special tokens need 258",
        ),
        ("faithful", 0, 1, "0 live tokens are too few"),
        ("faithful", 9, -1, "there cannot be -1 dead rows"),
        ("lossless", 300, -1, "there cannot be -1 dead rows"),
    ],
)
def test_rows_that_cannot_be(kind: str, live: int, dead: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cut(kind, BASE, STORIES[:3], live=live, dead=dead)


def test_samples_that_cannot_be(tmp_path: Path) -> None:
    BASE.save(tmp_path)
    message = why_refused("--text", "stories:1:3", "--sample", "0", base=tmp_path)
    assert "a sample of 0 documents holds no text" in message
    with pytest.raises(InputError, match="there is no text to count tokens in"):
        CompactTokenizer.train([], BASE, live=1, dead=1)
    message = why_refused("--text", tmp_path / "none.txt", base=tmp_path)
    assert "none.txt does not exist" in message
    (tmp_path / "bad.txt").write_bytes(b"b\xe9d")
    message = why_refused("--text", tmp_path / "bad.txt", base=tmp_path)
    assert "is not UTF-8 at byte 1" in message
    assert "--errors replace" in message
    assert not Path("never-made").exists()


def test_rows_that_do_not_add_up(finished_run: Path, tmp_path: Path) -> None:
    rows = (*ROWS[:-1], "60", "--tokenizer.base", finished_run)
    message = refused(cygnet("tokenizer", "train", "duckling-ii", *TEXT, *rows, "--out", tmp_path))
    assert "tokenizer.live 350 and tokenizer.dead 60 are 410 rows" in message
    assert "tokenizer.vocab_size is 400" in message


def test_ids_that_the_base_does_not_have() -> None:
    for live_ids, message in (
        ([1, 700], "no token 700"),
        ([-1, 5], "no token -1"),
        ([5, 5], "token 5 of the base is live twice"),
        ([], "unk_id 0 is none of 0 live tokens"),
    ):
        with pytest.raises(InputError, match=message):
            CompactTokenizer(BASE, live_ids, 3)
