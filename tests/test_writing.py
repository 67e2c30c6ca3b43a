"""A text as a model writes it: forwards, back, and on from another token."""

import copy
import io
import json
import math

import pytest
import tiktoken
import torch
from rich.console import Console
from transformers import PreTrainedTokenizerFast

from cygnet.errors import EncodingError, InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.dead_rows import mask_rows
from cygnet.transformer.generation import generate
from cygnet.transformer.other_tokenizers import adapt
from cygnet.transformer.sampling import Sampling
from cygnet.xray.page import trace_html
from cygnet.xray.terminal import print_trace
from cygnet.xray.trace import Trace
from cygnet.xray.tracing import trace, trace_ids
from cygnet.xray.writing import Writing
from small_models import BYTES, CONFIGS, CONTEXT, new_model

SAMPLING = Sampling(seed=3, top_k=40)


def write(writing: Writing, n: int) -> list[int]:
    return [writing.step().id for _ in range(n)]


@pytest.mark.parametrize("name", ["gpt2", "qwen2", "nanochat"])
def test_it_is_what_generate_draws_and_what_trace_sees(name: str) -> None:
    model = new_model(CONFIGS[name])
    writing = Writing(model, BYTES, "ab", SAMPLING)
    ids = write(writing, CONTEXT + 20)  # windows that move are the same ones, too
    drawn = [*generate(model, BYTES, "ab", seed=3, top_k=40, max_tokens=CONTEXT + 20)]
    assert len(drawn) >= 12
    assert ids[: len(drawn)] == [token.id for token in drawn]  # which ends with the document
    seen = trace_ids(model, BYTES, [*b"ab", *ids])
    for token, other in zip(writing.trace.tokens, seen.tokens, strict=True):
        assert token.figures and other.figures
        assert token.surprise == pytest.approx(other.surprise, abs=1e-3)
        assert token.figures.rank == other.figures.rank
    assert writing.trace.tokens[5].drawn_probability is not None
    assert writing.trace.tokens[0].drawn_probability is None


def test_figures_of_all_tokens_are_those_of_a_trace() -> None:
    model = new_model(CONFIGS["qwen2"])
    writing = Writing(model, BYTES, "ab")
    for token in b"cde":
        writing.force(token)
    expected = trace(model, BYTES, "abcde").tokens
    for token, other in zip(writing.trace.tokens, expected, strict=True):
        assert token.surprise == pytest.approx(other.surprise, abs=1e-4)
        assert [one.id for one in token.alternatives] == [one.id for one in other.alternatives]
    assert [token.origin for token in writing.trace.tokens] == ["given"] * 2 + ["forced"] * 3


def test_going_on_later_draws_what_would_have_been_drawn() -> None:
    model = new_model(CONFIGS["gpt2"])
    at_once = write(Writing(model, BYTES, "ab", SAMPLING), 8)
    later = Writing(model, BYTES, list(b"ab"), SAMPLING, written=at_once[:5])
    assert write(later, 3) == at_once[5:]
    assert later.trace.tokens[2].figures is None


@pytest.mark.parametrize("position", [0, 1, 2, 4])
def test_another_token_anywhere_drops_what_follows(position: int) -> None:
    model = new_model(CONFIGS["gpt2"])
    writing = Writing(model, BYTES, "ab", SAMPLING)
    before = [*b"ab", *write(writing, 4)]
    put = writing.replace(position, 99)
    ids = [token.id for token in writing.trace.tokens]
    assert ids == [*before[:position], 99]
    assert put.origin == "forced"
    expected = trace_ids(model, BYTES, ids)
    assert put.surprise == pytest.approx(expected.tokens[-1].surprise, abs=1e-4)
    write(writing, 2)
    assert len(writing.trace.tokens) == position + 3


def test_a_refused_change_loses_nothing() -> None:
    writing = Writing(new_model(CONFIGS["gpt2"]), BYTES, "ab")
    write(writing, 3)
    before = writing.trace
    with pytest.raises(InputError, match="there is no token 5"):
        writing.replace(5, 9)
    with pytest.raises(InputError, match="token id 257"):
        writing.replace(0, 257)
    with pytest.raises(InputError, match="token id -1"):
        Writing(new_model(CONFIGS["gpt2"]), BYTES, [-1])
    assert writing.trace == before


def test_the_first_token_of_all_stays_where_nothing_can_come_before_it() -> None:
    config = copy.deepcopy(CONFIGS["gpt2"])
    config.vocab_size = 256
    writing = Writing(new_model(config), Tokenizer([], special_tokens=[]), "ab")
    write(writing, 2)
    before = writing.trace
    with pytest.raises(InputError, match="needs a tokenizer with a boundary token"):
        writing.replace(0, 9)
    assert writing.trace == before
    assert writing.replace(1, 9).figures


