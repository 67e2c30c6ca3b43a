"""How long the microscope takes: a trace beside the same figures by hand, and the first token.

python bench/microscope.py. The model has the shape of the recipe tiny-llm and fresh weights: what
they are makes no difference to the time. Wall-clock, medians of so many rounds as ``--rounds``.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import PreTrainedModel

from cygnet import Tokenizer, find_recipe
from cygnet.text.stories import story
from cygnet.transformer.stage import new_model
from cygnet.xray.attention.reading import attention_of_ids
from cygnet.xray.page import trace_html
from cygnet.xray.tracing import trace_ids

N_TOKENS, N_ALTERNATIVES, VOCABULARY = 1000, 5, 4096


def main() -> None:
    """Print the table as it stands in docs/microscope.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    stories = [story(1, i) for i in range(9)]
    tokenizer = Tokenizer([], n_dead=VOCABULARY - 257)
    model = new_model(find_recipe("tiny-llm").transformer, tokenizer).eval()
    ids = tokenizer.encode(" ".join(stories))[:N_TOKENS]
    trace = trace_ids(model, tokenizer, ids)
    jobs: dict[str, Callable[[], Any]] = {
        f"trace of {N_TOKENS:,} tokens": lambda: trace_ids(model, tokenizer, ids),
        "the same figures by hand, transformers": lambda: by_hand(model, [256, *ids]),
        "  as HTML": lambda: trace_html(trace),
        "attention of 256 tokens, all heads": lambda: attention_of_ids(model, tokenizer, ids[:255]),
    }
    print(f"{model.num_parameters():,} parameters, {torch.get_num_threads()} threads\n")
    print("| what | seconds |\n| --- | --- |")
    for name, job in jobs.items():
        print(f"| {name} | {median_seconds(job, rounds):.3f} |", flush=True)


@torch.inference_mode()
def by_hand(model: PreTrainedModel, ids: list[int]) -> list[dict[str, Any]]:
    """Probability, rank, entropy and alternatives of each token, as one would write it: windows of
    the context that overlap by half, a token at a time."""
    length = model.config.max_position_embeddings
    found: list[dict[str, Any]] = []
    while len(found) < len(ids) - 1:
        begin = max(0, len(found) - length // 2)
        window = torch.tensor([ids[begin : begin + length]])
        logits = model(window, use_cache=False).logits[0]
        for i in range(len(found) - begin, min(length, len(ids) - 1 - begin)):
            probabilities = logits[i].softmax(0)
            token = ids[begin + i + 1]
            top = probabilities.topk(N_ALTERNATIVES)
            found.append(
                {
                    "probability": float(probabilities[token]),
                    "rank": int((probabilities > probabilities[token]).sum()) + 1,
                    "entropy": float(-(probabilities * probabilities.log2()).nansum()),
                    "alternatives": list(
                        zip(top.indices.tolist(), top.values.tolist(), strict=True)
                    ),
                }
            )
    return found


def median_seconds(job: Callable[[], Any], rounds: int) -> float:
    """The median time of a job, the first round left out."""
    job()
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        job()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


if __name__ == "__main__":
    main()
