"""The tokenizer stage of a run that cuts a vocabulary from another."""

from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import progress, say
from cygnet.recipe import TokenizerOptions
from cygnet.text.stage import read_split
from cygnet.tokenizer.base_source import load_base
from cygnet.tokenizer.compaction import Compaction, compact
from cygnet.tokenizer.frequencies import Sample
from cygnet.tokenizer.patterns import find_special_tokens


def build(options: TokenizerOptions, folder: Path, text_folder: Path) -> dict[str, Any]:
    """Cut ``options.base`` down, save what is left into ``folder`` and return its figures.

    Raises:
        InputError: There is no base; the train split has fewer types than live rows.
    """
    assert options.base is not None
    base = load_base(options.base)
    figures = stage.results(text_folder)["train"]
    sample = Sample.of(
        lambda: read_split(text_folder, "train"),
        options.sample,
        options.seed,
        figures["documents"],
    )
    live = options.vocab_size - options.dead
    about = 2 * figures["text_bytes"] * sample.n_chosen / figures["documents"]
    with progress("counting tokens", about / 1e6, "MB") as advance:
        found = compact(
            base,
            sample,
            live=live,
            dead=options.dead,
            lossless=options.lossless,
            special_tokens=find_special_tokens(options.special_tokens),
            on_bytes=lambda n: advance(n / 1e6),
        )
    found.save(folder)
    _say_figures(found)
    return {
        "vocab_size": found.tokenizer.vocab_size,
        "live": found.tokenizer.n_live,
        "dead": len(found.tokenizer.dead_ids),
        "sample_documents": found.before.n_documents,
        "sample_bytes": found.before.n_bytes,
        "types": found.before.n_types,
        "unknown_tokens": found.n_unknown,
        "sha256": found.tokenizer.sha256,
    }


def _say_figures(found: Compaction) -> None:
    say(
        f"  {found.tokenizer.n_live:,} live and {len(found.tokenizer.dead_ids):,} dead rows; the"
        f" live ones are {found.coverage:.4%} of {found.before.n_tokens:,} tokens of"
        f" {found.before.n_documents:,} documents"
    )
    if found.n_unknown:
        say(
            f"  {found.n_unknown:,} tokens, {found.n_unknown / found.n_zero:.2%} of all ids 0, are"
            " unknown: bits per byte are those of the text as it decodes, not as it was"
        )
