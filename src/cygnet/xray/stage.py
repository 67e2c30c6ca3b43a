"""The xray stage of a run: stories written token by token, and the report."""

import json
from pathlib import Path
from typing import Any

from cygnet import stage
from cygnet.console import say
from cygnet.files import read_json, write_json, write_text
from cygnet.recipe import XrayOptions
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.metrics import METRICS
from cygnet.transformer.model import load_model, quiet_transformers
from cygnet.transformer.warnings_file import WARNINGS, read_warnings
from cygnet.xray.dead.page import rows_html
from cygnet.xray.live import play
from cygnet.xray.report import report_html
from cygnet.xray.trace import Trace
from cygnet.xray.tracing import trace, trace_generation

REPORT = "report.html"
HELD_OUT_TOKENS = 300


def build(options: XrayOptions, folder: Path, run_folder: Path) -> dict[str, Any]:
    """Write samples and ``report.html`` into ``folder``; the first sample also on the terminal."""
    quiet_transformers()
    model = load_model(run_folder)
    tokenizer = Tokenizer.load(run_folder)
    samples = [
        trace_generation(
            model,
            tokenizer,
            prompt,
            on_token=play(prompt) if number == 0 else lambda token: None,
            max_tokens=options.max_tokens,
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            seed=options.seed,
            n_alternatives=options.alternatives,
        )
        for number, prompt in enumerate(options.prompts)
    ]
    write_json(folder / "samples.json", [sample.to_dict() for sample in samples])
    names = ("text", "tokenizer", "tokens", "transformer")
    page = report_html(
        recipe=read_json(run_folder / "recipe.json"),
        records={name: read_json(run_folder / name / stage.FINISHED) for name in names},
        metrics=read_metrics(run_folder / "transformer" / METRICS),
        tokenizer=tokenizer,
        samples=samples,
        held_out=_held_out(model, tokenizer, TokenStore.open(run_folder)),
        embedding_rows=rows_html(run_folder, len(tokenizer.dead_ids)),
        warnings=read_warnings(run_folder / "transformer" / WARNINGS),
    )
    write_text(folder / REPORT, page)
    say(f"  the report: {folder / REPORT}")
    return {"samples": len(samples), "report_bytes": len(page.encode())}


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The lines of a ``metrics.jsonl``."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def _held_out(model: Any, tokenizer: BaseTokenizer, store: TokenStore) -> Trace | None:
    """What the model thinks of the first document of the valid split."""
    if "valid" not in store.splits:
        return None
    ids = store.documents("valid")[0][:HELD_OUT_TOKENS].tolist()
    ids = [token for token in ids if token != store.manifest.boundary_id]
    text = tokenizer.decode(ids, errors="ignore")  # the cut may fall into a character
    return trace(model, tokenizer, text)
