"""A small model of each architecture that is stepped by a recording, with random weights."""

from functools import partial
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    NanoChatConfig,
    PreTrainedModel,
    Qwen2Config,
    Qwen3Config,
)

from cygnet.tokenizer.tokenizer import Tokenizer

BYTES = Tokenizer([])
CONTEXT = 48
SHAPE: dict[str, Any] = {
    "vocab_size": 257,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": CONTEXT,
    "bos_token_id": 256,
    "eos_token_id": 256,
    "pad_token_id": None,
    "initializer_range": 0.3,  # far from uniform, so that no two tokens are about as likely
}
CONFIGS = {
    "gpt2": GPT2Config(
        vocab_size=257,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=CONTEXT,
        bos_token_id=256,
        eos_token_id=256,
        initializer_range=0.3,
    ),
    "gpt_neox": GPTNeoXConfig(**SHAPE),
    "llama": LlamaConfig(**SHAPE, num_key_value_heads=2),
    "mistral": MistralConfig(**SHAPE, num_key_value_heads=2, sliding_window=None),
    "nanochat": NanoChatConfig(**SHAPE, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SHAPE, num_key_value_heads=2),
    "qwen3": Qwen3Config(**SHAPE, num_key_value_heads=2, head_dim=8),
}
SLIDING = MistralConfig(**SHAPE, num_key_value_heads=2, sliding_window=6)


def new_model(config: Any, attention: str = "sdpa") -> PreTrainedModel:
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    return model.eval()


def greedy(model: PreTrainedModel, prompt: str, n: int) -> list[int]:
    """What ``model.generate`` writes behind a prompt."""
    ids = torch.tensor([[256, *prompt.encode()]])
    write = partial(model.generate, ids, attention_mask=torch.ones_like(ids), pad_token_id=0)
    return write(max_new_tokens=n, do_sample=False)[0, ids.shape[1] :].tolist()
