"""The report: one HTML file that needs nothing else, with all that a run made."""

import html
import json
import statistics
from collections.abc import Sequence
from typing import Any

from cygnet.tokenizer.base import BaseTokenizer
from cygnet.xray.page import STYLE, trace_html
from cygnet.xray.plots import loss_curves
from cygnet.xray.runs.curves import loss_curves_of
from cygnet.xray.runs.reading import Run
from cygnet.xray.trace import Trace

Metrics = Sequence[dict[str, Any]]
PAGE_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2733; background: #fbfaf7; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { margin-top: 2.4rem; font-size: 1.2rem; }
table { border-collapse: collapse; } th, td { text-align: left; padding: .2rem 1.2rem .2rem 0;
  border-bottom: 1px solid rgba(128,128,128,.3); vertical-align: top; }
td.figure { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, monospace; font-size: .87em; }
pre { overflow-x: auto; } figure { margin: 0; background: #fbfaf7; } svg { max-width: 100%;
  height: auto; }
@media (prefers-color-scheme: dark) { body { color: #e9e6df; background: #14191f; }
  figure { background: #fbfaf7; border-radius: 6px; } }
"""


def report_html(
    recipe: dict[str, Any],
    records: dict[str, dict[str, Any]],
    metrics: Metrics,
    tokenizer: BaseTokenizer,
    samples: Sequence[Trace],
    held_out: Trace | None,
    embedding_rows: str | None = None,
    warnings: Sequence[dict[str, Any]] = (),
) -> str:
    """The whole page.

    Args:
        recipe: As ``recipe.to_dict`` gives it.
        records: The record of each finished stage, by name.
        metrics: The lines of ``metrics.jsonl``.
        tokenizer: The one of the run.
        samples: Generated texts.
        held_out: A document of the valid split, if there is one.
        embedding_rows: What happened to dead and live rows, as HTML, if that was recorded.
        warnings: The lines of ``warnings.jsonl``.

    Returns:
        HTML without any reference to something outside itself.
    """
    results = {name: record["results"] for name, record in records.items()}
    sections = [
        ("In short", _summary(results)),
        ("Text", _text_table(results["text"])),
        ("Tokenizer", _tokenizer_section(tokenizer, results)),
        ("Token files", _tokens_table(results["tokens"])),
        ("Training", _training_section(results["transformer"], metrics, warnings)),
        ("What the model writes", "".join(map(trace_html, samples))),
    ]
    if embedding_rows is not None:
        sections.insert(-1, ("Dead and live rows of the embedding", embedding_rows))
    if held_out is not None:
        sections.append(("A text it has not seen", trace_html(held_out)))
    sections.append(("How this was made", _made_by(recipe, records)))
    body = "".join(f"<h2>{title}</h2>{content}" for title, content in sections)
    name = html.escape(recipe["name"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>cygnet: {name}</title><style>{PAGE_STYLE}{STYLE}</style></head>"
        f"<body><h1>cygnet: {name}</h1>{body}</body></html>\n"
    )


def _summary(results: dict[str, Any]) -> str:
    train, model = results["tokens"]["train"], results["transformer"]
    sentence = (
        f"{results['text']['train']['documents']:,} documents became {train['tokens']:,} tokens"
        f" of a vocabulary of {results['tokenizer']['vocab_size']:,}"
        f" ({train['text_bytes'] / train['tokens']:.2f} bytes per token), and a model of"
        f" {model['n_parameters']:,} parameters learned from them"
    )
    if "valid_bits_per_byte" in model:
        sentence += (
            f": it needs {model['valid_bits_per_byte']:.3f} bits for a byte of text that it has not"
            f" seen ({model['valid_nats_per_token']:.3f} nats per token)"
        )
    return f"<p>{sentence}.</p>"


def _text_table(splits: dict[str, Any]) -> str:
    columns = ("documents", "text_bytes", "characters", "empty", "replaced")
    return html_table(
        ("split", "documents", "bytes of text", "characters", "empty", "byte sequences replaced"),
        [(name, *(f"{split[column]:,}" for column in columns)) for name, split in splits.items()],
    )


def _tokens_table(splits: dict[str, Any]) -> str:
    return html_table(
        ("split", "documents", "tokens", "bytes per token", "tokens per document"),
        [
            (
                name,
                f"{split['documents']:,}",
                f"{split['tokens']:,}",
                f"{split['text_bytes'] / split['tokens']:.2f}",
                f"{split['tokens'] / split['documents']:.1f}",
            )
            for name, split in splits.items()
        ],
    )


def _tokenizer_section(tokenizer: BaseTokenizer, results: dict[str, Any]) -> str:
    figures = ("sample_bytes", "sample_documents", "distinct_words", "types")
    found = {name.replace("_", " "): results["tokenizer"].get(name) for name in figures}
    learned_from = ", ".join(f"{count:,} {name}" for name, count in found.items() if count)
    return html_table(("", ""), [("learned from", learned_from), *tokenizer.facts().items()])


def _training_section(
    results: dict[str, Any], metrics: Metrics, warnings: Sequence[dict[str, Any]]
) -> str:
    last = metrics[-1]
    rows = [
        ("parameters", f"{results['n_parameters']:,}"),
        ("precision", results["precision"]),
        ("steps", f"{int(last['step']):,}"),
        ("tokens seen", f"{int(last['tokens']):,}, {last['epochs']:.2f} times the train split"),
        ("time", f"{last['seconds']:,.1f} s, {_rate(metrics)}"),
        ("train, last", _both_units(last, "train")),
    ]
    if "valid_bits_per_byte" in results:
        rows.append(("valid, all of it", _both_units(results, "valid")))
    curves = [*loss_curves_of([Run("", tuple(metrics))])]
    return (
        f"<figure>{loss_curves(curves)}</figure>{html_table(('', ''), rows)}"
        f"{_warnings_table(warnings)}"
    )


def _rate(metrics: Metrics) -> str:
    """Tokens per second, and what share of the machine that is: the median of all lines."""
    rate = statistics.median(line["tokens_per_second"] for line in metrics)
    shares = [share for line in metrics if (share := line["share_of_peak"]) is not None]
    of_peak = f", {statistics.median(shares):.1%} of its matrix throughput" if shares else ""
    return f"{rate:,.0f} tokens per second{of_peak}"


def _warnings_table(warnings: Sequence[dict[str, Any]]) -> str:
    if not warnings:
        return ""
    columns = ("name", "seen", "meaning", "remedy")
    rows = [[warning[column] for column in columns] for warning in warnings]
    return "<h3>Warnings</h3>" + html_table(("", "seen", "it may mean", "what to do"), rows)


def _both_units(figures: dict[str, Any], split: str) -> str:
    return (
        f"{figures[f'{split}_nats_per_token']:.4f} nats per token,"
        f" {figures[f'{split}_bits_per_byte']:.4f} bits per byte"
    )


def _made_by(recipe: dict[str, Any], records: dict[str, dict[str, Any]]) -> str:
    versions = {name: v for record in records.values() for name, v in record["made_by"].items()}
    seconds = [(name, f"{record['seconds']:,.1f} s") for name, record in records.items()]
    return (
        html_table(("stage", "time"), seconds)
        + f"<p>{html.escape(', '.join(f'{name} {v}' for name, v in versions.items()))}</p>"
        + f"<details><summary>recipe.json</summary><pre>{html.escape(json.dumps(recipe, indent=2))}"
        "</pre></details>"
    )


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML; everything in it is escaped."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header) if any(header) else ""
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if head else ''}{body}</table>"


def _cell(value: str) -> str:
    is_figure = value.replace(",", "").replace(".", "").isdecimal()
    return f"<td{' class=figure' if is_figure else ''}>{html.escape(value)}</td>"
