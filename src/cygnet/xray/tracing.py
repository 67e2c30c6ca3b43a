"""Making traces: the tokens of a text, and what a model thinks of each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from cygnet.transformer.any_tokenizer import AnyTokenizer, check_vocabulary, open_model
from cygnet.transformer.decoding import context_length, half_of
from cygnet.transformer.figures import TokenFigures, check_finite, token_figures
from cygnet.transformer.loss import ROWS, find_head
from cygnet.transformer.model import evaluating
from cygnet.transformer.sampling import Sampling
from cygnet.transformer.text_evaluation import WINDOW_WITHOUT_LIMIT, windows
from cygnet.xray.token_table import TokenTable
from cygnet.xray.trace import Trace, TraceToken


def trace(
    model: PreTrainedModel | str | Path,
    tokenizer: Any = None,
    text: str = "",
    *,
    n_alternatives: int = 5,
    special: bool = False,
) -> Trace:
    """What a model thinks of every token of a text.

    The figures of a token come from the tokens before it; the first one follows the boundary
    token, as a document does in training. A text longer than the context is read in windows that
    overlap by half.

    Args:
        model: A run folder, the folder of any causal model of ``transformers``, or a model.
        tokenizer: By default the one in the folder. Of cygnet, ``transformers`` (fast),
            ``tokenizers`` or ``tiktoken``.
        text: Any string.
        n_alternatives: How many of the likeliest tokens to keep at each position.
        special: Read special tokens where the text spells them out; else they are ordinary text.

    Raises:
        InputError: There is no model or no tokenizer, it is not the model's, or the model gives
            no numbers.

    Cost: a pass of the model over the text (two for one longer than the context), and memory for
    256 rows of logits.

    >>> from cygnet import Tokenizer
    >>> from cygnet.transformer.presets import gpt2
    >>> from transformers import GPT2LMHeadModel
    >>> config = gpt2(257, n_layer=1, n_head=1, n_embd=8, block_size=16, boundary_id=256)
    >>> found = trace(GPT2LMHeadModel(config), Tokenizer([]), "hi")
    >>> [(token.text, token.figures.rank <= 257) for token in found.tokens]
    [('h', True), ('i', True)]
    """
    model, tokenizer = open_model(model, tokenizer)
    allowed = tokenizer.special_tokens if special else ()
    return trace_ids(
        model,
        tokenizer,
        tokenizer.encode(text, allowed_special=allowed),
        n_alternatives=n_alternatives,
    )


def trace_ids(
    model: PreTrainedModel, tokenizer: AnyTokenizer, ids: Sequence[int], *, n_alternatives: int = 5
) -> Trace:
    """``trace`` of a text that is tokens already, without the boundary before it."""
    parts = trace_parts(model, tokenizer, ids, n_alternatives=n_alternatives)
    n_before = 0 if tokenizer.boundary_id is None else 1
    window = window_over(model, n_before + len(ids))
    return Trace(tuple(chain.from_iterable(parts)), window)


def trace_parts(
    model: PreTrainedModel, tokenizer: AnyTokenizer, ids: Sequence[int], *, n_alternatives: int = 5
) -> Iterator[list[TraceToken]]:
    """The tokens of ``trace_ids``, at most 256 at a time; who stops asking stops the model."""
    check_vocabulary(model, tokenizer)
    table = TokenTable(tokenizer)
    tokens = iter(table.trace(ids).tokens)
    for part in _figures(model, tokenizer, ids, n_alternatives):
        yield [
            replace(token, figures=figures, alternatives=table.alternatives(figures))
            for figures, token in zip(part, tokens, strict=False)
        ]


def _figures(
    model: PreTrainedModel, tokenizer: AnyTokenizer, ids: Sequence[int], n_alternatives: int
) -> Iterator[Sequence[TokenFigures | None]]:
    before = [] if tokenizer.boundary_id is None else [tokenizer.boundary_id]
    if not before:
        yield [None]
    for logits, targets in _predictions(model, [*before, *ids]):
        check_finite(logits.amax(dim=-1))
        yield token_figures(logits, targets, n_alternatives, tokenizer.vocab_size)


def window_over(model: PreTrainedModel, n_tokens: int) -> int | None:
    """Tokens that a model reads at once, where that is fewer than come before the last of some.

    Args:
        model: A causal language model.
        n_tokens: Tokens, with the boundary before them.
    """
    longest = context_length(model) or WINDOW_WITHOUT_LIMIT
    return longest if n_tokens - 1 > longest else None


def trace_generation(
    model: PreTrainedModel,
    tokenizer: Any,
    prompt: str,
    on_token: Callable[[TraceToken], None] = lambda token: None,
    *,
    max_tokens: int = 200,
    n_alternatives: int = 5,
    **sampling: Any,
) -> Trace:
    """Write on from a prompt and keep what the model thought of each token.

    Args:
        model: A causal language model.
        tokenizer: Any that ``trace`` takes.
        prompt: Its tokens come first in the trace, marked as given.
        on_token: Called with each drawn token at once.
        max_tokens: Most tokens to draw; a document that ends is shorter.
        n_alternatives: As for ``trace``.
        sampling: The fields of ``Sampling``.
    """
    from cygnet.xray.writing import Writing

    writing = Writing(model, tokenizer, prompt, Sampling(**sampling), n_alternatives=n_alternatives)
    for _ in range(max_tokens):
        token = writing.step()
        if writing.ended:
            writing.back()  # the boundary is no part of the text
            break
        on_token(token)
    return writing.trace


@torch.inference_mode()
def _predictions(
    model: PreTrainedModel, ids: list[int]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """For each token but the first: the logits that predict it, and its id; some at a time."""
    longest = context_length(model) or WINDOW_WITHOUT_LIMIT
    logits_of = _logits_function(model)
    for begin, done, end in windows(len(ids), longest, half_of(longest)) if len(ids) > 1 else ():
        window = torch.tensor([ids[begin:end]], device=model.device)
        for logits in logits_of(window, done - 1 - begin):
            yield logits.cpu(), torch.tensor(ids[done : done + len(logits)])
            done += len(logits)


def _logits_function(
    model: PreTrainedModel,
) -> Callable[[torch.Tensor, int], Iterator[torch.Tensor]]:
    """A function from a window to the logits behind its tokens from some position on, in parts."""
    head = find_head(model)

    def in_parts(window: torch.Tensor, first: int) -> Iterator[torch.Tensor]:
        assert head is not None
        with evaluating(model):
            hidden = model.base_model(input_ids=window, use_cache=False)[0][0, first:]
        for part in hidden.split(ROWS):
            yield head.bend(part @ head.weight.T)

    def at_once(window: torch.Tensor, first: int) -> Iterator[torch.Tensor]:
        with evaluating(model):
            logits = model(input_ids=window, use_cache=False).logits[0, first:]
        yield from logits.split(ROWS)

    return at_once if head is None else in_parts
