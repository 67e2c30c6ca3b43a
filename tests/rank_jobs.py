"""What every rank of ``test_ranks`` does; started by torchrun: FOLDER with token files.

Each training is compared with that of one process by the test.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import torch

from cygnet import cli, ranks
from cygnet.errors import InputError
from cygnet.transformer.training import TrainingResult
from rank_trainings import TRAININGS, run_training
from training_lab import StopError

RANK = ranks.rank()


class Writes:
    """Notes what this process writes in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        writes = writes or event in ("os.mkdir", "os.rename", "os.remove", "os.rmdir")
        if writes and str(arguments[0]).startswith(self.folder):
            self.seen.append(f"{event} {arguments[0]}")


def keep(folder: Path, result: TrainingResult) -> None:
    """The weights, as this rank has them."""
    torch.save(result.model.state_dict(), folder.parent / f"{folder.name}-rank{RANK}.pt")


def fail_alone(arguments: list[str]) -> NoReturn:
    """The last rank has an error of its own, the others want to hear from it."""
    if RANK:
        raise InputError("only this rank has no memory")
    while True:
        torch.distributed.all_reduce(torch.ones(1))


def main(folder: Path) -> int:
    """All trainings, then an error."""
    writes = Writes(folder)
    sys.addaudithook(writes)
    for name, options in TRAININGS.items():
        keep_in = folder / name
        keep(keep_in, run_training(keep_in, folder, options))
    try:
        run_training(folder / "stopped", folder, TRAININGS["masked"], stop_at=5)
    except StopError:
        ranks.share()
    keep(folder / "begun-alone", run_training(folder / "begun-alone", folder, TRAININGS["masked"]))
    seen = [line for line in writes.seen if f"rank{RANK}.pt" not in line]
    (folder / f"writes-{RANK}.json").write_text(json.dumps(seen))
    vars(cli)["_dispatch"] = fail_alone
    return cli.main(["run", "demo"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    sys.exit(main(Path(sys.argv[1])))
