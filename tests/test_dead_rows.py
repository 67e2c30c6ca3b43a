"""The reference model, and what may be done with dead rows in its training."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel

from cygnet.errors import InputError
from cygnet.recipe import TransformerOptions
from cygnet.recipes import duckling_transformer
from cygnet.tokenizer.compact import CompactTokenizer
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.dead_rows import FrozenRows, mask_rows
from cygnet.transformer.generation import generate
from cygnet.transformer.model import load_model
from cygnet.transformer.presets import duckling_ii
from cygnet.transformer.recorder import EmbeddingRecorder, embedding_matrices
from cygnet.transformer.snapshots import Snapshots
from cygnet.transformer.stage import new_model, row_callbacks, save_model
from cygnet.transformer.training import training_arguments
from recorder_lab import BLOCK, EVERYTHING, blocks, new_trainer
from recorder_lab import new_model as tiny_model

N_LIVE, DEAD = 30, list(range(30, 40))
STEPS = 6


def with_dead() -> Tokenizer:
    """As many rows as the reference vocabulary, of which 2,048 are dead."""
    tokenizer = Tokenizer([], n_dead=8192 - 257)
    tokenizer.dead_ids = range(6144, 8192)
    return tokenizer


def test_reference_model() -> None:
    config = duckling_ii()
    assert (config.n_layer, config.n_embd, config.n_head) == (2, 128, 2)
    assert (config.n_positions, config.vocab_size) == (512, 8192)
    assert config.activation_function == "gelu"
    assert config.resid_pdrop == config.embd_pdrop == config.attn_pdrop == 0
    model = GPT2LMHeadModel(config)
    assert model.num_parameters() == 1_510_912
    assert model.transformer.h[0].mlp.c_fc.nf == 512
    assert model.lm_head.weight is model.transformer.wte.weight


def test_recipe_is_that_of_the_reference(tmp_path: Path) -> None:
    options = duckling_transformer()
    model = new_model(options, with_dead())
    assert model.num_parameters() == 1_510_912
    assert model.config.activation_function == "gelu"
    arguments = training_arguments(options, tmp_path, options.precision, "cpu")
    assert arguments.learning_rate == 1e-4
    assert arguments.weight_decay == 0.01
    assert arguments.max_grad_norm == 1.0
    assert (arguments.adam_beta1, arguments.adam_beta2, arguments.adam_epsilon) == (
        0.9,
        0.999,
        1e-8,
    )
    assert arguments.lr_scheduler_type == "linear"
    assert arguments.warmup_steps == 0
    assert arguments.per_device_train_batch_size == 2
    assert arguments.bf16
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert arguments.seed == 42
    assert options.order == "epoch"


def test_untied_model_has_two_matrices() -> None:
    options = replaced(tie_embeddings=False)
    found = embedding_matrices(new_model(options, with_dead()))
    assert found["W_E"].shape == found["W_U"].shape == (8192, 128)
    assert not torch.equal(found["W_E"], found["W_U"])


def replaced(**changes: Any) -> TransformerOptions:
    return dataclasses.replace(duckling_transformer(), **changes)


@pytest.mark.parametrize("tied", [True, False])
def test_frozen_rows_stay_bit_by_bit(tmp_path: Path, tied: bool) -> None:
    def train(*callbacks: Any) -> dict[str, torch.Tensor]:
        model = tiny_model(tied)
        data = blocks(N_LIVE)
        new_trainer(tmp_path, callbacks, model, data, max_steps=STEPS, weight_decay=0.5).train()
        return {name: W.detach().clone() for name, W in embedding_matrices(model).items()}

    recorder = EmbeddingRecorder(tmp_path / "r", every=1, rows=DEAD, what=EVERYTHING)
    first = embedding_matrices(tiny_model(tied))
    frozen, free = train(recorder, FrozenRows(DEAD)), train()
    for name, matrix in first.items():
        assert torch.equal(frozen[name][DEAD], matrix[DEAD])
        assert (free[name][DEAD] != matrix[DEAD]).all()
        assert (frozen[name][:N_LIVE] != matrix[:N_LIVE]).all()
    arrays = Snapshots.open(tmp_path / "r").arrays
    for file, array in arrays.items():
        kept = array[:1] if file.endswith("snapshots") else np.zeros(1, np.float32)
        assert np.array_equal(array[1:], np.broadcast_to(kept, array[1:].shape)), file


def test_frozen_rows_count_in_no_gradient_norm(tmp_path: Path) -> None:
    """The others are trained as by a model whose dead rows are constants, by hand."""
    model, by_hand, batches = tiny_model(), tiny_model(), []
    model.register_forward_pre_hook(
        lambda module, args, inputs: batches.append(inputs), with_kwargs=True
    )
    new_trainer(
        tmp_path,
        [FrozenRows(DEAD)],
        model,
        blocks(N_LIVE),
        max_steps=1,
        max_grad_norm=1e-3,
        optim="sgd",
        learning_rate=1.0,
    ).train()
    by_hand(**batches[0]).loss.backward()
    embedding = by_hand.transformer.wte.weight
    embedding.grad[DEAD] = 0  # type: ignore[index]
    torch.nn.utils.clip_grad_norm_(by_hand.parameters(), 1e-3)
    expected = embedding - embedding.grad  # type: ignore[operator]
    assert torch.allclose(model.transformer.wte.weight, expected, atol=1e-7, rtol=0)
    assert (model.transformer.wte.weight != tiny_model().transformer.wte.weight).any()


def test_rows_are_trained_again_afterwards(tmp_path: Path) -> None:
    model = tiny_model()
    new_trainer(tmp_path, [FrozenRows(DEAD)], model, blocks(N_LIVE), max_steps=1).train()
    before = model.transformer.wte.weight.detach().clone()
    new_trainer(tmp_path, [], model, blocks(N_LIVE), max_steps=1).train()
    assert (model.transformer.wte.weight[DEAD] != before[DEAD]).any()


@pytest.mark.parametrize("tied", [True, False])
def test_masked_rows_are_moved_by_weight_decay_alone(tmp_path: Path, tied: bool) -> None:
    model = tiny_model(tied)
    first = {name: W.detach().clone() for name, W in embedding_matrices(model).items()}
    mask_rows(model, DEAD)
    recorder = EmbeddingRecorder(tmp_path / "r", every=1, rows=DEAD, what=["grad"])
    options = {"weight_decay": 0.5, "lr_scheduler_type": "constant", "learning_rate": 0.01}
    new_trainer(tmp_path, [recorder], model, blocks(N_LIVE), max_steps=STEPS, **options).train()
    for name, matrix in embedding_matrices(model).items():
        expected = first[name][DEAD] * (1 - 0.5 * 0.01) ** STEPS
        assert torch.allclose(matrix[DEAD], expected, rtol=1e-5)
    for array in Snapshots.open(tmp_path / "r").arrays.values():
        assert not array[1:].any()


def test_masked_loss_is_that_over_the_live_tokens() -> None:
    model, ids = tiny_model(), blocks(N_LIVE)[0]["input_ids"][None]
    logits = model(input_ids=ids).logits[0, :-1, :N_LIVE]
    mask_rows(model, DEAD)
    found = model(input_ids=ids, labels=ids).loss
    assert torch.isclose(found, cross_entropy(logits, ids[0, 1:]))


def test_mask_is_saved_with_the_model(tmp_path: Path) -> None:
    model, ids = tiny_model().eval(), blocks(N_LIVE)[0]["input_ids"][None]
    plain = model(input_ids=ids).logits
    mask_rows(model, DEAD)
    masked = model(input_ids=ids).logits
    assert torch.equal(plain[..., :N_LIVE], masked[..., :N_LIVE])
    assert torch.isneginf(masked[..., DEAD]).all()
    save_model(model, tmp_path)
    assert torch.equal(load_model(tmp_path)(input_ids=ids).logits, masked)
    others = GPT2LMHeadModel.from_pretrained(tmp_path)  # without cygnet
    with torch.no_grad():  # a dead token would be drawn at once
        others.transformer.wte.weight[DEAD] *= 100
        drawn = others.generate(ids[:, :1], max_length=BLOCK, do_sample=True, pad_token_id=0)
    assert drawn.max() < N_LIVE


def test_a_masked_model_writes_and_never_draws_a_masked_token() -> None:
    model = tiny_model().eval()
    tokenizer = CompactTokenizer(Tokenizer([]), live_ids=range(97, 127), n_dead=10)

    def drawn() -> set[int]:
        found = generate(model, tokenizer, "abc", max_tokens=200, temperature=2.0)
        return {token.id for token in found}

    assert drawn() & set(DEAD), "otherwise the mask cannot be seen"
    mask_rows(model, DEAD)
    assert not drawn() & set(DEAD)


def test_capped_logits_cannot_be_masked() -> None:
    options = replaced(dead_rows="masked", preset="nanochat")
    with pytest.raises(InputError, match="a nanochat model caps its logits"):
        new_model(options, with_dead())


def test_what_needs_dead_tokens_asks_for_them(tmp_path: Path) -> None:
    for kind in ("frozen", "masked"):
        with pytest.raises(InputError, match="dead_rows needs a tokenizer with dead tokens"):
            options = replaced(dead_rows=kind)
            new_model(options, Tokenizer([]))
            row_callbacks(options, tmp_path, [])
    model = new_model(replaced(dead_rows="masked"), with_dead())
    assert model.config.masked_token_ids == list(range(6144, 8192))
    frozen, recorder = row_callbacks(replaced(dead_rows="frozen"), tmp_path, [1, 2])
    assert isinstance(frozen, FrozenRows)
    assert isinstance(recorder, EmbeddingRecorder)
