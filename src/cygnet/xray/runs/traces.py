"""``traces.jsonl``: what a model wrote from the same prompts at steps of its training."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cygnet.errors import DamagedError, InputError
from cygnet.xray.record import Record
from cygnet.xray.runs.json_lines import read_json_lines
from cygnet.xray.trace import Trace

TRACES = "traces.jsonl"
KEYS = ("step", "prompt", "trace")


@dataclass(frozen=True)
class RecordedTrace:
    """A trace, and when it was taken.

    Attributes:
        step: Optimizer steps before.
        prompt: What was written on from; its tokens come first in the trace, and are given.
        trace: What the model thought of each token.
    """

    step: int
    prompt: str
    trace: Trace

    def to_line(self) -> bytes:
        """The line of the file.

        Raises:
            ValueError: A figure is not finite.
        """
        values = {"step": self.step, "prompt": self.prompt, "trace": self.trace.to_dict()}
        return json.dumps(values, allow_nan=False).encode() + b"\n"


def read_traces(path: str | Path) -> list[RecordedTrace]:
    """The traces that a ``TraceRecorder`` took, also while it takes more.

    Args:
        path: The file; or a run folder, or another folder, with ``traces.jsonl``.

    Raises:
        InputError: There is none.
        DamagedError: A line is none of traces.

    Cost: a read of the file, which has about 1 kB for a token with five alternatives.
    """
    return [recorded for _, recorded in read_lines(find_traces(Path(path)))]


def find_traces(path: Path) -> Path:
    """The file with the traces of a run.

    Raises:
        InputError: There is none.
    """
    for found in (path, path / TRACES, path / "transformer" / TRACES):
        if found.is_file():
            return found
    raise InputError(
        f"{path} holds no {TRACES}: train with --xray.trace-every, or with a TraceRecorder in a"
        " Trainer of your own"
    )


def read_lines(path: Path) -> Iterator[tuple[bytes, RecordedTrace]]:
    """The lines of a file of traces, each as it stands there and as a trace.

    Raises:
        DamagedError: A line is none of traces.
    """
    for number, (line, values) in enumerate(read_json_lines(path, KEYS), start=1):
        try:
            recorded = _recorded(Record(values, "the line"))
        except InputError as error:
            raise DamagedError(f"{path} is damaged: line {number} is no trace: {error}") from error
        yield line, recorded


def _recorded(record: Record) -> RecordedTrace:
    trace = Trace.from_dict(record.get("trace"))
    return RecordedTrace(record.integer("step", least=0), record.text("prompt"), trace)
