"""The command line: one verb, one function. ``tyro`` reads its arguments off the signature.

Heavy imports happen inside the functions, so that help is instant.
"""

import difflib
import inspect
import io
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, make_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cygnet.errors import CygnetError, InputError
from cygnet.files import DISK_FULL
from cygnet.recipe import PRESETS, Recipe, find_recipe

USAGE, INTERRUPTED = 2, 130
TRAIN_LIBRARIES = ("torch", "transformers", "accelerate", "safetensors", "matplotlib")
CHECK_LIBRARIES = ("ftfy", "rensa")


def text_download(
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


def text_stories(n: int = 1, seed: int = 1) -> None:
    """Print built-in stories.

    Example: cygnet text stories --n 2 --seed 7

    Args:
        n: How many.
        seed: Another seed, other stories.
    """
    from cygnet.text.stories import story

    print("\n\n".join(story(seed, index) for index in range(n)))


def text_check(
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
    from rich.console import Console

    from cygnet.text.check.checking import check_files
    from cygnet.text.check.table import print_report
    from cygnet.text.sources import Reading

    report = check_files(sources, against, Reading(boundary, documents, column), examples)
    if json:
        Console().print_json(data=report.to_dict())
    else:
        print_report(report)


def tokenizer_show(path: Path, text: str, /) -> None:
    """Print the tokens of a text with their borders and ids.

    Example: cygnet tokenizer show runs/demo "Once upon a time"

    Args:
        path: A run folder, or a folder or file with a tokenizer.json.
        text: Any text.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer

    Tokenizer.load(path).show(text)


def tokenizer_eval(
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
    from rich.console import Console

    from cygnet.text.sources import Reading
    from cygnet.tokenizer.comparison import compare, print_comparison, to_dict
    from cygnet.tokenizer.plots import check_plot_file, draw_comparison

    if plot:
        check_plot_file(plot)
    found = compare(tokenizers, text, Reading(boundary, documents, column, errors))
    if json:
        Console().print_json(data=to_dict(found))
    else:
        print_comparison(found)
    if plot:
        draw_comparison(found, plot)


def tokenizer_convert(
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


def tokenizer_compact(
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
    from rich.console import Console

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
        Console().print_json(data=found.to_dict())
    else:
        print_compaction(found)
    if plot:
        draw_compaction(found, plot)


def tokens_show(
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


def tokens_verify(path: Path, /, tokenizer: Path | None = None) -> None:
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


def tokens_stats(
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
    from rich.console import Console

    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.tokens.stats import stats
    from cygnet.tokens.stats_view import draw_stats, print_stats
    from cygnet.tokens.store import TokenStore

    if plot:
        check_plot_file(plot)
    found = stats(TokenStore.open(path), batch_size, block_size)
    if json:
        Console().print_json(data={name: split.to_dict() for name, split in found.items()})
    else:
        print_stats(found)
    if plot:
        draw_stats(found, plot)


def tokens_export(
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


def tokens_import(
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


def tokens_pack(
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
    from rich.console import Console

    from cygnet.tokens.policies import compare_policies, print_policies, to_dicts
    from cygnet.tokens.store import TokenStore

    store = TokenStore.open(path)
    lengths = store.document_lengths(split)[:documents]
    found = compare_policies(lengths, block_size, window)
    if json:
        Console().print_json(data=to_dicts(found))
    else:
        print_policies(found, len(lengths), block_size)


def transformer_generate(
    path: Path,
    /,
    prompt: str = "Once upon a time",
    max_tokens: int = 200,
    temperature: float = 0.8,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
) -> None:
    """Write on from a prompt; the text comes as it is drawn.

    Example: cygnet transformer generate runs/demo --prompt "One day," --seed 3

    Args:
        path: A run folder.
        prompt: What to write on from.
        max_tokens: Longest continuation, in tokens.
        temperature: 0 takes the likeliest token, 1 draws from the model's own distribution.
        top_k: Draw from this many likeliest tokens only.
        top_p: Draw from the likeliest tokens that together reach this probability.
        seed: The same seed writes the same text.
    """
    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.transformer.generation import generate

    model, tokenizer = _load_model(path), Tokenizer.load(path)
    drawn = generate(
        model,
        tokenizer,
        prompt,
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        n_alternatives=1,
    )
    print(prompt, end="", flush=True)
    for text in tokenizer.decode_stream(figures.id for figures in drawn):
        print(text, end="", flush=True)
    print()


def xray_trace(
    path: Path, text: str, /, alternatives: int = 5, json: bool = False, svg: Path | None = None
) -> None:
    """Show what a model thinks of every token of a text.

    Example: cygnet xray trace runs/demo "Once upon a time" --alternatives 3

    Args:
        path: A run folder.
        text: Any text.
        alternatives: How many likely tokens to show at each position.
        json: Print the figures as JSON.
        svg: Also draw what is printed into this file.
    """
    from rich.console import Console

    from cygnet.tokenizer.tokenizer import Tokenizer
    from cygnet.xray.terminal import print_trace, save_svg
    from cygnet.xray.trace import trace

    found = trace(_load_model(path), Tokenizer.load(path), text, n_alternatives=alternatives)
    if json:
        Console().print_json(data=found.to_dict())
    else:
        print_trace(found)
    if svg:
        save_svg(found, svg)


def xray_undertrained(
    paths: tuple[Path, ...],
    /,
    known_unused: str | None = None,
    ranked_by: str | None = None,
    verify: int | None = None,
    scores: bool = False,
    seed: int = 0,
    top: int = 20,
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Rank tokens by how under-trained they look; judge the indicators where dead rows are planted.

    Example: cygnet xray undertrained runs/demo --plot undertrained.svg

    Args:
        paths: Run folders, or folders of any causal model of transformers with safetensors.
        known_unused: Ids that stand in no training data, as 0-49,90. By default half of the planted
            dead rows of a run; elsewhere rows without a token, and tokens that no text becomes.
        ranked_by: input_norm (default for untied embeddings), cosine (for tied ones),
            cosine_centred or cosine_without_first.
        verify: How many of the ranking to verify by repetition prompts, -1 for all. By default 2%,
            and all where dead rows are planted.
        scores: Instead of the ranking, print precision and recall of each indicator against the
            steps of training: of runs with planted dead rows, recorded with --transformer.record W.
        seed: Of the half of the planted dead rows.
        top: How many tokens to list.
        json: Print everything as JSON.
        plot: Also draw it, into a .png or .svg file.
    """
    from rich.console import Console

    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.transformer.model import quiet_transformers
    from cygnet.transformer.recorder import parse_ids
    from cygnet.xray.undertrained.analysis import find_undertrained
    from cygnet.xray.undertrained.plots import draw_undertrained
    from cygnet.xray.undertrained.table import print_scores, print_undertrained

    if not paths:
        raise InputError("name a run folder or a model folder")
    if plot:
        check_plot_file(plot)
    quiet_transformers()
    known = None if known_unused is None else parse_ids(known_unused)
    found = [
        find_undertrained(
            path, known, ranked_by=ranked_by, verify=verify, seed=seed, needs_truth=scores
        )
        for path in paths
    ]
    if json:
        Console().print_json(data=[one.to_dict() for one in found])
    for one in () if json else found:
        if scores:
            print_scores(one)
        else:
            print_undertrained(one, top)
    if plot:
        draw_undertrained(found, plot)


def run(recipe: Recipe, until: str, out: Path | None, overwrite: bool) -> None:
    """Build a recipe up to a stage, and say where to look."""
    from cygnet.runner import run as run_recipe

    folder = run_recipe(recipe, out, until=until, overwrite=overwrite)
    print(folder / until)
    if until == "xray":
        print(f"\nthe report       {folder}/xray/report.html")
        print(f"another story    cygnet transformer generate {folder} --seed 2")
        print(f"a closer look    cygnet xray trace {folder} 'Once upon a time'")


def _load_model(path: Path) -> Any:
    from cygnet.transformer.model import load_model, quiet_transformers

    quiet_transformers()
    return load_model(path)


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What a verb that builds a recipe takes beside its fields."""

    out: Path | None = None
    """The run folder; runs/NAME by default."""
    overwrite: bool = False
    """Build again what was made from other inputs or options, and what follows it."""


@dataclass(frozen=True, kw_only=True)
class SweepOptions:
    """What a sweep takes beside the fields of its recipe."""

    layers: tuple[int, ...] = ()
    """Layers to try; those of the recipe if none are given."""
    batch_sizes: tuple[int, ...] = ()
    """Rows per step to try."""
    learning_rates: tuple[float, ...] = ()
    """Peak learning rates to try."""
    out: Path | None = None
    """The folder for the run folders of the cells; runs/NAME-sweep by default."""
    overwrite: bool = False
    """Build again what was made from other inputs or options, and what follows it."""
    json: bool = False
    """Print the figures as JSON."""


def xray_sweep(recipe: Recipe, options: SweepOptions) -> None:
    """Train a recipe for every combination of options, and print what came out."""
    from rich.console import Console

    from cygnet.xray.sweep.sweep import PLOTS, sweep
    from cygnet.xray.sweep.view import print_sweep

    out = options.out or Path("runs") / f"{recipe.name}-sweep"
    found = sweep(
        recipe,
        out,
        layers=options.layers,
        batch_sizes=options.batch_sizes,
        learning_rates=options.learning_rates,
        overwrite=options.overwrite,
    )
    if options.json:
        Console().print_json(data=[one.to_dict() for one in found])
    else:
        print_sweep(found)
        print(f"\nthe plot  {out / PLOTS[0]}")


def _run_until(until: str) -> Callable[[Recipe, RunOptions], None]:
    return lambda recipe, options: run(recipe, until, options.out, options.overwrite)


@dataclass(frozen=True)
class Build:
    """A verb that builds a recipe: what it does, what it takes, and the function."""

    about: str
    options: type[Any]
    act: Callable[[Recipe, Any], None]
    example: str = "--out runs/demo"


BUILDS = {
    "run": Build(
        "Build a whole recipe, from raw text to a report.", RunOptions, _run_until("xray")
    ),
    "tokenizer train": Build(
        "Build a recipe as far as its tokenizer.", RunOptions, _run_until("tokenizer")
    ),
    "tokens build": Build(
        "Build a recipe as far as its token files.", RunOptions, _run_until("tokens")
    ),
    "transformer train": Build(
        "Build a recipe as far as its trained model.", RunOptions, _run_until("transformer")
    ),
    "xray sweep": Build(
        "Train a recipe over layers, batch sizes and learning rates, and compare.",
        SweepOptions,
        xray_sweep,
        example="--layers 1 2 --out runs/sweep",
    ),
}
# Verbs that do one thing: their function is their help.
ACTIONS: dict[str, Callable[..., None]] = {
    "text check": text_check,
    "text download": text_download,
    "text stories": text_stories,
    "tokenizer show": tokenizer_show,
    "tokenizer eval": tokenizer_eval,
    "tokenizer convert": tokenizer_convert,
    "tokenizer compact": tokenizer_compact,
    "tokens show": tokens_show,
    "tokens verify": tokens_verify,
    "tokens stats": tokens_stats,
    "tokens export": tokens_export,
    "tokens import": tokens_import,
    "tokens pack": tokens_pack,
    "transformer generate": transformer_generate,
    "xray trace": xray_trace,
    "xray undertrained": xray_undertrained,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0, 2 for an error, 130 when interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments
    if debug:
        arguments.remove("--debug")
    builds = any(" ".join(arguments[:n]) in BUILDS for n in (1, 2))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a character shows "?"
        sys.stdout.reconfigure(errors="replace")
    try:
        _dispatch(arguments)
    except KeyboardInterrupt:
        _fail("interrupted" + ("; the same command goes on where it was" if builds else ""))
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, e.g. `| head`
        sys.stderr.close()
        return USAGE if builds else 0
    except (CygnetError, OSError, ModuleNotFoundError) as error:
        if debug:
            raise
        _fail(_one_line(error))
        return USAGE
    return 0


def _one_line(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_LIBRARIES:
        return f"this needs {error.name}: pip install 'cygnet[train]'"
    if isinstance(error, ModuleNotFoundError) and error.name in CHECK_LIBRARIES:
        return f"this needs {error.name}: pip install 'cygnet[check]'"
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"the disk is full ({error.filename or 'no file named'}); free some space, run again"
    if not isinstance(error, CygnetError):
        return f"{type(error).__name__}: {error} (--debug shows where)"
    return " ".join(str(error).split())


def _fail(message: str) -> None:
    print(f"cygnet: {message}", file=sys.stderr)


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview())
        return
    if arguments == ["--version"]:
        from cygnet import __version__

        print(f"cygnet {__version__}")
        return
    verb = _find_verb(arguments)
    rest = arguments[len(verb.split()) :]
    if verb in BUILDS:
        _build(verb, rest)
    else:
        import tyro

        # An alias in the signature would need tyro there, which takes 0.1 s to import.
        words = ["--n" if word == "-n" else word for word in rest]
        tyro.cli(ACTIONS[verb], prog=f"cygnet {verb}", args=words)


def _build(verb: str, arguments: list[str]) -> None:
    """Parse ``RECIPE [options]``: the options are the fields of that recipe."""
    import tyro

    build = BUILDS[verb]
    has_recipe = bool(arguments) and not arguments[0].startswith("-")
    if not has_recipe and not {"-h", "--help"} & set(arguments):
        raise InputError(f"name a recipe: cygnet {verb} {'|'.join(PRESETS)}, or a recipe.json")
    default = find_recipe(arguments[0] if has_recipe else "demo")
    if _gives(arguments, "--text.valid-fraction") and not _gives(arguments, "--text.valid"):
        default = replace(default, text=replace(default.text, valid=()))  # those of the preset

    parts = {"recipe": Recipe, "options": build.options}
    arguments_type = make_dataclass(
        "Arguments",
        [(name, Annotated[part, tyro.conf.arg(name="")]) for name, part in parts.items()],
    )
    parsed = tyro.cli(
        arguments_type,
        prog=f"cygnet {verb} {default.name if has_recipe else 'RECIPE'}",
        description=f"{build.about} RECIPE is {', '.join(PRESETS)} or a saved recipe.json; the"
        f" defaults below are those of {default.name}.\n\nExample: cygnet {verb} demo"
        f" {build.example}",
        args=arguments[has_recipe:],
        default=arguments_type(recipe=default, options=build.options()),
    )
    build.act(parsed.recipe, parsed.options)


def _gives(arguments: list[str], option: str) -> bool:
    """Whether an option is among the arguments, in any of the ways to write it."""
    words = (word.partition("=")[0].replace("_", "-") for word in arguments)
    return option in words


def _find_verb(arguments: list[str]) -> str:
    for n_words in (1, 2):
        verb = " ".join(arguments[:n_words])
        if verb in BUILDS or verb in ACTIONS:
            return verb
    verbs = [*BUILDS, *ACTIONS]
    asked = " ".join(word for word in arguments[:2] if not word.startswith("-"))
    in_room = [verb for verb in verbs if verb.split()[0] == asked.split()[0]] if asked else []
    if in_room and len(asked.split()) == 1:
        raise InputError(f"{asked} what? There are: {', '.join(in_room)}")
    close = difflib.get_close_matches(asked, verbs, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    raise InputError(f"no command {asked!r}{hint}; cygnet --help lists them")


def _overview() -> str:
    """The help of ``cygnet`` itself: every verb with the first line of its help."""
    lines = {verb: build.about for verb, build in BUILDS.items()}
    lines |= {verb: (inspect.getdoc(act) or "").splitlines()[0] for verb, act in ACTIONS.items()}
    rooms = ("run", "text", "tokenizer", "tokens", "transformer", "xray")
    ordered = sorted(lines, key=lambda verb: rooms.index(verb.split()[0]))
    table = "\n".join(f"  {verb:21} {lines[verb]}" for verb in ordered)
    recipes = "\n".join(
        f"  {name:21} {(inspect.getdoc(preset) or '').splitlines()[0]}"
        for name, preset in PRESETS.items()
    )
    return (
        "cygnet turns raw text into a small language model that you can see inside.\n\n"
        f"commands (cygnet COMMAND --help)\n{table}\n\nrecipes\n{recipes}\n\n"
        "--debug shows the traceback of an error.\n\nExample: cygnet run demo"
    )
