"""The verbs of ``cygnet tokens``: one verb, one function; see ``cygnet.cli``."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cygnet.console import print_json as _print_json  # no verb


def show(
    path: Path,
    /,
    split: str = "train",
    step: int = 0,
    batch_size: int = 4,
    block_size: int = 32,
    seed: int = 42,
    order: Literal["random", "epoch", "packed"] = "random",
    rows: int = 1,
) -> None:
    """Print one batch as ids and as text, x above y, so that the shift by one can be seen.

    Example: cygnet tokens show runs/demo --step 3 --rows 2

    Args:
        path: A run folder.
        split: train or valid.
        step: The step whose batch is shown.
        batch_size: Rows of the batch.
        block_size: Tokens in a row.
        seed: Of the order of the data.
        order: Windows at random starts, all windows in epochs, or packed documents.
        rows: How many rows to print.
    """
    from rich.console import Console

    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.tokens.show import batch_lines
    from cygnet.tokens.store import TokenStore

    tokenizer, store = Tokenizer.load(path), TokenStore.open(path)
    store.check_tokenizer(tokenizer)
    batch = store.get_batch(
        split, step=step, batch_size=batch_size, block_size=block_size, seed=seed, order=order
    )
    for line in batch_lines(batch, tokenizer, Console().width, rows):
        print(line)


def verify(path: Path, /, tokenizer: Path | None = None) -> None:
    """Check token files: sizes, hashes, ids, document ends, counts, tokenizer.

    Names the first file that is damaged, missing or too many, and the byte where it can be known.

    Example: cygnet tokens verify runs/demo

    Args:
        path: A folder of token files, or a run folder, whose tokenizer is then compared as well.
        tokenizer: The tokenizer that should have written them.
    """
    from cygnet.console import Stopwatch, progress
    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.tokens.store import TokenStore
    from cygnet.tokens.verify import n_bytes, verify

    if tokenizer is None and (path / "tokenizer").is_dir():
        tokenizer = path
    store, wrote = TokenStore.open(path), Tokenizer.load(tokenizer) if tokenizer else None
    watch = Stopwatch()
    with progress("reading", n_bytes(store) / 1e6, "MB") as advance:
        read = verify(store, wrote, lambda n: advance(n / 1e6))
    for name, split in store.manifest.splits.items():
        print(
            f"{name:6}{split.tokens:>15,} tokens {split.documents:>12,} documents"
            f" {len(split.shards):>7,} shards"
        )
    checked = "sizes, sha256, ids, document ends, counts" + (", tokenizer" if wrote else "")
    print(f"{read / 1e6:,.1f} MB, {read / 1e6 / watch.seconds:,.0f} MB/s, all is well: {checked}")


def stats(
    path: Path,
    /,
    batch_size: int = 32,
    block_size: int = 512,
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Print what token files hold: sizes, entropy, unused ids, lengths of documents, steps.

    Example: cygnet tokens stats runs/demo --batch-size 16 --block-size 256

    Args:
        path: A run folder, or a folder of token files.
        batch_size: Rows of a batch.
        block_size: Tokens in a row.
        json: Print the figures as JSON.
        plot: Also draw lengths and counts into this .png or .svg file.
    """
    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.tokens.stats import stats
    from cygnet.tokens.stats_view import draw_stats, print_stats
    from cygnet.tokens.store import TokenStore

    if plot:
        check_plot_file(plot)
    found = stats(TokenStore.open(path), batch_size, block_size)
    if json:
        _print_json({name: split.to_dict() for name, split in found.items()})
    else:
        print_stats(found)
    if plot:
        draw_stats(found, plot)


def export(
    path: Path,
    out: Path,
    /,
    format: Literal["arrow", "nanogpt", "datatrove"],
    block_size: int = 512,
    split: str | None = None,
) -> None:
    """Write token files for another tool: an Arrow data set, nanoGPT, datatrove.

    Example: cygnet tokens export runs/demo demo-blocks --format arrow --block-size 128

    Args:
        path: A run folder, or a folder of token files.
        out: The folder to make.
        format: Blocks for datasets.load_from_disk; train.bin and val.bin; or .ds files.
        block_size: Tokens of a row of the Arrow data set.
        split: Only this split; an Arrow data set is then OUT itself.
    """
    from cygnet.console import progress
    from cygnet.tokens.exports import export
    from cygnet.tokens.store import TokenStore

    store = TokenStore.open(path)
    total = sum(store.split(name).tokens for name in store.splits if split in (None, name))
    with progress("writing", total / 1e6, "M tokens") as advance:
        on_tokens: Callable[[int], None] = lambda n: advance(n / 1e6)  # noqa: E731
        export(store, out, format, block_size=block_size, split=split, on_tokens=on_tokens)
    print(f"{total:,} tokens  {out}")


def import_(
    path: Path,
    out: Path,
    /,
    tokenizer: Path,
    boundary_id: int | Literal["auto", "none"] = "auto",
    split: str = "train",
    shard_tokens: int = 100_000_000,
) -> None:
    """Make token files out of a flat file of ids (nanoGPT's), or out of datatrove's .ds.

    Example: cygnet tokens import runs/demo/tokens/train-00000.bin ids --tokenizer runs/demo

    Args:
        path: A file of ids, a .ds file beside its .ds.index, or a folder of them.
        out: The folder to make.
        tokenizer: The one that wrote the ids: a run folder, or a folder or file with a tokenizer.
        boundary_id: The id that ends a document: the tokenizer's own, another, or none.
        split: The name of the split, where PATH does not give several.
        shard_tokens: A shard is closed by the document that takes it to this many tokens.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.tokens.imports import import_files

    manifest = import_files(
        path,
        out,
        Tokenizer.load(tokenizer),
        boundary_id=boundary_id,
        split=split,
        shard_tokens=shard_tokens,
    )
    for name, found in manifest.splits.items():
        print(f"{name:6}{found.tokens:>15,} tokens {found.documents:>12,} documents  {out}")


def pack(
    path: Path,
    /,
    split: str = "train",
    block_size: int = 1024,
    window: int | None = None,
    documents: int | None = None,
    json: bool = False,
) -> None:
    """Compare what four ways of packing documents into rows waste.

    Example: cygnet tokens pack runs/demo --block-size 256

    Args:
        path: A run folder, or a folder of token files.
        split: train or valid.
        block_size: Tokens in a row.
        window: Documents that best fit packs at a time; all together if none.
        documents: Look at so many documents only, from the first on.
        json: Print the figures as JSON.
    """
    from cygnet.tokens.policies import compare_policies, print_policies, to_dicts
    from cygnet.tokens.store import TokenStore

    store = TokenStore.open(path)
    lengths = store.document_lengths(split)[:documents]
    found = compare_policies(lengths, block_size, window)
    if json:
        _print_json(to_dicts(found))
    else:
        print_policies(found, len(lengths), block_size)
