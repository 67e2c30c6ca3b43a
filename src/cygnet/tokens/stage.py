"""The tokens stage of a run: encode every split once."""

from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress, say
from cygnet.recipe import TokensOptions
from cygnet.text.stage import read_split
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build as build_token_files
from cygnet.tokens.counts import check_dead, read_counts
from cygnet.tokens.format import counts_path


def build(
    options: TokensOptions, folder: Path, text_folder: Path, tokenizer_folder: Path
) -> dict[str, Any]:
    """Write token files into ``folder`` and return the figures of each split.

    Raises:
        DamagedError: A dead row of the vocabulary occurs, by the counts of the whole split.
    """
    tokenizer = Tokenizer.load(tokenizer_folder)
    figures = stage.results(text_folder)
    total = sum(split["text_bytes"] for split in figures.values())
    with progress("encoding", total / 1e6, "MB") as advance:
        manifest = build_token_files(
            folder,
            tokenizer,
            {split: read_split(text_folder, split) for split in figures},
            shard_tokens=options.shard_tokens,
            resume=True,  # the record of the stage answers for text, tokenizer and options
            on_bytes=lambda n: advance(n / 1e6),
        )
    for name, split in manifest.splits.items():
        check_dead(read_counts(counts_path(folder, name), tokenizer.vocab_size), tokenizer, name)
        ratio = split.text_bytes / split.tokens
        say(f"  {name}: {split.tokens:,} tokens, {ratio:.2f} bytes per token")
    return {
        name: {
            "tokens": split.tokens,
            "documents": split.documents,
            "text_bytes": split.text_bytes,
        }
        for name, split in manifest.splits.items()
    }
