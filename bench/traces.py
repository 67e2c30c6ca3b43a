"""What traces over a training cost: their share of the time of a run that has finished.

    python bench/traces.py runs/demo

The model is asked as in its training, in fp32. CPU time, the median of five; the time of the
training is that of its record.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from transformers import TrainerControl, TrainerState, TrainingArguments

from cygnet import stage
from cygnet.recipe import XrayOptions
from cygnet.recipes import find_recipe
from cygnet.transformer.blocked_attention import BLOCKED
from cygnet.transformer.model import load_model_quietly
from cygnet.xray.recorder import trace_callbacks
from cygnet.xray.runs.traces import TRACES, read_traces

N_TIMES = 5


def main() -> None:
    """Say what the traces of a run's recipe cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    recipe = find_recipe(str(run / "recipe.json"))
    seconds = stage.read_record(run / "transformer")["seconds"]  # type: ignore[index]
    with tempfile.TemporaryDirectory() as folder:
        once = take(run, recipe.xray, Path(folder))
        traces = read_traces(folder)
        n_bytes = (Path(folder) / TRACES).stat().st_size
    n_tokens = sum(len(one.trace.tokens) for one in traces)
    n_times = -(-recipe.transformer.steps // (recipe.xray.trace_every or 1)) + 1
    print(
        f"{len(traces)} prompts, {n_tokens} tokens: {once:.3f} s, {once / n_tokens:.4f} s a token"
    )
    print(f"{n_bytes / n_tokens:,.0f} bytes a token")
    print(f"{n_times} times in a training of {seconds:,.0f} s: {n_times * once / seconds:.2%}")


def take(run: Path, options: XrayOptions, folder: Path) -> float:
    """Take the traces of a step, several times; gives the CPU time of one, in seconds."""
    model = load_model_quietly(run)
    model.set_attn_implementation(BLOCKED)
    model.train()
    [recorder] = trace_callbacks(options, folder, run / "tokenizer")
    arguments = TrainingArguments(str(folder), use_cpu=True, report_to="none")
    taken = []
    for _ in range(N_TIMES):
        watch = time.process_time()
        recorder.on_train_begin(arguments, TrainerState(), TrainerControl(), model=model)
        taken.append(time.process_time() - watch)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
