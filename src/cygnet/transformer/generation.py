"""Writing on from a prompt, token by token, with what the model thought of each."""

from collections.abc import Callable, Iterator

import torch
from transformers import DynamicCache, PreTrainedModel

from cygnet.errors import InputError
from cygnet.tokenizer.base import BaseTokenizer
from cygnet.transformer.figures import TokenFigures, token_figures
from cygnet.transformer.model import block_size


def generate(
    model: PreTrainedModel,
    tokenizer: BaseTokenizer,
    prompt: str = "",
    *,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    n_alternatives: int = 5,
) -> Iterator[TokenFigures]:
    """Draw tokens one by one, until the model ends the document or ``max_tokens`` is reached.

    Args:
        model: A causal language model.
        tokenizer: The one it was trained with.
        prompt: Text to write on from; behind a boundary token, as in training.
        max_tokens: Most tokens to draw.
        temperature: Divides the logits; 0 takes the likeliest token.
        top_k: Draw from this many likeliest tokens only.
        top_p: Draw from the likeliest tokens that together reach this probability.
        seed: The same seed draws the same tokens.
        n_alternatives: How many likeliest tokens to report beside each drawn one.

    Returns:
        The figures of each drawn token, as soon as it is drawn. The boundary token ends the text
        and is not among them.

    Raises:
        InputError: An argument is out of its range, or there is neither prompt nor boundary token
            to begin from.

    Cost: one pass of the model per token, over a cache of keys and values. A full context goes on
    with its later half.
    """
    _check_range(max_tokens, temperature, top_k, top_p)
    context = tokenizer.encode(prompt, prepend=tokenizer.boundary_id)
    if not context:
        raise InputError("an empty prompt needs a tokenizer with a boundary token to begin from")
    generator = torch.Generator().manual_seed(seed)

    def draw(logits: torch.Tensor) -> int:
        return _draw(logits, temperature, top_k, top_p, generator)

    return _write_on(model, context, max_tokens, draw, tokenizer.boundary_id, n_alternatives)


def _write_on(
    model: PreTrainedModel,
    context: list[int],
    max_tokens: int,
    draw: Callable[[torch.Tensor], int],
    boundary_id: int | None,
    n_alternatives: int,
) -> Iterator[TokenFigures]:
    longest = block_size(model)
    context = context[-longest:]
    cache, fresh = DynamicCache(config=model.config), context
    for _ in range(max_tokens):
        logits = _next_logits(model, fresh, cache)
        token = draw(logits)
        if token == boundary_id:
            return
        yield token_figures(logits[None], torch.tensor([token]), n_alternatives)[0]
        context.append(token)
        fresh = [token]
        if len(context) > longest:
            context = context[-max(1, longest // 2) :]
            cache, fresh = DynamicCache(config=model.config), context


@torch.inference_mode()
def _next_logits(model: PreTrainedModel, fresh: list[int], cache: DynamicCache) -> torch.Tensor:
    """Logits of the token that follows, shape ``(vocab_size,)``, on the CPU."""
    input_ids = torch.tensor([fresh], device=model.device)
    output = model(input_ids=input_ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    logits: torch.Tensor = output.logits[0, -1].float().cpu()
    return logits


def _draw(
    logits: torch.Tensor,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    generator: torch.Generator,
) -> int:
    """One token from the distribution that temperature, top-k and top-p leave."""
    if not logits.logsumexp(dim=-1).isfinite():  # masked tokens alone may have minus infinity
        raise InputError(
            "the model's logits are not finite: its training diverged; train it again with a lower"
            " learning_rate"
        )
    if temperature == 0:
        return int(logits.argmax())
    probabilities, order = torch.softmax(logits / temperature, dim=-1).sort(descending=True)
    if top_k is not None:
        probabilities[top_k:] = 0
    if top_p is not None:
        # A token stays when those before it have not yet reached top_p: the first always does.
        before = probabilities.cumsum(dim=0) - probabilities
        probabilities[before >= top_p * probabilities.sum()] = 0
    return int(order[torch.multinomial(probabilities, 1, generator=generator)])


def _check_range(
    max_tokens: int, temperature: float, top_k: int | None, top_p: float | None
) -> None:
    if max_tokens < 0:
        raise InputError(f"max_tokens must not be negative, found {max_tokens}")
    if temperature < 0:
        raise InputError(f"temperature must not be negative, found {temperature}")
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k must be at least 1, found {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top_p must lie in 0..1 (above 0), found {top_p}")