def test_a_token_that_the_model_leaves_out_is_infinitely_surprising() -> None:
    tokenizer = Tokenizer([], n_dead=4)
    config = copy.deepcopy(CONFIGS["gpt2"])
    config.vocab_size = 261
    model = new_model(config)
    mask_rows(model, [*tokenizer.dead_ids])
    writing = Writing(model, tokenizer, "ab")
    put = writing.force(258)
    assert put.surprise == math.inf
    assert put.figures
    assert put.figures.probability == 0
    values = json.loads(json.dumps(writing.trace.to_dict(), allow_nan=False))
    assert values["tokens"][2]["surprise"] is None
    assert values["tokens"][2]["rank"] == 258  # behind all that are possible
    assert Trace.from_dict(values) == writing.trace
    console = Console(file=io.StringIO(), width=80)
    print_trace(writing.trace, console)
    assert "†‹258›│            258      0   inf" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "inf bits" in trace_html(writing.trace)


def test_a_model_that_gives_no_numbers_is_refused() -> None:
    model = new_model(CONFIGS["gpt2"])
    with torch.no_grad():
        model.get_input_embeddings().weight[97] = math.nan
    with pytest.raises(InputError, match="its training diverged"):
        trace(model, BYTES, "b")


@pytest.mark.parametrize(
    ("key", "value"), [("kind", '"><script>'), ("origin", '"><script>'), ("kind", None)]
)
def test_values_that_are_no_trace_are_refused(key: str, value: str | None) -> None:
    values = trace(new_model(CONFIGS["gpt2"]), BYTES, "ab").to_dict()
    with pytest.raises(ValueError, match=f"{key} is"):
        Trace.from_dict(values | {"tokens": [values["tokens"][0] | {key: value}]})
    other = values["tokens"][0]["alternatives"][0] | {"kind": "odd"}
    with pytest.raises(ValueError, match="kind is 'odd'"):
        Trace.from_dict({"tokens": [values["tokens"][0] | {"alternatives": [other]}]})


def test_a_trace_survives_json_and_pandas() -> None:
    writing = Writing(new_model(CONFIGS["gpt2"]), Tokenizer([]), "é", SAMPLING)
    write(writing, 3)
    found = writing.trace
    assert Trace.from_dict(found.to_dict()) == found
    table = found.to_pandas()
    assert table["id"].tolist() == [token.id for token in found.tokens]
    assert list(Trace(()).to_pandas().columns) == list(table.columns)


def test_any_tokenizer_of_other_libraries_can_be_traced() -> None:
    ranks = {bytes([i]): i for i in range(256)} | {b"ab": 256}
    special = {"<|endoftext|>": 257}
    theirs = tiktoken.Encoding("own", pat_str=r".", mergeable_ranks=ranks, special_tokens=special)
    found = adapt(theirs)
    assert found.vocab_size == 258
    assert found.encode("ab<|endoftext|>") == theirs.encode(
        "ab<|endoftext|>", disallowed_special=()
    )
    assert found.encode("a<|endoftext|>", allowed_special=special)[-1] == 257
    assert found.token_bytes(256) == b"ab"
    torch.manual_seed(0)
    model = new_model(copy.deepcopy(CONFIGS["gpt2"]))
    model.resize_token_embeddings(258)
    seen = trace(model, theirs, "ab<|endoftext|>", special=True)
    assert [token.kind for token in seen.tokens] == ["text", "text", "special"]
    with pytest.raises(InputError, match="'gpt2' is no tokenizer's folder"):
        trace(model, "gpt2", "ab")
    with pytest.raises(EncodingError, match="character 1 of the text is a lone surrogate"):
        trace(model, theirs, "a\ud800")
    nanochats = tiktoken.Encoding(
        "own", pat_str=r".", mergeable_ranks=ranks, special_tokens={"<|bos|>": 257}
    )
    assert adapt(nanochats).boundary_id == 257


def test_a_fast_tokenizer_of_transformers_can_be_traced() -> None:
    import tokenizers

    backend = tokenizers.Tokenizer(tokenizers.models.BPE(byte_fallback=False))
    backend.add_special_tokens(["<s>"])
    backend.add_tokens([*map(chr, range(97, 117)), "<", ">"])
    theirs = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<s>")  # type: ignore[no-untyped-call]
    model = new_model(copy.deepcopy(CONFIGS["gpt2"]))
    model.resize_token_embeddings(len(theirs))
    for tokenizer in (theirs, backend):
        seen = trace(model, tokenizer, "abc")
        assert [token.text for token in seen.tokens] == ["a", "b", "c"]
        as_text = trace(model, tokenizer, "a<s>")
        assert [token.text for token in as_text.tokens] == ["a", "<", "s", ">"]
        as_special = trace(model, tokenizer, "a<s>", special=True)
        assert [token.kind for token in as_special.tokens] == ["text", "special"]
        with pytest.raises(EncodingError, match="lone surrogate"):
            trace(model, tokenizer, "a\ud800")
