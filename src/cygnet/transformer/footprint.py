"""What a training keeps in memory, by formula."""

from dataclasses import dataclass

from transformers import PretrainedConfig

CHUNK = 256
"""Rows of logits at a time: ``loss.ROWS``."""
FORMULA = (
    "weights, gradients: 4 N each; AdamW: 8 N; copies of weights in bf16: 2 N;"
    " activations: 8/3 bytes x rows x T x L x (12 width + k feed-forward), k = 3 if gated, else 2;"
    " logits: 2 bytes x 256 x vocabulary, and 4 x vocabulary x width for the head's gradient"
)


@dataclass(frozen=True)
class Memory:
    """Bytes while a step is computed."""

    weights: float
    gradients: float
    optimizer: float
    copies: float
    activations: float
    logits: float

    @property
    def total(self) -> float:
        """All of it. What kernels use for a moment, and what the allocator loses, come on top."""
        return float(sum(vars(self).values()))


def training_memory(
    config: PretrainedConfig, n_parameters: int, batch_size: int, block_size: int
) -> Memory:
    """What a step takes in bf16, the weights in fp32.

    Activations are what autograd keeps for each token and layer: about 12 values of the width (both
    norms, queries, keys, values, what attention and the additions give), and for the feed-forward
    2 or, gated, 3 values of its width. In bf16 they take two thirds of the 4 bytes, as norms and
    residual stay in fp32. Attention without the square of its weights, as ``sdpa`` on a GPU; where
    they are kept, it takes 1 to 4 bytes x heads x T for each token and layer more.

    Source: counted with ``torch.autograd.graph.saved_tensors_hooks``; a test compares.

    >>> from cygnet.transformer.presets import tiny_llm
    >>> found = training_memory(tiny_llm(), 4_274_176, batch_size=8, block_size=256)
    >>> f"{found.optimizer:,.0f} {found.activations:,.0f}"
    '34,193,408 111,848,107'
    """
    width, n_layers = config.hidden_size, config.num_hidden_layers
    values = 12 * width + _feed_forward(config)
    return Memory(
        weights=4 * n_parameters,
        gradients=4 * n_parameters,
        optimizer=8 * n_parameters,
        copies=2 * n_parameters,
        activations=8 / 3 * batch_size * block_size * n_layers * values,
        logits=config.vocab_size * (2 * CHUNK + 4 * width),
    )


def _feed_forward(config: PretrainedConfig) -> int:
    """Values of the feed-forward that are kept for each token and layer."""
    gated = getattr(config, "hidden_act", "") in ("silu", "gelu_pytorch_tanh")
    inner = getattr(config, "intermediate_size", None) or getattr(config, "n_inner", None)
    return (3 if gated else 2) * int(inner or 4 * config.hidden_size)
