"""Writing the report of a run, and the samples in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cygnet.errors import InputError
from cygnet.files import write_text
from cygnet.recipe import XrayOptions
from cygnet.stage import FINISHED
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.model import load_model_quietly
from cygnet.xray.report.material import gather, recipe_of
from cygnet.xray.report.page import report_html
from cygnet.xray.trace import Trace, TraceToken
from cygnet.xray.tracing import trace_generation

REPORT, SAMPLES = "report.html", "samples.json"


def write_report(run_folder: Path, path: Path, samples: list[Trace]) -> int:
    """Write the report of a run into a file; returns its size in bytes.

    Raises:
        InputError: It is no run folder.
        DamagedError: A file of the run is not what was written.
    """
    page = report_html(gather(run_folder, samples))
    write_text(path, page)
    return len(page.encode())


def samples_of(run_folder: Path) -> list[Trace]:
    """What the model of a run writes on from the prompts of its recipe; nothing before it is
    trained.

    Raises:
        InputError: It is no run folder.
    """
    options = recipe_of(run_folder).xray
    is_trained = (run_folder / "transformer" / FINISHED).is_file()
    return draw_samples(run_folder, options) if is_trained else []


def draw_samples(
    run_folder: Path,
    options: XrayOptions,
    watch: Callable[[str], Callable[[TraceToken], None]] = lambda prompt: lambda token: None,
) -> list[Trace]:
    """Let the model of a run write on from each prompt.

    Args:
        run_folder: A run whose training has finished.
        options: Prompts, and how tokens are drawn.
        watch: Called with the first prompt; what it returns is called with each token.
    """
    model, tokenizer = load_model_quietly(run_folder), Tokenizer.load(run_folder)
    settings: dict[str, Any] = {
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "seed": options.seed,
        "n_alternatives": options.alternatives,
    }
    found: list[Trace] = []
    for prompt in options.prompts:
        on_token = watch(prompt) if not found else lambda token: None
        found.append(trace_generation(model, tokenizer, prompt, on_token, **settings))
    return found


def check_report_file(run_folder: Path, path: Path) -> None:
    """See that a report of a run can be written there, before anything is computed.

    Raises:
        InputError: It is no run folder; the file is a folder, or there is no folder for it.
    """
    recipe_of(run_folder)
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file for the report, such as report.html")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} to write the report into")
