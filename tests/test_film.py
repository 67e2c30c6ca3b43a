"""The film of dead rows as numbers."""

from pathlib import Path

import numpy as np
import pytest

from cygnet.errors import InputError
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.dead.film import SIDE, film
from cygnet.xray.dead.runs import open_rows


def test_rows_are_where_their_principal_axes_say(recorded_run: Path) -> None:
    snapshots, groups = open_rows(recorded_run)
    found = film(snapshots, groups, max_frames=3, max_rows=10)
    assert found.steps.tolist() == [0, 30, 60]
    assert found.n_rows["dead"] == 48 and found.points["dead"].shape == (3, 10, 2)
    dead = film(snapshots, groups).points["dead"] / SIDE
    assert dead.min() >= 0 and dead.max() <= 1  # they are in the picture at all times
    rows = snapshots.arrays["snapshots"][:, groups["dead"]].astype(np.float64)
    flat = rows.reshape(-1, rows.shape[-1])
    _, values, axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    shares = values**2 / (values**2).sum()
    np.testing.assert_allclose(film(snapshots, groups).shares, shares[:2], rtol=1e-4)
    # Distances in the picture are those in the plane, at one scale.
    places = (flat - flat.mean(axis=0)) @ axes[:2].T
    expected = np.linalg.norm(places[1:] - places[:-1], axis=1)
    seen = np.linalg.norm(np.diff(dead.reshape(-1, 2), axis=0), axis=1)
    np.testing.assert_allclose(seen / seen.max(), expected / expected.max(), atol=2e-3)


def test_what_has_no_dead_rows_has_no_film(recorded_run: Path) -> None:
    snapshots = Snapshots.open(recorded_run)
    with pytest.raises(InputError, match="no dead row was recorded"):
        film(snapshots, {"live": np.arange(9)})
    with pytest.raises(InputError, match="no snapshots of W_U"):
        film(snapshots, {"dead": np.arange(9)}, "W_U")
    with pytest.raises(InputError, match="no snapshots of nonsense"):
        film(snapshots, {"dead": np.arange(9)}, "nonsense")
