"""``Picture``: what there is to see of a text that is played."""

from dataclasses import dataclass
from typing import NamedTuple

from cygnet.transformer.sampling import Sampling
from cygnet.xray.trace import Alternative, Trace


class Step(NamedTuple):
    """How a token behind the prompt was drawn, and whether it ended a document."""

    sampling: Sampling
    ends: bool


@dataclass(frozen=True)
class Picture:
    """What is known of the text between two jobs.

    Attributes:
        trace: Its tokens.
        n_given: How many of them are the prompt's.
        own: What may come next, in the model's own distribution.
        drawn_from: The same in the distribution that is drawn from.
        ended: The last token ends a document.
        prompt: The text that the prompt was.
        is_prompt_whole: Nothing of the prompt was dropped.
        steps: For each token behind the prompt.
        error: Why the last job was refused.
    """

    trace: Trace
    n_given: int
    own: tuple[Alternative, ...]
    drawn_from: tuple[Alternative, ...]
    ended: bool
    prompt: str
    is_prompt_whole: bool
    steps: tuple[Step, ...]
    error: str = ""
