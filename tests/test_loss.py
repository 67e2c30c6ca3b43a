"""The loss in chunks, against the plain definition."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel, LlamaForCausalLM, NanoChatConfig, NanoChatForCausalLM

from cygnet.errors import InputError
from cygnet.tokens.batch import IGNORED
from cygnet.transformer import loss
from cygnet.transformer.dead_rows import mask_rows
from cygnet.transformer.loss import Head, find_head, loss_function, sum_of_losses, token_losses
from cygnet.transformer.presets import gpt2, llama

SHAPE = {"n_layer": 1, "n_head": 2, "n_embd": 16, "block_size": 32}
NO_IDS = torch.tensor([], dtype=torch.int64)


def nanochat() -> NanoChatForCausalLM:
    """A model with capped logits."""
    config = NanoChatConfig(
        vocab_size=50,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        pad_token_id=None,
        bos_token_id=0,
        eos_token_id=0,
        final_logit_softcapping=0.5,
    )
    return NanoChatForCausalLM(config)


MODELS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: GPT2LMHeadModel(gpt2(50, **SHAPE)),
    "llama": lambda: LlamaForCausalLM(llama(50, **SHAPE)),
    "nanochat": nanochat,
}


def some_tokens() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of two rows, with an ignored one."""
    ids = torch.randint(0, 50, (2, 21), generator=torch.Generator().manual_seed(1))
    y = ids[:, 1:].clone()
    y[0, 3] = IGNORED
    return ids[:, :-1], y


def gradients(model: torch.nn.Module, total: torch.Tensor) -> torch.Tensor:
    """All gradients of the mean loss in one vector."""
    model.zero_grad()
    (total / 7).backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


@pytest.mark.parametrize("rows", [1, 7, 256])
@pytest.mark.parametrize("name", MODELS)
def test_losses_and_gradients_are_those_of_the_definition(
    name: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss, "ROWS", rows)
    torch.manual_seed(0)
    model = MODELS[name]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # logits that reach the cap
    x, y = some_tokens()
    head = find_head(model)
    assert head is not None and (head.cap == 0.5) == (name == "nanochat")
    expected = token_losses(model, x, y)
    total, losses = loss_function(model)(x, y)
    assert torch.allclose(losses, expected, atol=1e-5) and not losses.requires_grad
    assert losses[0, 3] == 0
    found = gradients(model, total)
    assert torch.allclose(found, gradients(model, expected.sum()), rtol=1e-4, atol=1e-6)


def test_tokens_left_out_of_the_softmax_get_no_gradient() -> None:
    model = MODELS["gpt2"]()
    model.config.tie_word_embeddings = False
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach().clone())
    mask_rows(model, [40, 49])
    x, y = some_tokens()
    x, y = x.clamp(max=39), y.clamp(max=39)
    total, losses = loss_function(model)(x, y)
    assert find_head(model) is not None
    assert torch.allclose(losses, token_losses(model, x, y), atol=1e-5)
    gradients(model, total)
    assert not model.lm_head.weight.grad[[40, 49]].any()
    assert model.lm_head.weight.grad[:39].any(dim=1).all()


def test_a_model_that_does_more_than_a_product_keeps_its_logits() -> None:
    model = MODELS["gpt2"]()
    model.lm_head.register_forward_hook(lambda module, inputs, logits: logits * 1.5)
    x, y = some_tokens()
    assert find_head(model) is None
    total, losses = loss_function(model)(x, y)
    assert torch.equal(losses, token_losses(model, x, y))
    assert total.requires_grad and not losses.requires_grad


@pytest.mark.parametrize("cap", [None, 2.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernel_does_what_torch_does(dtype: torch.dtype, cap: float | None) -> None:
    torch.manual_seed(0)
    logits = (4 * torch.randn(9, 300)).clamp(-2, 2).to(dtype)
    targets = torch.randint(0, 300, (9,))
    targets[4] = IGNORED
    by_kernel, by_torch = logits.clone(), logits.clone()
    losses, totals = loss._softmax_by_kernel(by_kernel, targets, cap)
    expected, ones = loss._softmax_by_torch(by_torch, targets, cap)
    assert torch.allclose(losses, expected, atol=1e-5)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-2
    found, wanted = by_kernel / totals[:, None], by_torch / ones[:, None]
    assert torch.allclose(found, wanted, rtol=tolerance, atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(
    scale=st.sampled_from([0.01, 1.0, 30.0, 1e4]),
    n_rows=st.integers(1, 5),
    n_columns=st.integers(1, 70),
    seed=st.integers(0, 1000),
)
def test_logits_of_any_size_have_the_loss_of_cross_entropy(
    scale: float, n_rows: int, n_columns: int, seed: int
) -> None:
    torch.manual_seed(seed)
    logits = (scale * torch.randn(n_rows, n_columns)).requires_grad_()
    targets = torch.randint(0, n_columns, (n_rows,))
    expected = cross_entropy(logits, targets, reduction="none")
    expected.sum().backward()
    place = logits.detach().clone()
    losses, totals = loss._softmax_by_kernel(place, targets, None)
    assert torch.allclose(losses, expected, rtol=1e-5, atol=1e-5)
    assert torch.allclose(place / totals[:, None], logits.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bad", [torch.nan, -torch.nan, torch.inf])
def test_a_number_that_is_none_is_not_hidden(bad: float, dtype: torch.dtype) -> None:
    logits = torch.zeros(2, 40, dtype=dtype)
    logits[0, 7] = bad
    losses, _ = loss._softmax_by_kernel(logits, torch.tensor([3, 3]), None)
    assert not losses[0].isfinite() and losses[1].isfinite()


def test_a_target_outside_of_the_vocabulary_is_refused() -> None:
    head = Head(torch.zeros(5, 4), None, NO_IDS)
    with pytest.raises(InputError, match="token id 5, but the model has 5 rows"):
        sum_of_losses(torch.zeros(2, 4), head, torch.tensor([1, 5]))


def test_under_autocast_the_products_are_as_exact_as_a_linear_layers() -> None:
    torch.manual_seed(0)
    weight = torch.randn(300, 32, requires_grad=True)
    hidden = torch.randn(600, 32, requires_grad=True)
    targets = torch.randint(0, 300, (600,))

    def both(total: torch.Tensor) -> torch.Tensor:
        return torch.cat([g.flatten() for g in torch.autograd.grad(total, (hidden, weight))])

    exact = both(cross_entropy(hidden @ weight.T, targets, reduction="sum"))
    with torch.autocast("cpu", torch.bfloat16):
        plain = both(cross_entropy(hidden @ weight.T, targets, reduction="sum"))
        total, _ = sum_of_losses(hidden, Head(weight, None, NO_IDS), targets)
        found = both(total)
    assert (found - exact).norm() < 1.5 * (plain - exact).norm() > 0
