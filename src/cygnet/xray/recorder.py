"""``TraceRecorder``: what a model makes of the same prompts over its training, as a callback.

It works with any causal language model of ``transformers`` and anyone's own ``Trainer``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import (
    PreTrainedModel,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from cygnet.errors import InputError, StaleError
from cygnet.files import atomic_writer
from cygnet.recipe import XrayOptions
from cygnet.tokenizer.tokenizer import Tokenizer
from cygnet.transformer.model import evaluating
from cygnet.transformer.other_tokenizers import adapt
from cygnet.transformer.sampling import Sampling
from cygnet.xray.runs.traces import TRACES, RecordedTrace, read_lines
from cygnet.xray.trace import Trace
from cygnet.xray.tracing import trace_generation


class TraceRecorder(TrainerCallback):
    """Writes a trace of each prompt to disk while a ``Trainer`` trains.

    At step 0, every so many steps, and at the last one the model writes on from each prompt; what
    it thought of every token goes to a line of the file. ``read_traces`` gives them back. The model
    is asked as in evaluation. Its mode, the random state and with them the training are as without
    the recorder.

    Args:
        path: The file, such as ``traces.jsonl``; its folder is there. A training that goes on from
            a checkpoint drops the lines behind it and takes them again, so that the file ends with
            the bytes of a training without a break.
        tokenizer: That of the model; any that ``cygnet.trace`` takes.
        prompts: Texts to write on from.
        every: Steps between traces.
        max_tokens: Most tokens to write on; with 0 the prompts alone are traced.
        sampling: How tokens are drawn.
        n_alternatives: How many likeliest tokens to keep at each position.
        overwrite: Let a training that begins at step 0 replace the traces of an earlier one.

    Raises:
        InputError: An argument is out of its range, the tokenizer is not the model's, or the
            model's figures are not finite.
        StaleError: The file holds the traces of an earlier training.
        DamagedError: It holds something else.

    Where a step is logged as well, the trace comes behind it: cygnet's own training leaves its time
    out of ``tokens_per_second``. Of several ranks the first one asks its model and writes; the
    weights must be whole there, not sharded.

    Cost: a pass over each prompt and a step of the model for each token, 2 ms for two layers of 256
    on a core; about 1 kB in the file for each token.

    >>> TraceRecorder("traces.jsonl", Tokenizer([]), prompts=[])
    Traceback (most recent call last):
    cygnet.errors.InputError: prompts is empty: name texts to write on from
    """

    def __init__(
        self,
        path: str | Path,
        tokenizer: Any,
        prompts: Sequence[str],
        *,
        every: int = 500,
        max_tokens: int = 40,
        sampling: Sampling = Sampling(),
        n_alternatives: int = 5,
        overwrite: bool = False,
    ) -> None:
        if isinstance(prompts, str):
            raise InputError("prompts is one text: name a list of texts")
        if not prompts:
            raise InputError("prompts is empty: name texts to write on from")
        for name, value, least in (
            ("every", every, 1),
            ("max_tokens", max_tokens, 0),
            ("n_alternatives", n_alternatives, 0),
        ):
            if value < least:
                raise InputError(f"{name} must be at least {least}, found {value}")
        self.path, self.tokenizer, self.prompts = Path(path), adapt(tokenizer), tuple(prompts)
        self.every, self.max_tokens, self.sampling = every, max_tokens, sampling
        self.n_alternatives, self.overwrite = n_alternatives, overwrite
        self._last = -1

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the first traces, or go on behind the checkpoint."""
        if not state.is_world_process_zero:
            return
        self._last = self._keep_until(state.global_step)
        if self._last < 0:
            self._take(state.global_step, kwargs["model"])

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take traces if they are due, unless the step is logged first."""
        if not control.should_log:
            self._take_if_due(state, kwargs["model"])

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take traces if they are due; a checkpoint of the step comes behind this."""
        self._take_if_due(state, kwargs["model"])

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the last traces of a training that ended sooner than it was to."""
        # With load_best_model_at_end the weights are by now those of another step.
        is_last = self._last < state.global_step <= state.max_steps
        if state.is_world_process_zero and is_last and not args.load_best_model_at_end:
            self._take(state.global_step, kwargs["model"])

    def _take_if_due(self, state: TrainerState, model: PreTrainedModel) -> None:
        step = state.global_step
        # Trainer that goes on from its very last checkpoint takes one step too many (5.23).
        is_due = (step % self.every == 0 and step < state.max_steps) or step == state.max_steps
        if state.is_world_process_zero and is_due and step > self._last:
            self._take(step, model)

    def _take(self, step: int, model: PreTrainedModel) -> None:
        """Append a line for each prompt."""
        with _undisturbed(model):
            traces = [self._trace(model, prompt) for prompt in self.prompts]
        try:
            lines = [
                RecordedTrace(step, prompt, trace).to_line()
                for prompt, trace in zip(self.prompts, traces, strict=True)
            ]
        except ValueError as error:
            raise InputError(
                f"the model's figures at step {step:,} are not finite: its training has diverged"
            ) from error
        with open(self.path, "ab") as file:
            file.writelines(lines)
        self._last = step

    def _trace(self, model: PreTrainedModel, prompt: str) -> Trace:
        return trace_generation(
            model,
            self.tokenizer,
            prompt,
            max_tokens=self.max_tokens,
            n_alternatives=self.n_alternatives,
            **asdict(self.sampling),
        )

    def _keep_until(self, step: int) -> int:
        """Drop the lines behind a step; gives the last step that is left, -1 if none is."""
        found = list(read_lines(self.path)) if self.path.exists() else []
        if step == 0 and found and not self.overwrite:
            raise StaleError(
                f"{self.path} holds the traces of another training, steps {found[0][1].step:,} to"
                f" {found[-1][1].step:,}: go on from its checkpoint, name another file, or replace"
                " them with TraceRecorder(..., overwrite=True)"
            )
        kept = [(line, recorded.step) for line, recorded in found if 0 < step >= recorded.step]
        with atomic_writer(self.path) as file:
            file.writelines(line for line, _ in kept)
        return kept[-1][1] if kept else -1


def trace_callbacks(
    options: XrayOptions, folder: Path, tokenizer_folder: Path
) -> list[TrainerCallback]:
    """What takes traces of the prompts of a recipe while its model trains, if it asks for them."""
    if options.trace_every is None:
        return []
    recorder = TraceRecorder(
        folder / TRACES,
        Tokenizer.load(tokenizer_folder),
        options.prompts,
        every=options.trace_every,
        max_tokens=options.trace_tokens,
        sampling=Sampling(
            temperature=options.temperature,
            top_k=options.top_k,
            top_p=options.top_p,
            seed=options.seed,
        ),
        n_alternatives=options.alternatives,
        overwrite=True,  # the stage knows that they are its own, begun before a checkpoint
    )
    return [recorder]


@contextmanager
def _undisturbed(model: PreTrainedModel) -> Iterator[None]:
    """Leave the mode of the model, and what will be drawn at random, as they are."""
    devices = [model.device] if model.device.type == "cuda" else []
    with evaluating(model), torch.random.fork_rng(devices):
        yield
