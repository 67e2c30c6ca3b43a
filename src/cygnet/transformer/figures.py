"""What a model thought of a token: its probability, and what else it could have been."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cygnet.errors import InputError

if TYPE_CHECKING:  # a trace of tokens alone is drawn without torch
    import torch


@dataclass(frozen=True)
class TokenFigures:
    """A token in a distribution: the model's own, unless it is said otherwise.

    Attributes:
        id: The token that stands there.
        log_probability: Natural logarithm of its probability (nats); minus infinity for a token
            that is left out, by the model or by what filters it.
        rank: 1 for the likeliest token.
        entropy: Of the whole distribution, in bits.
        alternatives: The likeliest tokens with their probabilities, the likeliest first; only those
            that are possible at all.
    """

    id: int
    log_probability: float
    rank: int
    entropy: float
    alternatives: tuple[tuple[int, float], ...]

    @property
    def probability(self) -> float:
        """Between 0 and 1."""
        return math.exp(self.log_probability)


def token_figures(
    logits: torch.Tensor, ids: torch.Tensor, n_alternatives: int, vocab_size: int | None = None
) -> list[TokenFigures]:
    """The figures of tokens under the logits that predicted them.

    Args:
        logits: Shape ``(T, n_rows)``, row ``t`` computed from the tokens before token ``t``.
        ids: The tokens, ``int64`` of shape ``(T,)``.
        n_alternatives: How many of the likeliest tokens to keep.
        vocab_size: How many tokens there are. Rows behind them, with which some models are padded,
            have their share of the distribution, but no rank and no place among alternatives.

    Cost: a few passes over the logits.

    >>> import torch
    >>> logits = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    >>> [found] = token_figures(logits, torch.tensor([1]), n_alternatives=1)
    >>> round(found.probability, 4), found.rank, round(found.entropy, 4), found.alternatives
    (0.25, 2, 1.5, ((0, 0.5),))
    """
    import torch

    log_p = torch.log_softmax(logits.float(), dim=-1)
    chosen = log_p.gather(1, ids[:, None])
    entropy = torch.special.entr(log_p.exp()).sum(dim=1) / math.log(2)
    of_tokens = log_p[:, :vocab_size]
    rank = (of_tokens > chosen).sum(dim=1) + 1
    top = of_tokens.topk(min(n_alternatives, of_tokens.shape[1]), dim=1)
    columns = (ids, chosen[:, 0], rank, entropy, top.indices, top.values.exp())
    return [
        TokenFigures(token, log_probability, place, bits, _possible(others, shares))
        for token, log_probability, place, bits, others, shares in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]


def check_finite(highest: torch.Tensor) -> None:
    """See that a model says something; that some logits are minus infinity is in order.

    Args:
        highest: The highest logits of one row or several.

    Raises:
        InputError: They are no numbers.
    """
    if not highest.isfinite().all():
        raise InputError(
            "the model's logits are not finite: its training diverged; train it again with a lower"
            " learning_rate"
        )


def _possible(ids: list[int], shares: list[float]) -> tuple[tuple[int, float], ...]:
    return tuple((token, share) for token, share in zip(ids, shares, strict=True) if share)
