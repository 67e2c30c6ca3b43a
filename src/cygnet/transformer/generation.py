"""Writing on from a prompt, token by token, with what the model thought of each."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from transformers import PreTrainedModel

from cygnet.errors import InputError
from cygnet.transformer.any_tokenizer import AnyTokenizer
from cygnet.transformer.decoding import Decoder
from cygnet.transformer.sampler import GeneratedToken, Sampler
from cygnet.transformer.sampling import Sampling


def generate(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    prompt: str = "",
    *,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    seed: int = 0,
    stop: Sequence[str] = (),
    n_alternatives: int | None = 5,
) -> Iterator[GeneratedToken]:
    """Draw tokens one by one, until the model ends the document or ``max_tokens`` is reached.

    Args:
        model: A causal language model.
        tokenizer: The one it was trained with.
        prompt: Text to write on from; behind a boundary token, as in training.
        max_tokens: Most tokens to draw.
        temperature, top_k, top_p, min_p, seed: See ``Sampling``.
        stop: Strings that end the text and are not part of it.
        n_alternatives: How many likeliest tokens to report beside each drawn one; none for no
            figures at all, which is faster.

    Returns:
        Each drawn token with its text and figures, as soon as it is drawn. The token that ends the
        document is not among them.

    Raises:
        InputError: An argument is out of its range, there is neither prompt nor boundary token to
            begin from, or the tokenizer is not the model's.

    Cost: see ``Decoder``; with figures a few passes over a row of logits more.
    """
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, seed=seed)
    _check_length(max_tokens)
    sampler = Sampler(model, tokenizer, prompt, sampling, stop=stop, n_alternatives=n_alternatives)
    drawn = itertools.islice(sampler, max_tokens)
    return (token for token in drawn if token.id not in sampler.end_ids)


def generate_batch(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    prompts: Sequence[str],
    sampling: Sampling = Sampling(),
    *,
    max_tokens: int = 200,
    stop: Sequence[str] = (),
    n_alternatives: int | None = None,
    on_token: Callable[[int, GeneratedToken], None] = lambda row, token: None,
) -> list[Sampler]:
    """Write on from several prompts at once.

    Each text is the one that its prompt would become alone, with the seed ``sampling.seed`` plus
    its number: the same prompt several times gives different texts.

    Args:
        model, tokenizer, stop, n_alternatives: As for ``generate``.
        prompts: Texts of any lengths.
        sampling: How tokens are drawn.
        max_tokens: Most tokens to draw for each.
        on_token: Called with the number of a prompt and its token, as soon as it is drawn.

    Returns:
        A sampler for each prompt, which holds its text and tokens, and can go on from there.

    Raises:
        InputError: As ``generate``.

    Cost: a step of the model for all texts together; a pass over the windows of all where one of
    them ends or its window moves. Where ``Decoder`` reads texts one after the other, a step each.
    """
    _check_length(max_tokens)
    samplers = [
        Sampler(
            model,
            tokenizer,
            prompt,
            replace(sampling, seed=sampling.seed + number),
            stop=stop,
            n_alternatives=n_alternatives,
        )
        for number, prompt in enumerate(prompts)
    ]
    decoder = Decoder(model)
    for _ in range(max_tokens):
        going = [(row, sampler) for row, sampler in enumerate(samplers) if not sampler.ended]
        if not going:
            break
        logits = decoder.logits([sampler.ids for _, sampler in going])
        for (row, sampler), following in zip(going, logits, strict=True):
            on_token(row, sampler.take(following))
    return samplers


def _check_length(max_tokens: int) -> None:
    if max_tokens < 0:
        raise InputError(f"max_tokens must not be negative, found {max_tokens}")
