"""The benchmark of the microscope does by hand what a trace does: the two must agree."""

import importlib

import pytest

from conftest import ROOT
from cygnet.xray.tracing import trace_ids
from small_models import BYTES, CONFIGS, CONTEXT, new_model


@pytest.mark.parametrize("name", ["gpt2", "qwen2", "nanochat"])
@pytest.mark.parametrize("n_tokens", [CONTEXT // 2, 3 * CONTEXT])
def test_figures_by_hand_are_those_of_a_trace(
    monkeypatch: pytest.MonkeyPatch, name: str, n_tokens: int
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    bench = importlib.import_module("microscope")
    model = new_model(CONFIGS[name])
    ids = [(11 * i * i + 7) % 256 for i in range(n_tokens)]
    expected = bench.by_hand(model, [256, *ids])
    found = trace_ids(model, BYTES, ids).tokens
    assert len(found) == len(expected) == n_tokens
    for token, by_hand in zip(found, expected, strict=True):
        assert token.figures
        assert token.figures.probability == pytest.approx(by_hand["probability"], rel=1e-4)
        assert token.figures.rank == by_hand["rank"]
        assert token.figures.entropy == pytest.approx(by_hand["entropy"], abs=1e-4)
        assert [other.id for other in token.alternatives] == [
            other for other, _ in by_hand["alternatives"]
        ]
