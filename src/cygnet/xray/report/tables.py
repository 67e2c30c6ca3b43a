"""The tables of a report: text, tokenizer, token files, training."""

import statistics
from collections.abc import Sequence
from typing import Any

from cygnet.xray.markup import html_table
from cygnet.xray.report.material import Material
from cygnet.xray.runs.curves import UNITS
from cygnet.xray.runs.reading import Line, figure


def text_html(material: Material) -> str:
    """The corpus, split by split."""
    splits = material.results.get("text")
    if splits is None:
        return ""
    columns = ("documents", "text_bytes", "characters", "empty", "replaced")
    recipe = material.recipe.text
    sources = [("train from", ", ".join(recipe.train)), ("valid from", ", ".join(recipe.valid))]
    return html_table((), [row for row in sources if row[1]]) + html_table(
        ("split", "documents", "bytes of text", "characters", "empty", "byte sequences replaced"),
        [(name, *(f"{split[column]:,}" for column in columns)) for name, split in splits.items()],
    )


def tokenizer_html(material: Material) -> str:
    """What the vocabulary was learned from, and what it is."""
    if material.tokenizer is None:
        return ""
    results = material.results["tokenizer"]
    figures = ("sample_bytes", "sample_documents", "distinct_words", "types")
    found = {name.replace("_", " "): results.get(name) for name in figures}
    learned_from = ", ".join(f"{count:,} {name}" for name, count in found.items() if count)
    return html_table((), [("learned from", learned_from), *material.tokenizer.facts().items()])


def tokens_html(material: Material) -> str:
    """The token files, split by split."""
    splits: dict[str, Any] = material.results.get("tokens", {})
    if not splits:
        return ""
    return html_table(
        ("split", "documents", "tokens", "bytes per token", "tokens per document"),
        [
            (
                name,
                f"{split['documents']:,}",
                f"{split['tokens']:,}",
                f"{split['text_bytes'] / max(1, split['tokens']):.2f}",
                f"{split['tokens'] / max(1, split['documents']):.1f}",
            )
            for name, split in splits.items()
        ],
    )


def training_html(material: Material) -> str:
    """The training in figures, and its warnings."""
    assert material.run
    results = material.results.get("transformer", {})
    last = material.run.lines[-1]
    rows = [
        ("parameters", f"{results['n_parameters']:,}" if results else "not finished"),
        ("precision", str(results.get("precision", material.recipe.transformer.precision))),
        ("steps", f"{int(last['step']):,}"),
        ("tokens seen", _tokens_seen(last)),
        ("time", _time(material.run.lines)),
        ("train, last", _both_units(last, "train")),
    ]
    if "valid_bits_per_byte" in results:
        rows.append(("valid, all of it", _both_units(results, "valid")))
    return html_table((), rows) + _warnings_html(material.warnings)


def _tokens_seen(line: Line) -> str:
    words = f"{int(line['tokens']):,}"
    epochs = figure(line, "epochs")
    return words if epochs is None else f"{words}, {epochs:.2f} times the train split"


def _time(lines: Sequence[Line]) -> str:
    """Seconds, and of all lines the median tokens per second and share of the machine."""
    seconds = figure(lines[-1], "seconds")
    rate, share = _median(lines, "tokens_per_second"), _median(lines, "share_of_peak")
    words = [] if seconds is None else [f"{seconds:,.1f} s"]
    words += [] if rate is None else [f"{rate:,.0f} tokens per second"]
    words += [] if share is None else [f"{share:.1%} of its matrix throughput"]
    return ", ".join(words)


def _median(lines: Sequence[Line], key: str) -> float | None:
    found = [value for line in lines if (value := figure(line, key)) is not None]
    return statistics.median(found) if found else None


def _warnings_html(warnings: Sequence[dict[str, Any]]) -> str:
    if not warnings:
        return ""
    columns = ("name", "seen", "meaning", "remedy")
    rows = [[warning[column] for column in columns] for warning in warnings]
    return "<h3>Warnings</h3>" + html_table(("", "seen", "it may mean", "what to do"), rows)


def _both_units(figures: Line, split: str) -> str:
    nats, bits = (figure(figures, f"{split}_{unit}") for unit in UNITS)
    if nats is None or bits is None:
        return "not finite"
    return f"{nats:.4f} nats per token, {bits:.4f} bits per byte"
