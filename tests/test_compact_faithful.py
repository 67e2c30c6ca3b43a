"""The most frequent tokens of a base: counted by brute force, lost tokens and all."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compact_cases import (
    BASE,
    FAITHFUL,
    LOSSLESS,
    NAMES,
    SEED,
    STORIES,
    brute_force,
    flat,
    one_by_one,
    stories,
)
from cygnet.errors import InputError
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.frequencies import choose_documents
from format_oracles import TEXTS
from oracles import oracle


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_those_counted_by_brute_force(data: Path, name: str) -> None:
    text = stories(data, 1200)
    found = oracle(name, data / "tokenizers")
    theirs = one_by_one(found)
    tokenizer = CompactTokenizer.train(
        text, found.tokenizer, live=3000, dead=1096, sample=700, seed=SEED
    )
    chosen = list(itertools.compress(text, choose_documents(len(text), 700, SEED)))
    new, _ = brute_force(theirs, chosen, 3000)
    assert tokenizer.live_ids.tolist() == list(new)
    right = [[new.get(token, 0) for token in theirs(document)] for document in text]
    assert tokenizer(text) == {"input_ids": right}
    assert tokenizer.encode(text[3]) == right[3]
    assert sum(token not in new for document in text for token in theirs(document)) > 0
    ids, offsets = tokenizer.encode_batch(text, threads=2)
    assert ids.dtype == np.uint16
    assert [ids[a:b].tolist() for a, b in itertools.pairwise(offsets.tolist())] == right
    assert tokenizer.decode(right[0]) == "".join(
        tokenizer.token_bytes(token).decode() for token in right[0]
    )


@given(st.permutations(range(30)), st.integers(1, 60))
def test_the_order_of_documents_does_not_matter(order: list[int], live: int) -> None:
    text = STORIES[:30]
    first = CompactTokenizer.train(text, BASE, live=live, dead=5)
    second = CompactTokenizer.train([text[i] for i in order], BASE, live=live, dead=5)
    assert first.live_ids.tolist() == second.live_ids.tolist()


def test_ties_go_to_the_lower_id_of_the_base() -> None:
    assert CompactTokenizer.train("zcab", BASE, live=4, dead=0).live_ids.tolist() == [
        *(97, 98, 99, 122)
    ]


def test_names_of_the_original() -> None:
    assert len(FAITHFUL) == FAITHFUL.vocab_size == 500
    assert FAITHFUL.dead_ids == range(400, 500)
    assert FAITHFUL.n_live == 400
    ids = ("unk_id", "pad_token_id", "bos_token_id", "eos_token_id", "unk_token_id")
    assert {getattr(FAITHFUL, name) for name in ids} == {0}
    assert FAITHFUL.boundary_id is None
    assert FAITHFUL.special_tokens == {}
    assert FAITHFUL("") == {"input_ids": []}
    assert FAITHFUL([]) == {"input_ids": []}
    assert FAITHFUL(["", "a"])["input_ids"][0] == []
    assert not FAITHFUL.is_lossless


def test_dead_ids_decode_to_nothing_and_are_never_encoded() -> None:
    for tokenizer in (FAITHFUL, LOSSLESS):
        ids = tokenizer.encode("a hug")
        mixed = [tokenizer.dead_ids[0], *ids[:2], tokenizer.dead_ids[-1], *ids[2:]]
        assert tokenizer.decode(mixed) == tokenizer.decode(ids)
        assert "".join(tokenizer.decode_stream(mixed)) == tokenizer.decode(ids)
        assert max(flat(tokenizer, [*STORIES[:50], *TEXTS])) < tokenizer.dead_ids.start
        with pytest.raises(InputError, match=r"token 400 is dead: it stands in no text"):
            tokenizer.encode("a", append=400)
        with pytest.raises(InputError, match="id 500 at position 1 is out of range"):
            tokenizer.decode([0, 500])


def test_tokens_around_a_text_are_new_ids() -> None:
    ids = FAITHFUL.encode("a hug", prepend=3, append=0)
    assert ids == [3, *FAITHFUL.encode("a hug"), 0]
    flat_ids, offsets = FAITHFUL.encode_batch(["a", "b"], append=7)
    assert flat_ids[offsets[1:] - 1].tolist() == [7, 7]


def test_unknown_tokens_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    lost = FAITHFUL.unknown("hug 日")
    assert b"".join(lost) == "日".encode()
    assert FAITHFUL.encode("hug 日")[-3:] == [0, 0, 0]
    FAITHFUL.show("hug 日")
    assert "3 of them unknown, now id 0: ‹e6›│‹97›│‹a5›" in capsys.readouterr().out
