"""A training that is killed, with checkpoints damaged or foreign: it goes on, or says why."""

import dataclasses
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import SMALL
from cygnet import cli
from cygnet.errors import DamagedError, InputError, StaleError, StorageError
from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.build import build
from cygnet.tokens.store import TokenStore
from cygnet.transformer import devices, memory, training
from cygnet.transformer.checkpoints import find_last_good, made_from, prune, seal
from cygnet.transformer.devices import settle_device
from cygnet.transformer.meter import TIMINGS
from cygnet.transformer.stage import new_model
from cygnet.transformer.training import TrainingResult, train
from killing import Builder
from training_jobs import BYTES, OPTIONS
from training_lab import StopAt, StopError

KILLS = 4
PLAIN = dataclasses.replace(OPTIONS, record=())
MEASURED = ("n-operations", "throughput.json", "trainer_state.json", "seal.json")
"""Files that hold times, or sums over files that do."""


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokens")
    texts = [f"{name} had a red ball and lost it. " * 3 for name in ("Mia", "Tom", "Ben")]
    build(folder, BYTES, {"train": texts, "valid": texts[:1]})
    return folder


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    started = Builder(tmp_path_factory.mktemp("builder") / "log.txt", "training_jobs.py")
    yield started
    started.close()


def products(folder: Path) -> dict[str, Any]:
    """What a training leaves, by name; of the metrics all but the rate."""
    made: dict[str, Any] = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in MEASURED
    }
    lines = [json.loads(line) for line in made["metrics.jsonl"].splitlines()]
    made["metrics.jsonl"] = [
        {key: value for key, value in line.items() if key not in TIMINGS} for line in lines
    ]
    return made


@pytest.fixture(scope="module")
def whole(builder: Builder, tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    assert builder.run("train", folder, tokens, 0) == 0, builder.said()
    return folder


def check_kill(builder: Builder, tokens: Path, whole: Path, folder: Path, moment: int) -> None:
    assert builder.run("train", folder, tokens, moment) == -9, builder.said()
    assert builder.run("train", folder, tokens, 0) == 0, builder.said()
    found, expected = products(folder), products(whole)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    shutil.rmtree(folder)


def test_killed_at_a_file_operation_it_ends_with_the_same_bytes(
    builder: Builder, tokens: Path, whole: Path, tmp_path: Path
) -> None:
    """While a checkpoint, its seal, the metrics or a recorder's files are written or removed."""
    n = int((whole / "n-operations").read_text())
    assert n > 80
    chance = random.Random(6)
    for i in range(KILLS):
        moment = chance.randint(i * n // KILLS + 1, (i + 1) * n // KILLS)
        check_kill(builder, tokens, whole, tmp_path / "killed", moment)


@pytest.mark.stress
def test_killed_at_each_file_operation_it_ends_with_the_same_bytes(
    builder: Builder, tokens: Path, whole: Path, tmp_path: Path
) -> None:
    for moment in range(1, int((whole / "n-operations").read_text()) + 1):
        check_kill(builder, tokens, whole, tmp_path / "killed", moment)


@pytest.mark.stress
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    builder: Builder, tokens: Path, whole: Path, tmp_path: Path
) -> None:
    chance = random.Random(7)
    for _ in range(30):
        folder = tmp_path / "killed"
        for _ in range(3):
            builder.kill_after(chance.uniform(0, 1), "train", folder, tokens, 0)
        assert builder.run("train", folder, tokens, 0) == 0, builder.said()
        found, expected = products(folder), products(whole)
        assert [name for name in found if found[name] != expected.get(name)] == []
        shutil.rmtree(folder)


def run_training(
    folder: Path, tokens: Path, options: TransformerOptions = PLAIN, stop_at: int | None = None
) -> TrainingResult:
    model = new_model(options, BYTES)
    stop = [StopAt(stop_at)] if stop_at else []
    return train(model, TokenStore.open(tokens), folder, options, BYTES.token_lengths(), stop)


def weights(result: TrainingResult) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in result.model.state_dict().values()]


