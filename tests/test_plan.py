"""Plans: published figures, independent counts, the search for a depth, what is refused."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM

from conftest import ROOT, cygnet
from cygnet.errors import InputError
from cygnet.transformer import plan_search
from cygnet.transformer.flops import flops_per_token
from cygnet.transformer.footprint import training_memory
from cygnet.transformer.loss import ROWS
from cygnet.transformer.measuring import measure_flops
from cygnet.transformer.plan import Assumptions, Plan, make_plan
from cygnet.transformer.plan_search import Asked, parse_count, plan_for
from cygnet.transformer.presets import PRESETS, nanochat, tiny_llm
from cygnet.transformer.shapes import nanochat_shape

GIVEN = Assumptions(block_size=2048)


def nanochat_plan(depth: int, **changes: Any) -> Plan:
    config = nanochat(65_536, **asdict(nanochat_shape(depth)), block_size=2048)
    return make_plan(config, replace(GIVEN, **changes))


def test_the_reference_model() -> None:
    plan = plan_for(Asked(preset="duckling-ii"), Assumptions(block_size=512))
    assert plan.parameters.total == 1_510_912
    assert plan.parameters.head == 0
    # 12 (T, d, d) products a layer with biases and norms, embeddings and positions, a last norm
    assert plan.parameters.layers == 2 * (12 * 128**2 + 13 * 128)
    assert plan.parameters.embedding + plan.parameters.positions == (8192 + 512) * 128


@pytest.mark.parametrize(
    ("depth", "parameters", "flops", "shards"),
    [
        # d20: the report of nanochat's speedrun of October 2025, as its model cards show it
        # (560,988,160 parameters, 3.491758e+09 FLOPs per token), and the 216 shards of speedrun.sh.
        (20, 560_988_160, "3.491758e+09", 216),
        # d12, d26: from its architecture, 2 V d + 12 L d^2, d = 64 L. Its README takes 450 shards
        # for d26 to be safe, as 240 for d20.
        (12, 2 * 65_536 * 768 + 12 * 12 * 768**2, None, 72),
        (26, 2 * 65_536 * 1664 + 12 * 26 * 1664**2, None, 416),
    ],
)
def test_the_chinchilla_table_of_nanochat(
    depth: int, parameters: int, flops: str | None, shards: int
) -> None:
    plan = nanochat_plan(depth)
    assert plan.parameters.total == parameters
    assert plan.parameters.embedding == plan.parameters.head == 65_536 * 64 * depth
    assert plan.tokens == 20 * parameters
    assert plan.characters == pytest.approx(20 * 4.8 * parameters)
    assert plan.shards == shards
    assert flops is None or f"{plan.flops_per_token:e}" == flops


def test_depth_20_in_round_figures() -> None:
    parts = nanochat_plan(20).parameters
    assert round(parts.embedding / 1e6, 1) == 83.9
    assert round(parts.total / 1e6) == 561


def test_the_run_of_d34() -> None:
    """Model card of karpathy/nanochat-d34: 40 tokens a parameter, MFU 47.40% on eight H100, about
    100 hours with what is not training."""
    plan = nanochat_plan(34, tokens_per_parameter=40, utilisation=0.474, devices=8)
    assert plan.parameters.total == 2_217_082_880
    assert f"{plan.flops_per_token:e}" == "1.426509e+10"
    assert plan.tokens == pytest.approx(88_683_315_200, rel=1e-4)  # whole steps there
    assert plan.flops == pytest.approx(1.265075e21, rel=1e-4)
    assert 90 < plan.hours["H100"] < 100


@pytest.mark.parametrize("preset", ["gpt2", "llama", "qwen2.5", "nanochat"])
def test_flops_are_those_that_torch_counts(preset: str) -> None:
    n_tokens = 64
    config = PRESETS[preset](500, n_layer=3, n_head=2, n_embd=64, block_size=n_tokens)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")  # type: ignore[no-untyped-call]
        ids = torch.zeros(1, n_tokens, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids).logits.sum().backward()
    found = flops_per_token(config, n_tokens)
    # The formula also counts norms and biases, and the gradient to the embeddings is no product.
    assert counter.get_total_flops() / n_tokens == pytest.approx(found, rel=0.02)


@pytest.mark.parametrize("preset", ["gpt2", "llama", "qwen2.5", "nanochat"])
def test_activations_are_those_that_autograd_keeps(preset: str) -> None:
    def kept(n_layer: int) -> int:
        """Bytes that the backward pass of a model needs, beside its weights."""
        config = PRESETS[preset](64, n_layer=n_layer, n_head=4, n_embd=256, block_size=128)
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")  # type: ignore[no-untyped-call]
        own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
        found = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            is_copy = tensor.ndim == 2 and tensor.shape[0] != 512 and tensor.shape[1] != 512
            if storage.data_ptr() not in own and not is_copy:  # of a weight, in bf16
                found[storage.data_ptr()] = storage.nbytes()
            return tensor

        ids = torch.zeros(4, 128, dtype=torch.int64)
        hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, use_cache=False).logits.sum()
        assert loss.requires_grad
        return sum(found.values())

    config = PRESETS[preset](64, n_layer=2, n_head=4, n_embd=256, block_size=128)
    expected = training_memory(config, 0, batch_size=4, block_size=128).activations
    assert kept(3) - kept(1) == pytest.approx(expected, rel=0.35)


def test_memory_of_weights_and_logits() -> None:
    memory = training_memory(tiny_llm(), 1000, batch_size=1, block_size=1)
    assert memory.weights + memory.gradients + memory.optimizer == 16 * 1000
    assert memory.logits == 4096 * (2 * ROWS + 4 * 256)
    assert memory.total == sum(vars(memory).values())


def test_the_tables_of_the_document() -> None:
    """docs/models.md shows what the plans say."""
    lines = (ROOT / "docs/models.md").read_text().splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    presets = {row[0].strip("`"): row[1:] for row in cells if len(row) > 2 and row[0][:1] == "`"}
    assert set(presets) == set(PRESETS)
    counted = {name: row for name, row in presets.items() if row[0]}
    assert len(counted) == 10
    for name, (total, rows, *_) in counted.items():
        plan = plan_for(Asked(preset=name), replace(GIVEN, block_size=64))
        assert (f"{plan.parameters.total:,}", f"{plan.shape['vocab_size']:,}") == (total, rows)
    chinchilla = [row for row in cells if row[0] in ("12", "20", "26")]
    for depth, *row in chinchilla:
        plan = nanochat_plan(int(depth))
        flops = f"{plan.flops_per_token:.3e}".replace("e+0", "e")
        sizes = [f"{plan.tokens / 1e9:.2f} B", f"{plan.characters / 1e9:.1f} B", str(plan.shards)]
        assert [f"{plan.parameters.total:,}", flops, *sizes] == row
    assert len(chinchilla) == 3


def test_disk() -> None:
    plan = nanochat_plan(20)
    assert plan.disk["token_files"] == 2 * plan.tokens
    wide = make_plan(nanochat(65_537, **asdict(nanochat_shape(2)), block_size=64), GIVEN)
    assert wide.disk["token_files"] == 4 * wide.tokens
    assert plan.disk["checkpoints"] == 2 * 12 * 560_988_160
    assert plan.disk["text_in_shards"] == 216 * 100e6


def test_the_depth_of_a_size_and_of_a_budget() -> None:
    found = plan_for(Asked(), GIVEN, params="600M")
    assert found.shape["n_layer"] == 21
    sizes = [nanochat_plan(depth).parameters.total for depth in (20, 21, 22)]
    assert abs(sizes[1] - 600e6) == min(abs(size - 600e6) for size in sizes)
    budget = plan_for(Asked(), GIVEN, budget_hours=10, accelerator="a100")
    depth = budget.shape["n_layer"]
    assert nanochat_plan(depth).hours["A100"] <= 10 < nanochat_plan(depth + 1).hours["A100"]
    small = plan_for(Asked(preset="qwen2.5"), GIVEN, params="1M")
    assert (small.shape["n_layer"], small.shape["vocab_size"]) == (1, 151_936)


def test_a_budget_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[int] = []

    def measure(config: Any, block_size: int) -> float:
        measured.append(config.num_hidden_layers)
        return 1e12

    monkeypatch.setattr(plan_search, "_measure", measure)
    found = plan_for(Asked(), GIVEN, budget_hours=100, measure=True)
    assert measured == [4, found.shape["n_layer"]]
    assert found.hours["this machine"] <= 100
    assert found.hours["this machine"] == pytest.approx(found.flops / 1e12 / 3600)


@pytest.mark.parametrize("preset", ["tiny-llm", "qwen2.5-0.5b"])
def test_measuring_trains_a_part_of_the_model(preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = PRESETS[preset](300)
    if preset != "tiny-llm":  # the real one is too large for a test
        config.hidden_size, config.intermediate_size = 14 * 8, 64
    rate = measure_flops(config, block_size=64)
    assert 1e7 < rate < 1e15


@pytest.mark.parametrize(
    ("asked", "options", "message"),
    [
        ({"preset": "llama"}, {}, "preset llama needs n_layer, n_head, n_embd"),
        ({"preset": "gpt2-xl"}, {"params": "1M"}, "look for a depth, of nanochat or qwen2.5"),
        ({"depth": 4}, {"budget_hours": 3.0}, "no depth and no config"),
        ({}, {"params": "1M", "budget_hours": 3.0}, "give one of them"),
        ({}, {"params": "many"}, "'many' is no number of parameters"),
        ({}, {"params": "-1M"}, "must be above 0"),
        ({}, {"budget_hours": 0.0}, "budget_hours must be above 0, found 0.0"),
        ({}, {"budget_hours": 1e-9}, "even a model of depth 1 takes longer than 1e-09 hours on H1"),
        ({}, {"accelerator": "TPU"}, "no accelerator 'TPU': there are RTX 3090"),
        ({"depth": 0}, {}, "depth must be at least 1"),
        ({"preset": "gpt2-small", "block_size": 2048}, {}, "longer than the context of gpt2-small"),
    ],
)
def test_plans_that_are_refused(asked: Any, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        plan_for(Asked(**asked), GIVEN, **options)


@pytest.mark.parametrize("name", ["utilisation", "devices", "tokens_per_parameter", "batch_size"])
def test_assumptions_out_of_range(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} must be above 0, found 0"):
        make_plan(tiny_llm(), replace(GIVEN, **{name: 0}))
    with pytest.raises(InputError, match="a share of the peak"):
        make_plan(tiny_llm(), replace(GIVEN, utilisation=40))


def test_counts_in_words() -> None:
    assert [parse_count(text) for text in ("561M", " 1.5b", "20k", "7")] == [561e6, 1.5e9, 2e4, 7]


def test_plan_on_the_command_line() -> None:
    result = cygnet("transformer", "plan", "--depth", "20", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["parameters"]["total"] == 560_988_160
    assert found["shards"] == 216
    assert found["formulas"]["flops_per_token"].startswith("6 N + 12 L H Q T")
    table = cygnet("transformer", "plan", "--preset", "duckling-ii")
    assert "1,510,912" in table.stdout
    assert "6 N + 12 L H Q T" in table.stdout
    assert "8 to 12" in table.stdout
