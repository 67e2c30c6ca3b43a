"""Attention in blocks, against torch's own."""

from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForCausalLM

from cygnet.transformer import blocked_attention
from cygnet.transformer.blocked_attention import BLOCKED, QUERIES
from cygnet.transformer.presets import gpt2, llama


def attend(*parts: torch.Tensor, scaling: float | None = None) -> torch.Tensor:
    """Our attention, in torch's layout."""
    found, _ = blocked_attention.blocked_attention(torch.nn.Module(), *parts, None, scaling=scaling)
    return found.transpose(1, 2)


def made(n_tokens: int, dtype: torch.dtype = torch.float32, n_heads: int = 3) -> list[torch.Tensor]:
    """Queries, keys and values."""
    torch.manual_seed(n_tokens)
    shapes = [(2, heads, n_tokens, 8) for heads in (3, n_heads, n_heads)]
    return [torch.randn(shape).to(dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("scaling", [None, 0.7])
@pytest.mark.parametrize("n_tokens", [2, 5, QUERIES - 1, QUERIES, QUERIES + 1, 2 * QUERIES + 30])
def test_output_and_gradients_are_torchs(n_tokens: int, scaling: float | None) -> None:
    parts = made(n_tokens)
    expected = scaled_dot_product_attention(*parts, is_causal=True, scale=scaling)
    found = attend(*parts, scaling=scaling)
    assert torch.allclose(found, expected, atol=1e-5)
    change = torch.randn_like(found)
    wanted = torch.autograd.grad(expected, parts, change)
    for one, other in zip(torch.autograd.grad(found, parts, change), wanted, strict=True):
        assert torch.allclose(one, other, atol=2e-5)


def test_in_bfloat16_it_is_as_exact_as_torchs() -> None:
    parts = made(200, torch.bfloat16)
    exact = [part.detach().float().requires_grad_() for part in parts]
    change = torch.randn(2, 3, 200, 8)

    def both(parts: list[torch.Tensor], attention: Any, dtype: torch.dtype) -> torch.Tensor:
        output = attention(*parts)
        grads = torch.autograd.grad(output, parts, change.to(dtype))
        return torch.cat([part.float().flatten() for part in (output, *grads)])

    def torchs(*parts: torch.Tensor) -> torch.Tensor:
        return scaled_dot_product_attention(*parts, is_causal=True)

    right = both(exact, torchs, torch.float32)
    usual = (both(parts, torchs, torch.bfloat16) - right).norm()
    assert 0 < (both(parts, attend, torch.bfloat16) - right).norm() < 1.5 * usual


def test_attention_that_is_not_causal_stays_so() -> None:
    parts = made(40)
    module = torch.nn.Module()
    module.is_causal = False
    found, _ = blocked_attention.blocked_attention(module, *parts, None)
    expected = scaled_dot_product_attention(*parts)
    assert torch.allclose(found.transpose(1, 2), expected, atol=1e-5)
    with pytest.raises(ValueError, match="softcap"):
        blocked_attention.blocked_attention(torch.nn.Module(), *parts, None, softcap=5.0)


def test_several_queries_share_a_key() -> None:
    parts = made(40, n_heads=1)
    expected = scaled_dot_product_attention(*parts, is_causal=True, enable_gqa=True)
    assert torch.allclose(attend(*parts), expected, atol=1e-5)


@pytest.mark.parametrize("config", [gpt2, llama])
def test_a_model_gives_what_it_gives_with_sdpa(config: Any) -> None:
    shape = config(50, n_layer=2, n_head=2, n_embd=16, block_size=300)
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(shape, attn_implementation="sdpa")
    ours = AutoModelForCausalLM.from_config(shape, attn_implementation=BLOCKED)
    ours.load_state_dict(plain.state_dict())
    ids = torch.randint(0, 50, (2, 300))
    padded = {"input_ids": ids, "attention_mask": (torch.arange(300) >= 7).long().expand(2, -1)}
    for inputs in ({"input_ids": ids}, padded):
        expected = plain(**inputs).logits[:, 7:]
        assert torch.allclose(ours(**inputs).logits[:, 7:], expected, atol=1e-5)
    assert ours.generate(ids[:, :9], max_new_tokens=5, do_sample=False).equal(
        plain.generate(ids[:, :9], max_new_tokens=5, do_sample=False)
    )
