"""The beginning of a report: the run in a sentence, and what is unusual about it."""

import html
from typing import Any

from cygnet.xray.report.material import Material
from cygnet.xray.report.unusual import unusual
from cygnet.xray.runs.reading import figure


def summary_html(material: Material) -> str:
    """What was made, and what a reader should look at."""
    findings = unusual(material)
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in findings)
    notes = f"<ul>{items}</ul>" if items else "<p>Nothing unusual was found.</p>"
    return f"<p>{html.escape(_sentence(material))}</p><h3>What is unusual</h3>{notes}"


def _sentence(material: Material) -> str:
    """How much text became how many tokens and what model, as far as the run has come."""
    results = material.results
    parts = []
    if "text" in results:
        parts.append(f"{results['text']['train']['documents']:,} documents")
    if "tokens" in results and material.tokenizer:
        train = results["tokens"]["train"]
        parts.append(
            f"became {train['tokens']:,} tokens of a vocabulary of"
            f" {material.tokenizer.vocab_size:,}"
            f" ({train['text_bytes'] / train['tokens']:.2f} bytes per token)"
        )
    if "transformer" in results:
        parts.append(_model_words(results["transformer"]))
    return " ".join(parts) + "." if parts else "No stage of this run has finished."


def _model_words(model: dict[str, Any]) -> str:
    words = f"and a model of {model['n_parameters']:,} parameters learned from them"
    if figure(model, "valid_bits_per_byte") is None:
        return words
    return (
        f"{words}: it needs {model['valid_bits_per_byte']:.3f} bits for a byte of text that it has"
        f" not seen ({model['valid_nats_per_token']:.3f} nats per token)"
    )
