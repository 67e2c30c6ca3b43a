"""Under-trained tokens: indicators, verification and scores, against slow ways to get the same."""

import itertools
import json
import math
import shutil
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from cygnet.cli import main
from cygnet.errors import InputError
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.undertrained.analysis import find_undertrained
from cygnet.xray.undertrained.ground_truth import group_tokens
from cygnet.xray.undertrained.indicators import INDICATORS, first_component, indicators
from cygnet.xray.undertrained.scores import average_precision, found_at, score
from cygnet.xray.undertrained.verification import repetition_probabilities, repetition_prompt
from cygnet.xray.undertrained.vocabulary import DEAD, NO_TOKEN, NO_UTF8, UNREACHABLE

RNG = np.random.default_rng(0)
WIDTH, PLANTED = 16, [5, 40, 41, 90]
Ranked = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=12)


# Indicators


def slow_cosine(a: list[float], b: list[float]) -> float:
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return 1 - dot / (math.hypot(*a) * math.hypot(*b))


def slow_indicators(inputs: Any, outputs: Any, known: list[int]) -> dict[str, list[float]]:
    """By the words of the paper, one number at a time; the component by power iteration."""
    rows = [[float(x) for x in row] for row in outputs]
    width = range(len(rows[0]))
    mean = [math.fsum(row[i] for row in rows) / len(rows) for i in width]
    centred = [[row[i] - mean[i] for i in width] for row in rows]
    component = [1.0 + i for i in width]
    for _ in range(3000):
        along = [math.fsum(row[i] * component[i] for i in width) for row in centred]
        component = [
            math.fsum(a * row[i] for a, row in zip(along, centred, strict=True)) for i in width
        ]
        length = math.hypot(*component)
        component = [x / length for x in component]
    without = []
    for row in rows:
        along = math.fsum(row[i] * component[i] for i in width)
        without.append([row[i] - along * component[i] for i in width])

    def distances(changed: list[list[float]]) -> list[float]:
        to = [math.fsum(changed[k][i] for k in known) / len(known) for i in width]
        return [slow_cosine(row, to) for row in changed]

    found = (distances(rows), distances(centred), distances(without))
    return dict(zip(INDICATORS, (*found, [math.hypot(*row) for row in inputs]), strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_indicators_are_those_of_a_slow_reference(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cygnet.xray.undertrained.indicators.BLOCK", 7)
    stretch = np.linspace(3, 1, 6)
    inputs, outputs = (RNG.normal(1, stretch, (30, 6)).astype(dtype) for _ in range(2))
    found = indicators(inputs, outputs, np.array([3, 8, 20]))
    expected = slow_indicators(inputs, outputs, [3, 8, 20])
    assert list(found) == list(INDICATORS)
    for name in INDICATORS:
        assert found[name] == pytest.approx(np.array(expected[name]), abs=1e-9), name


def test_component_is_that_of_a_singular_value_decomposition() -> None:
    rows = RNG.normal(2, np.linspace(3, 1, 8), (300, 8))
    _, _, directions = np.linalg.svd(rows - rows.mean(0))
    assert abs(first_component(rows) @ directions[0]) == pytest.approx(1, abs=1e-12)


def test_rows_without_length_are_at_distance_one() -> None:
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, -1.0]])
    assert indicators(rows, rows, np.array([1]))["cosine"][0] == 1
    assert (indicators(rows, rows, np.array([0]))["cosine"] == 1).all()


def test_indicators_need_known_rows() -> None:
    rows = np.ones((4, 2))
    none = np.array([], np.int64)
    with pytest.raises(InputError, match="name some with --known-unused"):
        indicators(rows, rows, none)
    assert indicators(rows, rows.copy(), none).keys() == {"input_norm"}  # untied: the norm ranks
    with pytest.raises(InputError, match="token 4 has no row: the embedding has 4, from 0 to 3"):
        indicators(rows, rows, np.array([1, 4]))


# Scores


def orders(ranked: list[tuple[int, bool]]) -> list[tuple[bool, ...]]:
    """Every order of the flags that a stable ranking by value could have."""
    groups = itertools.groupby(sorted(ranked), key=lambda pair: pair[0])
    ways = [set(itertools.permutations([flag for _, flag in group])) for _, group in groups]
    return [tuple(itertools.chain(*way)) for way in itertools.product(*ways)]