@pytest.fixture(scope="module")
def stopped(tokens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that ended behind its checkpoints of steps 2 and 4; not to be changed."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(StopError):
        run_training(folder, tokens, stop_at=5)
    return folder


@pytest.fixture
def begun(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped, tmp_path / "begun")
    return tmp_path / "begun"


def origin(tokens: Path, options: TransformerOptions = PLAIN) -> dict[str, Any]:
    return made_from(new_model(options, BYTES), TokenStore.open(tokens), options)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-3]),
    "emptied": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_any_damage_to_the_newest_checkpoint_is_found(
    begun: Path, tokens: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = sorted((begun / "checkpoints").glob("checkpoint-*"))
    assert [path.name for path in kept] == ["checkpoint-2", "checkpoint-4"]
    spare = begun / "spare"
    kept[1].rename(spare)
    for path in spare.iterdir():
        shutil.copytree(spare, kept[1])
        DAMAGES[damage](kept[1] / path.name)
        assert find_last_good(begun / "checkpoints", origin(tokens)) == kept[0], path.name
        assert not kept[1].exists()
        told = capsys.readouterr().err
        # Without its seal a checkpoint is one that was being written.
        assert "going on from checkpoint-2" in told or (damage, path.name) == (
            "missing",
            "seal.json",
        )


def test_a_seal_with_any_byte_changed_is_damaged(begun: Path, tokens: Path) -> None:
    """Neither good, nor taken for one of another training."""
    shutil.rmtree(begun / "checkpoints" / "checkpoint-4")
    path = begun / "checkpoints" / "checkpoint-2" / "seal.json"
    content, expected = path.read_bytes(), origin(tokens)
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        if json_or_none(path) == json.loads(content):  # between two values
            continue
        with pytest.raises(DamagedError, match="no other is left"):
            find_last_good(begun / "checkpoints", expected)
    for other in ("{}", "[]", "3", '{"files": {}}'):
        path.write_text(other)
        with pytest.raises(DamagedError):
            find_last_good(begun / "checkpoints", expected)


def json_or_none(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def test_a_file_that_was_not_sealed_is_damage(begun: Path, tokens: Path) -> None:
    (begun / "checkpoints" / "checkpoint-4" / "pytorch_model.bin").write_bytes(b"a pickle")
    assert find_last_good(begun / "checkpoints", origin(tokens)).name == "checkpoint-2"  # type: ignore[union-attr]


def test_with_a_damaged_checkpoint_it_ends_with_the_same_weights(
    begun: Path, tokens: Path, tmp_path: Path
) -> None:
    flip(begun / "checkpoints" / "checkpoint-4" / "optimizer.pt")
    found, expected = run_training(begun, tokens), run_training(tmp_path / "whole", tokens)
    assert all(map(torch.equal, weights(found), weights(expected)))
    assert products(begun)["metrics.jsonl"] == products(tmp_path / "whole")["metrics.jsonl"]


def test_a_removal_that_was_killed_leaves_nothing_that_looks_whole(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = begun / "checkpoints"
    for step in (6, 7):
        shutil.copytree(folder / "checkpoint-4", folder / f"checkpoint-{step}")

    def killed(path: Path) -> None:
        raise StopError

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(StopError):
            prune(folder)
    assert (folder / "checkpoint-2").exists()
    assert not (folder / "checkpoint-2" / "seal.json").exists()


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "width": ({"n_embd": 32}, "n_embd was 32 and is now 16"),
    "layers": ({"n_layer": 2}, "n_layer was 2 and is now 1"),
    "rate": ({"learning_rate": 0.1}, "learning_rate was 0.1 and is now 0.01"),
    "seed": ({"seed": 1}, "seed was 1 and is now 42"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_checkpoint_of_another_recipe_is_refused(
    begun: Path, tokens: Path, tmp_path: Path, name: str
) -> None:
    change, message = OTHERS[name]
    with pytest.raises(StopError):
        run_training(tmp_path / "other", tokens, dataclasses.replace(PLAIN, **change), stop_at=3)
    foreign = begun / "checkpoints" / "checkpoint-6"
    shutil.copytree(tmp_path / "other" / "checkpoints" / "checkpoint-2", foreign)
    before = products(begun)
    with pytest.raises(StaleError, match=f"checkpoint-6 is of another training: {message}"):
        run_training(begun, tokens)
    assert products(begun) == before


def test_a_checkpoint_of_another_vocabulary_is_refused(begun: Path, tmp_path: Path) -> None:
    texts = ["a red ball and a big dog. " * 4] * 3
    other = Tokenizer([(97, 32)])
    for name, tokenizer in (("vocabulary", other), ("text", BYTES)):
        build(tmp_path / name, tokenizer, {"train": texts, "valid": texts[:1]})
    model = new_model(PLAIN, other)
    with pytest.raises(StaleError, match="vocab_size was 257 and is now 258"):
        train(model, TokenStore.open(tmp_path / "vocabulary"), begun, PLAIN, other.token_lengths())
    with pytest.raises(StaleError, match=r"the token files was .* and is now"):
        run_training(begun, tmp_path / "text")


def test_dropout_is_drawn_again_as_it_was(tokens: Path, tmp_path: Path) -> None:
    def run_with_dropout(folder: Path, stop_at: int | None = None) -> TrainingResult | None:
        model = new_model(PLAIN, BYTES)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.2
        torch.rand(len(str(folder)) + (stop_at or 0))  # whatever was drawn before
        store = TokenStore.open(tokens)
        stop = [StopAt(stop_at)] if stop_at else []
        return train(model, store, folder, PLAIN, BYTES.token_lengths(), stop)

    expected = run_with_dropout(tmp_path / "whole")
    with pytest.raises(StopError):
        run_with_dropout(tmp_path / "stopped", stop_at=5)
    found = run_with_dropout(tmp_path / "stopped")
    assert found is not None
    assert expected is not None
    assert all(map(torch.equal, weights(found), weights(expected)))
    plain = run_training(tmp_path / "plain", tokens)
    assert not all(map(torch.equal, weights(plain), weights(expected)))


@pytest.mark.parametrize("micro", [1, 3])
def test_parts_of_a_batch_are_the_batch(tokens: Path, tmp_path: Path, micro: int) -> None:
    """One row at a time, and three with one left over."""
    at_once = run_training(tmp_path / "whole", tokens)
    in_parts = dataclasses.replace(PLAIN, micro_batch_size=micro)
    with pytest.raises(StopError):
        run_training(tmp_path / "parts", tokens, in_parts, stop_at=5)
    found = run_training(tmp_path / "parts", tokens, in_parts)
    for one, other in zip(weights(at_once), weights(found), strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    one, other = (products(tmp_path / name)["metrics.jsonl"] for name in ("whole", "parts"))
    assert [line["step"] for line in one] == [line["step"] for line in other]
    for expected, line in zip(one, other, strict=True):
        assert line == pytest.approx(expected, rel=1e-4)


def test_a_training_may_go_on_in_parts_and_on_another_device(
    begun: Path, tokens: Path, tmp_path: Path
) -> None:
    changed = dataclasses.replace(PLAIN, micro_batch_size=2, device="auto")
    found, expected = run_training(begun, tokens, changed), run_training(tmp_path / "a", tokens)
    for one, other in zip(weights(found), weights(expected), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_a_batch_that_does_not_fit(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said to fit does, and one row more does not."""
    large = dataclasses.replace(PLAIN, batch_size=10_000_000)
    message = r"10000000 rows of 24 tokens at a time take about .* GB beside the weights, and .* GB"
    with pytest.raises(InputError, match=message) as refusal:
        run_training(tmp_path / "large", tokens, large)
    monkeypatch.setattr(memory, "free_memory", lambda device: 2_000_000.0)
    with pytest.raises(InputError, match="micro-batch-size") as refusal:
        run_training(tmp_path / "large", tokens, dataclasses.replace(PLAIN, batch_size=500))
    fitting = int(str(refusal.value).split("--transformer.micro-batch-size ")[1].split()[0])
    assert 1 <= fitting < 500
    for n in (fitting, fitting + 1):
        options = dataclasses.replace(PLAIN, batch_size=500, micro_batch_size=n, steps=1)
        if n == fitting:
            run_training(tmp_path / "fits", tokens, options)
        else:
            with pytest.raises(InputError, match=f"micro-batch-size {fitting} fits"):
                run_training(tmp_path / "more", tokens, options)
    monkeypatch.setattr(memory, "free_memory", lambda device: 10_000.0)
    with pytest.raises(InputError, match="not even one row fits"):
        run_training(tmp_path / "none", tokens)


def test_looking_at_memory_changes_nothing(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_training(tmp_path / "a", tokens)
    monkeypatch.setattr(training, "check_batch_fits", lambda *arguments: None)
    found = run_training(tmp_path / "b", tokens)
    assert all(map(torch.equal, weights(found), weights(expected)))
    assert products(tmp_path / "a") == products(tmp_path / "b")


def test_memory_that_a_group_of_processes_may_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "sub"
    group.mkdir()
    for folder, most in ((tmp_path, "max"), (group, "1000")):
        (folder / "memory.max").write_text(f"{most}\n")
        (folder / "memory.current").write_text("700\n")
        (folder / "memory.stat").write_text("anon 500\ninactive_file 100\n")
    assert memory._left_in(group) == 400  # pages of files can be had back
    assert memory._left_in(tmp_path) == float("inf")
    assert memory._left_in(tmp_path / "none") == float("inf")
    (group / "memory.max").unlink()
    (group / "memory.limit_in_bytes").write_text("2000\n")
    (group / "memory.usage_in_bytes").write_text("700\n")
    assert memory._left_in(group) == 1400
    assert 0 < memory.free_memory("cpu") < 1e15


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert settle_device("auto") == "cpu"
    with pytest.raises(InputError, match=r"device cuda was asked for, .* there is cpu"):
        settle_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert settle_device("auto") == settle_device("cuda") == "cuda"
    assert settle_device("cpu") == "cpu"
    with pytest.raises(InputError, match=r"device mps .* there is cuda, cpu"):
        settle_device("mps")
    monkeypatch.setattr(devices.ranks, "local_size", lambda: 2)
    with pytest.raises(InputError, match="2 ranks were started here and there are 1 devices"):
        settle_device("auto")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_a_device_that_is_not_there_is_one_line(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder, ignore=shutil.ignore_patterns("transformer", "xray"))
    options = (*SMALL, "--transformer.device", "cuda", "--out")
    assert cli.main(["transformer", "train", "demo", *options, str(folder)]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("cygnet: device cuda was asked for")
    assert "--transformer.device auto takes" in message
    # How something is computed is no other recipe: what was made is not made again.
    assert cli.main(["run", "demo", *options, str(finished_run)]) == 0
    assert capsys.readouterr().err.count("is finished") == 5


def test_a_folder_that_may_not_be_written(
    begun: Path, tokens: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another user; root may write everywhere."""
    before = products(begun)
    allowed = training.check_writable.__globals__["os"]
    monkeypatch.setattr(allowed, "access", lambda path, mode: "checkpoints" not in str(path))
    with pytest.raises(StorageError, match=r"no permission to write .*checkpoints: change it"):
        run_training(begun, tokens)
    assert products(begun) == before


def test_options_of_parts() -> None:
    with pytest.raises(InputError, match="micro_batch_size must be at least 1"):
        training.check_options(dataclasses.replace(PLAIN, micro_batch_size=0), None)  # type: ignore[arg-type]


def test_seal_holds_what_it_was_made_from(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint-1"
    checkpoint.mkdir()
    seal(checkpoint, {"a": 1})
    assert find_last_good(tmp_path, {"a": 1}) == checkpoint
    with pytest.raises(StaleError, match="b was None and is now 2; remove it, or --overwrite"):
        find_last_good(tmp_path, {"a": 1, "b": 2})
