"""A training that kills itself at a given file operation: see ``killing``."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

import build_jobs
from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.stage import new_model, row_callbacks, save_model
from cygnet.transformer.training import train
from cygnet.xray.recorder import TraceRecorder

BYTES = Tokenizer([])
OPTIONS = TransformerOptions(
    n_layer=1,
    n_head=2,
    n_embd=16,
    block_size=24,
    batch_size=4,
    steps=7,
    learning_rate=1e-2,
    log_every=1,
    eval_every=2,
    precision="fp32",
    device="cpu",
    record=("W", "grad"),
    record_every=1,
)
"""Checkpoints behind the steps 2, 4, 6 and 7, two of which are kept."""
CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}


class Countdown:
    """Ends the process with SIGKILL just before the n-th change of a file in a folder."""

    def __init__(self, folder: Path, n: int) -> None:
        self.folder, self.n = str(folder), n
        self.n_seen = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (is_write or event in CHANGES):
            return
        # Within a folder that is removed, files are named without it.
        if not str(arguments[0]).startswith("/") or str(arguments[0]).startswith(self.folder):
            self.n_seen += 1
            if self.n_seen == self.n:
                os.kill(os.getpid(), signal.SIGKILL)


def train_small(folder: str, tokens: str, moment: str) -> None:
    """Train, save, and note how many file operations that took."""
    torch.set_num_threads(1)
    countdown = Countdown(Path(folder), int(moment))
    sys.addaudithook(countdown)
    model, out = new_model(OPTIONS, BYTES), Path(folder)
    traces = TraceRecorder(
        out / "traces.jsonl", BYTES, ["Mia had", ""], every=3, max_tokens=4, overwrite=True
    )
    callbacks = [*row_callbacks(OPTIONS, out, []), traces]
    store = TokenStore.open(tokens)
    train(model, store, out, OPTIONS, BYTES.token_lengths(), callbacks=callbacks)
    save_model(model, out)
    (out / "n-operations").write_text(str(countdown.n_seen))


build_jobs.JOBS["train"] = train_small

if __name__ == "__main__":
    build_jobs.main(str(Path(sys.argv[1]).absolute()))
