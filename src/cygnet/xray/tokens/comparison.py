"""What several tokenizers make of one text, and where they cut it differently."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cygnet.errors import InputError
from cygnet.tokenizer.comparison import short_names
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.xray.token_table import NamesTokens, TokenTable
from cygnet.xray.trace import Trace


@dataclass(frozen=True)
class Stretch:
    """A stretch of the text between two places where all tokenizers cut, and none between.

    Attributes:
        start, end: Bytes of the text, ``end`` exclusive.
        tokens: Positions of its tokens in each trace, by the name of the tokenizer.
    """

    start: int
    end: int
    tokens: Mapping[str, range]

    @property
    def differs(self) -> bool:
        """Whether several cut it, and not all as one token."""
        return len(self.tokens) > 1 and any(len(places) != 1 for places in self.tokens.values())


@dataclass(frozen=True)
class Comparison:
    """One text through several tokenizers.

    Attributes:
        text: The text.
        traces: Its tokens by the name of the tokenizer, without figures.
        unfaithful: Tokenizers whose tokens do not give back the text, byte by byte; they take no
            part in ``stretches``.
        stretches: The whole text in the shortest stretches that are whole tokens of all others.
    """

    text: str
    traces: Mapping[str, Trace]
    unfaithful: tuple[str, ...]
    stretches: tuple[Stretch, ...]

    @property
    def disagreements(self) -> tuple[Stretch, ...]:
        """The stretches that the tokenizers cut differently, in the order of the text."""
        return tuple(one for one in self.stretches if one.differs)

    def show(self) -> None:
        """Print the tokens with borders, and where the tokenizers differ."""
        from cygnet.xray.tokens.view import print_comparison

        print_comparison(self)

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.tokens.page import COMPARISON_STYLE, comparison_html

        return in_notebook(comparison_html(self), COMPARISON_STYLE)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "text": self.text,
            "tokenizers": {
                name: {
                    "n_tokens": len(trace.tokens),
                    "bytes_per_token": trace.bytes_per_token,
                    "is_faithful": name not in self.unfaithful,
                    "tokens": trace.to_dict()["tokens"],
                }
                for name, trace in self.traces.items()
            },
            "disagreements": [
                {
                    "start": found.start,
                    "end": found.end,
                    "tokens": {name: [*places] for name, places in found.tokens.items()},
                }
                for found in self.disagreements
            ],
        }


def compare_tokens(
    tokenizers: Mapping[str, Any], text: str, *, special: bool = False
) -> Comparison:
    """Encode a text with several tokenizers and see where they cut it differently.

    Args:
        tokenizers: Any that ``trace`` takes, run folders, or files and folders of tokenizers, by
            name.
        text: Any string.
        special: Read special tokens where the text spells them out; else they are ordinary text.

    Raises:
        EncodingError: ``text`` holds a lone surrogate.
        InputError: There is no tokenizer, or it is of no kind that is known.

    >>> from cygnet import Tokenizer
    >>> pairs = Tokenizer.train(["ab ab ab"], 258)
    >>> found = compare_tokens({"bytes": Tokenizer([]), "pairs": pairs}, "cab")
    >>> [(one.start, one.end) for one in found.disagreements]
    [(1, 3)]
    """
    opened = {name: _opened(one) for name, one in tokenizers.items()}
    traces = {name: tokens_of(one, text, special=special) for name, one in opened.items()}
    borders = {name: _borders(trace, text.encode()) for name, trace in traces.items()}
    known = {name: found for name, found in borders.items() if found is not None}
    unfaithful = tuple(name for name in traces if name not in known)
    return Comparison(text, traces, unfaithful, tuple(_stretches(known)))


def tokens_of(tokenizer: NamesTokens, text: str, *, special: bool = False) -> Trace:
    """The tokens of a text as a trace without figures; no model is asked, and no torch needed."""
    allowed = tokenizer.special_tokens if special else ()
    ids = tokenizer.encode(text, allowed_special=allowed)  # type: ignore[attr-defined]
    return TokenTable(tokenizer).trace(ids)


def open_tokenizers(paths: Sequence[Path]) -> dict[str, Any]:
    """Load tokenizers by short names that tell them apart.

    Args:
        paths: What ``Tokenizer.load`` takes; or a folder whose tokenizer only ``transformers``
            reads.

    Raises:
        InputError: There is none, or it cannot be read.
    """
    if not paths:
        raise InputError("name a tokenizer: cygnet xray tokens TEXT TOKENIZER...")
    distinct = list(dict.fromkeys(map(str, paths)))
    names = short_names(distinct)
    return {names[path]: _open(Path(path)) for path in distinct}


def _opened(tokenizer: Any) -> Any:
    """Torch is loaded for those of other libraries alone."""
    if isinstance(tokenizer, str | Path):
        return _open(Path(tokenizer))
    if hasattr(tokenizer, "token_bytes"):
        return tokenizer
    from cygnet.transformer.other_tokenizers import adapt

    return adapt(tokenizer)


def _open(path: Path) -> Any:
    try:
        return Tokenizer.load(path)
    except InputError:
        if not (path / "tokenizer_config.json").exists():
            raise
        from cygnet.transformer.other_tokenizers import TransformersTokenizer

        return TransformersTokenizer.load(path)


def _borders(trace: Trace, text: bytes) -> list[int] | None:
    """Byte offsets of the text at which tokens begin and end; None if they are not its bytes.

    Tokenizers in SentencePiece's manner put a blank before the text, which counts as none of it.
    """
    lengths = [len(token.bytes) for token in trace.tokens]
    spelled = b"".join(token.bytes for token in trace.tokens)
    if spelled == b" " + text and lengths and spelled != text:
        lengths[0] -= 1
    elif spelled != text:
        return None
    return [0, *itertools.accumulate(lengths)]


def _stretches(borders: Mapping[str, list[int]]) -> list[Stretch]:
    """What lies between borders that all have."""
    if not borders:
        return []
    shared = sorted(set.intersection(*map(set, borders.values())))
    places = {name: {at: i for i, at in enumerate(found)} for name, found in borders.items()}
    return [
        Stretch(start, end, {name: range(at[start], at[end]) for name, at in places.items()})
        for start, end in itertools.pairwise(shared)
    ]
