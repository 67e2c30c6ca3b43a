"""The tokenizer stage of a run: learn a vocabulary from a sample of the train split."""

from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress, say
from cygnet.recipe import TokenizerOptions
from cygnet.text.sources import sample_documents
from cygnet.text.stage import read_split
from cygnet.tokenizer.counting import count_words
from cygnet.tokenizer.patterns import find_pattern, find_special_tokens
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.training import learn_merges


def build(options: TokenizerOptions, folder: Path, text_folder: Path) -> dict[str, Any]:
    """Train a tokenizer, save it into ``folder`` and return its figures.

    A text with fewer pairs than the vocabulary has room for gives a smaller one, and says so.

    Raises:
        InputError: The vocabulary has no room for the bytes and the special tokens, or the split
            pattern does not compile.
    """
    special_tokens = find_special_tokens(options.special_tokens)
    n_merges = Tokenizer.room_for_merges(options.vocab_size, special_tokens)
    pattern = find_pattern(options.pattern)
    total_bytes = stage.results(text_folder)["train"]["text_bytes"]
    wanted = total_bytes if options.sample_mb is None else round(options.sample_mb * 1e6)
    sample = sample_documents(read_split(text_folder, "train"), total_bytes, wanted)
    with progress("counting words", min(wanted, total_bytes) / 1e6, "MB") as advance:
        words = count_words(sample, pattern, lambda n: advance(n / 1e6))
    with progress("learning tokens", n_merges, "token") as advance:
        merges = learn_merges(words, n_merges, options.min_frequency, advance)
    tokenizer = Tokenizer(merges, pattern, special_tokens)
    tokenizer.save(folder)
    _say_figures(tokenizer, options.vocab_size, len(words), words.text_bytes)
    return {
        "vocab_size": tokenizer.vocab_size,
        "learned": len(merges),
        "sample_bytes": words.text_bytes,
        "distinct_words": len(words),
        "sha256": tokenizer.sha256,
    }


def _say_figures(tokenizer: Tokenizer, asked: int, n_words: int, sample_bytes: int) -> None:
    if tokenizer.vocab_size < asked:
        say(
            f"  the text holds only {len(tokenizer.merges):,} pairs that repeat: the vocabulary has"
            f" {tokenizer.vocab_size:,} tokens, {asked:,} were asked"
        )
    say(
        f"  {tokenizer.vocab_size:,} tokens learned from {n_words:,} distinct words in"
        f" {sample_bytes / 1e6:,.2f} MB"
    )
