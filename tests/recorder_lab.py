"""A tiny ``Trainer`` of somebody's own with a recorder, and a place to kill it.

``python recorder_lab.py FOLDER SEED...`` trains once without a break into ``FOLDER/whole``, and for
each seed into ``FOLDER/SEED`` with kills at moments that the seed decides. The processes are forks
of one that has imported torch, so that a kill costs no second start.
"""

import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from cygnet.transformer.dead_rows import FrozenRows
from cygnet.transformer.growing_array import GrowingArray
from cygnet.transformer.presets import gpt2
from cygnet.transformer.recorder import EmbeddingRecorder

VOCAB, WIDTH, BLOCK = 40, 8, 16
STEPS, SAVE_EVERY, EVERY = 59, 10, 3  # the step behind the last one would be due
EVERYTHING = ("W", "grad", "adam")
DEAD = np.arange(30, 40, dtype=np.int64)  # where ids end at 29


def new_model(tied: bool = True, seed: int = 0) -> GPT2LMHeadModel:
    config = gpt2(VOCAB, n_layer=1, n_head=1, n_embd=WIDTH, block_size=BLOCK)
    config.tie_word_embeddings = tied
    torch.manual_seed(seed)
    return GPT2LMHeadModel(config)


def blocks(n_live: int = VOCAB, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Data without the last ``VOCAB - n_live`` ids."""
    ids = torch.from_numpy(np.random.default_rng(seed).integers(0, n_live, (64, BLOCK)))
    return [{"input_ids": row, "labels": row} for row in ids]


def new_trainer(
    folder: Path,
    callbacks: Sequence[TrainerCallback],
    model: GPT2LMHeadModel | None = None,
    data: Any = None,
    **arguments: Any,
) -> Trainer:
    options: dict[str, Any] = {
        **{"max_steps": STEPS, "learning_rate": 1e-2},
        **{"save_strategy": "no", "logging_strategy": "no"},
    }
    trainer = Trainer(
        model=model or new_model(),
        args=TrainingArguments(
            output_dir=str(folder / "out"),
            per_device_train_batch_size=2,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **(options | arguments),
        ),
        train_dataset=data or blocks(),
        callbacks=list(callbacks),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def record_rows(
    folder: Path, tied: bool, frozen: bool = False, every: int = 5, **arguments: Any
) -> Path:
    """Snapshots of a tiny Trainer of one's own, without ids 30 to 39."""
    recorder = EmbeddingRecorder(folder / "rows", every=every)
    callbacks = [recorder, *([FrozenRows(DEAD.tolist())] if frozen else [])]
    trainer = new_trainer(
        folder,
        callbacks,
        new_model(tied),
        blocks(n_live=DEAD[0]),
        max_steps=20,
        weight_decay=0.1,
        **arguments,
    )
    trainer.train()
    return folder / "rows"


class Seal(TrainerCallback):
    """Marks checkpoints that are whole."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        (Path(args.output_dir) / f"checkpoint-{state.global_step}" / "whole").touch()


def train(folder: Path) -> None:
    """Train to the end, from the last whole checkpoint if there is one."""
    recorder = EmbeddingRecorder(folder / "recorder", every=EVERY, what=EVERYTHING, overwrite=True)
    trainer = new_trainer(
        folder,
        [recorder, Seal()],
        new_model(tied=False),
        save_strategy="steps",
        save_steps=SAVE_EVERY,
    )
    seals = (folder / "out").glob("checkpoint-*/whole")
    last = max(seals, key=lambda path: int(path.parent.name.split("-")[1]), default=None)
    trainer.train(resume_from_checkpoint=str(last.parent) if last else None)


def die_while_writing(n_writes: int, half: bool) -> None:
    """Kill this process at a write of an array: before its header, or in the middle of its data."""
    append = GrowingArray.append
    left = n_writes

    def dying(self: GrowingArray, entry: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            data = np.ascontiguousarray(entry, self.dtype).tobytes()
            with open(self.path, "r+b") as file:
                file.seek(self._end(len(self)))
                file.write(data[: len(data) // 2] if half else data)
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, entry)

    GrowingArray.append = dying  # type: ignore[method-assign]


def in_fork(work: Any, kill_after: float | None = None) -> bool:
    """Run ``work`` in a process of its own; whether it came to its end."""
    pid = os.fork()
    if not pid:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status) or not status, status
    return not status


def killed_often(folder: Path, seed: int, seconds: float) -> int:
    """Train with kills, and then to the end; how many kills hit."""
    chance = random.Random(seed)

    def dying(n_writes: int, half: bool) -> None:
        die_while_writing(n_writes, half)
        train(folder)

    # A snapshot is nine writes: eight arrays and the steps. Killed early in the first one, then
    # behind a snapshot that the checkpoint of step 10 does not know, then of step 20.
    kills = 0
    for first, last in ((1, 10), (46, 64), (37, 55)):
        n_writes, half = chance.randrange(first, last), chance.random() < 0.5
        kills += not in_fork(partial(dying, n_writes, half))
    kills += not in_fork(lambda: train(folder), kill_after=chance.uniform(0.2, 1) * seconds)
    for _ in range(2):  # the second has nothing left to record
        assert in_fork(lambda: train(folder))
    return kills


def main() -> None:
    folder = Path(sys.argv[1])
    watch = time.perf_counter()
    assert in_fork(lambda: train(folder / "whole"))
    seconds = time.perf_counter() - watch
    for seed in sys.argv[2:]:
        print(killed_often(folder / seed, int(seed), seconds))


if __name__ == "__main__":
    main()