@given(Ranked)
def test_average_precision_is_that_of_every_threshold(ranked: list[tuple[int, bool]]) -> None:
    """The definition: sum over thresholds of the growth of recall times precision."""
    positives = sum(flag for _, flag in ranked)
    if not positives:
        return
    expected, recall = 0.0, 0.0
    for threshold in range(7):
        taken = [flag for value, flag in ranked if value <= threshold]
        if taken:
            grown = sum(taken) / positives
            expected += (grown - recall) * sum(taken) / len(taken)
            recall = grown
    values, flags = (np.array(column) for column in zip(*ranked, strict=True))
    assert average_precision(values, flags) == pytest.approx(expected)


@given(st.lists(st.booleans(), min_size=1, max_size=12).filter(any), st.randoms())
def test_average_precision_without_ties_is_the_mean_at_positives(
    flags: list[bool], random: Any
) -> None:
    expected = [sum(flags[: i + 1]) / (i + 1) for i, flag in enumerate(flags) if flag]
    ranked = list(enumerate(flags))
    random.shuffle(ranked)
    values, shuffled = (np.array(column) for column in zip(*ranked, strict=True))
    assert average_precision(values, shuffled) == pytest.approx(np.mean(expected))


@given(Ranked.filter(lambda ranked: len(ranked) <= 7), st.integers(0, 7))
def test_found_at_a_cut_is_the_mean_over_all_orders(ranked: list[tuple[int, bool]], k: int) -> None:
    k = min(k, len(ranked))
    values, flags = (np.array(column) for column in zip(*ranked, strict=True))
    weighted = []
    for order in itertools.permutations(range(len(ranked))):
        if all(values[a] <= values[b] for a, b in itertools.pairwise(order)):
            weighted.append(sum(flags[i] for i in order[:k]))
    assert found_at(values, flags, k) == pytest.approx(np.mean(weighted))


def test_scores_of_a_ranking_by_hand() -> None:
    values = np.array([0.1, 0.9, 0.2, 0.3, 0.8])
    found = score(values, np.array([0, 3, 4]), np.array([2, 1]), ks=(2, 4, 99))
    assert found is not None
    assert found.precision == {2: 0.5, 3: 2 / 3, 4: 0.75}
    assert found.recall == {2: 1 / 3, 3: 2 / 3, 4: 1.0}
    assert found.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert found.chance == 0.6
    assert score(values, np.array([], np.int64), np.array([1]), (1,)) is None


# Groups: what the indicators are told, and what they are to find


def test_half_of_the_dead_rows_is_told_and_the_other_half_judged() -> None:
    counts = np.array([5, 11, 0, 10, 1, *[0] * 10], np.uint64)
    groups = group_tokens(range(6, 15), counts)
    again, other = group_tokens(range(6, 15), counts), group_tokens(range(6, 15), counts, seed=1)
    assert len(groups.known) == 4
    assert set(groups.known) | set(groups.members["dead"]) == set(range(6, 15))
    assert not set(groups.known) & set(np.concatenate(list(groups.members.values())))
    assert np.array_equal(groups.known, again.known)
    assert not np.array_equal(groups.known, other.known)
    assert groups.members["1-10"].tolist() == [0, 3, 4]
    assert groups.members["11-100"].tolist() == [1]
    assert list(groups.members) == ["dead", "seen", "1-10", "11-100", "unseen"]
    assert groups.members["seen"].tolist() == [0, 1, 3, 4]
    assert groups.members["unseen"].tolist() == [2, 5]


def test_groups_refuse_what_is_no_truth() -> None:
    counts = np.array([5, 0, 0, 3], np.uint64)
    with pytest.raises(InputError, match="token 3 is called dead and occurs"):
        group_tokens([1, 3], counts)
    with pytest.raises(InputError, match="all of 2 dead rows are known to be unused"):
        group_tokens([1, 2], counts, np.array([0, 1, 2]))


# Verification


