"""A forked command line is that of a new process."""

from pathlib import Path

import pytest

from conftest import cygnet, in_new_process
from forks import FORKS

pytestmark = pytest.mark.skipif(not FORKS, reason="commands are not forked here")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("text", "stories"), 0),
        (("text", "download", "tinystories", "--help"), 0),
        (("tokens", "show", "nowhere"), 2),
        (("text", "stories", "--n", "many"), 2),
        (("tokens", "show", "nowhere", "--debug"), 1),
    ],
)
def test_a_fork_does_what_a_new_process_does(
    tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    forked, new = (run(*arguments, cwd=tmp_path) for run in (cygnet, in_new_process))
    assert forked.returncode == new.returncode == code
    assert forked.stdout == new.stdout
    above = "Traceback" if code == 1 else "none"  # the lines of a traceback name other files
    assert (above in forked.stderr) == (above in new.stderr) == (code == 1)
    assert forked.stderr.splitlines()[-1:] == new.stderr.splitlines()[-1:]


def test_a_command_leaves_nothing_behind_in_the_next(tmp_path: Path) -> None:
    for _ in range(2):
        result = cygnet("tokenizer", "train", "demo", "--text.train", "stories:1:200",
                        "--tokenizer.vocab-size", "300", "--out", tmp_path / "run")  # fmt: skip
        assert result.returncode == 0, result.stderr
    assert result.stderr.count("is finished") == 2
    assert cygnet("tokens", "show", tmp_path).stdout == ""
