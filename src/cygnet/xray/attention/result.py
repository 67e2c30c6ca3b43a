"""``Attention``: the weights of a text, and what is asked of them. NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.xray.attention.heads import HeadSummary, summarise
from cygnet.xray.trace import TraceToken

Weights = npt.NDArray[np.float32]
DIGITS = 4


@dataclass(frozen=True, eq=False)
class Attention:
    """What each token of a text looks at.

    Positions, layers and heads count from 0. Where a method takes a layer or a head and gets none,
    it gives the mean over all of them.

    Attributes:
        tokens: Those that were read, in order. The first one is the boundary token that a text
            begins behind, where the tokenizer has one.
        weights: ``float32`` of shape ``(n_layer, n_head, T, T)``: row ``i`` is what token ``i``
            looks at, itself and tokens before it. A row sums to 1.
        n_dropped: Tokens before the first one that were not read, since the text was too long.
    """

    tokens: tuple[TraceToken, ...]
    weights: Weights
    n_dropped: int = 0

    @property
    def n_layer(self) -> int:
        """Layers."""
        return len(self.weights)

    @property
    def n_head(self) -> int:
        """Heads in each layer."""
        return len(self.weights[0])

    @property
    def texts(self) -> list[str]:
        """The tokens with nothing hidden."""
        return [token.text for token in self.tokens]

    @property
    def note(self) -> str | None:
        """What was left out, in words, if anything was."""
        if not self.n_dropped:
            return None
        return (
            f"the text is too long: the last {len(self.tokens):,} of its"
            f" {len(self.tokens) + self.n_dropped:,} tokens were read"
        )

    def map(self, layer: int | None = None, head: int | None = None) -> Weights:
        """The weights of one head, or a mean, ``float32`` of shape ``(T, T)``.

        Raises:
            InputError: There is no such layer or head.
        """
        layers = _chosen("layer", layer, self.n_layer)
        heads = _chosen("head", head, self.n_head)
        return np.asarray(self.weights[layers, heads].mean(axis=(0, 1)))

    def looks_at(
        self, token: int, layer: int | None = None, head: int | None = None, n: int = 5
    ) -> list[tuple[int, float]]:
        """What a token looks at: positions with their weights, the greatest first.

        Args:
            token: The position of the token; negative from the end.
            layer, head: As for ``map``.
            n: How many at most.

        Raises:
            InputError: There is no such token, layer or head.
        """
        at = self.position(token)
        return _greatest(self.map(layer, head)[at, : at + 1], 0, n)

    def seen_by(
        self, token: int, layer: int | None = None, head: int | None = None, n: int = 5
    ) -> list[tuple[int, float]]:
        """Who looks at a token: positions with the weight that they give it, the greatest first.

        Arguments and errors as of ``looks_at``. The token itself is one of them.
        """
        at = self.position(token)
        return _greatest(self.map(layer, head)[at:, at], at, n)

    def summaries(self) -> list[HeadSummary]:
        """A summary of each head, layer by layer.

        Cost: a pass over the weights.
        """
        return summarise(self.weights)

    def position(self, token: int) -> int:
        """A position counted from the beginning.

        Raises:
            InputError: There is no such token.
        """
        n_tokens = len(self.tokens)
        if not -n_tokens <= token < n_tokens:
            raise InputError(
                f"there is no token {token}: {n_tokens:,} were read, 0 to {n_tokens - 1:,}"
            )
        return token % n_tokens

    def to_dict(
        self, layer: int | None = None, head: int | None = None, token: int | None = None
    ) -> dict[str, Any]:
        """Plain JSON values: tokens, summaries, and the weights of one head or of a mean.

        Args:
            layer, head: As for ``map``.
            token: The position of a token, for ``looks_at`` and ``seen_by``, by default of none.

        Returns:
            ``weights`` has a row for each token, up to that token itself, to four digits.
        """
        weights = np.round(self.map(layer, head).astype(np.float64), DIGITS).tolist()
        found = {
            "ids": [token.id for token in self.tokens],
            "texts": self.texts,
            "kinds": [token.kind for token in self.tokens],
            "note": self.note,
            "n_layer": self.n_layer,
            "n_head": self.n_head,
            "layer": layer,
            "head": head,
            "weights": [row[: i + 1] for i, row in enumerate(weights)],
            "heads": [summary.to_dict() for summary in self.summaries()],
        }
        if token is not None:
            found["token"] = self.position(token)
            found["looks_at"] = _rounded(self.looks_at(token, layer, head))
            found["seen_by"] = _rounded(self.seen_by(token, layer, head))
        return found

    def show(self) -> None:
        """Print the summaries of the heads, and the mean map."""
        from cygnet.xray.attention.view import print_attention

        print_attention(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.attention.page import attention_html

        return attention_html(self)


def _chosen(what: str, asked: int | None, n: int) -> slice:
    if asked is None:
        return slice(None)
    if not 0 <= asked < n:
        raise InputError(f"there is no {what} {asked}: the model has {n}, 0 to {n - 1}")
    return slice(asked, asked + 1)


def _rounded(places: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
    return [{"position": i, "weight": round(weight, DIGITS)} for i, weight in places]


def _greatest(weights: npt.NDArray[Any], start: int, n: int) -> list[tuple[int, float]]:
    """The places of the greatest weights above 0, counted from ``start``; the first of equal."""
    order: Sequence[int] = np.argsort(-weights, kind="stable")[:n].tolist()
    return [(start + i, float(weights[i])) for i in order if weights[i] > 0]
