"""From logits to a token: temperature, top-k, top-p, min-p, and a draw that depends on the seed."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from cygnet.errors import InputError
from cygnet.tokens.order import random_starts

_FEW = 256  # tokens that are sorted first: a trained model's nucleus is rarely larger
LOW = 1e-3  # temperature below which a quotient may leave the range of float32
LEAST = 1e-30  # float32 has no inverse of what is much smaller
_STEPS = 1 << 53  # as many as a float64 between 0 and 1 tells apart


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is drawn. The parts apply in this order, as in ``transformers``.

    Attributes:
        temperature: Divides the logits; 0 takes the likeliest token.
        top_k: Draw from this many likeliest tokens only, and those as likely as the last of them.
        top_p: Draw from the likeliest tokens that together reach this probability, and those as
            likely as the last of them (Holtzman et al., "The Curious Case of Neural Text
            Degeneration", 2020).
        min_p: Draw from tokens at least this many times as likely as the likeliest (Nguyen et al.,
            "Turning Up the Heat: Min-p Sampling", 2024).
        seed: The same seed draws the same tokens from the same prompt.

    Raises:
        InputError: One of them is out of its range.

    >>> Sampling(temperature=0.8, top_k=40).top_k
    40
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise InputError(
                f"temperature must be 0 (the likeliest token) or more, found {self.temperature}"
            )
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k must be at least 1, found {self.top_k}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p must lie in 0..1 (above 0), found {self.top_p}")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            raise InputError(f"min_p must lie in 0..1, found {self.min_p}")

    @property
    def is_plain(self) -> bool:
        """Whether tokens are drawn from the model's own distribution."""
        filters = (self.top_k or math.inf, self.top_p or 1.0, self.min_p or 0.0)
        return self.temperature == 1 and filters == (math.inf, 1.0, 0.0)


def filtered(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The logits of the distribution that is drawn from.

    Args:
        logits: The model's own, ``float32`` of shape ``(vocab_size,)``.
        sampling: What to do with them.

    Returns:
        A tensor of the same shape, minus infinity where a token is left out.

    Cost: a few passes; the vocabulary is sorted only where ``top_p`` keeps more than 256 tokens.

    >>> filtered(torch.tensor([1.0, 3.0, 2.0]), Sampling(temperature=0.5, top_k=2)).tolist()
    [-inf, 6.0, 4.0]
    """
    if sampling.temperature == 0:
        likeliest = torch.full_like(logits, -math.inf)
        likeliest[logits.argmax()] = 0
        return likeliest
    if sampling.temperature < LOW:
        logits = logits - logits.max()  # the likeliest stays 0, whatever it is divided by
    scores = logits / max(sampling.temperature, LEAST)
    if sampling.top_k is not None and sampling.top_k < len(scores):
        scores = _at_least(scores, scores.topk(sampling.top_k).values[-1])
    if sampling.top_p is not None and sampling.top_p < 1:
        scores = _at_least(scores, _last_of_nucleus(scores, sampling.top_p))
    if sampling.min_p:
        scores = _at_least(scores, scores.max() + math.log(sampling.min_p))
    return scores


def _at_least(scores: torch.Tensor, least: torch.Tensor) -> torch.Tensor:
    return scores.masked_fill(scores < least, -math.inf)


def _last_of_nucleus(scores: torch.Tensor, top_p: float) -> torch.Tensor:
    """The lowest score among the likeliest tokens that together reach a probability."""
    total = scores.logsumexp(dim=0)
    top = scores.topk(min(_FEW, len(scores))).values
    if (top - total).exp().sum() < top_p:
        top = scores.sort(descending=True).values
    shares = (top - total).exp()
    n_kept = int((shares.cumsum(dim=0) - shares < top_p).sum())
    return top[max(1, n_kept) - 1]


def draw(logits: torch.Tensor, seed: int, position: int) -> int:
    """Draw a token: a pure function of the logits, the seed and the position.

    Nothing has to be kept between two draws, so that going back and on again gives the same text,
    and a text in a batch is the one that it would be alone.

    Args:
        logits: Shape ``(vocab_size,)``; minus infinity is never drawn.
        seed: Another seed, another draw.
        position: Which draw of the text it is, from 0.

    >>> [draw(torch.zeros(4), seed=1, position=i) for i in range(6)]
    [1, 2, 2, 2, 3, 1]
    """
    share = float(random_starts(np.array([position], np.uint64), _STEPS, seed)[0] / _STEPS)
    cumulative = logits.softmax(dim=0).cumsum(dim=0, dtype=torch.float64)
    # The first token whose cumulative probability is above the share: it has some of its own.
    return int(torch.searchsorted(cumulative, share * cumulative[-1], right=True))
