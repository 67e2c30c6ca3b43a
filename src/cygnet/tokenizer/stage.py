"""The tokenizer stage of a run: learn a vocabulary from the train split, or cut one from a base."""

from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress, say
from cygnet.errors import InputError
from cygnet.recipe import TokenizerOptions
from cygnet.text.stage import SplitFile, split_files
from cygnet.tokenizer.counting import WordCounts, no_match
from cygnet.tokenizer.file_counts import Extract, count_files
from cygnet.tokenizer.patterns import Splitter, find_pattern, find_special_tokens
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokenizer.training import learn_merges


def build(
    options: TokenizerOptions, folder: Path, text_folder: Path, counts_folder: Path
) -> dict[str, Any]:
    """Train a tokenizer, save it into ``folder`` and return its figures.

    Words are counted file by file, and the counts kept in ``counts_folder`` for the next time. A
    text with fewer pairs than the vocabulary has room for gives a smaller one, and says so.

    Raises:
        InputError: The vocabulary has no room for the bytes and the special tokens; the split
            pattern does not compile, or matches nothing of the text; a limit is below 1; a special
            token is learned.
    """
    _check_rows(options)
    if options.base is not None:
        from cygnet.tokenizer import compact_stage

        return compact_stage.build(options, folder, text_folder)
    special_tokens = find_special_tokens(options.special_tokens)
    n_merges = Tokenizer.room_for_merges(options.vocab_size - options.dead, special_tokens)
    pattern = find_pattern(options.pattern)
    words = _count(options, pattern, text_folder, counts_folder)
    with progress("learning tokens", n_merges, "token") as advance:
        merges = learn_merges(
            words, n_merges, options.min_frequency, advance, tie_break=options.tie_break
        )
    tokenizer = Tokenizer(merges, pattern, special_tokens, n_dead=options.dead)
    tokenizer.save(folder)
    _say_figures(tokenizer, options, words)
    return {
        "vocab_size": tokenizer.vocab_size,
        "learned": len(merges),
        "sample_bytes": words.text_bytes,
        "distinct_words": len(words),
        "sha256": tokenizer.sha256,
    }


def _check_rows(options: TokenizerOptions) -> None:
    """Refuse numbers of live and dead rows that are not those of the vocabulary."""
    live, dead, total = options.live, options.dead, options.vocab_size
    if dead < 0:
        raise InputError(f"tokenizer.dead is {dead}: there cannot be fewer than 0 dead rows")
    if live is not None and live + dead != total:
        raise InputError(
            f"tokenizer.live {live:,} and tokenizer.dead {dead:,} are {live + dead:,} rows,"
            f" tokenizer.vocab_size is {total:,}: make them agree"
        )


def _count(
    options: TokenizerOptions, pattern: str, text_folder: Path, counts_folder: Path
) -> WordCounts:
    """Count the words of what the options choose of the train split."""
    files = split_files(text_folder, "train")
    total_bytes = stage.results(text_folder)["train"]["text_bytes"]
    wanted = total_bytes if options.sample_mb is None else round(options.sample_mb * 1e6)
    if wanted < 1:
        raise InputError(f"tokenizer.sample_mb is {options.sample_mb}: nothing would be read")
    extract = Extract(total_bytes, wanted, options.doc_cap, options.max_chars)
    _check_pattern(pattern, files)
    with progress("counting words", min(wanted, total_bytes) / 1e6, "MB") as advance:
        return count_files(files, extract, pattern, counts_folder, lambda n: advance(n / 1e6))


def _check_pattern(pattern: str, files: list[SplitFile]) -> None:
    """Refuse a pattern that finds no word in the text; reads only as far as the first."""
    splitter = Splitter(pattern)
    documents = (text for file in files for batch in file.batches() for text in batch)
    if not any(map(splitter.matches, documents)):
        raise no_match(pattern)


def _say_figures(tokenizer: Tokenizer, options: TokenizerOptions, words: WordCounts) -> None:
    if tokenizer.vocab_size < options.vocab_size:
        say(
            f"  the text holds only {len(tokenizer.merges):,} pairs that occur at"
            f" least {max(1, options.min_frequency):,} times: the vocabulary has"
            f" {tokenizer.vocab_size:,} tokens, {options.vocab_size:,} were asked"
        )
    say(
        f"  {tokenizer.vocab_size:,} tokens learned from {len(words):,} distinct words in"
        f" {words.text_bytes / 1e6:,.2f} MB"
    )
