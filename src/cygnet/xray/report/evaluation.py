"""How good a model is, beside those that know less: two baselines from the counts of tokens."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokens.store import TokenStore
from cygnet.xray.report.material import Material
from cygnet.xray.runs.curves import UNITS
from cygnet.xray.runs.reading import figure

MOST_NATS = 700  # e to the power of 710 is no float64


@dataclass(frozen=True)
class Score:
    """The loss of a model, or of what stands in for one, on the valid split.

    Attributes:
        name: What was scored.
        nats_per_token: Mean loss over all tokens.
        bits_per_byte: Of the tokens that are text.
    """

    name: str
    nats_per_token: float
    bits_per_byte: float

    @property
    def perplexity(self) -> float:
        """Among how many equally likely tokens the next one hides; infinite where that is more than
        a float can hold."""
        return math.exp(self.nats_per_token) if self.nats_per_token < MOST_NATS else math.inf


def scores(material: Material) -> list[Score]:
    """The model's score and, beside it, those of two baselines; none without a valid split."""
    found = material.results.get("transformer", {})
    nats, bits = (figure(found, f"valid_{unit}") for unit in UNITS)
    if nats is None or bits is None or material.store is None or not material.tokenizer:
        return []
    model = Score("the model", nats, bits)
    return [model, *_baselines(material.store, material.tokenizer)]


def _baselines(store: TokenStore, tokenizer: BaseTokenizer) -> list[Score]:
    """Tokens drawn as often as they occur in the train split (each once more, so that none is
    impossible), and tokens that are all alike."""
    seen = store.counts("train").astype(np.float64) + 1
    frequencies = -np.log(seen / seen.sum())
    alike = np.full(len(seen), math.log(len(seen)))
    lengths = tokenizer.token_lengths()
    valid = store.counts("valid").astype(np.float64)
    text_bytes = store.split("valid").text_bytes
    return [
        _score("frequencies of tokens alone", frequencies, valid, lengths, text_bytes),
        _score("all tokens alike", alike, valid, lengths, text_bytes),
    ]


def _score(
    name: str,
    nats: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    lengths: npt.NDArray[np.int64],
    text_bytes: int,
) -> Score:
    """The score of a model whose loss depends on the token alone."""
    is_text = lengths > 0
    of_text = float((counts * nats)[is_text].sum())
    per_token = float((counts * nats).sum() / counts.sum())
    return Score(name, per_token, of_text / math.log(2) / max(1, text_bytes))
