"""What a head does, in figures and where it is plain in a word. NumPy alone."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FIRST_COUNTED = 2  # a token with two before it: previous, first and itself are three tokens
PLAIN_SHARE = 0.5
EVEN_SHARE = 0.9


@dataclass(frozen=True)
class HeadSummary:
    """What a head looks at. Each figure is a mean over the tokens with at least two before them,
    so that the previous token, the first one and the token itself are three; not a number where
    the text has no such token.

    Attributes:
        layer, head: Which one, from 0.
        previous, first, itself: Share of the attention that goes to the token before, to the first
            token that was read, and to the token that looks; 0..1.
        distance: How far back it looks, in tokens: the mean over its attention, 0 for itself.
        entropy: Of its attention over the tokens, in bits: 0 where it looks at one token alone.
        evenness: That entropy over the greatest there is, which attention has that goes evenly to
            all tokens; 0..1.
    """

    layer: int
    head: int
    previous: float
    first: float
    itself: float
    distance: float
    entropy: float
    evenness: float

    @property
    def word(self) -> str:
        """What the head plainly is, or nothing.

        ``previous``, ``first`` or ``itself`` where more than half of its attention goes there;
        ``even`` where its evenness is above 0.9.
        """
        shares = {"previous": self.previous, "first": self.first, "itself": self.itself}
        plain = [name for name, share in shares.items() if share > PLAIN_SHARE]
        return plain[0] if plain else "even" if self.evenness > EVEN_SHARE else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; none in the place of what is not a number."""
        found = {name: None if value != value else value for name, value in asdict(self).items()}
        return found | {"word": self.word}


def summarise(weights: npt.NDArray[np.float32]) -> list[HeadSummary]:
    """A summary of each head, layer by layer.

    Args:
        weights: As of ``Attention``, shape ``(n_layer, n_head, T, T)``.

    >>> one = np.array([[1, 0, 0], [0, 1, 0], [0.5, 0.25, 0.25]], np.float32)
    >>> found = summarise(one[None, None])[0]
    >>> found.first, found.previous, found.itself, found.distance, found.entropy, found.word
    (0.5, 0.25, 0.25, 1.25, 1.5, 'even')
    """
    n_layer, n_head = weights.shape[:2]
    return [
        HeadSummary(layer, head, *_figures(weights[layer, head].astype(np.float64)))
        for layer in range(n_layer)
        for head in range(n_head)
    ]


def _figures(rows: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Previous, first, itself, distance, entropy, evenness."""
    counted = np.arange(FIRST_COUNTED, len(rows))
    if not len(counted):
        return (float("nan"),) * 6
    kept = rows[counted]
    back = counted[:, None] - np.arange(len(rows))
    bits = -kept * np.log2(kept, out=np.zeros_like(kept), where=kept > 0)
    entropy = bits.sum(axis=1).mean()
    found = (
        rows[counted, counted - 1].mean(),
        rows[counted, 0].mean(),
        rows[counted, counted].mean(),
        (kept * back).sum(axis=1).mean(),
        entropy,
        entropy / np.log2(counted + 1).mean(),
    )
    return tuple(map(float, found))
