"""Verification: does a model say a token again, which it has just read several times?

The paper asks in three ways for a repetition and takes the highest probability that the token
gets; below 1% it counts as under-trained. A small model follows no request, so that the three
prompts here are the token again and again, alone and with something between: what the paper's
third prompt is after its introduction. Prompts are made of ids: no text becomes a dead token.
"""

import inspect
from collections.abc import Callable, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from cygnet.transformer.model import block_size
from cygnet.xray.undertrained.indicators import Ids, Values

REPEATS = 16
BATCH = 32
SEPARATORS = ("", ",", "\n")
THRESHOLD = 0.01


def repetition_prompt(
    tokens: Ids, separator: Sequence[int], prefix: Sequence[int], longest: int
) -> torch.Tensor:
    """Prompts at whose end each token is due once more, ``int64`` of shape ``(n_tokens, length)``.

    Args:
        tokens: The ids to repeat.
        separator: Ids after each repetition.
        prefix: Ids before the first one.
        longest: The context of the model, in tokens.

    >>> repetition_prompt(np.array([7, 8]), [1], [0], longest=6).tolist()
    [[0, 7, 1, 7, 1], [0, 8, 1, 8, 1]]
    """
    n_repeats = max(1, min(REPEATS, (longest - len(prefix)) // (1 + len(separator))))
    repeated = np.full((len(tokens), n_repeats, 1 + len(separator)), [0, *separator])
    repeated[:, :, 0] = tokens[:, None]
    first = np.tile(np.array(prefix, np.int64), (len(tokens), 1))
    return torch.from_numpy(np.concatenate([first, repeated.reshape(len(tokens), -1)], axis=1))


@torch.inference_mode()
def repetition_probabilities(
    model: PreTrainedModel,
    tokens: Ids,
    separators: Sequence[Sequence[int]],
    prefix: Sequence[int] = (),
    on_tokens: Callable[[int], None] = lambda n: None,
) -> Values:
    """The highest probability that each token gets at the end of its repetition prompts.

    Args:
        model: A causal language model in evaluation mode.
        tokens: The ids to verify.
        separators: One prompt is made with each.
        prefix: Ids that every prompt begins with.
        on_tokens: Called with the tokens done after each batch.

    Returns:
        ``float64`` of shape ``(n_tokens,)``.

    Cost: a pass of the model over about ``17 * (1 + length of the separator)`` ids for each token
    and separator.
    """
    highest = np.zeros(len(tokens))
    last_only = {"logits_to_keep": 1} if _keeps_logits(model) else {}
    for start in range(0, len(tokens), BATCH):
        part = tokens[start : start + BATCH]
        for separator in separators:
            prompt = repetition_prompt(part, separator, prefix, block_size(model))
            logits = model(input_ids=prompt.to(model.device), **last_only).logits[:, -1]
            due = torch.from_numpy(part)[:, None]
            found = logits.double().softmax(-1).cpu().gather(1, due)[:, 0].numpy()
            np.maximum(highest[start : start + BATCH], found, out=highest[start : start + BATCH])
        on_tokens(len(part))
    return highest


def _keeps_logits(model: PreTrainedModel) -> bool:
    return "logits_to_keep" in inspect.signature(model.forward).parameters
