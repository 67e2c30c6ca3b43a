"""The verbs of ``cygnet xray``: one verb, one function; see ``cygnet.cli``."""

import sys
from pathlib import Path
from typing import Literal

from cygnet.console import print_json as _print_json  # no verb
from cygnet.errors import InputError
from cygnet.xray.serve.command import serve as serve


def tokens(
    text: str,
    tokenizers: tuple[Path, ...],
    /,
    ids: bool = False,
    special: bool = False,
    json: bool = False,
    svg: Path | None = None,
) -> None:
    """Show how tokenizers cut a text, side by side, and where they differ.

    Example: cygnet xray tokens "Once upon a time" runs/demo --ids

    Args:
        text: Any text; - reads it from standard input.
        tokenizers: Run folders, or files and folders of tokenizers.
        ids: Print the id of each token beneath it.
        special: Read special tokens where the text spells them out: chats show who speaks, and what
            training counts.
        json: Print all tokens as JSON.
        svg: Also draw what is printed into this file.
    """
    from cygnet.xray.terminal import check_svg_file, svg_console, write_svg
    from cygnet.xray.tokens.comparison import compare_tokens, open_tokenizers
    from cygnet.xray.tokens.view import print_comparison

    if svg:
        check_svg_file(svg)
    found = compare_tokens(open_tokenizers(tokenizers), _read(text), special=special)
    if json:
        _print_json(found.to_dict())
    else:
        print_comparison(found, ids)
    if svg:
        console = svg_console(width=92)
        print_comparison(found, ids, console)
        write_svg(console, svg, "cygnet xray tokens")


def trace(
    path: Path,
    text: str,
    /,
    alternatives: int = 5,
    top: int = 5,
    special: bool = False,
    json: bool = False,
    svg: Path | None = None,
) -> None:
    """Show what a model thinks of every token of a text.

    Example: cygnet xray trace runs/demo "Once upon a time" --alternatives 3

    Args:
        path: A run folder, or the folder of any causal model of transformers.
        text: Any text; - reads it from standard input.
        alternatives: How many likely tokens to show at each position.
        top: How many of the most surprising places to list.
        special: Read special tokens where the text spells them out.
        json: Print the figures as JSON.
        svg: Also draw what is printed into this file.
    """
    from cygnet.transformer.any_tokenizer import load_tokenizer
    from cygnet.transformer.model import load_model_quietly
    from cygnet.xray.terminal import check_svg_file, print_trace, svg_console, write_svg
    from cygnet.xray.tracing import trace

    for name, least in (("alternatives", alternatives), ("top", top)):
        if least < 0:
            raise InputError(f"{name} must not be negative, found {least}")
    if svg:
        check_svg_file(svg)
    model = load_model_quietly(path)
    found = trace(
        model, load_tokenizer(path), _read(text), n_alternatives=alternatives, special=special
    )
    if json:
        _print_json(found.to_dict())
    else:
        print_trace(found, top=top)
    if svg:
        console = svg_console(width=92)
        print_trace(found, console, top)
        write_svg(console, svg, "cygnet xray trace")


def _read(text: str) -> str:
    """A text that is given, or with - what comes on standard input."""
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError(f"standard input is not UTF-8: {error}") from error


