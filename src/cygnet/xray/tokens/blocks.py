"""A text stretch by stretch: what each tokenizer makes of it, one under another."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from cygnet.tokenizer.display import visible
from cygnet.xray.pieces import BORDER, NOBODY, cut, directed, shown
from cygnet.xray.tokens.comparison import Comparison
from cygnet.xray.trace import TraceToken

SPECIAL, QUIET = "bold", "dim"
COUNTED_BAR, DIFFERS = "▔", "^"
Tokens = tuple[TraceToken, ...]


@dataclass(frozen=True)
class Piece:
    """The same whole characters of the text, as each tokenizer cuts them.

    Attributes:
        tokens: By the name of the tokenizer.
        differs: Not all cut it alike.
    """

    tokens: Mapping[str, Tokens]
    differs: bool

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return b"".join(token.bytes for token in next(iter(self.tokens.values())))

    @property
    def is_whole(self) -> bool:
        """It ends where a character does."""
        try:
            self.content.decode()
        except UnicodeDecodeError:
            return False
        return True

    @property
    def role(self) -> str | None:
        """Who speaks, of the first tokenizer that knows."""
        firsts = (tokens[0].role for tokens in self.tokens.values() if tokens)
        return next(filter(None, firsts), None)

    @property
    def splits_a_character(self) -> bool:
        """A token of it is not readable by itself."""
        return any(
            "\ufffd" in token.bytes.decode(errors="replace")
            for tokens in self.tokens.values()
            for token in tokens
        )

    def and_then(self, other: "Piece") -> "Piece":
        """Both as one."""
        joined = {name: tokens + other.tokens[name] for name, tokens in self.tokens.items()}
        return Piece(joined, self.differs or other.differs)


def pieces_of(comparison: Comparison) -> list[Piece]:
    """The shortest pieces of whole characters, of the tokenizers that give back the text."""
    found: list[Piece] = []
    for stretch in comparison.stretches:
        tokens = {
            name: tuple(comparison.traces[name].tokens[i] for i in places)
            for name, places in stretch.tokens.items()
        }
        piece = Piece(tokens, stretch.differs)
        if found and not found[-1].is_whole:
            found[-1] = found[-1].and_then(piece)
        else:
            found.append(piece)
    return found


class Layout:
    """Draws pieces in blocks as wide as the terminal.

    Args:
        names: Tokenizers with what they are called, in their order.
        width: Columns.
        ids: Whether to print the id of each token beneath it.
        bars: Whether to print bars beneath the tokens that training counts.
    """

    def __init__(self, names: Mapping[str, str], width: int, ids: bool, bars: bool) -> None:
        self._names, self._ids, self._bars = names, ids, bars
        longest = max(map(cell_len, names.values()), default=0)
        self._label = min(longest, width // 4) + 2 if len(names) > 1 else 0
        self._room = max(1, width - self._label)

    def lines(self, pieces: Sequence[Piece]) -> Iterator[Text]:
        """All blocks; where somebody else speaks, a line says who."""
        role: str | None = None
        for block in self._blocks(pieces):
            if block[0].role != role:
                role = block[0].role
                yield Text(f"{role or NOBODY}:", style="dim")
            yield from self._block(block)

    def _blocks(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Pieces that stand side by side; lines of the text and of a speaker end a block."""
        block: list[Piece] = []
        used = 0
        for piece in pieces:
            needed = self._width(piece) + 1
            if block and (used + needed - 1 > self._room or piece.role != block[-1].role):
                yield block
                block, used = [], 0
            block.append(piece)
            used += needed
            if piece.content.endswith(b"\n"):
                yield block
                block, used = [], 0
        if block:
            yield block

    def _block(self, block: Sequence[Piece]) -> Iterator[Text]:
        widths = [min(self._width(piece), self._room) for piece in block]
        if any(piece.splits_a_character for piece in block):
            texts = [directed(cut(visible(piece.content), self._room)) for piece in block]
            yield self._line("text", texts, widths)
        for name, label in self._names.items():
            for number, parts in enumerate(self._folded([piece.tokens[name] for piece in block])):
                yield from self._rows("" if number else label, parts, widths)
        if any(piece.differs for piece in block):
            marks = [DIFFERS if piece.differs else " " for piece in block]
            filled = [mark * width for mark, width in zip(marks, widths, strict=True)]
            yield self._line("", filled, widths)
        if len(self._names) > 1:
            yield Text()

    def _folded(self, parts: Sequence[Tokens]) -> Iterator[Sequence[Tokens]]:
        """The lines of one tokenizer: one, unless a piece alone is wider than the terminal."""
        if len(parts) > 1 or not parts[0]:
            yield parts
            return
        line: list[TraceToken] = []
        used = 0
        for token in parts[0]:
            if line and used + self._columns(token) > self._room:
                yield [tuple(line)]
                line, used = [], 0
            line.append(token)
            used += self._columns(token) + 1
        yield [tuple(line)]

    def _rows(self, label: str, parts: Sequence[Tokens], widths: Sequence[int]) -> Iterator[Text]:
        """A line of tokens, and what stands beneath them."""
        row = Text(self._labelled(label), style="")
        for i, (tokens, width) in enumerate(zip(parts, widths, strict=True)):
            row.append(BORDER if i else "", style="dim")
            for j, token in enumerate(tokens):
                row.append(BORDER if j else "", style="dim")
                row.append(self._padded(shown(token, self._room), token), style=_style(token))
            row.append(" " * (width - self._width_of(tokens)))
        yield row
        if self._ids:
            yield self._beneath(parts, widths, lambda token: str(token.id))
        if self._bars and any(token.carries_loss for tokens in parts for token in tokens):
            yield self._beneath(parts, widths, self._bar)

    def _beneath(
        self, parts: Sequence[Tokens], widths: Sequence[int], what: Callable[[TraceToken], str]
    ) -> Text:
        texts = [" ".join(self._padded(what(token), token) for token in tokens) for tokens in parts]
        return self._line("", texts, widths)

    def _bar(self, token: TraceToken) -> str:
        return (COUNTED_BAR if token.carries_loss else " ") * self._columns(token)

    def _line(self, label: str, texts: Sequence[str], widths: Sequence[int]) -> Text:
        """Texts in the columns of their pieces."""
        cells = [
            text + " " * (width - cell_len(text)) for text, width in zip(texts, widths, strict=True)
        ]
        return Text(self._labelled(label) + " ".join(cells), style="dim")

    def _labelled(self, label: str) -> str:
        text = cut(label, max(0, self._label - 1)) if self._label else ""
        return text + " " * (self._label - cell_len(text))

    def _padded(self, text: str, token: TraceToken) -> str:
        return text + " " * (self._columns(token) - cell_len(text))

    def _columns(self, token: TraceToken) -> int:
        return max(cell_len(shown(token, self._room)), len(str(token.id)) if self._ids else 0)

    def _width_of(self, tokens: Tokens) -> int:
        return sum(map(self._columns, tokens)) + max(0, len(tokens) - 1)

    def _width(self, piece: Piece) -> int:
        return max(map(self._width_of, piece.tokens.values()))


def _style(token: TraceToken) -> str:
    return " ".join([SPECIAL] * (token.kind != "text") + [QUIET] * (not token.carries_loss))
