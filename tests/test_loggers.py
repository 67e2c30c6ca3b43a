"""Loggers of others get the figures; one that is not installed is refused at once."""

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import pytest

from conftest import SMALL, cygnet, refused
from cygnet.errors import InputError
from cygnet.recipes import find_recipe
from cygnet.runner import run as run_recipe
from cygnet.transformer.loggers import check_loggers
from cygnet.transformer.metrics import METRICS
from training_lab import lines_of

MISSING = [name for name in ("wandb", "trackio") if find_spec(name) is None]
TO_TENSORBOARD = ("--transformer.report-to", "tensorboard")


def test_tensorboard_gets_the_figures_of_every_line(prepared: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    few = ("--transformer.steps", "20", "--transformer.eval-every", "10")
    command = ("transformer", "train", "demo", *SMALL, *few, *TO_TENSORBOARD)
    result = cygnet(*command, "--out", prepared)
    assert result.returncode == 0, result.stderr
    [path] = (prepared / "transformer" / "tensorboard").glob("events.*")
    found: dict[tuple[int, str], float] = {}
    for event in loader.EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            if value.tensor.float_val:
                found[event.step, value.tag] = value.tensor.float_val[0]
    lines = lines_of(prepared / "transformer" / METRICS)
    assert len(lines) == 10
    for line in lines:
        for key, expected in line.items():
            name = "train/" + key.removeprefix("train_")
            name = name.replace("train/valid_", "eval/")
            assert found.pop((line["step"], name)) == pytest.approx(expected, rel=1e-6)
    assert found == {}


@pytest.mark.parametrize("name", MISSING)
def test_a_logger_that_is_not_installed_is_refused_before_anything(
    name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    message = refused(cygnet("run", "demo", "--transformer.report-to", name, "--out", folder))
    assert f"report_to asks for {name}, which is not installed: pip install {name}" in message
    assert not folder.exists()


def test_without_training_a_logger_is_not_asked_for(tmp_path: Path) -> None:
    recipe = find_recipe("demo")
    missing = dataclasses.replace(recipe.transformer, report_to=("wandb",))
    text = dataclasses.replace(recipe.text, train=("stories:1:5",), valid=("stories:2:5",))
    recipe = dataclasses.replace(recipe, text=text, transformer=missing)
    assert run_recipe(recipe, tmp_path, until="text") == tmp_path


def test_an_unknown_logger_is_refused() -> None:
    with pytest.raises(InputError, match="it can hold trackio, wandb, tensorboard"):
        check_loggers(["mlflow"])
