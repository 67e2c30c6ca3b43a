"""Packed rows in a model: attention inside documents, the loss, exact resumption in every order."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from transformers import GPT2LMHeadModel, LlamaForCausalLM, PreTrainedModel

from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.batch import IGNORED, Order
from cygnet.tokens.build import build
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from cygnet.transformer.attention import document_mask, model_inputs, to_tensors
from cygnet.transformer.evaluation import LossSum, evaluate
from cygnet.transformer.loss import token_losses
from cygnet.transformer.meter import TIMINGS
from cygnet.transformer.presets import gpt2, llama
from cygnet.transformer.rows import WindowDataset
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train
from training_lab import StopAt, StopError

BYTES = Tokenizer([])
SHAPE: dict[str, Any] = {"n_layer": 2, "n_head": 2, "n_embd": 32, "block_size": 24}


def make_model(preset: str, attention: str) -> PreTrainedModel:
    torch.manual_seed(0)
    if preset == "gpt2":
        config, kind = gpt2(257, **SHAPE, boundary_id=256), GPT2LMHeadModel
    else:
        config, kind = llama(257, **SHAPE, boundary_id=256), LlamaForCausalLM
    model = kind._from_config(config, attn_implementation=attention)
    assert isinstance(model, PreTrainedModel)
    # The first weights are small: larger ones let a token feel what it sees.
    for weight in model.parameters():
        if weight.ndim == 2:
            weight.data.mul_(8)
    return model.eval()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    folder = tmp_path_factory.mktemp("packed")
    texts = ["a red ball", "Tom ran", "x" * 30, "the end", "one", "she said no"]
    build(folder, BYTES, {"train": texts, "valid": texts[1:4]})
    return TokenStore.open(folder)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("preset", ["gpt2", "llama"])
def test_logits_do_not_depend_on_the_neighbour(
    store: TokenStore, preset: str, attention: str
) -> None:
    model = make_model(preset, attention)
    plan = store.plan("train", block_size=24, order="packed")
    batch = plan.read(np.arange(len(plan)))
    rows = to_tensors(batch)
    x, ids = rows["x"], rows["document_ids"]

    def logits(x: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            found: torch.Tensor = model(
                **model_inputs(model, x, rows["positions"], rows["document_ids"])
            ).logits
        return found

    before = logits(x)
    shared = [row for row in range(len(x)) if len(set(ids[row].tolist()) - {-1}) > 1]
    assert shared
    for row in shared:
        for document in set(ids[row].tolist()):
            inside = ids[row] == document
            changed = x.clone()
            changed[row, ~inside] = 77
            after = logits(changed)
            assert torch.equal(after[row, inside], before[row, inside])
            # ... and are those of the document alone.
            alone = model(input_ids=x[row, inside][None], use_cache=False).logits[0]
            assert torch.allclose(alone, before[row, inside], atol=1e-4)
            # Without the mask they do depend on it.
            with torch.inference_mode():
                plain, other = (model(input_ids=t[row][None]).logits[0] for t in (x, changed))
            if not inside[0]:
                assert not torch.allclose(plain[inside], other[inside], atol=1e-3)


def test_a_mask_for_scores_is_the_mask_for_tokens() -> None:
    ids = torch.tensor([[3, 3, 9, -1, -1], [4, 4, 4, 4, 4]])
    allowed = document_mask(ids)
    for row in range(2):
        for i in range(5):
            for j in range(5):
                expected = j <= i and ids[row, i] == ids[row, j]
                assert bool(allowed[row, 0, i, j]) == bool(expected)
    scores = document_mask(ids, torch.float32)
    assert torch.equal(scores == 0, allowed)
    assert (scores[~allowed] == torch.finfo(torch.float32).min).all()


def test_ignored_targets_have_no_loss(store: TokenStore) -> None:
    model = make_model("llama", "eager")
    plan = store.plan("train", block_size=24, order="packed")
    batch = plan.read(np.arange(len(plan)))
    assert batch.mask is not None
    losses = token_losses(model, **to_tensors(batch))
    assert (losses[torch.from_numpy(~batch.mask)] == 0).all()
    assert (losses[torch.from_numpy(batch.mask)] > 0).all()
    total = LossSum()
    total.add(losses, torch.from_numpy(batch.y), torch.from_numpy(BYTES.token_lengths()))
    assert total.tokens == store.split("train").tokens
    assert total.text_bytes == store.split("train").text_bytes


def test_evaluation_of_packed_rows_is_that_of_the_documents(store: TokenStore) -> None:
    model = make_model("gpt2", "eager")
    shape: dict[str, Any] = {"block_size": 24, "batch_size": 2}
    lengths = BYTES.token_lengths()
    found = evaluate(model, store, "valid", lengths, order="packed", **shape)
    nats, tokens = 0.0, 0
    for document in store.documents("valid"):
        ids = torch.tensor([256, *document.tolist()])
        for first in range(0, len(document), 24):
            part = ids[first : first + 25][None]
            with torch.inference_mode():
                nats += float(token_losses(model, part[:, :-1], part[:, 1:]).sum())
            tokens += part.shape[1] - 1
    assert found.tokens == tokens == store.split("valid").tokens
    assert found.nats_per_token == pytest.approx(nats / tokens, rel=1e-4)
    some = evaluate(model, store, "valid", lengths, order="packed", max_tokens=24, **shape)
    assert 0 < some.tokens <= 24


def test_evaluation_leaves_out_what_is_masked(tmp_path: Path) -> None:
    model = make_model("gpt2", "eager")
    documents = [([*b"2+2=four"], [0] * 4 + [1] * 4), ([*b"ab"], [0, 0])]
    build_from_ids(tmp_path, BYTES, {"valid": documents})
    store = TokenStore.open(tmp_path)
    for order in ("random", "packed"):
        found = evaluate(model, store, "valid", BYTES.token_lengths(), order=order,
                         block_size=24, batch_size=2)  # fmt: skip
        assert (found.tokens, found.text_bytes) == (5, 4)  # "four" and its boundary
        assert found.nats_per_token > 0


OPTIONS = TransformerOptions(
    **{**SHAPE, "n_embd": 16},
    batch_size=3,
    steps=8,
    learning_rate=1e-2,
    log_every=2,
    eval_every=2,
    precision="fp32",
)


@pytest.mark.parametrize("order", ["random", "epoch", "packed"])
def test_training_that_stops_ends_with_the_same_weights(
    store: TokenStore, order: Order, tmp_path: Path
) -> None:
    options = dataclasses.replace(OPTIONS, order=order)

    def run(folder: Path, stop_at: int | None = None) -> tuple[dict[str, Any], list[Any]]:
        model = new_model(options, BYTES)
        stop = [StopAt(stop_at)] if stop_at else []
        result = train(model, store, folder, options, BYTES.token_lengths(), stop)
        metrics = dict(result.metrics)
        for name in TIMINGS:
            del metrics[name]
        return metrics, [weight.clone() for weight in result.model.state_dict().values()]

    metrics, weights = run(tmp_path / "whole")
    with pytest.raises(StopError):
        run(tmp_path / "stopped", stop_at=5)
    assert (tmp_path / "stopped" / "checkpoints" / "checkpoint-4").exists()
    found, others = run(tmp_path / "stopped")
    assert found == metrics
    assert all(torch.equal(one, other) for one, other in zip(weights, others, strict=True))


def test_the_loss_is_the_mean_of_what_counts(store: TokenStore, tmp_path: Path) -> None:
    options = dataclasses.replace(OPTIONS, order="packed", steps=1, log_every=1, eval_every=1)
    result = train(new_model(options, BYTES), store, tmp_path, options, BYTES.token_lengths())
    model = new_model(options, BYTES)
    batch = store.get_batch(
        "train", step=0, batch_size=3, block_size=24, seed=options.seed, order="packed"
    )
    assert batch.mask is not None
    assert not batch.mask.all()
    losses = token_losses(model, **to_tensors(batch))
    losses[torch.from_numpy(batch.mask)].mean().backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients))
    assert result.metrics["grad_norm"] == pytest.approx(norm, rel=1e-4)


def test_masked_targets_are_not_learned(tmp_path: Path) -> None:
    """What stands behind a mask changes nothing in training, where nothing is predicted from it."""

    def weights(name: str, ending: bytes) -> list[torch.Tensor]:
        folder = tmp_path / name
        documents = [([*b"abcdefgh", *ending], [1] * 8 + [0] * len(ending))] * 6
        build_from_ids(folder, BYTES, {"train": documents})
        options = dataclasses.replace(OPTIONS, order="packed", steps=2)
        model = new_model(options, BYTES)
        train(model, TokenStore.open(folder), folder / "run", options, BYTES.token_lengths())
        return [copy.deepcopy(weight) for weight in model.state_dict().values()]

    first, second = weights("a", b"xyz"), weights("b", b"uvw")
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_workers_read_what_the_store_gives(store: TokenStore, context: str) -> None:
    options = dataclasses.replace(OPTIONS, order="packed", steps=3)
    data = WindowDataset(store, options)
    loader = DataLoader(
        data, batch_size=3, collate_fn=same, num_workers=1, multiprocessing_context=context
    )
    for step, rows in enumerate(loader):
        expected = store.get_batch(
            "train", step=step, batch_size=3, block_size=24, seed=options.seed, order="packed"
        )
        assert (rows["x"].numpy() == expected.x).all()
        assert (rows["y"].numpy() == expected.y).all()
        assert (rows["y"] == IGNORED).any() == (expected.y == IGNORED).any()
    assert step == 2


def same(rows: Any) -> Any:
    """``WindowDataset`` gives whole batches."""
    return rows
