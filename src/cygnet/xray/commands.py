"""The verbs of ``cygnet xray``: one verb, one function; see ``cygnet.cli``."""

from pathlib import Path

from cygnet.errors import InputError


def trace(
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
    from cygnet.transformer.model import load_model_quietly
    from cygnet.xray.terminal import print_trace, save_svg
    from cygnet.xray.tracing import trace

    found = trace(load_model_quietly(path), Tokenizer.load(path), text, n_alternatives=alternatives)
    if json:
        Console().print_json(data=found.to_dict())
    else:
        print_trace(found)
    if svg:
        save_svg(found, svg)


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
    from rich.console import Console

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
        Console().print_json(data={path: analysis.to_dict() for path, analysis in found.items()})
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


def serve(
    path: Path, /, port: int = 8377, open: bool = False, against: tuple[Path, ...] = ()
) -> None:
    """Serve a page about a model on this machine: tokens, live writing, attention, rows, runs.

    Example: cygnet xray serve runs/demo

    Args:
        path: A run folder, or the folder of any causal model of transformers.
        port: Of the page's address, http://127.0.0.1:8377; 0 for any that is free.
        open: Open the page in a browser.
        against: More runs, whose curves and samples stand beside those of this one.
    """
    from cygnet.xray.serve.serving import serve

    serve(path, against, port, open)