def tiny_gpt2(tied: bool = True, n_positions: int = 64) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=300, n_positions=n_positions, n_embd=WIDTH, n_layer=1, n_head=2,
        tie_word_embeddings=tied, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def tiny_llama(tied: bool = False) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300, hidden_size=WIDTH, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=64, tie_word_embeddings=tied,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def tiny_qwen2(tied: bool = True) -> Qwen2ForCausalLM:
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=300, hidden_size=WIDTH, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=64,
        tie_word_embeddings=tied,
    )  # fmt: skip
    return Qwen2ForCausalLM(config).eval()


def test_verification_is_the_highest_probability_over_prompts() -> None:
    model, separators, prefix = tiny_gpt2(), [[], [7], [8, 9]], [3]
    model.transformer.wte.weight.data *= 40  # a peaked model: the prompts differ
    tokens = np.array([5, 250, 9, *range(100, 140)])
    found = repetition_probabilities(model, tokens, separators, prefix)
    for token, probability in zip(tokens[[0, 1, 2, -1]], found[[0, 1, 2, -1]], strict=True):
        by_prompt = []
        for separator in separators:
            n = min(16, (64 - 1) // (1 + len(separator)))
            ids = torch.tensor([[3, *[int(token), *separator] * n]])
            with torch.no_grad():
                by_prompt.append(float(model(ids).logits[0, -1].double().softmax(0)[token]))
        assert probability == pytest.approx(max(by_prompt), rel=1e-4)


def test_prompts_fit_into_a_short_context() -> None:
    assert repetition_prompt(np.array([7]), [1, 2], [0], longest=8).shape == (1, 7)
    model = tiny_gpt2(n_positions=4)
    assert np.isfinite(repetition_probabilities(model, np.array([1, 2]), [[], [5, 6]], [0])).all()


def test_a_model_that_repeats_rejects_and_a_dead_row_is_verified() -> None:
    """A model that copies what it reads: no layer does anything, and rows are far apart."""
    model = tiny_gpt2()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "wpe" in name or ".attn." in name or ".mlp." in name:
                weight.zero_()
        rows = torch.randn(300, WIDTH)
        model.transformer.wte.weight.copy_(20 * rows / rows.norm(dim=1, keepdim=True))
        model.transformer.wte.weight[PLANTED] = 1e-3
    found = repetition_probabilities(model, np.array([1, 2, 3, *PLANTED]), [[]])
    assert (found[:3] > 0.9).all()
    assert (found[3:] < 0.01).all()


# Model folders of transformers


def save_tokenizer(
    folder: Path,
    names: dict[str, int],
    merges: list[tuple[str, str]] | None = None,
    byte_fallback: bool = False,
    special: Sequence[str] = (),
) -> None:
    model = tokenizers.models.BPE(vocab=names, merges=merges or [], byte_fallback=byte_fallback)
    tokenizer = tokenizers.Tokenizer(model)
    if byte_fallback:
        tokenizer.decoder = tokenizers.decoders.ByteFallback()
    else:
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens([*special])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)


