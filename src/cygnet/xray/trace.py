"""``Trace``: what a model thought of every token of a text. Every view draws one of these.

Traces are made in ``tracing.py`` and ``writing.py``; this module needs no torch.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from cygnet.errors import InputError
from cygnet.tokenizer.display import visible
from cygnet.transformer.figures import TokenFigures
from cygnet.xray.record import Record

Kind = Literal["text", "special", "dead"]
Origin = Literal["given", "drawn", "forced"]
KINDS, ORIGINS = get_args(Kind), get_args(Origin)


@dataclass(frozen=True)
class Alternative:
    """A token that could have stood at a position, and how likely it was."""

    id: int
    bytes: bytes
    probability: float
    kind: Kind = "text"

    @property
    def text(self) -> str:
        """The token with nothing hidden."""
        return shown(self.bytes, self.id)


@dataclass(frozen=True)
class TraceToken:
    """One token of a trace.

    Attributes:
        id, bytes: The token.
        kind: ``special`` tokens and ``dead`` ones stand for no text.
        origin: Part of the text or prompt, drawn from the model, or put there instead.
        figures: What the model thought of it from the tokens before it; none for a first token
            that has none before it, and where no model was asked.
        alternatives: The likeliest tokens at this position, the likeliest first.
        drawn_probability: Its share in the distribution that it was drawn from, behind temperature
            and filters, 0..1; none if it was not drawn.
        role: Who speaks, in a text with chat tokens; see ``roles.py``.
        carries_loss: Whether training would count it.
    """

    id: int
    bytes: bytes
    kind: Kind = "text"
    origin: Origin = "given"
    figures: TokenFigures | None = None
    alternatives: tuple[Alternative, ...] = ()
    drawn_probability: float | None = None
    role: str | None = None
    carries_loss: bool = True

    @property
    def is_given(self) -> bool:
        """It was part of the text or prompt, not drawn from the model."""
        return self.origin == "given"

    @property
    def text(self) -> str:
        """The token with nothing hidden: spaces, newlines and partial characters visible."""
        return shown(self.bytes, self.id)

    @property
    def surprise(self) -> float | None:
        """Bits: 0 for a token that was certain, 1 for an even chance, infinite for one that the
        model leaves out."""
        if self.figures is None:
            return None
        return max(0.0, -self.figures.log_probability / math.log(2))

    def to_dict(self) -> dict[str, Any]:
        """Plain values: probability 0..1, log_probability in nats, entropy and surprise in bits.

        What is infinite is none: JSON has no name for it.
        """
        return {
            "id": self.id,
            "text": self.text,
            "bytes": self.bytes.hex(),
            "kind": self.kind,
            "origin": self.origin,
            "probability": self.figures and self.figures.probability,
            "log_probability": self.figures and finite(self.figures.log_probability),
            "rank": self.figures and self.figures.rank,
            "entropy": self.figures and self.figures.entropy,
            "surprise": finite(self.surprise),
            "drawn_probability": self.drawn_probability,
            "role": self.role,
            "carries_loss": self.carries_loss,
            "alternatives": [
                {
                    "id": other.id,
                    "text": other.text,
                    "bytes": other.bytes.hex(),
                    "kind": other.kind,
                    "probability": other.probability,
                }
                for other in self.alternatives
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TraceToken":
        """The token that ``to_dict`` gave the values of.

        Raises:
            InputError: It gave no such values.
        """
        return cls._read(Record(values, "the token"))

    @classmethod
    def _read(cls, record: Record) -> "TraceToken":
        others = tuple(map(_read_alternative, record.records("alternatives", "alternative")))
        drawn, role = record.is_null("drawn_probability"), record.is_null("role")
        return cls(
            id=record.integer("id", least=0),
            bytes=record.content("bytes"),
            kind=record.one_of("kind", KINDS),
            origin=record.one_of("origin", ORIGINS),
            figures=_read_figures(record, others),
            alternatives=others,
            drawn_probability=None if drawn else record.number("drawn_probability", *SHARE),
            role=None if role else record.text("role"),
            carries_loss=record.flag("carries_loss"),
        )


SHARE = (-1e-3, 1 + 1e-3)
"""Where a probability lies, as rounded by whoever computed it."""
MOST_ENTROPY = 64.0  # bits: no vocabulary has 2 ** 64 tokens


def _read_alternative(record: Record) -> Alternative:
    return Alternative(
        record.integer("id", least=0),
        record.content("bytes"),
        record.number("probability", *SHARE),
        record.one_of("kind", KINDS),
    )


def _read_figures(record: Record, others: tuple[Alternative, ...]) -> TokenFigures | None:
    """The figures of a token: all of them, or none."""
    if record.is_null("rank") and record.is_null("entropy"):
        return None
    impossible = record.is_null("log_probability")
    return TokenFigures(
        record.integer("id", least=0),
        -math.inf if impossible else record.number("log_probability", -math.inf, SHARE[1] - 1),
        record.integer("rank", least=1),
        record.number("entropy", SHARE[0], MOST_ENTROPY),
        tuple((other.id, other.probability) for other in others),
    )


@dataclass(frozen=True)
class Trace:
    """The tokens of a text or a generation with their figures, in order.

    Attributes:
        tokens: The tokens; positions count from 0, without the boundary before the text.
        window: Where the text is longer than the context: tokens that the model read at once.
            Windows overlap by half.
    """

    tokens: tuple[TraceToken, ...]
    window: int | None = None

    @property
    def text(self) -> str:
        """The text that the tokens stand for, special tokens by their names."""
        return b"".join(token.bytes for token in self.tokens).decode(errors="replace")

    @property
    def n_bytes(self) -> int:
        """Bytes of text in the tokens; special tokens stand for none."""
        return sum(len(token.bytes) for token in self.tokens if token.kind == "text")

    @property
    def bits(self) -> float:
        """Surprise of all tokens together."""
        return sum(token.surprise or 0.0 for token in self.tokens)

    @property
    def bits_per_byte(self) -> float | None:
        """Surprise of the tokens of text that have figures over their bytes; none without bytes."""
        counted = [token for token in self.tokens if token.figures and token.kind == "text"]
        n_bytes = sum(len(token.bytes) for token in counted)
        return sum(token.surprise or 0.0 for token in counted) / n_bytes if n_bytes else None

    @property
    def bytes_per_token(self) -> float | None:
        """Bytes of text over the tokens that stand for them; none without such tokens."""
        n_text = self.kinds.get("text", 0)
        return self.n_bytes / n_text if n_text else None

    @property
    def kinds(self) -> dict[Kind, int]:
        """How many tokens there are of each kind."""
        return dict(Counter(token.kind for token in self.tokens))

    def most_surprising(self, n: int = 5) -> list[int]:
        """Positions of the tokens with the most bits, the most surprising first."""
        known = [i for i, token in enumerate(self.tokens) if token.surprise is not None]
        return sorted(known, key=lambda i: (-(self.tokens[i].surprise or 0), i))[:n]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "text": self.text,
            "bits": finite(self.bits),
            "bits_per_byte": finite(self.bits_per_byte),
            "window": self.window,
            "tokens": [{"position": i, **token.to_dict()} for i, token in enumerate(self.tokens)],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Trace":
        """The trace that ``to_dict`` gave the values of.

        Raises:
            InputError: It gave no such values; the message says which.
        """
        record = Record(values, "the trace")
        tokens = tuple(map(TraceToken._read, record.records("tokens", "token")))
        # Traces that were recorded before there was this field are still read.
        is_whole = "window" not in values or record.is_null("window")
        return cls(tokens, None if is_whole else record.integer("window", least=1))

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame``, a row for each token, the columns those of ``to_dict``.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas
        except ModuleNotFoundError as error:
            raise InputError("to_pandas needs pandas: pip install pandas") from error
        columns = TraceToken(0, b"").to_dict()  # also of a trace without tokens
        return pandas.DataFrame([token.to_dict() for token in self.tokens], columns=[*columns])

    def show(self) -> None:
        """Print the tokens with borders, colours and bars, then the figures of each."""
        from cygnet.xray.terminal import print_trace

        print_trace(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.page import STYLE, surprising_html, trace_html

        return in_notebook(trace_html(self) + surprising_html(self), STYLE)


def finite(value: float | None) -> float | None:
    """A figure for JSON, which has no name for infinity: none."""
    return None if value is None or math.isinf(value) else value


def shown(content: bytes, token: int) -> str:
    """A token with nothing hidden; one that stands for no bytes by its id.

    >>> shown(b" upon", 7), shown(b"", 8)
    ('·upon', '‹8›')
    """
    return visible(content) or f"‹{token}›"
