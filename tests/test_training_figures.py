"""The figures of a training: what each is, and that a kill changes none but the times."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    GPT2Config,
    LlamaConfig,
    MambaConfig,
    Qwen2Config,
)

from cygnet.tokens.batch import IGNORED
from cygnet.tokens.build_ids import build_from_ids
from cygnet.tokens.store import TokenStore
from cygnet.transformer.evaluation import LossSum, bytes_ratio, evaluate
from cygnet.transformer.flops import flops_per_token
from cygnet.transformer.meter import TIMINGS
from cygnet.transformer.metrics import METRICS
from cygnet.transformer.rows import WindowDataset
from cygnet.transformer.stage import new_model
from cygnet.transformer.throughput import measure_throughput, settle_throughput
from training_lab import BYTES, StopAt, StopError, lines_of, make_store, options_of, run


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> TokenStore:
    return make_store(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def lines(store: TokenStore, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("whole")
    run(store, folder, options_of())
    return lines_of(folder / METRICS)


def test_first_lines_are_those_of_a_loop_of_its_own(
    store: TokenStore, lines: list[dict[str, Any]]
) -> None:
    """Loss, bytes, gradient and learning rate of two steps, computed with torch alone."""
    options = options_of()
    model, data = new_model(options, BYTES), WindowDataset(store, options)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0, betas=(0.9, 0.95), weight_decay=0.1)
    nats, text_nats, text_bytes, norm = [], 0.0, 0, 0.0
    for step in range(2):
        rows = data.__getitems__([*range(step * 4, step * 4 + 4)])
        logits = model(rows["x"]).logits
        losses = -logits.log_softmax(-1).gather(-1, rows["y"][..., None])[..., 0]
        nats.append(losses.mean().item())
        text_nats += losses[rows["y"] < 256].sum().item()
        text_bytes += int((rows["y"] < 256).sum())
        optimizer.zero_grad()
        losses.mean().backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        optimizer.param_groups[0]["lr"] = 1e-3 * step / 4
        optimizer.step()
    first = lines[0]
    assert first["first_step_nats_per_token"] == pytest.approx(nats[0], rel=1e-5)
    assert first["train_nats_per_token"] == pytest.approx(sum(nats) / 2, rel=1e-5)
    expected = text_nats / math.log(2) / text_bytes
    assert first["train_bits_per_byte"] == pytest.approx(expected, rel=1e-5)
    assert first["grad_norm"] == pytest.approx(norm, rel=1e-4)
    assert first["learning_rate"] == pytest.approx(1e-3 / 4)
    assert (first["step"], first["tokens"]) == (2, 2 * 4 * 32)
    assert first["epochs"] == pytest.approx(256 / store.split("train").tokens)
    assert not any("first_step_nats_per_token" in line for line in lines[1:])


def test_validation_takes_the_whole_split_by_default(
    store: TokenStore, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    whole = store.split("valid").tokens
    assert {line["step"]: line.get("valid_tokens") for line in lines[3::4]} == {
        8: whole,
        16: whole,
        24: whole,
    }
    run(store, tmp_path, options_of(eval_tokens=64))
    found = [line["valid_tokens"] for line in lines_of(tmp_path / METRICS)[3::4]]
    assert found == [64, 64, whole]


def test_times_and_shares(lines: list[dict[str, Any]]) -> None:
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds) and seconds[0] > 0
    for line in lines:
        assert line["tokens_per_second"] > 0
        assert line["share_of_peak"] > 0
    ratios = [line["share_of_peak"] / line["tokens_per_second"] for line in lines]
    assert max(ratios) == pytest.approx(min(ratios), rel=1e-3)  # they are rounded


@pytest.mark.parametrize("order", ["epoch", "packed"])
def test_an_epoch_in_order_is_each_row_once(store: TokenStore, tmp_path: Path, order: Any) -> None:
    n_rows = len(store.plan("train", block_size=32, order=order))
    options = options_of(order=order, batch_size=n_rows, steps=2, n_layer=1, eval_tokens=32)
    run(store, tmp_path, options)
    assert lines_of(tmp_path / METRICS)[-1]["epochs"] == 2.0


def test_lines_after_an_interruption_are_the_same_but_for_the_times(
    store: TokenStore, lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    for step in (5, 13, 22):
        with pytest.raises(StopError):
            run(store, tmp_path, options_of(), callbacks=[StopAt(step)])
    kept = tmp_path / "checkpoints" / "throughput.json"
    measured = kept.read_text()
    run(store, tmp_path, options_of())
    found = lines_of(tmp_path / METRICS)
    assert kept.read_text() == measured
    seconds = [line["seconds"] for line in found]
    assert seconds == sorted(seconds)
    for name in TIMINGS:
        assert all(line.pop(name) > 0 for line in found)
    assert found == [{k: v for k, v in line.items() if k not in TIMINGS} for line in lines]


def test_bytes_are_those_of_the_manifest_where_text_was_lost(tmp_path: Path) -> None:
    """A manifest that counts more bytes than its tokens decode to, as with unknown tokens."""
    store = make_store(tmp_path / "tokens")
    options, lengths = options_of(steps=2, eval_every=2), BYTES.token_lengths()
    assert bytes_ratio(store, "valid", lengths) == 1.0
    twice = lengths * 2  # each token stands for two bytes, as far as decoding goes
    model = new_model(options, BYTES)
    found = evaluate(model, store, "valid", twice, block_size=32, batch_size=4)
    assert found.text_bytes == store.split("valid").text_bytes
    part = evaluate(model, store, "valid", twice, block_size=32, batch_size=4, max_tokens=64)
    expected = evaluate(model, store, "valid", lengths, block_size=32, batch_size=4, max_tokens=64)
    assert part.bits_per_byte == expected.bits_per_byte


def test_masked_targets_and_special_tokens_do_not_count(tmp_path: Path) -> None:
    documents = [(list(b"question"), [0] * 8), (list(b"answer"), [1] * 6)] * 20
    build_from_ids(tmp_path / "tokens", BYTES, {"train": documents, "valid": documents})
    store = TokenStore.open(tmp_path / "tokens")
    options = options_of(order="epoch", steps=2, eval_every=2, block_size=8, n_embd=16)
    run(store, tmp_path / "run", options)
    last = lines_of(tmp_path / "run" / METRICS)[-1]
    assert last["valid_tokens"] == 20 * 7  # an answer and its boundary
    model = new_model(options, BYTES)
    found = evaluate(model, store, "valid", BYTES.token_lengths(), block_size=8, batch_size=4)
    assert (found.tokens, found.text_bytes) == (20 * 7, 20 * 6)


def test_sums_wait_as_tensors() -> None:
    lengths = torch.tensor([1, 2, 0])
    total = LossSum()
    for _ in range(3):
        losses = torch.tensor([1.0, 2.0, 4.0, 0.0], requires_grad=True)
        total.add(losses, torch.tensor([0, 1, 2, IGNORED]), lengths)
    assert len(total._waiting) == 3
    assert total.sums().tolist() == [21, 9, 9, 9]
    assert not total._waiting
    assert total.bits_per_byte == 9 / math.log(2) / 9
    total.add(torch.tensor([1.0]), torch.tensor([2]), lengths)
    assert (total.tokens, total.text_bytes) == (10, 9)


CONFIGS = {
    "gpt2": GPT2Config(vocab_size=300, n_embd=64, n_layer=2, n_head=4, n_positions=32),
    "untied": GPT2Config(
        vocab_size=300, n_embd=64, n_layer=2, n_head=4, n_positions=32, tie_word_embeddings=False
    ),
    "grouped": Qwen2Config(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    ),
    "wide heads": LlamaConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        head_dim=32,
    ),
}


def test_flops_of_a_model_without_attention_are_not_known() -> None:
    assert (
        flops_per_token(MambaConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1), 8) is None
    )


def test_throughput_is_measured_once(tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    path = tmp_path / "throughput.json"
    found = settle_throughput("fp32", cpu, path)
    assert 1e8 < found < 1e14
    assert settle_throughput("fp32", cpu, path) == found
    assert measure_throughput("fp32", cpu) != found
