"""What several runs wrote from the same prompts, by step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cygnet.errors import InputError
from cygnet.xray.runs.reading import Run, as_runs, in_training
from cygnet.xray.runs.traces import TRACES, read_traces
from cygnet.xray.trace import Trace, finite


@dataclass(frozen=True)
class Sample:
    """What a run wrote on from a prompt at a step.

    Attributes:
        run: Its name.
        step: Optimizer steps before.
        trace: The prompt and what was written, with figures.
    """

    run: str
    step: int
    trace: Trace

    @property
    def written(self) -> str:
        """The text behind the prompt."""
        content = b"".join(token.bytes for token in self.trace.tokens if not token.is_given)
        return content.decode(errors="replace")

    @property
    def prompt_bits_per_byte(self) -> float | None:
        """The loss on the prompt, which is the same text at each step; none without figures."""
        return Trace(tuple(one for one in self.trace.tokens if one.is_given)).bits_per_byte

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "run": self.run,
            "step": self.step,
            "written": self.written,
            "prompt_bits_per_byte": finite(self.prompt_bits_per_byte),
            "trace": self.trace.to_dict(),
        }


@dataclass(frozen=True)
class Samples:
    """What runs wrote on from one prompt.

    Attributes:
        prompt: The prompt.
        runs: The names of those that have it.
        by_step: For each step that one of them has a sample of, in order, that of each run.
    """

    prompt: str
    runs: tuple[str, ...]
    by_step: dict[int, dict[str, Sample]]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        samples = [sample.to_dict() for row in self.by_step.values() for sample in row.values()]
        return {"prompt": self.prompt, "samples": samples}

    def show(self) -> None:
        """Print what was written at each step, the runs side by side where they fit."""
        from cygnet.xray.runs.samples_view import print_samples

        print_samples([self])

    def _repr_html_(self) -> str:
        from cygnet.xray.markup import in_notebook
        from cygnet.xray.page import STYLE
        from cygnet.xray.runs.samples_view import SAMPLES_STYLE, samples_html

        return in_notebook(samples_html([self]), STYLE + SAMPLES_STYLE)


def read_samples(runs: Sequence[Run | str | Path]) -> list[Samples]:
    """The recorded samples of some runs, by prompt.

    Args:
        runs: As for ``compare_runs``; those without traces are left out.

    Raises:
        InputError: None has any; or as of ``read_runs``.
        DamagedError: A file of traces is not what was written.
    """
    found = [(prompt, sample) for run in as_runs(runs) for prompt, sample in _samples(run)]
    if not found:
        raise InputError(
            "none of these runs has samples over its training: train with --xray.trace-every, or"
            " with a TraceRecorder in a Trainer of your own"
        )
    prompts = dict.fromkeys(prompt for prompt, _ in found)
    return [_of_prompt(prompt, [s for other, s in found if other == prompt]) for prompt in prompts]


def _samples(run: Run) -> Iterator[tuple[str, Sample]]:
    path = in_training(run.path, TRACES)
    for recorded in read_traces(path) if path.is_file() else ():
        yield recorded.prompt, Sample(run.name, recorded.step, recorded.trace)


def _of_prompt(prompt: str, samples: Sequence[Sample]) -> Samples:
    steps = sorted({sample.step for sample in samples})
    return Samples(
        prompt,
        tuple(dict.fromkeys(sample.run for sample in samples)),
        {step: {s.run: s for s in samples if s.step == step} for step in steps},
    )
