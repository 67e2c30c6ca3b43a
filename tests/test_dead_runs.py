"""``cygnet xray dead`` on runs: what the softmax does, tables, pictures, report, bad input."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import cross_entropy
from transformers import GPT2LMHeadModel

from cygnet.cli import main
from cygnet.errors import InputError, StaleError
from cygnet.recipes import find_recipe
from cygnet.tokens.batch import Batch
from cygnet.tokens.store import TokenStore
from cygnet.transformer.dead_rows import mask_rows
from cygnet.transformer.model import load_model
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.dead.animation import animate, check_animation_file
from cygnet.xray.dead.hidden import ROWS_AT_A_TIME, softmax_pull
from cygnet.xray.dead.runs import analyse_run, learning_rates, open_rows
from recorder_lab import BLOCK, DEAD, VOCAB, new_model, record_rows

N_DEAD = 48  # of the fixture recorded_run


class FixedStore:
    """Token files of one batch."""

    splits = ("valid",)

    def __init__(self, ids: np.ndarray) -> None:
        self.ids = ids

    def split(self, name: str) -> Any:
        return type("Split", (), {"shards": [type("Shard", (), {"tokens": 1000})]})

    def get_batch(self, split: str, **shape: Any) -> Batch:
        assert self.ids.shape == (shape["batch_size"], shape["block_size"] + 1)
        return Batch(self.ids[:, :-1], self.ids[:, 1:])


def fixed_store() -> Any:
    ids = np.random.default_rng(3).integers(0, 30, (ROWS_AT_A_TIME, BLOCK + 1))
    return FixedStore(ids)


def gradient_of_output_rows(model: GPT2LMHeadModel, ids: np.ndarray) -> np.ndarray:
    """By autograd, of the mean loss; the model is not tied, so that no input is part of it."""
    tokens = torch.from_numpy(ids)
    logits = model(tokens[:, :-1]).logits.flatten(0, 1)
    cross_entropy(logits, tokens[:, 1:].flatten()).backward()
    gradient = model.lm_head.weight.grad
    assert gradient is not None
    return gradient.double().numpy()


def test_the_softmax_gradient_is_that_of_autograd() -> None:
    model, store = new_model(tied=False).eval(), fixed_store()
    pull = softmax_pull(model, store, DEAD, n_tokens=1)
    expected = gradient_of_output_rows(model, store.ids)[DEAD]
    assert pull.n_tokens == ROWS_AT_A_TIME * BLOCK
    assert pull.pull == pytest.approx(expected, rel=1e-4, abs=1e-9)
    assert np.linalg.norm(expected) > 1e-4
    states = model.transformer(torch.from_numpy(store.ids[:, :-1])).last_hidden_state
    assert pull.mean == pytest.approx(states.flatten(0, 1).double().mean(0).detach().numpy())


def test_masked_rows_are_not_pulled() -> None:
    model = new_model().eval()
    mask_rows(model, DEAD.tolist())
    assert not softmax_pull(model, fixed_store(), DEAD, n_tokens=1).pull.any()


def test_learning_rates_are_those_of_the_training(recorded_run: Path) -> None:
    options = find_recipe(str(recorded_run / "recipe.json")).transformer
    rates = learning_rates(options)
    lines = (recorded_run / "transformer" / "metrics.jsonl").read_text().splitlines()
    for line in map(json.loads, lines):  # the rate of the last step done
        assert rates[line["step"] - 1] == pytest.approx(line["learning_rate"])


def test_a_recorded_run(recorded_run: Path) -> None:
    found = analyse_run(recorded_run)
    groups = found.matrices["W"]
    counts = TokenStore.open(recorded_run).counts("train")
    assert groups["dead"].n_rows == N_DEAD
    assert groups["live"].n_rows == len(counts) - N_DEAD
    assert groups["unseen live"].n_rows == int((counts == 0).sum()) - N_DEAD > 0
    snapshots = Snapshots.open(recorded_run)
    rows = np.asarray(snapshots.arrays["snapshots"][:, -N_DEAD:], np.float64)
    moved = np.linalg.norm(rows.mean(axis=1) - rows[0].mean(axis=0), axis=1)
    assert groups["dead"].series["centroid_moved"] == pytest.approx(moved)
    for name in ("dead", "unseen live"):  # nothing but the softmax moves them, and weight decay
        assert groups[name].drift["whole"].centroid > 0.5
        assert groups[name].drift["gradient"].centroid > 0.5
        assert groups[name].series["drift_cosine"][-1] < -0.5
        assert 0.01 < groups[name].series["step_over_lr"][-1] < 2


def straight_from_definitions(
    rows: np.ndarray, start: np.ndarray, direction: np.ndarray
) -> dict[str, float]:
    """The figures of rows in fp64, whatever that costs: all pairs, all singular values."""
    center = rows.mean(0)
    away = rows - center
    along = away @ direction
    across = away - along[:, None] * direction
    units = rows / np.linalg.norm(rows, axis=1)[:, None]
    pairs = (units @ units.T)[~np.eye(len(rows), dtype=bool)]
    found = {
        "centroid_norm": np.sqrt((center**2).sum()),
        "centroid_moved": np.sqrt(((center - start.mean(0)) ** 2).sum()),
        "centroid_along": (center * direction).sum(),
        "norm": np.sqrt((rows**2).sum(1)).mean(),
        "radius": np.sqrt((away**2).sum(1)).mean(),
        "spread": away.std(),
        "spread_parallel": along.std(),
        "spread_perpendicular": np.sqrt((across**2).sum() / len(rows) / (rows.shape[1] - 1)),
        "cosine": pairs.mean(),
    }
    for name, matrix in {"effective_rank": rows, "effective_rank_centred": away}.items():
        values = np.linalg.svd(matrix, compute_uv=False)
        shares = values[values > 0] / values.sum()
        found[name] = np.exp(-(shares * np.log(shares)).sum())
    return {name: float(value) for name, value in found.items()}


def bf16_neighbours_apart(weights: np.ndarray) -> np.ndarray:
    """By torch: from each weight in bf16 to the next number of bf16, away from zero."""
    stored = torch.from_numpy(weights).bfloat16().abs()
    following = (stored.view(torch.int16) + 1).view(torch.bfloat16)
    return (following.double() - stored.double()).numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def test_every_figure_of_a_run_is_that_of_its_definition(recorded_run: Path) -> None:
    """From the files alone; the learning rates are those that the training wrote down."""
    folder = recorded_run / "transformer" / "recorder"
    steps, values = np.load(folder / "steps.npy"), np.load(folder / "snapshots.npy")
    gradients = np.load(folder / "grad.npy").astype(float)
    counts = np.load(recorded_run / "tokens" / "train-counts.npy")
    rates = learning_rates(find_recipe(str(recorded_run / "recipe.json")).transformer)
    model, store = load_model(recorded_run), TokenStore.open(recorded_run)
    hidden = softmax_pull(model, store, np.flatnonzero(counts == 0))
    direction = hidden.mean / np.sqrt((hidden.mean**2).sum())
    groups = {
        "dead": np.arange(600, 600 + N_DEAD) - N_DEAD,
        "live": np.arange(600 - N_DEAD),
        "unseen live": np.flatnonzero(counts[: 600 - N_DEAD] == 0),
    }
    found = analyse_run(recorded_run).matrices["W"]
    assert found.keys() == groups.keys()
    for name, ids in groups.items():
        rows = values[:, ids].astype(float)
        for at, step in enumerate(steps):
            expected = straight_from_definitions(rows[at], rows[0], direction)
            if at:
                first = steps[at - 1]
                update = (rows[at] - rows[at - 1]) / (step - first)
                below = np.abs(update) < bf16_neighbours_apart(values[at - 1, ids])
                size = np.sqrt((update**2).mean())
                expected |= {
                    "step": size,
                    "step_over_lr": size / rates[first:step].mean(),
                    "rows_below_ulp": below.all(1).mean(),
                    "weights_below_ulp": below.mean(),
                    "drift_cosine": cosine(update.mean(0), direction),
                    "gradient_cosine": cosine(gradients[at, ids].mean(0), direction),
                }
            pull = hidden.pull[np.isin(hidden.rows, ids)]
            if at and name != "live":
                expected["predicted_cosine"] = cosine(update.mean(0), -pull.mean(0))
            measured = {key: series[at] for key, series in found[name].series.items()}
            measured = {key: value for key, value in measured.items() if not np.isnan(value)}
            assert measured == pytest.approx(expected, rel=1e-5), (name, step)


def test_the_prediction_for_the_last_batch_is_the_gradient_that_was_recorded(
    recorded_run: Path,
) -> None:
    """The learning rate is almost zero at the end: the weights are those of the last gradient."""
    options = find_recipe(str(recorded_run / "recipe.json")).transformer
    store = TokenStore.open(recorded_run)
    x, _ = store.get_batch(
        "train",
        step=options.steps - 1,
        batch_size=options.batch_size,
        block_size=options.block_size,
        seed=options.seed,
        order=options.order,
    )
    model = load_model(recorded_run)
    dead = np.arange(model.config.vocab_size - N_DEAD, model.config.vocab_size)
    with torch.no_grad():
        states = model.base_model(torch.from_numpy(x)).last_hidden_state.flatten(0, 1)
        likely = model.get_output_embeddings()(states).softmax(-1)[:, dead]
    predicted = (likely.T @ states / len(states)).numpy().mean(axis=0)
    recorded = Snapshots.open(recorded_run).arrays["grad"][-1][dead].mean(axis=0)
    cosine = predicted @ recorded / np.linalg.norm(predicted) / np.linalg.norm(recorded)
    assert cosine > 0.98


def test_untied_dead_input_rows_only_decay(tmp_path: Path) -> None:
    found = analyse_run(record_rows(tmp_path, tied=False), dead_ids="30-39")
    inputs, outputs = (found.matrices[name]["dead"] for name in ("W_E", "W_U"))
    rates = 1e-2 * (1 - np.arange(20) / 20)  # linear, as Trainer by default
    kept = np.prod(1 - rates * 0.1)
    norms = inputs.series["norm"]
    assert norms[-1] / norms[0] == pytest.approx(kept, rel=1e-5)
    assert inputs.series["cosine"] == pytest.approx(inputs.series["cosine"][0], abs=1e-6)
    assert outputs.series["centroid_moved"][-1] > 20 * inputs.series["centroid_moved"][-1]
    assert "drift_cosine" not in outputs.series
    assert "no drift is predicted" in found.notes[0]


def test_frozen_dead_rows_do_not_move(tmp_path: Path) -> None:
    found = analyse_run(record_rows(tmp_path, tied=True, frozen=True), dead_ids="30-39")
    assert found.matrices["W"]["dead"].series["centroid_moved"].tolist() == [0] * 5
    assert found.matrices["W"]["dead"].series["rows_below_ulp"][-1] == 1
    assert found.matrices["W"]["live"].series["centroid_moved"][-1] > 0.001


def test_one_run_as_table_json_and_pictures(
    recorded_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot, film = tmp_path / "dead.svg", tmp_path / "dead.gif"
    assert main(["xray", "dead", str(recorded_run), "--plot", str(plot)]) == 0
    table = capsys.readouterr().out
    for words in (f"dead ({N_DEAD} rows)", "unseen live", "effective rank", "tied yes", " → "):
        assert words in table
    assert "the final model on" in table
    assert plot.read_text().count("centroid along the mean hidden state") == 1
    arguments = ["--json", "--plot", str(tmp_path / "dead.png"), "--animation", str(film)]
    assert main(["xray", "dead", str(recorded_run), *arguments]) == 0
    [found] = json.loads(capsys.readouterr().out).values()
    expected = json.loads(json.dumps(analyse_run(recorded_run).to_dict()))
    assert found == expected
    assert found["matrices"]["W"]["dead"]["series"]["step"][0] is None
    with Image.open(tmp_path / "dead.png") as picture:
        assert picture.size[0] > 1000
    with Image.open(film) as picture:
        assert picture.format == "GIF"
        assert getattr(picture, "n_frames", 0) >= len(found["steps"])


def test_the_same_figures_give_the_same_plot(recorded_run: Path, tmp_path: Path) -> None:
    from cygnet.xray.dead.plots import draw_analyses

    found = {"run": analyse_run(recorded_run)}
    for name in ("a.svg", "b.svg"):
        draw_analyses(found, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_several_runs_stand_side_by_side(
    recorded_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = record_rows(tmp_path, tied=False)
    runs = [str(bare), "--against", str(recorded_run)]
    pictures = ["--plot", str(tmp_path / "both.svg"), "--animation", str(tmp_path / "first.gif")]
    assert main(["xray", "dead", *runs, "--dead-ids", "30-39", *pictures]) == 0
    table = capsys.readouterr().out
    header = table.splitlines()[0]
    assert all(name in header for name in ("W_E", "W_U", "at the last snapshot"))
    assert [line for line in table.splitlines() if line.split() == ["dead"]]
    assert "W_U" in (tmp_path / "both.svg").read_text()
    animate(*open_rows(bare, "30-39"), tmp_path / "expected.gif")
    assert (tmp_path / "first.gif").read_bytes() == (tmp_path / "expected.gif").read_bytes()


def test_the_report_has_a_section(recorded_run: Path) -> None:
    page = (recorded_run / "xray" / "report.html").read_text()
    section = page[page.index("Dead and live rows of the embedding") :]
    assert f"dead ({N_DEAD} rows)" in section
    assert "<svg" in section
    assert "tied yes" in section


def test_a_report_without_dead_rows_or_snapshots_has_none(finished_run: Path) -> None:
    page = (finished_run / "xray" / "report.html").read_text()
    assert "Dead and live rows" not in page


def test_a_report_says_what_was_not_recorded(tmp_path: Path) -> None:
    from cygnet.xray.dead.page import rows_html

    page = rows_html(tmp_path, n_dead=2048)
    assert page is not None
    assert "2,048 rows" in page
    assert "--transformer.record W" in page
    assert rows_html(tmp_path, n_dead=0) is None


def test_the_film_is_of_the_output_matrix(tmp_path: Path) -> None:
    snapshots, groups = open_rows(record_rows(tmp_path, tied=False), "30-39")
    for matrix, name in ((None, "a"), ("W_U", "b"), ("W_E", "c")):
        animate(snapshots, groups, tmp_path / f"{name}.gif", matrix)
    films = [(tmp_path / f"{name}.gif").read_bytes() for name in "abc"]
    assert films[0] == films[1] != films[2]
    with pytest.raises(InputError, match="no dead row was recorded"):
        animate(snapshots, {"live": np.arange(30)}, tmp_path / "d.gif")


def test_files_that_cannot_be_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"must end in \.gif or \.mp4"):
        check_animation_file(tmp_path / "dead.webm")
    with pytest.raises(InputError, match="is no folder"):
        check_animation_file(tmp_path / "none" / "dead.gif")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"needs ffmpeg, which is not here: .* name a \.gif"):
        check_animation_file(tmp_path / "dead.mp4")


def test_an_mp4_where_there_is_ffmpeg(tmp_path: Path) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("needs ffmpeg")
    snapshots, groups = open_rows(record_rows(tmp_path, tied=True), "30-39")
    animate(snapshots, groups, tmp_path / "dead.mp4")
    assert b"ftyp" in (tmp_path / "dead.mp4").read_bytes()[:16]


def test_a_run_without_snapshots(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["xray", "dead", str(finished_run)]) == 2
    [message] = capsys.readouterr().err.splitlines()
    assert "no snapshots of embedding rows: train with --transformer.record W" in message


def test_snapshots_of_another_run(recorded_run: Path, tmp_path: Path) -> None:
    """Of the same shape: only the values tell."""
    run = tmp_path / "run"
    shutil.copytree(recorded_run, run)
    snapshots = Snapshots.open(run)
    model = {"W": np.array(snapshots.arrays["snapshots"][-1])}
    snapshots.check_model(model)
    model["W"][0, 0] += 1
    with pytest.raises(StaleError, match="snapshots of another run"):
        snapshots.check_model(model)
    shutil.rmtree(run / "transformer" / "recorder")
    shutil.copytree(record_rows(tmp_path, tied=True), run / "transformer" / "recorder")
    with pytest.raises(StaleError, match=f"they are of {VOCAB} rows, and the vocabulary has 600"):
        analyse_run(run)


def test_one_snapshot_only(tmp_path: Path) -> None:
    folder = record_rows(tmp_path, tied=True, every=100)
    with pytest.raises(InputError, match="there is 1 snapshot, of step 0"):
        analyse_run(folder, dead_ids="30-39")


def test_dead_ids_that_are_no_rows(tmp_path: Path) -> None:
    folder = record_rows(tmp_path, tied=True)
    with pytest.raises(InputError, match="row 50 is not in the embedding, which has 40 rows"):
        analyse_run(folder, dead_ids="30-50")
    assert set(analyse_run(folder).matrices["W"]) == {"live"}, "none is known to be dead"