def byte_level_folder(folder: Path, model: Any) -> list[int]:
    """A model of 287 tokens, all bytes among them; the ids that are known to be unused."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    names = {name: i for i, name in enumerate(alphabet)}
    letters = string.ascii_letters[:30]
    words = {f"Ġ{letter}": 256 + i for i, letter in enumerate(letters)}
    merges = [("Ġ", letter) for letter in letters]
    save_tokenizer(folder, names | words, merges, special=["<|endoftext|>"])
    model.save_pretrained(folder)
    return sorted([names[chr(byte)] for byte in NO_UTF8] + list(range(287, 300)))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", [tiny_gpt2, tiny_llama, tiny_qwen2])
def test_planted_rows_of_a_model_folder_lead_the_ranking(
    tmp_path: Path, kind: Any, tied: bool
) -> None:
    model = kind(tied=tied)
    unused = byte_level_folder(tmp_path, model)
    untrained = torch.randn(WIDTH)
    with torch.no_grad():
        for matrix in (model.get_input_embeddings().weight, model.get_output_embeddings().weight):
            matrix.copy_(torch.randn(300, WIDTH))
            matrix[unused + PLANTED] = 0.1 * untrained + 0.001 * torch.randn(26 + 4, WIDTH)
    model.save_pretrained(tmp_path)
    found = find_undertrained(tmp_path, verify=10)
    assert found.is_tied is tied
    assert found.ranked_by == ("cosine" if tied else "input_norm")
    assert set(found.ranking[:4]) == set(PLANTED)
    assert sorted(np.concatenate(list(found.known_unused.values()))) == unused
    assert {reason: len(ids) for reason, ids in found.known_unused.items()} == {
        NO_TOKEN: 13,
        UNREACHABLE: 13,
    }
    assert len(found.ranking) == 300 - 26
    assert found.truth is None
    rows = AutoModelForCausalLM.from_pretrained(tmp_path).get_output_embeddings().weight.detach()
    expected = [1 - torch.cosine_similarity(row, rows[unused].mean(0), dim=0) for row in rows]
    assert found.values["cosine"] == pytest.approx(np.array([float(x) for x in expected]), abs=1e-5)
    place = int(np.flatnonzero(found.ranking == 256)[0])
    assert found.token(place)["text"] == "·a"


def test_bytes_of_sentencepiece_and_our_dead_rows_are_known(tmp_path: Path) -> None:
    names = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"▁a": 256, "À": 257}
    save_tokenizer(tmp_path, names, byte_fallback=True)
    tiny_llama().save_pretrained(tmp_path)
    found = find_undertrained(tmp_path, verify=0)
    assert found.known_unused[UNREACHABLE].tolist() == list(NO_UTF8)
    assert found.known_unused[NO_TOKEN].tolist() == list(range(258, 300))
    assert found.names.text(256) == "·a"
    Tokenizer.train("hug hugs", 258).save(tmp_path)
    dead = {"<|dead 258|>": 258, "<|dead 259|>": 259}
    content = json.loads((tmp_path / "tokenizer.json").read_text())
    content["model"]["vocab"] |= dead
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    assert find_undertrained(tmp_path, verify=0).known_unused[DEAD].tolist() == [258, 259]


def test_tokens_that_the_merges_never_make_are_known(tmp_path: Path) -> None:
    """ "hug" is there, and nothing becomes it: "u" and "g" are joined first."""
    Tokenizer([(104, 117), (117, 103), (104, 257)]).save(tmp_path)
    tiny_gpt2().save_pretrained(tmp_path)
    found = find_undertrained(tmp_path, verify=0)
    names = found.names.texts
    assert "hug" in {names[int(token)] for token in found.known_unused[UNREACHABLE]}
    assert "hu" not in {names[int(token)] for token in found.known_unused[UNREACHABLE]}


def test_without_known_tokens_untied_rows_are_ranked_by_norm(tmp_path: Path) -> None:
    words = {f"w{i}": i for i in range(300)}
    save_tokenizer(tmp_path, words)
    tiny_llama().save_pretrained(tmp_path)
    found = find_undertrained(tmp_path, verify=3)
    rows = tiny_llama().get_input_embeddings().weight.detach().numpy()
    assert not found.known_unused
    assert found.ranking.tolist() == np.argsort(np.linalg.norm(rows, axis=1)).tolist()
    tiny_llama(tied=True).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="name some with --known-unused"):
        find_undertrained(tmp_path)


def command(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    """The command line in this process: exit code, output, and the last line of what went wrong."""
    capsys.readouterr()
    code = main(["xray", "undertrained", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, (err.rstrip("\n").splitlines() or [""])[-1]


def test_command_on_a_model_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    byte_level_folder(tmp_path / "m", tiny_gpt2())
    plot = tmp_path / "spread.svg"
    more = ("--known-unused", "0-3,9", "--ranked-by", "cosine_centred", "--verify", "7")
    code, out, _ = command(capsys, tmp_path / "m", *more, "--json", "--plot", plot)
    assert code == 0
    (found,) = json.loads(out)
    assert found["known_unused"] == {"given": [0, 1, 2, 3, 9]}
    values = [token["cosine_centred"] for token in found["ranking"]]
    assert values == sorted(values)
    assert len(values) == 295
    assert sum("probability" in token for token in found["ranking"]) == 7
    assert "cosine_centred (ranks)" in plot.read_text()


def test_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refusal(*options: str) -> str:
        code, out, message = command(capsys, tmp_path / "m", *options)
        assert (code, out) == (2, "")
        return message

    assert "holds no model" in refusal()
    model = tiny_gpt2()
    byte_level_folder(tmp_path / "m", model)
    for options, message in (
        (("--known-unused", "a-b"), "'a-b' names no ids: write them as 0-49,90"),
        (("--known-unused", "300"), "token 300 has no row: the embedding has 300"),
        (("--ranked-by", "size"), "no indicator 'size' here: there are cosine, "),
        (("--verify", "-2"), "verify is -2: it can be -1 for all, or how many"),
        (("--plot", "x.pdf"), "its name must end in .png or .svg"),
        (("--scores",), "has no planted dead rows to judge the indicators by: train a recipe"),
    ):
        assert message in refusal(*options), options
    weights = tmp_path / "m" / "model.safetensors"
    whole = weights.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"\xff" * 8 + whole[8:], b""):
        weights.write_bytes(damaged)
        assert "cannot be loaded" in refusal()
    weights.unlink()
    torch.save(model.state_dict(), tmp_path / "m" / "pytorch_model.bin")  # never read
    assert "cannot be loaded" in refusal()
    weights.write_bytes(whole)
    (tmp_path / "m" / "tokenizer.json").write_text("{")
    assert "the tokenizer in" in refusal()
    for path in (tmp_path / "m").glob("tokenizer*"):
        path.unlink()
    assert "holds no tokenizer: expected tokenizer.json" in refusal()


# Runs with planted dead rows


PLAIN = (
    *("--text.train", "stories:1:400", "--text.valid", "stories:2:20"),
    *("--transformer.n-layer", "1", "--transformer.n-embd", "16", "--transformer.n-head", "2"),
    *("--transformer.block-size", "32", "--transformer.batch-size", "4"),
    *("--transformer.steps", "40", "--transformer.log-every", "20", "--transformer.eval-every"),
    *("20", "--transformer.precision", "fp32", "--transformer.tie-embeddings", "False"),
    *("--transformer.record", "W", "--transformer.record-every", "20"),
)


@pytest.fixture(scope="module")
def planted_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """440 live tokens of another text, so that some do not occur, and 60 planted rows."""
    folder = tmp_path_factory.mktemp("planted") / "run"
    rows = ("--tokenizer.vocab-size", "500", "--tokenizer.live", "440", "--tokenizer.dead", "60")
    base = ("--tokenizer.base", str(finished_run), "--tokenizer.lossless")
    assert main(["transformer", "train", "demo", *PLAIN, *rows, *base, "--out", str(folder)]) == 0
    return folder


def test_scores_of_a_run_are_those_of_its_snapshots(planted_run: Path) -> None:
    found = find_undertrained(planted_run)
    assert found.truth is not None
    read = 40 * 4 * 32 / TokenStore.open(planted_run).split("train").tokens
    assert found.truth.about == f"untied, weight decay 0.1, {read:.2g} epochs"
    dead = set(range(440, 500))
    known, hidden = set(found.known_unused.popitem()[1]), set(found.truth.groups.members["dead"])
    assert len(known) == len(hidden) == 30
    assert known | hidden == dead
    counts = TokenStore.open(planted_run).counts("train")
    seen = set(np.flatnonzero(counts))
    assert set(found.truth.groups.members["seen"]) == seen
    assert set(found.truth.groups.members["1-10"]) == {i for i in seen if counts[i] <= 10}
    assert set(found.truth.groups.members["101-1000"]) == {
        i for i in seen if 100 < counts[i] <= 1000
    }
    assert set(found.truth.groups.members["unseen"]) == set(range(440)) - seen

    snapshots = Snapshots.open(planted_run)
    points = {(p.step, p.indicator, p.comparison): p.scores for p in found.truth.points}
    assert {step for step, _, _ in points} == {0, 20, 40}
    for number, step in enumerate((0, 20, 40)):
        inputs = snapshots.arrays["snapshots"][number].astype(np.float64)
        outputs = snapshots.arrays["W_U-snapshots"][number].astype(np.float64)
        norm = np.sqrt((inputs**2).sum(1))
        to = outputs[sorted(known)].mean(0)
        cosine = 1 - outputs @ to / (np.sqrt((outputs**2).sum(1)) * np.sqrt(to @ to))
        for name, values in (("input_norm", norm), ("cosine", cosine)):
            ranked = sorted(hidden | seen, key=lambda token, of=values: of[token])
            hits = np.cumsum([token in hidden for token in ranked])
            at = [i for i, token in enumerate(ranked) if token in hidden]
            scores = points[step, name, "dead among seen"]
            assert scores.average_precision == pytest.approx(np.mean(hits[at] / (np.add(at, 1))))
            assert scores.precision[30] == hits[29] / 30
            assert scores.recall[10] == hits[9] / 30


def test_truth_does_not_leak(planted_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The indicators get ids of the known half alone, and hidden rows count as any other does."""
    told = []

    def spy(inputs: Any, outputs: Any, known: Any) -> Any:
        told.append(set(known.tolist()))
        return indicators(inputs, outputs, known)

    for module in ("analysis", "ground_truth"):
        monkeypatch.setattr(f"cygnet.xray.undertrained.{module}.indicators", spy)
    found = find_undertrained(planted_run, verify=0)
    assert found.truth is not None
    assert len(told) == 4  # the model, and three snapshots
    for ids in told:
        assert not ids & set(found.truth.groups.members["dead"])
    assert set(found.truth.groups.members["dead"]) <= set(found.ranking)


