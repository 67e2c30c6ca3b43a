"""The controls of ``docs/dead-tokens.md``: each command of its table, made small, and what is said
of it."""

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT, cygnet
from cygnet.cli import main
from cygnet.xray.dead.result import Group
from cygnet.xray.dead.runs import analyse_run

CONTROLS = {
    command.split()[-1].removeprefix("runs/"): command
    for command in re.findall(
        r"^\| [^|]* \| `(cygnet run duckling-ii [^`]*)` \|$",
        (ROOT / "docs" / "dead-tokens.md").read_text(),
        re.MULTILINE,
    )
}
SMALL = (
    *("--text.train", "stories:1:400", "--text.valid", "stories:2:20"),
    *("--tokenizer.vocab-size", "400", "--tokenizer.live", "350", "--tokenizer.dead", "50"),
    *("--transformer.block-size", "64", "--transformer.n-embd", "32"),
    *("--transformer.steps", "60", "--transformer.log-every", "20"),
    *("--transformer.eval-every", "60", "--transformer.learning-rate", "1e-3"),
    *("--transformer.record-every", "20", "--xray.max-tokens", "5"),
)
KEPT = np.prod(1 - 1e-3 * (1 - np.arange(60) / 60) * 0.01)
"""What weight decay alone leaves of a row."""


def run_controls(names: list[str], base: Path, folder: Path) -> list[Path]:
    """Token files once, then each control from a copy of them."""
    made = folder / "made"
    options = *SMALL, "--tokenizer.base", base, "--out"
    assert cygnet("tokens", "build", "duckling-ii", *options, made).returncode == 0
    for name in names:
        shutil.copytree(made, folder / name)
        result = cygnet(*shlex.split(CONTROLS[name])[1:], *options, folder / name)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("is finished") == 3, "the copies are taken"
    return [folder / name for name in names]


def dead_rows(run: Path, matrix: str = "W") -> Group:
    return analyse_run(run).matrices[matrix]["dead"]


def shrinks_only(group: Group) -> bool:
    norms, cosines = group.series["norm"], group.series["cosine"]
    is_kept = norms[-1] / norms[0] == pytest.approx(KEPT, abs=1e-6)
    return is_kept and cosines == pytest.approx(cosines[0], abs=1e-5)


def test_there_are_five_controls() -> None:
    assert list(CONTROLS) == ["tied", "untied", "frozen", "no-decay", "masked"]


def test_rows_left_out_of_the_softmax_only_shrink(
    finished_run: Path, recorded_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [masked] = run_controls(["masked"], finished_run, tmp_path)
    assert shrinks_only(dead_rows(masked))
    assert np.isnan(dead_rows(masked).series["predicted_cosine"]).all()
    assert main(["xray", "dead", str(recorded_run), "--against", str(masked)]) == 0
    lines = {line.split("  ")[0]: line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["at the last snapshot"][-2:] == [recorded_run.name, "masked"]
    assert lines["dead rows"][-2:] == ["train", "masked"]
    assert "Dead and live rows" in (masked / "xray" / "report.html").read_text()


@pytest.mark.stress
def test_what_is_said_of_the_other_controls(finished_run: Path, tmp_path: Path) -> None:
    names = ["tied", "untied", "frozen", "no-decay"]
    tied, untied, frozen, no_decay = run_controls(names, finished_run, tmp_path)
    assert dead_rows(tied).series["drift_cosine"][-1] < -0.8
    assert dead_rows(tied).drift["whole"].centroid > 0.8
    assert not dead_rows(frozen).series["centroid_moved"].any()
    assert not dead_rows(frozen).series["step"][1:].any()
    assert shrinks_only(dead_rows(untied, "W_E"))
    for group in (dead_rows(untied, "W_U"), dead_rows(no_decay)):
        assert group.series["drift_cosine"][-1] < -0.8
        assert group.drift["whole"].centroid > 0.8
    last = [dead_rows(run).series["norm"][-1] for run in (tied, no_decay)]
    assert last[0] < last[1], "weight decay pulls back"
