"""A training loop as people write it by hand: a GPT in plain torch, one file of ids, one loop.

In the manner of nanoGPT (github.com/karpathy/nanoGPT): fused attention, products in bfloat16 by
autocast, all logits at once. The shape and the first weights are those of a GPT-2 of transformers.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional
from transformers import GPT2LMHeadModel


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.n_head = n_head
        self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape ``(B, T, width)``."""
        shape = (*x.shape[:2], self.n_head, -1)
        parts = (part.view(shape).transpose(1, 2) for part in self.c_attn(x).chunk(3, dim=2))
        y = functional.scaled_dot_product_attention(*parts, is_causal=True)
        return self.c_proj(y.transpose(1, 2).reshape(x.shape))


class Block(nn.Module):
    """A layer."""

    def __init__(self, width: int, n_head: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width, n_head)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape ``(B, T, width)``."""
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp["c_proj"](functional.gelu(self.mlp["c_fc"](self.ln_2(x))))


class GPT(nn.Module):
    """The model, with the weights of a GPT-2 of ``transformers``."""

    def __init__(self, model: GPT2LMHeadModel) -> None:
        super().__init__()
        config = model.config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(Block(config.n_embd, config.n_head) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)
        weights = model.transformer.state_dict()
        turned = {k: v.T if "c_" in k and k.endswith("weight") else v for k, v in weights.items()}
        self.load_state_dict(turned)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """The mean loss."""
        hidden = self.wte(x) + self.wpe(torch.arange(x.shape[1]))
        for block in self.h:
            hidden = block(hidden)
        logits = functional.linear(self.ln_f(hidden), self.wte.weight)
        return functional.cross_entropy(logits.flatten(0, 1), y.flatten())


def losses_of_steps(
    model: GPT, batches: Iterator[tuple[torch.Tensor, torch.Tensor]], learning_rate: float
) -> Iterator[float]:
    """The loop: AdamW with weight decay on matrices, clipping, a linear decay is left to none."""
    decay = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=learning_rate)
    for x, y in batches:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(x, y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield loss.item()
