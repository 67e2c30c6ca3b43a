"""What is unusual about a run, in sentences. Each check looks at one thing."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cygnet.xray.report.evaluation import scores
from cygnet.xray.report.material import Material
from cygnet.xray.runs.reading import figure
from cygnet.xray.trace import Trace

GAP = 1.1  # valid loss over train loss
RISE = 1.01  # last valid loss over the best
FALL = 0.02  # of the valid loss, over the last fifth of the training
FEW_OCCURRENCES = 10
RARE_SHARE = 0.1  # of the live tokens
LITTLE_TEXT = 20_000  # tokens of the valid split below which its loss is rough
LONG_SHARE = 0.05  # of the documents
LOOP, LOOP_SHARE = 6, 0.4  # tokens that come again, and the share of a sample that they may be
SINK_SHARE = 0.5  # of the heads


def unusual(material: Material) -> list[str]:
    """Sentences on what a reader should look at, the gravest first.

    Args:
        material: A run.

    Returns:
        Plain text; empty if nothing was found.
    """
    return [sentence for check in CHECKS for sentence in check(material)]


def _unfinished(material: Material) -> Iterator[str]:
    if "transformer" not in material.records:
        done = f"it has come to step {material.run.lines[-1]['step']:,}" if material.run else ""
        yield f"The training has not finished{': ' + done if done else ''}."


def _warnings(material: Material) -> Iterator[str]:
    for warning in material.warnings:
        yield (
            f"The training gave the warning {warning['name']} ({warning['seen']}):"
            f" {warning['meaning']}; {warning['remedy']}."
        )


def _no_better_than_frequencies(material: Material) -> Iterator[str]:
    found = scores(material)
    if found and found[0].bits_per_byte > 0.98 * found[1].bits_per_byte:
        yield (
            f"The model needs {found[0].bits_per_byte:.3f} bits per byte, and the frequencies of"
            f" tokens alone {found[1].bits_per_byte:.3f}: it has learned next to nothing."
        )


def _course_of_the_loss(material: Material) -> Iterator[str]:
    """Whether the valid loss rose again, still falls, or is far from the train loss."""
    valid = _losses(material, "valid")
    if len(valid) < 3:
        return
    (best, at), (last, end) = min(valid), valid[-1]
    before = [loss for loss, step in valid if step <= 0.8 * end]
    if last > RISE * best:
        yield (
            f"The valid loss was lowest at step {at:,} ({best:.3f} nats per token) and has risen to"
            f" {last:.3f}: the model began to know its training text by heart."
        )
    elif before and last < (1 - FALL) * before[-1]:
        yield (
            f"The valid loss still falls, by {1 - last / before[-1]:.0%} over the last fifth of the"
            " training: more steps would make the model better."
        )
    recent = [loss for loss, step in _losses(material, "train") if step > 0.9 * end]
    train = statistics.fmean(recent) if recent else last
    if last > GAP * train:
        yield (
            f"The loss on text that it was not trained on is {last / train - 1:.0%} higher than on"
            " the text that it was trained on."
        )


def _losses(material: Material, split: str) -> list[tuple[float, int]]:
    """Nats per token and the step."""
    lines: Sequence[dict[str, Any]] = material.run.lines if material.run else ()
    key = f"{split}_nats_per_token"
    found = [(figure(line, key), int(line["step"])) for line in lines]
    return [(loss, step) for loss, step in found if loss is not None]


def _rows_that_were_hardly_trained(material: Material) -> Iterator[str]:
    if material.store is None or material.tokenizer is None:
        return
    counts = material.store.counts("train")
    live = np.setdiff1d(np.arange(len(counts)), np.array(material.tokenizer.dead_ids, np.int64))
    n_rare = int((counts[live] < FEW_OCCURRENCES).sum())
    if n_rare > RARE_SHARE * len(live):
        n_never = int((counts[live] == 0).sum())
        yield (
            f"{n_rare:,} of {len(live):,} live tokens occur fewer than {FEW_OCCURRENCES} times in"
            f" the train split, {n_never:,} of them never: their rows are hardly trained (a smaller"
            " vocabulary, or more text)."
        )
    dead = int(counts[list(material.tokenizer.dead_ids)].sum())
    if dead:
        yield f"Dead tokens occur {dead:,} times in the train split; they should not."


def _odd_text(material: Material) -> Iterator[str]:
    for name, split in material.results.get("text", {}).items():
        if split.get("replaced"):
            yield (
                f"{split['replaced']:,} byte sequences of the {name} split were no UTF-8 and were"
                " replaced."
            )
        if split.get("empty", 0) > 0.01 * split["documents"]:
            yield f"{split['empty']:,} documents of the {name} split are empty."
    if material.store is None:
        return
    if "valid" not in material.store.splits:
        yield "There is no valid split: how good the model is on other text is not known."
    elif material.store.split("valid").tokens < LITTLE_TEXT:
        yield (
            f"The valid split has only {material.store.split('valid').tokens:,} tokens: its loss is"
            " a rough one."
        )
    block_size = material.recipe.transformer.block_size
    lengths = material.store.document_lengths("train")
    share = float((lengths > block_size).mean()) if len(lengths) else 0.0
    if share > LONG_SHARE:
        yield (
            f"{share:.0%} of the documents are longer than the {block_size:,} tokens that the model"
            " sees at once."
        )


def _samples_that_loop(material: Material) -> Iterator[str]:
    for number, sample in enumerate(material.samples, 1):
        share = _repeated(sample)
        if share > LOOP_SHARE:
            yield (
                f"Sample {number} goes round in circles: {share:.0%} of it stands in runs of"
                f" {LOOP} tokens that it has written before."
            )


def _repeated(sample: Trace) -> float:
    """The share of the positions at which a run of tokens begins that has come before."""
    ids = [token.id for token in sample.tokens if not token.is_given]
    runs = [tuple(ids[i : i + LOOP]) for i in range(len(ids) - LOOP + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _heads_that_look_at_the_first_token(material: Material) -> Iterator[str]:
    if material.attention is None:
        return
    heads = material.attention.summaries()
    sinks = [head for head in heads if head.word == "first"]
    if len(sinks) > SINK_SHARE * len(heads):
        yield (
            f"{len(sinks)} of {len(heads)} attention heads give most of their attention to the"
            " first token, which is a way to look at nothing."
        )


def _most_surprising_token(material: Material) -> Iterator[str]:
    if material.held_out is None:
        return
    for place in material.held_out.most_surprising(1):
        token = material.held_out.tokens[place]
        expected = token.alternatives[0] if token.alternatives else None
        instead = f"; it expected {expected.text} ({expected.probability:.0%})" if expected else ""
        yield (
            f"In the text that it has not seen, the most surprising token is {token.text} at"
            f" position {place}, with {token.surprise:.1f} bits{instead}."
        )


CHECKS: tuple[Callable[[Material], Iterator[str]], ...] = (
    _unfinished,
    _warnings,
    _no_better_than_frequencies,
    _course_of_the_loss,
    _rows_that_were_hardly_trained,
    _odd_text,
    _samples_that_loop,
    _heads_that_look_at_the_first_token,
    _most_surprising_token,
)
