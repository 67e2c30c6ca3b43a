"""Tokens per second of cygnet's generation beside ``model.generate`` of transformers.

python bench/generation.py. Both write the same number of tokens from the same prompt with the same
fresh weights, in turn, in one process on one thread; CPU time counts, medians of so many rounds as
``--rounds`` says. What is drawn greedily is compared first: it must be the same ids.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import AutoModelForCausalLM, NanoChatConfig, PreTrainedModel, Qwen2Config

from cygnet import Tokenizer
from cygnet.transformer.generation import generate_batch
from cygnet.transformer.presets import duckling_ii, gpt2, llama
from cygnet.transformer.sampling import Sampling

PROMPT, N_TOKENS = "Once upon a time", 200
SMALL: dict[str, Any] = {
    "vocab_size": 2048,
    "hidden_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}
MODELS = {
    "duckling-ii": duckling_ii(),
    "tiny-llm": gpt2(4096, n_layer=4, n_head=4, n_embd=256, block_size=256),
    "demo": llama(2048, n_layer=2, n_head=4, n_embd=256, block_size=256),
    "qwen2, 2 layers": Qwen2Config(**SMALL, num_key_value_heads=2, intermediate_size=704),
    "nanochat, 2 layers": NanoChatConfig(**SMALL, num_key_value_heads=4, intermediate_size=1024),
}
GREEDY = Sampling(temperature=0)
NUCLEUS = Sampling(temperature=0.8, top_p=0.95)


def main() -> None:
    """Print the table as it stands in docs/generation.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    print("| model | what | transformers, tokens/s | cygnet, tokens/s | ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name, config in MODELS.items():
        torch.manual_seed(0)
        config.initializer_range = 0.1  # so that some tokens are much likelier than others
        model = AutoModelForCausalLM.from_config(config).eval()
        tokenizer = Tokenizer([], special_tokens=(), n_dead=config.vocab_size - 256)
        assert ours(model, tokenizer, GREEDY)() == theirs(model, GREEDY)(), name
        compare(name, "greedy", model, tokenizer, GREEDY, 1, None, rounds)
        compare(name, "greedy, figures", model, tokenizer, GREEDY, 1, 5, rounds)
        compare(name, "top-p 0.95", model, tokenizer, NUCLEUS, 1, None, rounds)
        compare(name, "greedy, 8 texts", model, tokenizer, GREEDY, 8, None, rounds)


def compare(
    name: str,
    what: str,
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    sampling: Sampling,
    n_texts: int,
    n_alternatives: int | None,
    rounds: int,
) -> None:
    """Time both in turn, and print a line."""
    jobs = {
        "theirs": theirs(model, sampling, n_texts),
        "ours": ours(model, tokenizer, sampling, n_texts, n_alternatives),
    }
    seconds: dict[str, list[float]] = {job: [] for job in jobs}
    for number in range(rounds + 1):
        for job, run in jobs.items():
            begin = time.process_time()
            run()
            if number:  # the first round does not count
                seconds[job].append(time.process_time() - begin)
    rates = {job: n_texts * N_TOKENS / statistics.median(times) for job, times in seconds.items()}
    ratios = [a / b for a, b in zip(seconds["theirs"], seconds["ours"], strict=True)]
    print(
        f"| {name} | {what} | {rates['theirs']:,.0f} | {rates['ours']:,.0f}"
        f" | {statistics.median(ratios):.2f} |",
        flush=True,
    )


def theirs(model: PreTrainedModel, sampling: Sampling, n_texts: int = 1) -> Callable[[], list[int]]:
    """What ``model.generate`` writes."""
    ids = torch.tensor([list(PROMPT.encode())] * n_texts)
    options: dict[str, Any] = {"do_sample": False}
    if sampling.temperature:
        options = {
            "do_sample": True,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": 0,
        }

    def run() -> list[int]:
        found = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=N_TOKENS,
            min_new_tokens=N_TOKENS,
            pad_token_id=0,
            **options,
        )
        return found[0, ids.shape[1] :].tolist()

    return run


def ours(
    model: PreTrainedModel,
    tokenizer: Tokenizer,
    sampling: Sampling,
    n_texts: int = 1,
    n_alternatives: int | None = None,
) -> Callable[[], list[int]]:
    """What cygnet writes."""

    def run() -> list[int]:
        first, *_ = generate_batch(
            model,
            tokenizer,
            [PROMPT] * n_texts,
            sampling,
            max_tokens=N_TOKENS,
            n_alternatives=n_alternatives,
        )
        return first.ids[first.n_given :]

    return run


if __name__ == "__main__":
    main()