def attention(
    path: Path,
    text: str,
    /,
    layer: int | None = None,
    head: int | None = None,
    token: int | Literal["^"] | None = None,
    max_tokens: int | None = None,
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Show what each token of a text looks at, in every layer and head.

    Prints a summary of each head and a map, the mean over what is not chosen; with --token what
    that token looks at, and who looks at it.

    Example: cygnet xray attention runs/demo "Once upon a time" --layer 0 --head 1 --plot head.png

    Args:
        path: A run folder, or the folder of any causal model of transformers.
        text: Any text; - reads it from standard input.
        layer: A layer, from 0; all by default.
        head: A head, from 0; all by default.
        token: The position of a token in the text, from 0; -1 is the last, ^ the one before the
            text.
        max_tokens: Read the last tokens only; by default as many as have weights of 256 MB.
        json: Print tokens, summaries and the map as JSON.
        plot: Also draw the head, or all heads, into this .png or .svg file.
    """
    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.transformer.model import quiet_transformers
    from cygnet.xray.attention.plots import draw_attention
    from cygnet.xray.attention.reading import attention as read_attention
    from cygnet.xray.attention.view import print_attention, print_token

    if plot:
        check_plot_file(plot)
    quiet_transformers()
    found = read_attention(path, text=_read(text), max_tokens=max_tokens)
    if json:
        _print_json(found.to_dict(layer, head, token))
    elif token is None:
        print_attention(found, layer, head)
    else:
        print_token(found, token, layer, head)
    if plot:
        draw_attention(found, plot, layer, head)


def dead(
    run: Path,
    /,
    against: tuple[Path, ...] = (),
    dead_ids: str | None = None,
    json: bool = False,
    plot: Path | None = None,
    animation: Path | None = None,
) -> None:
    """Show what training did to the embedding rows of dead, live and unseen tokens.

    Centroid, spread, norms, cosines, rank, step size, and the drift that the softmax predicts; of
    one run at its first and last snapshot, of several side by side. docs/dead-tokens.md defines
    the figures.

    Example: cygnet xray dead runs/duckling --plot dead.png --animation dead.gif

    Args:
        run: A run with snapshots (--transformer.record W), or the folder of a recorder.
        against: More runs, to compare with it.
        dead_ids: Ids of the dead tokens, such as 6144-8191; by default those of the vocabulary.
        json: Print all figures at all snapshots as JSON.
        plot: Also draw them into this .png or .svg file; of several runs the dead rows.
        animation: Also draw the rows of the first run over time into this .gif or .mp4 file.
    """
    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.xray.dead.animation import animate, check_animation_file
    from cygnet.xray.dead.plots import draw_analyses
    from cygnet.xray.dead.runs import analyse_run, open_rows
    from cygnet.xray.dead.view import print_analyses

    if plot:
        check_plot_file(plot)
    if animation:
        check_animation_file(animation)
    found = {str(path): analyse_run(path, dead_ids=dead_ids) for path in (run, *against)}
    if json:
        _print_json({path: analysis.to_dict() for path, analysis in found.items()})
    else:
        print_analyses(found)
    if plot:
        draw_analyses(found, plot)
    if animation:
        animate(*open_rows(run, dead_ids), animation)


def undertrained(
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
        _print_json([one.to_dict() for one in found])
    for one in () if json else found:
        if scores:
            print_scores(one)
        else:
            print_undertrained(one, top)
    if plot:
        draw_undertrained(found, plot)


def play(
    path: Path,
    /,
    prompt: str | None = None,
    steps: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int | None = None,
    force: tuple[str, ...] = (),
    alternatives: int = 9,
    json: bool = False,
    svg: Path | None = None,
) -> None:
    """Write with a model token by token: step, pause, go back, put another token, change settings.

    In a terminal; ? lists the keys. What is not given comes from the recipe of the run. --steps
    needs no terminal: it writes at once, and prints what the model thought of each token.

    Example: cygnet xray play runs/demo --steps 20 --force 5:" dragon"

    Args:
        path: A run folder, or any folder with a causal language model and its tokenizer.
        prompt: What to write on from.
        steps: Write so many tokens, or to the end of the document.
        temperature: 0 takes the likeliest token, 1 draws from the model's own distribution.
        top_k: Draw from this many likeliest tokens only; 0 for all.
        top_p: Draw from the likeliest tokens that together reach this probability; 1 for all.
        min_p: Draw from tokens at least this many times as likely as the likeliest.
        seed: The same seed writes the same text.
        force: With --steps, tokens to put instead of drawing them: STEP:ID or STEP:TEXT, steps
            counted from 1.
        alternatives: How many likely tokens to show at each position.
        json: With --steps, print the figures as JSON.
        svg: With --steps, also draw what is printed into this file.
    """
    from cygnet.xray.play.command import in_terminal, options_of, sampling_of, scripted
    from cygnet.xray.terminal import print_trace, svg_console, write_svg

    options = options_of(path)
    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    sampling = sampling_of(options, given | {"seed": seed})
    prompt = next(iter(options.prompts), "") if prompt is None else prompt
    if alternatives < 0:
        raise InputError(f"--alternatives must not be negative, found {alternatives}")
    if steps is None:
        if force or json or svg:
            raise InputError("--force, --json and --svg go with --steps N")
        in_terminal(path, prompt, sampling, alternatives)
        return
    found = scripted(path, prompt, sampling, steps, force, alternatives)
    if json:
        _print_json(found.to_dict())
    else:
        print_trace(found)
    if svg:
        console = svg_console(width=92)
        print_trace(found, console)
        write_svg(console, svg, "cygnet xray play")


def rows(
    path: Path,
    tokens: tuple[str, ...] = (),
    /,
    neighbours: int = 10,
    by: Literal["cosine", "distance"] = "cosine",
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Show where embedding rows lie: norms, neighbours, live and dead.

    Of each token in the input and in the output matrix: its norm among those of live and dead rows,
    how far it is from their centroids, and the nearest rows. Without tokens, the norms of all.

    Example: cygnet xray rows runs/demo " girl" --neighbours 5 --plot rows.png

    Args:
        path: A run folder, or the folder of any causal model of transformers.
        tokens: Each an id, or the exact text of a token, with its blank: " girl".
        neighbours: How many of the nearest rows; without tokens, of the longest and the shortest.
        by: What is near: cosine, or Euclidean distance.
        json: Print everything as JSON.
        plot: Also draw all rows in a plane, and the tokens in it, into this .png or .svg file.
    """
    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.transformer.model import quiet_transformers
    from cygnet.xray.rows.embedding import open_embedding, token_named
    from cygnet.xray.rows.plots import draw_rows
    from cygnet.xray.rows.view import print_overview, print_row

    if plot:
        check_plot_file(plot)
    if neighbours < 0:
        raise InputError(f"neighbours is {neighbours}: it can be 0 or more")
    quiet_transformers()
    embedding = open_embedding(path)
    found = [embedding.token(token_named(embedding, word), neighbours) for word in tokens]
    if json and tokens:
        _print_json([row.to_dict() for row in found])
    elif json:
        overview = embedding.overview(neighbours)
        _print_json({name: one.to_dict() for name, one in overview.items()})
    elif not tokens:
        print_overview(embedding, neighbours)
    for row in () if json else found:
        print_row(row, by)
    if plot:
        draw_rows(embedding, found, plot, by)


def runs(
    paths: tuple[Path, ...],
    /,
    against: Literal["steps", "tokens", "time"] = "tokens",
    unit: Literal["bits", "nats"] = "bits",
    samples: bool = False,
    json: bool = False,
    plot: Path | None = None,
) -> None:
    """Compare runs, also while they train: figures, recipes, loss curves, samples over the steps.

    Example: cygnet xray runs runs/demo --against time --plot losses.svg

    Args:
        paths: Run folders, or folders with a metrics.jsonl.
        against: What the losses are drawn over.
        unit: Of the chart in the terminal: bits per byte, or nats per token.
        samples: Also print what each run wrote at steps of its training (--xray.trace-every).
        json: Print all of it as JSON.
        plot: Also draw the losses into a .png or .svg file.
    """
    from cygnet.tokenizer.plots import check_plot_file
    from cygnet.xray.plots import draw_loss_curves
    from cygnet.xray.runs.comparison import compare_runs
    from cygnet.xray.runs.reading import read_runs
    from cygnet.xray.runs.samples import read_samples
    from cygnet.xray.runs.samples_view import print_samples
    from cygnet.xray.runs.view import print_comparison

    if plot:
        check_plot_file(plot)
    found = read_runs(paths)
    compared = compare_runs(found, against)
    written = read_samples(found) if samples else []
    if json:
        texts = {"samples": [prompt.to_dict() for prompt in written]} if samples else {}
        _print_json(compared.to_dict() | texts)
    else:
        print_comparison(compared, unit="nats_per_token" if unit == "nats" else "bits_per_byte")
        print_samples(written)
    if plot:
        draw_loss_curves(compared.curves, plot, against)


def report(run: Path, /, out: Path | None = None) -> None:
    """Write all that a run has made into one HTML file that needs nothing else.

    Example: cygnet xray report runs/demo --out report.html

    Args:
        run: A run folder; what is not finished is left out.
        out: The file; report.html in the folder of the run by default.
    """
    from cygnet.xray.report.writing import (
        REPORT,
        check_report_file,
        samples_of,
        write_report,
    )

    path = run / REPORT if out is None else out
    check_report_file(run, path)
    n_bytes = write_report(run, path, samples_of(run))
    print(f"{path}, {n_bytes / 1e6:.1f} MB")
