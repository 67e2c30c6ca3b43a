"""Figures of embedding rows: against slow loops, their invariances, drifts that were planted."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import slow_measures
from cygnet.errors import InputError
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.dead import measures
from cygnet.xray.dead.analysis import analyse, dead_live_unseen
from cygnet.xray.dead.animation import Plane
from cygnet.xray.dead.measures import Matrix, Vector
from cygnet.xray.dead.result import Agreement, Hidden

OF_ROWS = ("radius", "mean_norm", "spread", "pairwise_cosine", "effective_rank")
ROTATED: tuple[Callable[[Matrix], float], ...] = tuple(getattr(measures, n) for n in OF_ROWS)
SEEDS = st.integers(0, 2**32 - 1)


def random_rows(seed: int, n: int = 7, width: int = 5) -> Matrix:
    """Rows with a centroid away from zero, and one row of zeros."""
    chance = np.random.default_rng(seed)
    rows = chance.normal(size=(n, width)) * chance.uniform(0.01, 2) + chance.normal(size=width)
    rows[chance.integers(n)] = 0
    return rows


def random_direction(seed: int, width: int = 5) -> Vector:
    vector = np.random.default_rng(seed + 1).normal(size=width)
    return np.asarray(vector / np.linalg.norm(vector))


def rotation(seed: int, width: int = 5) -> Matrix:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))
    return np.asarray(turn)


@given(SEEDS)
def test_measures_are_those_of_slow_loops(seed: int) -> None:
    rows, others, direction = random_rows(seed), random_rows(seed + 1), random_direction(seed)
    for name in OF_ROWS:
        slow = getattr(slow_measures, name)(rows.tolist())
        assert getattr(measures, name)(rows) == pytest.approx(slow, rel=1e-9), name
    assert measures.centroid(rows) == pytest.approx(slow_measures.centroid(rows.tolist()))
    slow_spreads = slow_measures.spreads(rows.tolist(), direction.tolist())
    assert measures.spreads(rows, direction) == pytest.approx(slow_spreads, rel=1e-9)
    for name in ("row_cosine", "sign_agreement"):
        slow = getattr(slow_measures, name)(rows.tolist(), others.tolist())
        assert getattr(measures, name)(rows, others) == pytest.approx(slow), name


@given(SEEDS, st.floats(1e-6, 1))
def test_share_below_an_ulp_is_that_of_slow_loops(seed: int, size: float) -> None:
    weights = random_rows(seed).astype(np.float32)
    updates = np.random.default_rng(seed).normal(size=weights.shape) * size * 0.02
    slow = slow_measures.below_ulp(weights.tolist(), updates.tolist())
    assert measures.below_ulp(weights, updates) == pytest.approx(slow)


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1))
def test_an_ulp_is_that_of_torch(values: list[float]) -> None:
    rounded = torch.tensor(values).bfloat16().abs()
    bits = rounded.view(torch.int16)
    following = (bits + 1).view(torch.bfloat16)
    expected = (following.double() - rounded.double()).numpy()
    assert measures.bf16_ulp(np.array(values, np.float32)).tolist() == expected.tolist()


@given(st.floats(-10, 10, width=32).filter(lambda w: abs(w) > 1e-30))
def test_an_update_of_an_ulp_is_seen_in_bf16_and_one_below_half_of_it_is_lost(
    weight: float,
) -> None:
    ulp = float(measures.bf16_ulp(np.array([weight], np.float32))[0])
    stored = torch.tensor([weight]).bfloat16()
    for factor, is_lost in ((1.0, False), (0.49, True)):
        updated = (stored.double().abs() + factor * ulp).bfloat16()
        assert bool((updated == stored.abs()).all()) == is_lost


@given(SEEDS)
def test_neither_rotation_nor_order_changes_a_figure(seed: int) -> None:
    rows, turn = random_rows(seed), rotation(seed)
    shuffled = np.random.default_rng(seed).permutation(rows)
    for measure in ROTATED:
        assert measure(rows @ turn) == pytest.approx(measure(rows), rel=1e-6)
        assert measure(shuffled) == pytest.approx(measure(rows), rel=1e-6)
    direction = random_direction(seed)
    turned = measures.spreads(rows @ turn, direction @ turn)
    assert turned == pytest.approx(measures.spreads(rows, direction))


@given(SEEDS, st.floats(0.01, 100))
def test_scale_and_place(seed: int, scale: float) -> None:
    """Lengths scale, angles and ranks do not; a shift moves the centroid and no spread."""
    rows, direction = random_rows(seed), random_direction(seed)
    for measure in (measures.radius, measures.mean_norm, measures.spread):
        assert measure(scale * rows) == pytest.approx(scale * measure(rows))
    for measure in (measures.pairwise_cosine, measures.effective_rank):
        assert measure(scale * rows) == pytest.approx(measure(rows), rel=1e-6)
    moved = rows + scale * direction
    assert measures.radius(moved) == pytest.approx(measures.radius(rows))
    assert measures.spreads(moved, direction) == pytest.approx(measures.spreads(rows, direction))


def test_what_is_not_defined_is_nan() -> None:
    zeros = np.zeros((3, 4))
    assert math.isnan(measures.pairwise_cosine(zeros))
    assert math.isnan(measures.pairwise_cosine(np.eye(4)[:1]))
    assert math.isnan(measures.effective_rank(zeros))
    assert math.isnan(measures.row_cosine(zeros, zeros))
    assert math.isnan(measures.sign_agreement(zeros, zeros))
    assert math.isnan(Agreement.of(zeros, zeros + 1).centroid)


def make_snapshots(values: npt.NDArray[Any], steps: list[int], **arrays: Any) -> Snapshots:
    _, n_rows, width = values.shape
    given = {"matrices": ["W"], "n_rows": n_rows, "width": width}
    kept = {"snapshots": values.astype(np.float32), **arrays}
    return Snapshots(given, np.array(steps), np.arange(n_rows), kept)


STEPS = [0, 10, 30, 60]
RATES = np.linspace(1e-3, 1e-4, 60)


def planted(seed: int = 0, width: int = 16) -> tuple[Snapshots, Hidden, dict[str, Any]]:
    """Dead rows 20 to 39 fall against a hidden direction as far as the learning rate lets them."""
    chance = np.random.default_rng(seed)
    start = chance.normal(size=(40, width)) * 0.02
    mean = np.sign(chance.normal(size=width))  # each coordinate moves by a learning rate a step
    fallen = np.array([RATES[:step].sum() for step in STEPS])
    values = np.repeat(start[None], len(STEPS), axis=0)
    values[:, 20:] -= fallen[:, None, None] * mean
    values[1:, :20] += chance.normal(size=(3, 20, width)) * 0.01
    groups = {"dead": np.arange(20, 40), "live": np.arange(20)}
    pull = np.tile(mean * 1e-4, (20, 1))
    hidden = Hidden(3 * mean, np.arange(20, 40), pull, 100, "a plan")
    return make_snapshots(values, STEPS), hidden, groups


def test_a_planted_drift_is_found() -> None:
    snapshots, hidden, groups = planted()
    found = analyse(snapshots, groups, hidden=hidden, learning_rates=RATES)
    dead, live = found.matrices["W"]["dead"], found.matrices["W"]["live"]
    fallen = [4 * RATES[:step].sum() for step in STEPS]  # 4 is the length of 16 signs
    along = dead.series["centroid_along"]
    assert (along - along[0]).tolist() == pytest.approx([-x for x in fallen], rel=1e-4)
    assert dead.series["centroid_moved"].tolist() == pytest.approx(fallen, rel=1e-4)
    for name in ("spread_parallel", "spread_perpendicular", "radius", "effective_rank_centred"):
        assert dead.series[name] == pytest.approx(dead.series[name][0], rel=1e-4), name
    assert dead.series["step_over_lr"][1:] == pytest.approx(1, rel=1e-4)
    assert dead.series["drift_cosine"][1:] == pytest.approx(-1, rel=1e-4)
    assert np.isnan(dead.series["drift_cosine"][0])
    for agreement in (dead.drift["whole"], dead.drift["last"]):
        assert agreement.centroid == pytest.approx(1, rel=1e-4)
        assert agreement.rows == pytest.approx(1, rel=1e-4)
        assert agreement.signs == 1
    assert abs(live.series["drift_cosine"][-1]) < 0.9
    assert not live.drift, "live rows are targets, and the softmax alone does not foresee them"


def test_dead_rows_that_do_not_move_are_seen_as_such() -> None:
    start = np.random.default_rng(1).normal(size=(1, 6, 8))
    snapshots = make_snapshots(np.repeat(start, 3, axis=0), [0, 1, 2])
    _, hidden, _ = planted(width=8)
    still = Hidden(hidden.mean, np.arange(6), np.ones((6, 8)), 1, "")
    found = analyse(snapshots, {"dead": np.arange(6)}, hidden=still, learning_rates=RATES)
    dead = found.matrices["W"]["dead"]
    assert dead.series["centroid_moved"].tolist() == [0, 0, 0]
    assert dead.series["step_over_lr"][-1] == 0
    assert dead.series["rows_below_ulp"][-1] == 1
    assert np.isnan(dead.series["drift_cosine"]).all()
    assert found.to_dict()["matrices"]["W"]["dead"]["drift"]["whole"]["centroid"] is None


def test_gradients_are_compared_where_they_were_recorded() -> None:
    snapshots, hidden, groups = planted()
    gradients = np.full((4, 40, 16), np.nan, np.float32)
    gradients[1:] = hidden.mean  # a row falls against its gradient
    with_gradients = make_snapshots(
        np.asarray(snapshots.arrays["snapshots"]), STEPS, grad=gradients
    )
    dead = analyse(with_gradients, groups, hidden=hidden).matrices["W"]["dead"]
    assert np.isnan(dead.series["gradient_cosine"][0])
    assert dead.series["gradient_cosine"][1:] == pytest.approx(1)
    assert dead.drift["gradient"].centroid == pytest.approx(1)
    assert dead.drift["gradient"].ratio == pytest.approx(
        3e4
    )  # the pull is 1e-4 of a third of the mean


def test_without_a_model_nothing_is_said_about_its_hidden_states() -> None:
    snapshots, _, groups = planted()
    series = analyse(snapshots, groups).matrices["W"]["dead"].series
    assert {"centroid_along", "spread_parallel", "drift_cosine", "step_over_lr"}.isdisjoint(series)
    assert series["step"][1] == pytest.approx(RATES[:10].mean(), rel=1e-4)


def test_of_many_snapshots_some_are_taken_with_both_ends() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4, 3))
    snapshots = make_snapshots(values, list(range(50)))
    found = analyse(snapshots, {"dead": np.arange(4)}, max_snapshots=5)
    assert found.steps.tolist() == [0, 12, 24, 37, 49]


def test_groups_of_a_vocabulary() -> None:
    groups = dead_live_unseen(np.array([4, 5]), 6, np.array([3, 0, 2, 0, 0, 0], np.uint64))
    assert {name: ids.tolist() for name, ids in groups.items()} == {
        "dead": [4, 5],
        "live": [0, 1, 2, 3],
        "unseen live": [1, 3],
    }


def test_rows_that_were_not_recorded_are_left_out() -> None:
    snapshots = make_snapshots(np.random.default_rng(0).normal(size=(2, 3, 4)), [0, 1])
    some = Snapshots(
        snapshots.settings, snapshots.steps, np.array([7, 2, 9]), dict(snapshots.arrays)
    )
    found = analyse(some, {"dead": np.array([9, 10]), "unseen live": np.array([1])})
    assert {name: group.n_rows for name, group in found.matrices["W"].items()} == {"dead": 1}
    center = np.linalg.norm(np.asarray(snapshots.arrays["snapshots"])[:, 2], axis=1)
    assert found.matrices["W"]["dead"].series["centroid_norm"] == pytest.approx(center)
    with pytest.raises(InputError, match="none of the 3 recorded rows belongs to a group"):
        analyse(some, {"dead": np.array([10])})


@pytest.mark.parametrize(
    ("values", "steps", "message"),
    [
        (np.zeros((1, 2, 2)), [0], "there is 1 snapshot, of step 0, and what happens over time"),
        (np.zeros((0, 2, 2)), [], "there is 0 snapshot"),
        (np.full((2, 2, 2), np.nan), [0, 5], "the rows at step 0 are not finite"),
    ],
)
def test_snapshots_that_cannot_be_analysed(
    values: npt.NDArray[Any], steps: list[int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        analyse(make_snapshots(values, steps), {"dead": np.arange(2)})


def test_snapshots_without_weights() -> None:
    snapshots = make_snapshots(np.zeros((2, 2, 2)), [0, 1])
    only = Snapshots(snapshots.settings, snapshots.steps, snapshots.rows, {"grad": np.zeros(1)})
    with pytest.raises(InputError, match="no weights: record them"):
        analyse(only, {"dead": np.arange(2)})


@settings(max_examples=20)
@given(SEEDS)
def test_the_plane_is_that_of_the_first_singular_vectors(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(3, 9, 6)) * np.arange(1, 7)
    plane = Plane.of(values, np.arange(2, 9), np.arange(3))
    points = values[:, 2:].reshape(-1, 6)
    _, lengths, axes = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    assert np.abs(np.sum(plane.axes * axes[:2], axis=1)) == pytest.approx(1)
    assert plane.shares == pytest.approx((lengths**2 / (lengths**2).sum())[:2])
