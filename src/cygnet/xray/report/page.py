"""The page of a report: its sections, in the order that data flows, in one HTML file."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cygnet.xray.attention.page import attention_html, attention_svg
from cygnet.xray.markup import html_table
from cygnet.xray.page import STYLE, trace_html
from cygnet.xray.plots import loss_curves
from cygnet.xray.report.evaluation import scores
from cygnet.xray.report.made_by import made_by_html
from cygnet.xray.report.material import Material
from cygnet.xray.report.summary import summary_html
from cygnet.xray.report.tables import text_html, tokenizer_html, tokens_html, training_html
from cygnet.xray.runs.curves import loss_curves_of
from cygnet.xray.runs.samples import Sample, Samples
from cygnet.xray.runs.samples_view import SAMPLES_STYLE, samples_html
from cygnet.xray.trace import Trace

PAGE_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2733; background: #fbfaf7; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin-bottom: .2rem; } h2 { margin-top: 2.4rem; font-size: 1.2rem; }
nav { font-size: .9em; } nav a { color: inherit; margin-right: 1rem; white-space: nowrap; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; vertical-align: top;
  border-bottom: 1px solid rgba(128,128,128,.3); overflow-wrap: normal; }
td.figure { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font-family: ui-monospace, monospace; font-size: .87em; }
pre { overflow-x: auto; } figure { margin: 0; background: #fbfaf7; color: #1d2733; }
svg { max-width: 100%; height: auto; }
@media (prefers-color-scheme: dark) { body { color: #e9e6df; background: #14191f; }
  figure { border-radius: 6px; } }
@media print { body { max-width: none; margin: 0; font-size: 11pt; color: #000; background: #fff; }
  nav { display: none; } h2 { break-after: avoid; } tr, figure, li { break-inside: avoid; }
  table { display: table; } details { display: none; } }
"""
SAMPLE_TOKENS, MOST_SAMPLES = 1500, 30
"""Tokens of all samples together that are drawn. A token takes some 700 bytes of the page."""
MOST_ALTERNATIVES = 10
TRAINING_TOKENS, TRAINING_STEPS = 900, 6
"""Tokens of all samples over the training together, and steps that they are taken from."""


def report_html(material: Material) -> str:
    """The whole page.

    Args:
        material: What there is to say.

    Returns:
        HTML without any reference to something outside itself, under 5 MB.
    """
    sections = [(title, content) for title, content in _sections(material) if content]
    name = html.escape(material.recipe.name)
    contents = "".join(f'<a href="#{_anchor(title)}">{title}</a>' for title, _ in sections)
    body = "".join(
        f'<section><h2 id="{_anchor(title)}">{title}</h2>{content}</section>'
        for title, content in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>cygnet: {name}</title><style>{PAGE_STYLE}{STYLE}{SAMPLES_STYLE}</style></head>"
        f"<body><h1>cygnet: {name}</h1><nav>{contents}</nav>{body}</body></html>\n"
    )


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _sections(material: Material) -> Iterator[tuple[str, str]]:
    """Titles with their content; nothing where the run has not come so far."""
    yield "In short", summary_html(material)
    yield "Text", text_html(material)
    yield "Tokenizer", tokenizer_html(material)
    yield "Token files", tokens_html(material)
    yield "Training", _training(material)
    yield "Evaluation", _evaluation(material)
    yield "Dead and live rows of the embedding", material.embedding_rows or ""
    yield "What the model writes", _samples(material.samples)
    yield "What it wrote while it learned", _over_training(material.over_training)
    yield "A text it has not seen", trace_html(material.held_out) if material.held_out else ""
    yield "What its heads look at", _attention(material)
    yield "How this was made", made_by_html(material)


def _training(material: Material) -> str:
    if material.run is None:
        return ""
    curves = loss_curves(list(loss_curves_of([material.run])))
    return f"<figure>{curves}</figure>{training_html(material)}"


def _evaluation(material: Material) -> str:
    """The loss on the valid split, beside baselines that know less."""
    found = scores(material)
    if not found or material.store is None:
        return ""
    valid = material.store.split("valid")
    header = ("on the valid split", "nats per token", "perplexity", "bits per byte")
    rows = [
        (
            one.name,
            f"{one.nats_per_token:.4f}",
            f"{one.perplexity:,.2f}",
            f"{one.bits_per_byte:.4f}",
        )
        for one in found
    ]
    return (
        f"<p>All {valid.tokens:,} tokens of {valid.documents:,} documents, ends of documents"
        " included in nats, not in bits.</p>" + html_table(header, rows)
    )


def _samples(samples: Sequence[Trace]) -> str:
    shown = samples[:MOST_SAMPLES]
    drawn = "".join(_begun(sample, SAMPLE_TOKENS // len(shown)) for sample in shown)
    return drawn + _first_of(len(shown), len(samples), "samples")


def _begun(trace: Trace, n_tokens: int) -> str:
    """A trace, of a long one the beginning."""
    shown = trace_html(_beginning(trace, n_tokens))
    return shown + _first_of(n_tokens, len(trace.tokens), "tokens")


def _beginning(trace: Trace, n_tokens: int) -> Trace:
    return Trace(
        tuple(
            replace(token, alternatives=token.alternatives[:MOST_ALTERNATIVES])
            for token in trace.tokens[:n_tokens]
        )
    )


def _first_of(n_shown: int, n_all: int, what: str) -> str:
    return f"<p>The first {n_shown:,} of {n_all:,} {what}.</p>" if n_shown < n_all else ""


def _over_training(found: Sequence[Samples]) -> str:
    """Samples at a few steps, from the first to the last, cut to what the page has room for."""
    if not found:
        return ""
    chosen = [_at_few_steps(samples) for samples in found[:MOST_SAMPLES]]
    n_cells = sum(len(row) for samples in chosen for row in samples.by_step.values())
    n_each = max(1, TRAINING_TOKENS // n_cells)
    drawn = samples_html([_cut(samples, n_each) for samples in chosen])
    return drawn + _first_of(len(chosen), len(found), "prompts")


def _at_few_steps(samples: Samples) -> Samples:
    steps = list(samples.by_step)
    n_taken = min(len(steps), TRAINING_STEPS)
    places = {round(i * (len(steps) - 1) / max(1, n_taken - 1)) for i in range(n_taken)}
    return replace(samples, by_step={steps[i]: samples.by_step[steps[i]] for i in sorted(places)})


def _cut(samples: Samples, n_tokens: int) -> Samples:
    def cut(sample: Sample) -> Sample:
        return replace(sample, trace=_beginning(sample.trace, n_tokens))

    rows = samples.by_step.items()
    return replace(
        samples,
        by_step={step: {run: cut(one) for run, one in row.items()} for step, row in rows},
    )


def _attention(material: Material) -> str:
    if material.attention is None:
        return ""
    of_what = "first sample" if material.samples else "text that it has not seen"
    words = (
        f"<p>From the {of_what}. Below, the mean over all heads: each row is a token,"
        " and the columns what it looks at.</p>"
    )
    mean = attention_svg(material.attention)
    return f"{words}<figure>{mean}</figure>{attention_html(material.attention)}"
