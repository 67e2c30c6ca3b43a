"""The model: loss, figures, evaluation, generation, checkpoints."""

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2LMHeadModel

from cygnet.errors import DamagedError, InputError
from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore
from cygnet.transformer.checkpoints import find_last_good, seal
from cygnet.transformer.evaluation import evaluate
from cygnet.transformer.figures import token_figures
from cygnet.transformer.generation import generate
from cygnet.transformer.loss import token_losses
from cygnet.transformer.metrics import read_lines_until
from cygnet.transformer.model import load_model
from cygnet.transformer.presets import gpt2
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import train

BYTES = Tokenizer([])


@pytest.fixture(scope="module")
def model() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = gpt2(257, n_layer=2, n_head=2, n_embd=32, block_size=16, boundary_id=256)
    return GPT2LMHeadModel(config).eval()


def test_loss_is_that_of_transformers(model: GPT2LMHeadModel) -> None:
    ids = torch.randint(0, 257, (3, 16))
    losses = token_losses(model, ids[:, :-1], ids[:, 1:])
    # transformers shifts the labels itself
    expected = model(input_ids=ids, labels=ids).loss
    assert torch.isclose(losses.mean(), expected)


def test_evaluation_predicts_every_token_once(model: GPT2LMHeadModel, tmp_path: Path) -> None:
    build(tmp_path, BYTES, {"valid": ["Once upon a time", "there was a pit."]})
    store = TokenStore.open(tmp_path)
    lengths = BYTES.token_lengths()
    found = evaluate(model, store, "valid", lengths, block_size=7, batch_size=2)
    assert found.tokens == store.split("valid").tokens
    assert found.text_bytes == store.split("valid").text_bytes

    tokens = [256, *store.read("valid", 0, found.tokens).tolist()]
    nats, text_nats = 0.0, 0.0
    for i in range(1, len(tokens)):
        begin = (i - 1) // 7 * 7
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([tokens[begin:i]])).logits[0, -1]
        nat = -float(torch.log_softmax(logits, -1)[tokens[i]])
        nats += nat
        text_nats += nat if tokens[i] < 256 else 0.0
    assert found.nats_per_token == pytest.approx(nats / found.tokens, rel=1e-5)
    assert found.bits_per_byte == pytest.approx(text_nats / math.log(2) / 32, rel=1e-5)

    part = evaluate(model, store, "valid", lengths, block_size=7, batch_size=2, max_tokens=14)
    assert part.tokens == 14


def test_figures_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(2), math.log(5)], [1.0, 1.0, 1.0]])
    first, second = token_figures(logits, torch.tensor([1, 0]), n_alternatives=2)
    assert first.probability == pytest.approx(2 / 8)
    assert first.rank == 2
    assert first.entropy == pytest.approx(-sum(p * math.log2(p) for p in (1 / 8, 2 / 8, 5 / 8)))
    assert [token for token, _ in first.alternatives] == [2, 1]
    assert first.alternatives[0][1] == pytest.approx(5 / 8)
    assert (second.rank, second.entropy) == (1, pytest.approx(math.log2(3)))


def test_greedy_generation_is_that_of_transformers(model: GPT2LMHeadModel) -> None:
    found = [step.id for step in generate(model, BYTES, "On", max_tokens=10, temperature=0)]
    prompt = torch.tensor([[256, *b"On"]])
    expected = model.generate(prompt, max_new_tokens=10, do_sample=False, pad_token_id=256)
    assert found == [token for token in expected[0, 3:].tolist() if token != 256]


def test_generation_is_seeded_and_obeys_its_limits(model: GPT2LMHeadModel) -> None:
    def ids(**options: object) -> list[int]:
        return [step.id for step in generate(model, BYTES, "a", **options)]  # type: ignore[arg-type]

    assert ids(max_tokens=12, seed=1) == ids(max_tokens=12, seed=1)
    assert ids(max_tokens=12, seed=1) != ids(max_tokens=12, seed=2)
    assert ids(max_tokens=12, top_k=1, seed=5) == ids(max_tokens=12, temperature=0)
    assert ids(max_tokens=12, top_p=1e-6, seed=5) == ids(max_tokens=12, temperature=0)
    assert len(ids(max_tokens=60, seed=3)) > 16  # goes on when the context is full
    steps = list(generate(model, BYTES, "a", max_tokens=30, top_k=4, seed=2, n_alternatives=4))
    assert all(step.before.rank <= 4 for step in steps)
    assert all(step.id in [token for token, _ in step.before.alternatives] for step in steps)
    for wrong in ({"temperature": -1.0}, {"top_k": 0}, {"top_p": 0.0}, {"max_tokens": -1}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            ids(**wrong)


def test_text_is_there_as_soon_as_its_token_is_drawn(model: GPT2LMHeadModel) -> None:
    drawn = []

    def ids() -> Iterator[int]:
        for step in generate(model, BYTES, "a", max_tokens=5, seed=1):
            drawn.append(step.id)
            yield step.id

    stream = BYTES.decode_stream(ids())
    for n in range(1, 5):
        next(stream)
        assert len(drawn) == n


def test_a_model_that_diverged_is_refused(model: GPT2LMHeadModel) -> None:
    broken = copy.deepcopy(model)
    broken.transformer.wte.weight.data.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        list(generate(broken, BYTES, "a"))


def test_figures_do_not_depend_on_temperature(model: GPT2LMHeadModel) -> None:
    hot = next(generate(model, BYTES, "a", temperature=5.0, seed=1))
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([[256, *b"a"]])).logits[0, -1]
    assert hot.before.log_probability == pytest.approx(float(torch.log_softmax(logits, -1)[hot.id]))


