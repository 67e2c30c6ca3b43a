"""``Attention``: the weights of a text, and what is asked of them. NumPy alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cygnet.errors import InputError
from cygnet.xray.attention.heads import HeadSummary, summarise
from cygnet.xray.trace import TraceToken

Weights = npt.NDArray[np.float32]
DIGITS = 4
BEFORE: Literal["^"] = "^"
"""The position of the token before the text."""
Position = int | Literal["^"]


@dataclass(frozen=True, eq=False)
class Attention:
    """What each token of a text looks at.

    Positions count from 0 in the text, as in a trace; that of the boundary token before it is
    ``"^"``. Layers and heads count from 0. Where a method takes a layer or a head and gets none, it
    gives the mean over all of them.

    Attributes:
        tokens: Those that were read, in order. The first one is the boundary token that a text
            begins behind, where the tokenizer has one.
        weights: ``float32`` of shape ``(n_layer, n_head, T, T)``: row ``i`` is what token ``i``
            looks at, itself and tokens before it. A row sums to 1.
        n_before: How many of them stand before the text: 1 with a boundary token, else 0.
        n_dropped: Tokens of the text that were not read, since it was too long: the first ones.
    """

    tokens: tuple[TraceToken, ...]
    weights: Weights
    n_before: int = 0
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
    def positions(self) -> list[Position]:
        """The position of each token that was read."""
        text = range(self.n_dropped, self.n_dropped + len(self.tokens) - self.n_before)
        return [*[BEFORE] * self.n_before, *text]

    @property
    def labels(self) -> list[str]:
        """The tokens behind their positions."""
        return [f"{at} {text}" for at, text in zip(self.positions, self.texts, strict=True)]

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
        self, token: Position, layer: int | None = None, head: int | None = None, n: int = 5
    ) -> list[tuple[Position, float]]:
        """What a token looks at: positions with their weights, the greatest first.

        Args:
            token: The position of the token, negative from the end; ``"^"`` is the one before the
                text.
            layer, head: As for ``map``.
            n: How many at most.

        Raises:
            InputError: There is no such token, layer or head.
        """
        row = self.row(token)
        return self._greatest(self.map(layer, head)[row, : row + 1], 0, n)

    def seen_by(
        self, token: Position, layer: int | None = None, head: int | None = None, n: int = 5
    ) -> list[tuple[Position, float]]:
        """Who looks at a token: positions with the weight that they give it, the greatest first.

        Arguments and errors as of ``looks_at``. The token itself is one of them.
        """
        row = self.row(token)
        return self._greatest(self.map(layer, head)[row:, row], row, n)

    def summaries(self) -> list[HeadSummary]:
        """A summary of each head, layer by layer.

        Cost: a pass over the weights.
        """
        return summarise(self.weights)

    def row(self, token: Position) -> int:
        """The row of the weights, and the place in ``tokens``, of a position.

        Raises:
            InputError: There is no such token.
        """
        positions = self.positions
        n_text = self.n_dropped + len(positions) - self.n_before
        at = token + n_text if isinstance(token, int) and token < 0 else token
        if at not in positions:
            last = f"{positions[self.n_before]} to {n_text - 1:,}" if n_text else ""
            known = [BEFORE] * self.n_before + [last] * bool(last)
            raise InputError(
                f"there is no token {token}: {len(positions):,} were read, {' and '.join(known)}"
            )
        return positions.index(at)

    def _greatest(
        self, weights: npt.NDArray[Any], start: int, n: int
    ) -> list[tuple[Position, float]]:
        """The positions of the greatest weights above 0, from row ``start``; the first of equal."""
        positions = self.positions
        order: Sequence[int] = np.argsort(-weights, kind="stable")[:n].tolist()
        return [(positions[start + i], float(weights[i])) for i in order if weights[i] > 0]

    def to_dict(
        self, layer: int | None = None, head: int | None = None, token: Position | None = None
    ) -> dict[str, Any]:
        """Plain JSON values: tokens, summaries, and the weights of one head or of a mean.

        Args:
            layer, head: As for ``map``.
            token: The position of a token, for ``looks_at`` and ``seen_by``, by default of none.

        Returns:
            ``weights`` has a row for each token, up to that token itself, to four digits. The first
            ``n_before`` tokens stand before the text; ``positions`` has that of each.
        """
        weights = np.round(self.map(layer, head).astype(np.float64), DIGITS).tolist()
        found = {
            "ids": [token.id for token in self.tokens],
            "texts": self.texts,
            "kinds": [token.kind for token in self.tokens],
            "n_before": self.n_before,
            "positions": self.positions,
            "note": self.note,
            "n_layer": self.n_layer,
            "n_head": self.n_head,
            "layer": layer,
            "head": head,
            "weights": [row[: i + 1] for i, row in enumerate(weights)],
            "heads": [summary.to_dict() for summary in self.summaries()],
        }
        if token is not None:
            found["token"] = self.positions[self.row(token)]
            found["looks_at"] = _rounded(self.looks_at(token, layer, head))
            found["seen_by"] = _rounded(self.seen_by(token, layer, head))
        return found

    def show(self) -> None:
        """Print the summaries of the heads, and the mean map."""
        from cygnet.xray.attention.view import print_attention

        print_attention(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.attention.page import attention_html
        from cygnet.xray.markup import in_notebook

        return in_notebook(attention_html(self))


def _chosen(what: str, asked: int | None, n: int) -> slice:
    if asked is None:
        return slice(None)
    if not 0 <= asked < n:
        raise InputError(f"there is no {what} {asked}: the model has {n}, 0 to {n - 1}")
    return slice(asked, asked + 1)


def _rounded(places: Sequence[tuple[Position, float]]) -> list[dict[str, Any]]:
    return [{"position": at, "weight": round(weight, DIGITS)} for at, weight in places]
