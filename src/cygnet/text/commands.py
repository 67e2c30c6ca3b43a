"""The verbs of ``cygnet text``: one verb, one function; see ``cygnet.cli``."""

from typing import Literal

from cygnet.console import print_json as _print_json  # no verb


def download(
    source: str,
    /,
    n: int | None = None,
    threads: int = 8,
    dry_run: bool = False,
) -> None:
    """Fetch a named corpus from the Hugging Face hub, or find it in the cache.

    Resumes, verifies, and honours HF_ENDPOINT, HF_HOME and HF_HUB_OFFLINE.

    Example: cygnet text download tinystories --dry-run

    Args:
        source: tinystories (V2, GPT-4), tinystories-v1, fineweb-edu, climbmix, or any files of a
            data set: hub:owner/name[/pattern][@revision].
        n: Of fineweb-edu and climbmix so many shards; -1 for all.
        threads: How many files at a time.
        dry_run: Say how many bytes it takes and whether the disk has room, and fetch nothing.
    """
    from cygnet.text.hub import download, print_plan

    if dry_run:
        print_plan(source, n)
        return
    for split, paths in download(source, n, threads).items():
        for path in paths:
            print(f"{split:6}{path.stat().st_size:>15,} bytes  {path}")


def stories(n: int = 1, seed: int = 1) -> None:
    """Print built-in stories.

    Example: cygnet text stories --n 2 --seed 7

    Args:
        n: How many.
        seed: Another seed, other stories.
    """
    from cygnet.text.stories import story

    print("\n\n".join(story(seed, index) for index in range(n)))


def check(
    sources: tuple[str, ...],
    /,
    against: tuple[str, ...] = (),
    documents: Literal["boundary", "file", "line"] = "boundary",
    boundary: str = "<|endoftext|>",
    column: str | None = None,
    examples: int = 3,
    json: bool = False,
) -> None:
    """Find what is broken in a text, what is there twice, and what of a held-out text is in it.

    Invalid UTF-8, empty and very long documents, mojibake, exact and near duplicates; with
    --against also the documents of that text that the source has, or has 13 words in a row of.

    Example: cygnet text check train.txt --against valid.txt

    Args:
        sources: Files, folders, patterns, hub:owner/name or a named corpus.
        against: The same for a held-out text.
        documents: What a document of a .txt file is.
        boundary: The string between two documents in a .txt file.
        column: The column of a .parquet file, or key of a .jsonl file, that holds the text.
        examples: How many examples of each kind to show.
        json: Print the report as JSON.
    """
    from cygnet.text.check.checking import check_files
    from cygnet.text.check.table import print_report
    from cygnet.text.sources import Reading

    report = check_files(sources, against, Reading(boundary, documents, column), examples)
    if json:
        _print_json(report.to_dict())
    else:
        print_report(report)
