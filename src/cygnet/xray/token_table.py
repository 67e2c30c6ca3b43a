"""``TokenTable``: token ids as the tokens of a trace."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from cygnet.transformer.figures import TokenFigures
from cygnet.xray.roles import roles
from cygnet.xray.trace import Alternative, Kind, Origin, Trace, TraceToken


class NamesTokens(Protocol):
    """What a table needs of a tokenizer."""

    special_tokens: dict[str, int]

    def token_bytes(self, token: int, /) -> bytes:
        """The bytes of one token."""


class TokenTable:
    """Knows the bytes and the kind of each token of a vocabulary.

    Args:
        tokenizer: Any; of cygnet's the dead rows are known.

    >>> from cygnet import Tokenizer
    >>> table = TokenTable(Tokenizer([], special_tokens=["<|end|>"]))
    >>> table.kind(104), table.kind(256), table.trace([104, 105]).text
    ('text', 'special', 'hi')
    """

    def __init__(self, tokenizer: NamesTokens) -> None:
        self._tokenizer = tokenizer
        self._special = set(tokenizer.special_tokens.values())
        self._dead = getattr(tokenizer, "dead_ids", ())

    def kind(self, token: int) -> Kind:
        """What a token stands for."""
        if token in self._special:
            return "special"
        return "dead" if token in self._dead else "text"

    def token(
        self,
        token: int,
        figures: TokenFigures | None = None,
        origin: Origin = "given",
        drawn_from: TokenFigures | None = None,
    ) -> TraceToken:
        """One token of a trace; ``drawn_from`` are its figures behind temperature and filters."""
        return TraceToken(
            id=token,
            bytes=self._tokenizer.token_bytes(token),
            kind=self.kind(token),
            origin=origin,
            figures=figures,
            alternatives=self.alternatives(figures),
            drawn_probability=drawn_from.probability if drawn_from else None,
        )

    def alternatives(self, figures: TokenFigures | None) -> tuple[Alternative, ...]:
        """What else a token could have been."""
        return tuple(
            Alternative(other, self._tokenizer.token_bytes(other), probability, self.kind(other))
            for other, probability in (figures.alternatives if figures else ())
        )

    def trace(
        self, ids: Sequence[int], figures: Iterable[TokenFigures | None] | None = None
    ) -> Trace:
        """The tokens of a text that is given.

        Args:
            ids: Its tokens.
            figures: What a model thinks of each; none if no model was asked.
        """
        found = [None] * len(ids) if figures is None else figures
        return self.with_roles(itertools.starmap(self.token, zip(ids, found, strict=True)))

    def with_roles(self, tokens: Iterable[TraceToken]) -> Trace:
        """Tokens of a text as a trace in which each has its role: a header that is complete names
        the tokens before it, too."""
        tokens = tuple(tokens)
        spoken = roles(
            [token.id for token in tokens],
            [token.bytes for token in tokens],
            self._tokenizer.special_tokens,
        )
        return Trace(
            tuple(
                token
                if (token.role, token.carries_loss) == (role, counts)
                else replace(token, role=role, carries_loss=counts)
                for token, (role, counts) in zip(tokens, spoken, strict=True)
            )
        )
