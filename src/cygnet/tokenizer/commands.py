"""The verbs of ``cygnet tokenizer``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path
from typing import Literal

from cygnet.console import print_json as _print_json  # no verb


def show(path: Path, text: str, /) -> None:
    """Print the tokens of a text with their borders and ids.

    Example: cygnet tokenizer show runs/demo "Once upon a time"

    Args:
        path: A run folder, or a folder or file with a tokenizer.json.
        text: Any text.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer

    Tokenizer.load(path).show(text)


def eval(
    tokenizers: tuple[Path, ...],
    /,
    text: tuple[str, ...] = (),
    documents: Literal["boundary", "file", "line"] = "boundary",
    boundary: str = "<|endoftext|>",
    column: str | None = None,
    errors: Literal["strict", "replace"] = "strict",
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Compare tokenizers on texts: compression, fertility, coverage, tokens without use.

    A table for each text, the tokenizers side by side; below it stands what each line means.
    Tokens are compared with the first tokenizer: -10% is a tenth fewer, a saving.

    Example: cygnet tokenizer eval runs/demo --text runs/demo/text/valid.txt

    Args:
        tokenizers: Run folders, or folders or files with a tokenizer.
        text: Texts, each with a table of its own: whatever text.train takes; of a named corpus the
            part to validate on.
        documents: What a document of a .txt file is: between two boundaries, the file, or a line.
        boundary: The string between two documents in a .txt file.
        column: The column of a .parquet file, or key of a .jsonl file, that holds the text.
        errors: Bytes that are not UTF-8: refuse the file, or replace them by U+FFFD.
        json: Print the figures as JSON.
        plot: Also draw coverage and Zipf plot into this .png or .svg file.
    """
    from cygnet.text.sources import Reading
    from cygnet.tokenizer.comparison import compare, print_comparison, to_dict
    from cygnet.tokenizer.plots import check_plot_file, draw_comparison

    if plot:
        check_plot_file(plot)
    found = compare(tokenizers, text, Reading(boundary, documents, column, errors))
    if json:
        _print_json(to_dict(found))
    else:
        print_comparison(found)
    if plot:
        draw_comparison(found, plot)


def convert(
    path: Path,
    out: Path,
    /,
    to: Literal["hf", "tiktoken", "nanochat"] = "hf",
    pattern: str | None = None,
) -> None:
    """Read a tokenizer of another tool, or write one for it.

    Reads tokenizer.json, GPT-2's encoder.json and vocab.bpe (or vocab.json and merges.txt),
    .tiktoken files and nanochat's tokenizer.pkl.

    Example: cygnet tokenizer convert runs/demo demo.tiktoken --to tiktoken

    Args:
        path: A run folder, or a folder or file with a tokenizer.
        out: The folder to write; for tiktoken the file, NAME.tiktoken.
        to: Hugging Face's tokenizer.json, a rank file of tiktoken, or what nanochat loads.
        pattern: How text is split, by name or as a regular expression, where PATH does not say.
    """
    from cygnet.tokenizer import formats
    from cygnet.tokenizer.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(path, pattern)
    formats.save(tokenizer, out, to)
    print(f"{tokenizer.vocab_size:,} tokens  {out}")


def compact(
    *,
    base: str,
    text: tuple[str, ...],
    out: Path,
    live: int = 6144,
    dead: int = 2048,
    sample: int = 100_000,
    seed: int = 42,
    lossless: bool = False,
    pattern: str | None = None,
    documents: Literal["boundary", "file", "line"] = "boundary",
    boundary: str = "<|endoftext|>",
    column: str | None = None,
    errors: Literal["strict", "replace"] = "strict",
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Cut a vocabulary down to the tokens that a text needs, with dead rows behind them.

    Writes token_mapping.json, or with --lossless tokenizer.json, and report.json.

    Example: cygnet tokenizer compact --base runs/demo --text runs/demo/text/train.txt \
--live 300 --dead 20 --out compact

    Args:
        base: A folder or file with a tokenizer, a run folder, or hub:OWNER/NAME[@REVISION].
        text: Texts to count tokens in, together: whatever text.train takes.
        out: The folder to write.
        live: Rows that text can become.
        dead: Rows behind them that no text becomes.
        sample: Documents that count.
        seed: Of the choice of these documents.
        lossless: Keep a BPE that encodes every text; else what is not among the most frequent
            tokens becomes id 0.
        pattern: How text is split, by name or as a regular expression, where BASE does not say.
        documents: What a document of a .txt file is: between two boundaries, the file, or a line.
        boundary: The string between two documents in a .txt file.
        column: The column of a .parquet file, or key of a .jsonl file, that holds the text.
        errors: Bytes that are not UTF-8: refuse the file, or replace them by U+FFFD.
        json: Print the figures as JSON.
        plot: Also draw the coverage curve and the counts into this .png or .svg file.
    """
    from cygnet.text.sources import Reading
    from cygnet.tokenizer.base_source import load_base
    from cygnet.tokenizer.compaction import compact_sources
    from cygnet.tokenizer.compaction_view import draw_compaction, print_compaction
    from cygnet.tokenizer.plots import check_plot_file

    if plot:
        check_plot_file(plot)
    found = compact_sources(
        load_base(base, pattern),
        text,
        Reading(boundary, documents, column, errors),
        live=live,
        dead=dead,
        sample=sample,
        seed=seed,
        lossless=lossless,
    )
    found.save(out)
    if json:
        _print_json(found.to_dict())
    else:
        print_compaction(found)
    if plot:
        draw_compaction(found, plot)
