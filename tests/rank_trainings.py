"""Small trainings that one process and several ranks do."""

from pathlib import Path
from typing import Any

from cygnet.recipe import TransformerOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.tokens.store import TokenStore
from cygnet.transformer.stage import new_model, row_callbacks
from cygnet.transformer.training import TrainingResult, train
from cygnet.xray.recorder import TraceRecorder
from training_lab import StopAt

BYTES = Tokenizer([])
SHAPE: dict[str, Any] = {
    **{"n_layer": 2, "n_head": 2, "n_embd": 16, "block_size": 24},
    **{"steps": 8, "learning_rate": 3e-3, "log_every": 1, "eval_every": 2, "eval_tokens": 60},
    **{"precision": "fp32", "device": "cpu"},
}
TRAININGS = {
    # Ranks with very different numbers of targets, three rows each, of which two at a time.
    "masked": TransformerOptions(
        **SHAPE,
        batch_size=6,
        order="packed",
        micro_batch_size=2,
        record=("W", "grad"),
        record_every=1,
    ),
    "windows": TransformerOptions(**SHAPE, batch_size=2, preset="llama", tie_embeddings=False),
}


def run_training(
    folder: Path, tokens: Path, options: TransformerOptions, stop_at: int | None = None
) -> TrainingResult:
    """Train, in as many processes as there are."""
    store = TokenStore.open(tokens / ("masked-tokens" if options.order == "packed" else "tokens"))
    model = new_model(options, BYTES)
    stop = [StopAt(stop_at)] if stop_at else []
    traces = TraceRecorder(
        folder / "traces.jsonl", BYTES, ["Mia had"], every=3, max_tokens=4, overwrite=True
    )
    callbacks = [*row_callbacks(options, folder, []), traces, *stop]
    return train(model, store, folder, options, BYTES.token_lengths(), callbacks)
