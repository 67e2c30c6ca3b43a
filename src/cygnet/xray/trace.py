"""``Trace``: what a model thought of every token of a text. Every view draws one of these."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.tokenizer.display import visible
from cygnet.transformer.any_tokenizer import AnyTokenizer, load_tokenizer
from cygnet.transformer.figures import TokenFigures, token_figures
from cygnet.transformer.generation import generate
from cygnet.transformer.model import block_size, load_model


@dataclass(frozen=True)
class Alternative:
    """A token that could have stood at a position, and how likely it was."""

    id: int
    bytes: bytes
    probability: float

    @property
    def text(self) -> str:
        """The token with nothing hidden."""
        return visible(self.bytes)


@dataclass(frozen=True)
class TraceToken:
    """One token of a trace.

    Attributes:
        id, bytes: The token.
        is_given: It was part of the text or prompt, not drawn from the model.
        figures: What the model thought of it from the tokens before it; none for a first token
            that has none before it.
        alternatives: The likeliest tokens at this position, the likeliest first.
    """

    id: int
    bytes: bytes
    is_given: bool
    figures: TokenFigures | None
    alternatives: tuple[Alternative, ...]

    @property
    def text(self) -> str:
        """The token with nothing hidden: spaces, newlines and partial characters visible."""
        return visible(self.bytes)

    @property
    def surprise(self) -> float | None:
        """Bits: 0 for a token that was certain, 1 for an even chance."""
        return None if self.figures is None else -self.figures.log_probability / math.log(2)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: probability 0..1, log_probability in nats, entropy and surprise in bits."""
        return {
            "id": self.id,
            "text": self.text,
            "bytes": self.bytes.hex(),
            "is_given": self.is_given,
            "probability": self.figures and self.figures.probability,
            "log_probability": self.figures and self.figures.log_probability,
            "rank": self.figures and self.figures.rank,
            "entropy": self.figures and self.figures.entropy,
            "surprise": self.surprise,
            "alternatives": [
                {"id": other.id, "text": other.text, "probability": other.probability}
                for other in self.alternatives
            ],
        }


@dataclass(frozen=True)
class Trace:
    """The tokens of a text or a generation with their figures, in order."""

    tokens: tuple[TraceToken, ...]

    @property
    def text(self) -> str:
        """The text that the tokens stand for."""
        return b"".join(token.bytes for token in self.tokens).decode(errors="replace")

    @property
    def bits(self) -> float:
        """Surprise of all tokens together."""
        return sum(token.surprise or 0.0 for token in self.tokens)

    @property
    def bits_per_byte(self) -> float:
        """Bits over the bytes of the tokens that have figures."""
        n_bytes = sum(len(token.bytes) for token in self.tokens if token.figures)
        return self.bits / max(1, n_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "text": self.text,
            "bits": self.bits,
            "bits_per_byte": self.bits_per_byte,
            "tokens": [token.to_dict() for token in self.tokens],
        }

    def show(self) -> None:
        """Print the tokens with borders and colours, then a line for each."""
        from cygnet.xray.terminal import print_trace

        print_trace(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.page import STYLE, trace_html

        return f"<style>{STYLE}</style>{trace_html(self)}"


def trace(
    model: PreTrainedModel | str | Path,
    tokenizer: AnyTokenizer | None = None,
    text: str = "",
    *,
    n_alternatives: int = 5,
) -> Trace:
    """What a model thinks of every token of a text.

    The figures of a token come from the tokens before it; the first one follows the boundary
    token, as a document does in training. A text longer than the context is read in windows that
    overlap by half.

    Args:
        model: A run folder, a model folder, or a model.
        tokenizer: By default the one in the folder.
        text: Any string.
        n_alternatives: How many of the likeliest tokens to keep at each position.

    Raises:
        InputError: There is no model or no tokenizer.

    Cost: a pass of the model over the text, and memory for the logits of one window.
    """
    if not isinstance(model, PreTrainedModel):
        tokenizer = tokenizer or load_tokenizer(model)
        model = load_model(model)
    if tokenizer is None:
        raise InputError("a model in memory needs its tokenizer: trace(model, tokenizer, text)")
    ids = tokenizer.encode(text)
    before = [] if tokenizer.boundary_id is None else [tokenizer.boundary_id]
    figures: list[TokenFigures | None] = [None] * (0 if before else 1)
    for logits, targets in _predictions(model, before + ids):
        figures += token_figures(logits, targets, n_alternatives)
    return Trace(
        tuple(
            _trace_token(tokenizer, token, found, is_given=True)
            for token, found in zip(ids, figures, strict=False)
        )
    )


def trace_generation(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    prompt: str,
    on_token: Callable[[TraceToken], None] = lambda token: None,
    **sampling: Any,
) -> Trace:
    """Write on from a prompt and keep what the model thought of each token.

    Args:
        model, tokenizer: A model and its tokenizer.
        prompt: Its tokens come first in the trace, marked as given.
        on_token: Called with each drawn token at once.
        sampling: As for ``cygnet.transformer.generation.generate``.
    """
    n_alternatives = sampling.get("n_alternatives", 5)
    tokens = list(trace(model, tokenizer, prompt, n_alternatives=n_alternatives).tokens)
    for drawn in generate(model, tokenizer, prompt, **sampling):
        tokens.append(_trace_token(tokenizer, drawn.id, drawn.before, is_given=False))
        on_token(tokens[-1])
    return Trace(tuple(tokens))


@torch.inference_mode()
def _predictions(
    model: PreTrainedModel, ids: list[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """For each token but the first: the logits that predict it, and its id; window by window."""
    longest = block_size(model)
    done = 1  # tokens already predicted, or without anything before them
    while done < len(ids):
        begin = max(0, done - max(1, longest // 2)) if done > 1 else 0
        end = min(len(ids) - 1, begin + longest)
        input_ids = torch.tensor([ids[begin:end]], device=model.device)
        logits = model(input_ids=input_ids, use_cache=False).logits[0].cpu()
        yield logits[done - 1 - begin :], torch.tensor(ids[done : end + 1])
        done = end + 1


def _trace_token(
    tokenizer: AnyTokenizer, token: int, figures: TokenFigures | None, is_given: bool
) -> TraceToken:
    alternatives = figures.alternatives if figures else ()
    return TraceToken(
        id=token,
        bytes=tokenizer.token_bytes(token),
        is_given=is_given,
        figures=figures,
        alternatives=tuple(
            Alternative(other, tokenizer.token_bytes(other), probability)
            for other, probability in alternatives
        ),
    )
