"""What is drawn from: the distribution by its definition, and draws that follow it."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from cygnet.errors import InputError
from cygnet.transformer.sampling import Sampling, draw, filtered
from cygnet.transformer.text_stream import TextStream


def of_transformers(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    found: Any = [TemperatureLogitsWarper(sampling.temperature)]
    found += [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
    found += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p else []
    found += [MinPLogitsWarper(sampling.min_p)] if sampling.min_p else []
    return LogitsProcessorList(found)(torch.zeros(1, 1, dtype=torch.int64), logits[None])[0]


shares = st.one_of(st.none(), st.floats(0.05, 0.99))


@given(
    st.integers(0, 2**31),
    st.sampled_from([3, 40, 700]),
    st.floats(0.1, 4.0),
    st.one_of(st.none(), st.integers(1, 900)),
    shares,
    shares,
)
def test_the_distribution_is_that_of_transformers(
    seed: int,
    vocab_size: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
) -> None:
    logits = torch.randn(vocab_size, generator=torch.Generator().manual_seed(seed)) * 3
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    found, expected = (f(logits, sampling).softmax(0) for f in (filtered, of_transformers))
    parted = (found > 0) != (expected > 0)
    if parted.any():  # a token at the very border, on which rounding decides
        assert int(parted.sum()) == 1
        sums = (logits / temperature).softmax(0).sort(descending=True).values.cumsum(0)
        assert top_p and float((sums - top_p).abs().min()) < 1e-5
    else:
        assert torch.allclose(found, expected, atol=1e-6)


def test_equally_likely_tokens_stay_together() -> None:
    logits = torch.zeros(10)
    for sampling in (Sampling(top_k=3), Sampling(top_p=0.2), Sampling(min_p=1.0)):
        assert (filtered(logits, sampling) == 0).all()


def test_the_likeliest_token_always_stays() -> None:
    logits = torch.tensor([0.0, 5.0, 1.0])
    for sampling in (Sampling(top_k=1), Sampling(top_p=1e-9), Sampling(temperature=0)):
        assert filtered(logits, sampling).isfinite().tolist() == [False, True, False]


def test_draws_follow_the_distribution() -> None:
    """Chi-square at 7 degrees of freedom: above 24.3 once in a thousand."""
    logits = filtered(
        torch.randn(30, generator=torch.Generator().manual_seed(4)), Sampling(top_k=8)
    )
    expected = logits.softmax(0)
    for places in (((s, 0) for s in range(8000)), ((1, p) for p in range(8000))):
        counts = Counter(draw(logits, seed, position) for seed, position in places)
        assert set(counts) <= set(torch.nonzero(expected)[:, 0].tolist())
        kept = [i for i in range(30) if expected[i] > 0]
        parts = [(counts[i] - 8000 * expected[i]) ** 2 / (8000 * expected[i]) for i in kept]
        assert sum(parts) < 24.3


def test_impossible_tokens_are_never_drawn() -> None:
    logits = torch.full((300,), -math.inf)
    logits[[0, 299]] = 0
    assert {draw(logits, 3, position) for position in range(200)} == {0, 299}


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"min_p": -0.1},
        {"min_p": 2.0},
    ],
)
def test_settings_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Sampling(**wrong)


@given(st.text(alphabet="abé€🦢", max_size=30), st.lists(st.text("abé", min_size=1), max_size=3))
def test_text_in_front_of_a_stop_is_whole(text: str, stop: list[str]) -> None:
    for size in (1, 2, 5):
        stream, data = TextStream(stop), text.encode()
        pieces = [stream.push(data[i : i + size]) for i in range(0, len(data), size)]
        found = "".join(pieces) + stream.rest
        places = [text.find(word) for word in stop if word in text]
        assert stream.stopped == bool(places)
        # A longer stop that begins earlier may end later than one that is complete already.
        assert text.startswith(found)
        assert not any(word in found for word in stop)
        if not places:
            assert found == text


def test_an_empty_stop_is_refused() -> None:
    with pytest.raises(InputError, match="empty"):
        TextStream([""])


@pytest.mark.parametrize("temperature", [1e-3, 1e-6, 1e-38, 1e-45, 5e-324])
def test_the_lowest_temperatures_take_the_likeliest(temperature: float) -> None:
    logits = torch.tensor([1.0, 9.0, 8.99, -70.0])
    scores = filtered(logits, Sampling(temperature=temperature, top_p=0.9, min_p=0.1))
    assert [draw(scores, seed, 0) for seed in range(20)] == [1] * 20
