"""What the hidden states of a model do to the rows of tokens that are never a target. With torch.

The loss of a token with hidden state ``h_t`` and probabilities ``p_t`` has the gradient
``(p_t(v) - [v is the target]) h_t`` for the output row of ``v``. A token that never is a target has
no second part: every token pushes its row away from ``h_t``, by ``p_t(v)``. An input row that is
never looked up gets nothing; where the matrices are tied, the row is the output row.
"""

from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel

from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import model_inputs
from cygnet.transformer.model import block_size
from cygnet.xray.dead.result import Hidden, Ids

ROWS_AT_A_TIME = 4
SEED = 0


def softmax_pull(
    model: PreTrainedModel, store: TokenStore, rows: Ids, n_tokens: int = 16_384
) -> Hidden:
    """Run a model over some text and sum up what it does to rows.

    Args:
        model: A causal language model in evaluation mode, in fp32.
        store: Token files; windows at random starts of ``valid``, or of ``train`` where there is no
            ``valid``. The same ones each time.
        rows: Ids of tokens that never are a target, ``int64`` of shape ``(n,)``.
        n_tokens: About how many tokens to read.

    Raises:
        InputError: No shard of the split fills a window.

    Cost: a forward pass. The reference model reads 5,000 tokens a second and core.
    """
    split = "valid" if "valid" in store.splits else "train"
    length = min(block_size(model), max(1, max(s.tokens for s in store.split(split).shards) - 1))
    n_batches = -(-n_tokens // (ROWS_AT_A_TIME * length))
    mean, pull = torch.zeros(1), torch.zeros(1)
    for step in range(n_batches):
        batch = store.get_batch(
            split, step=step, batch_size=ROWS_AT_A_TIME, block_size=length, seed=SEED
        )
        states, likely = _look(model, torch.from_numpy(np.asarray(batch.x)), torch.from_numpy(rows))
        mean = mean + states.mean(dim=0) / n_batches
        pull = pull + likely.T @ states / len(states) / n_batches
    read = n_batches * ROWS_AT_A_TIME * length
    source = f"the final model on {read:,} tokens of {split}"
    return Hidden(mean.numpy(), rows, pull.numpy(), read, source)


@torch.inference_mode()
def _look(
    model: PreTrainedModel, x: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hidden states, and the probabilities of some tokens, at each position; ``float64``.

    The output layer is called as the model calls it, so that rows that are left out of the softmax
    have no probability.
    """
    outputs: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    inputs = model_inputs(model, x.to(model.device))
    states = model.base_model(**inputs).last_hidden_state.flatten(0, 1)
    likely = outputs(states).float().softmax(dim=-1)[:, rows.to(model.device)]
    return states.double().cpu(), likely.double().cpu()