def test_command_on_runs(
    planted_run: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = tmp_path / "scores.svg"
    code, out, _ = command(capsys, planted_run, finished_run, "--plot", plot)
    assert code == 0
    words = " ".join(out.split())
    for part in (
        "untied, weight decay 0.1, ",
        "epochs; ranked by input_norm, low is suspicious",
        "known to be unused: 30 planted dead rows (the others are to be found)",
        "live tokens that occur 1-10 times; ",
        "average precision at step 40 of dead rows among indicator seen 1-10",
        "dead among seen at step 40",
        "tokens that no text becomes",  # of the run without dead rows
    ):
        assert part in words, part
    assert "…" not in out
    drawn = plot.read_text()
    assert "average precision" in drawn
    assert "cosine (ranks)" in drawn

    code, out, _ = command(capsys, planted_run, "--json", "--known-unused", "440-489")
    (found,) = json.loads(out)
    assert found["truth"]["tokens"]["dead"] == 10
    failed, tested = found["truth"]["not_repeated"]["dead"]
    assert tested == 10
    dead = [token for token in found["ranking"] if token["group"] == "dead"]
    assert failed == sum(token["probability"] < 0.01 for token in dead)
    assert all(token["count"] == 0 for token in dead)
    assert {p["indicator"] for p in found["truth"]["points"]} == {*INDICATORS, "verification"}


def test_scores_against_steps(planted_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capsys, planted_run, "--scores", "--verify", "0")
    assert code == 0
    truth = find_undertrained(planted_run, verify=0).truth
    assert truth is not None
    for name in INDICATORS:
        lines = out.split(f"\n{name}, dead among seen\n")[1].splitlines()
        assert lines[0].split()[:5] == ["step", "average", "precision", "P@10", "R@10"]
        for line, step in zip(lines[1:], (0, 20, 40), strict=False):
            (scores,) = (p.scores for p in truth.at(step, "dead among seen") if p.indicator == name)
            cells = [str(step), f"{scores.average_precision:.3f}", f"{scores.precision[10]:.3f}"]
            assert line.split()[:3] == cells


def test_a_run_without_all_rows_is_judged_at_its_end(
    planted_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(planted_run, copy)
    (copy / "transformer" / "stage.json").unlink()  # which has the sizes of all files
    recorder = copy / "transformer" / "recorder"
    np.save(recorder / "rows.npy", np.load(recorder / "rows.npy")[:60])
    for path in recorder.glob("*snapshots.npy"):
        np.save(path, np.load(path)[:, :60])
    found = find_undertrained(copy, verify=0)
    assert found.truth is not None
    assert found.truth.steps == [40]
    said = capsys.readouterr().err
    assert "have 60 rows of all" in said
    assert "--transformer.record-rows all" in said

    shutil.rmtree(copy / "transformer" / "recorder")
    found = find_undertrained(copy, verify=0)
    assert found.truth is not None
    assert found.truth.steps == [40]
    assert "has no snapshots" in capsys.readouterr().err
