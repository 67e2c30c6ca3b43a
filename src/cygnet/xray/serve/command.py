"""``cygnet xray serve``."""

from pathlib import Path


def serve(
    path: Path,
    /,
    port: int = 8377,
    open: bool = False,
    against: tuple[Path, ...] = (),
    tokenizers: tuple[Path, ...] = (),
) -> None:
    """Serve a page about a model on this machine: tokens, live writing, attention, rows, runs.

    Example: cygnet xray serve runs/demo

    Args:
        path: A run folder, or the folder of any causal model of transformers.
        port: Of the page's address, http://127.0.0.1:8377; 0 for any that is free.
        open: Open the page in a browser.
        against: More runs, whose curves, samples and tokenizers stand beside those of this one.
        tokenizers: More run folders, or files and folders of tokenizers, to cut a text side by
            side.
    """
    from cygnet.xray.serve.serving import serve

    serve(path, against, tokenizers, port, open)