def test_generation_ends_at_the_boundary(model: GPT2LMHeadModel) -> None:
    class Ends(GPT2LMHeadModel):
        def forward(self, *args: object, **kwargs: object) -> object:
            output = super().forward(*args, **kwargs)  # type: ignore[arg-type]
            output.logits[..., 256] = 1e9
            return output

    assert list(generate(Ends(model.config).eval(), BYTES, "a")) == []


def test_finished_run_is_a_model_folder(finished_run: Path) -> None:
    folder = finished_run / "transformer"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = Tokenizer.load(finished_run)
    assert model.config.vocab_size == tokenizer.vocab_size
    assert not list(folder.rglob("*.bin")) + list(folder.rglob("*.pt"))
    record = json.loads((folder / "stage.json").read_text())
    store = TokenStore.open(finished_run)
    with torch.autocast("cpu", torch.bfloat16, enabled=record["results"]["precision"] == "bf16"):
        found = evaluate(
            load_model(finished_run),
            store,
            "valid",
            tokenizer.token_lengths(),
            block_size=64,
            batch_size=8,
        )
    assert found.bits_per_byte == pytest.approx(record["results"]["valid_bits_per_byte"], rel=1e-4)
    assert found.text_bytes == store.split("valid").text_bytes


def test_training_learns(finished_run: Path) -> None:
    lines = (finished_run / "transformer" / "metrics.jsonl").read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    assert [line["step"] for line in metrics] == list(range(2, 242, 2))
    assert [line["tokens"] for line in metrics] == [step * 512 for step in range(2, 242, 2)]
    valid = [line["valid_bits_per_byte"] for line in metrics[9::10]]
    assert sum("valid_bits_per_byte" in line for line in metrics) == len(valid)
    assert valid[-1] < valid[0] - 0.2
    vocab_size = Tokenizer.load(finished_run).vocab_size
    assert metrics[-1]["train_nats_per_token"] < math.log(vocab_size)


def test_damaged_weights_are_refused(finished_run: Path, tmp_path: Path) -> None:
    for name in ("config.json", "stage.json", "metrics.jsonl"):
        (tmp_path / name).write_bytes((finished_run / "transformer" / name).read_bytes())
    weights = bytearray((finished_run / "transformer" / "model.safetensors").read_bytes())
    weights[-3] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(DamagedError):
        load_model(tmp_path)
    (tmp_path / "stage.json").unlink()  # a folder from elsewhere, cut short
    (tmp_path / "model.safetensors").write_bytes(weights[:-100])
    with pytest.raises(DamagedError, match="cannot be loaded"):
        load_model(tmp_path)
    with pytest.raises(InputError, match="holds no model"):
        load_model(tmp_path / "nothing")


def make_checkpoint(folder: Path, step: int, content: str = "weights") -> Path:
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    (checkpoint / "model.safetensors").write_text(content)
    seal(checkpoint, {})
    return checkpoint


def test_last_good_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert find_last_good(tmp_path, {}) is None
    old, new = make_checkpoint(tmp_path, 90), make_checkpoint(tmp_path, 100)
    assert find_last_good(tmp_path, {}) == new
    (tmp_path / "checkpoint-110").mkdir()  # killed while it was written
    assert find_last_good(tmp_path, {}) == new
    assert not (tmp_path / "checkpoint-110").exists()
    (new / "model.safetensors").write_text("weightz")
    assert find_last_good(tmp_path, {}) == old
    assert "checkpoint-100 is damaged: going on from checkpoint-90" in capsys.readouterr().err
    assert not new.exists()
    (old / "model.safetensors").unlink()
    with pytest.raises(DamagedError, match="no other is left; --overwrite"):
        find_last_good(tmp_path, {})


def test_metrics_behind_a_checkpoint_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 10}\n{"step": 20}\n{"step": 30}\n{"ste')
    assert read_lines_until(path, 20) == ['{"step": 10}\n', '{"step": 20}\n']
    assert read_lines_until(tmp_path / "none", 20) == []


def test_lengths_leave_out_special_tokens() -> None:
    assert BYTES.token_lengths().tolist() == [1] * 256 + [0]
    assert BYTES.token_lengths().dtype == np.int64


def test_training_that_had_reached_its_end_is_not_repeated(tmp_path: Path) -> None:
    """Killed between the last checkpoint and the record of the stage."""
    texts = [f"{name} had a red ball. " * 3 for name in ("Mia", "Tom", "Ben")]
    build(tmp_path / "tokens", BYTES, {"train": texts, "valid": texts[:1]})
    store = TokenStore.open(tmp_path / "tokens")
    options = TransformerOptions(
        n_layer=1,
        n_head=1,
        n_embd=16,
        block_size=16,
        batch_size=2,
        steps=7,
        learning_rate=1e-2,
        log_every=2,
        eval_every=4,
    )

    def weights() -> dict[str, torch.Tensor]:
        model = new_model(options, BYTES)
        result = train(model, store, tmp_path / "run", options, BYTES.token_lengths())
        return dict(result.model.state_dict())

    first = weights()
    metrics = tmp_path / "run" / "metrics.jsonl"
    lines = metrics.read_text()
    assert [json.loads(line)["step"] for line in lines.splitlines()] == [2, 4, 6, 7]
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == ["checkpoint-4", "checkpoint-7", "precision.json", "throughput.json"]
    assert not list((tmp_path / "run").rglob("training_args.bin"))
    second = weights()
    assert metrics.read_text() == lines
    assert all(torch.equal(first[name], second[name]) for name in first)
