"""Tokenizers side by side on some texts: the table, and the same figures as data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text as Line

from cygnet.console import progress
from cygnet.errors import InputError
from cygnet.text.batch import TextBatch
from cygnet.text.sources import Reading, Source, open_source
from cygnet.tokenizer.display import visible
from cygnet.tokenizer.evaluation import PERCENTS, Evaluation, VocabularyFigures, evaluate
from cygnet.tokenizer.tokenizer import Tokenizer

Comparison = Mapping[str, Mapping[str, Evaluation]]
"""By text and then by tokenizer, both as they were named. The first tokenizer is the measure."""
NAME_WIDTH, COLUMN_WIDTH, TOKEN_WIDTH = 20, 12, 24


class Measure(NamedTuple):
    """A line of the table: its name, its figure (given the first tokenizer's), what it means."""

    name: str
    figure: Callable[[Evaluation, Evaluation], str]
    meaning: str


MEASURES = (
    Measure(
        "tokens",
        lambda found, first: f"{found.n_tokens:,}",
        "what the text becomes; nothing is put between documents",
    ),
    Measure(
        "against the first",
        lambda found, first: f"{found.relative_tokens(first):+.1f}%",
        "tokens more than the first tokenizer takes, in percent of its tokens; a saving is"
        " negative",
    ),
    Measure(
        "bytes per token",
        lambda found, first: f"{found.bytes_per_token:.3f}",
        "bytes of the text in UTF-8 / tokens: the compression",
    ),
    Measure(
        "tokens per word",
        lambda found, first: (
            "-" if found.tokens_per_word is None else f"{found.tokens_per_word:.3f}"
        ),
        "tokens / words: the fertility. A word is a longest run without white space, the same for"
        " every tokenizer; of scripts without blanks this says little",
    ),
    Measure(
        "single-byte tokens",
        lambda found, first: f"{found.single_byte_share:.2%}",
        "share of the tokens of the text that are one byte long, be it a letter, a mark, or a"
        " part of a character",
    ),
    *(
        Measure(
            f"types for {percent}%",
            lambda found, first, percent=percent: f"{found.types_for(percent):,}",  # type: ignore[misc]
            f"as few different tokens as cover {percent}% of the tokens of the text",
        )
        for percent in PERCENTS
    ),
    Measure(
        "rows",
        lambda found, first: f"{found.vocabulary.n_rows:,}",
        "of the vocabulary, special tokens included",
    ),
    Measure(
        "never used",
        lambda found, first: f"{found.n_never_used:,}",
        "rows that do not occur in the text",
    ),
    Measure(
        "never used, share",
        lambda found, first: f"{found.n_never_used / found.vocabulary.n_rows:.2%}",
        "of the rows",
    ),
    Measure(
        "unreachable",
        lambda found, first: f"{len(found.unreachable):,}",
        "learned tokens that no text seems to become: the token's own text, alone and between a"
        " few characters, gives other tokens; or it has a part of a character, and the merges do"
        " not lead to it or UTF-8 has no such bytes (13 single bytes in every vocabulary)",
    ),
)


def compare(tokenizers: Sequence[Path], sources: Sequence[str], reading: Reading) -> Comparison:
    """Evaluate every tokenizer on every text.

    Args:
        tokenizers: What ``Tokenizer.load`` takes.
        sources: What ``open_source`` takes: each is one text; of a named corpus it is the part to
            validate on.
        reading: How files become documents.

    Raises:
        InputError: There is no tokenizer, or no text, or a text is empty.
        EncodingError: A text is not UTF-8.

    Cost: one pass over the texts for each tokenizer, in bounded memory.
    """
    if not tokenizers:
        raise InputError("name a tokenizer: cygnet tokenizer eval TOKENIZER --text FILE")
    if not sources:
        raise InputError("name a text: --text FILE, a folder, a pattern or another source")
    opened = [open_source(source, reading, "valid") for source in dict.fromkeys(sources)]
    loaded = {str(path): Tokenizer.load(path) for path in tokenizers}
    vocabularies = {name: VocabularyFigures.of(loaded[name]) for name in loaded}
    total = sum(source.n_bytes for source in opened)
    found: dict[str, dict[str, Evaluation]] = {source.name: {} for source in opened}
    with progress("encoding", total * len(loaded) / 1e6, "MB") as advance:
        for source in opened:
            for name, tokenizer in loaded.items():
                text = _read(source, advance)
                found[source.name][name] = evaluate(tokenizer, text, vocabularies[name])
    return found


def _read(source: Source, advance: Callable[[float], None]) -> Iterator[TextBatch]:
    """The documents of a text; an empty one is refused by its name."""
    n_documents = 0
    try:
        for batch in source.batches():
            yield batch
            n_documents += len(batch)
            advance(batch.text_bytes / 1e6)
    except InputError as error:  # an option has another name in a recipe
        raise type(error)(str(error).replace("--text.", "--")) from error
    if not n_documents:
        raise InputError(f"{source.name} holds no text")


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """The figures of every tokenizer on every text, one after the other."""
    return {
        "evaluations": [
            {
                "text": source,
                "tokenizer": name,
                "relative_tokens_percent": found.relative_tokens(next(iter(by_name.values()))),
                **found.to_dict(),
            }
            for source, by_name in comparison.items()
            for name, found in by_name.items()
        ]
    }


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print a table for each text, the longest tokens, and what the lines mean.

    Where the terminal is too narrow for all tokenizers, the tables go on below.
    """
    console = console or Console()
    n_columns = max(1, (console.width - NAME_WIDTH) // COLUMN_WIDTH)
    for source, by_name in comparison.items():
        first, labels = next(iter(by_name.values())), short_names(list(by_name))
        console.print(Line(source, style="bold"))
        console.print(
            f"{first.n_documents:,} documents, {first.n_bytes:,} bytes, {first.n_words:,} words",
            highlight=False,
        )
        names = list(by_name)
        for start in range(0, len(names), n_columns):
            shown = {labels[name]: by_name[name] for name in names[start : start + n_columns]}
            console.print(_table(shown, first))
            console.print()
    _print_longest(next(iter(comparison.values())), console)
    _print_meanings(console)


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path the shortest end of it, in whole parts, that no other has.

    >>> short_names(["runs/a/tokenizer.json", "runs/b/tokenizer.json", "gpt2"])
    {'runs/a/tokenizer.json': 'a/tokenizer.json', 'runs/b/tokenizer.json': 'b/tokenizer.json', \
'gpt2': 'gpt2'}
    """

    def end(path: str, n_parts: int) -> str:
        return str(Path(*Path(path).parts[-n_parts:]))

    def shortest(path: str) -> str:
        for n_parts in range(1, len(Path(path).parts) + 1):
            if [end(other, n_parts) for other in paths].count(end(path, n_parts)) == 1:
                return end(path, n_parts)
        return path

    return {path: shortest(path) for path in paths}


def _table(shown: Mapping[str, Evaluation], first: Evaluation) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column(width=NAME_WIDTH - 1)
    for label in shown:
        table.add_column(
            Line(label), justify="right", width=COLUMN_WIDTH - 1, overflow="fold", vertical="bottom"
        )
    for measure in MEASURES:
        table.add_row(measure.name, *(measure.figure(found, first) for found in shown.values()))
    return table


def _print_longest(by_name: Mapping[str, Evaluation], console: Console) -> None:
    labels = short_names(list(by_name))
    console.print("longest tokens", style="bold")
    for name, found in by_name.items():
        tokens = (_clip(visible(token)) for token in found.vocabulary.longest)
        line = Line(f"{labels[name]}  ").append(" │ ".join(tokens))
        console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)
    console.print()


def _clip(text: str) -> str:
    return text if len(text) <= TOKEN_WIDTH else text[: TOKEN_WIDTH - 1] + "…"


def _print_meanings(console: Console) -> None:
    """What each line of the table means."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=NAME_WIDTH - 1)
    table.add_column()
    for measure in MEASURES:
        table.add_row(measure.name, measure.meaning)
    console.print(table, style="dim")
