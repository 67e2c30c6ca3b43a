"""Planted dead rows as the truth about indicators of under-trained tokens.

A seeded half of the dead rows is given to the indicators as known to be unused; the other half is
what they are to find, and which rows it is reaches no indicator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.console import say
from cygnet.errors import InputError
from cygnet.files import read_json
from cygnet.recipe import find_recipe
from cygnet.runner import RECIPE
from cygnet.tokens.store import TokenStore
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.undertrained.indicators import Ids, Rows, Values, indicators
from cygnet.xray.undertrained.scores import Scores, score

RAREST = 10
KS = (10, 100, 1000)
HIDDEN, SEEN, RARE, UNSEEN = "dead", "seen", "rare", "unseen"
COMPARISONS = {
    "dead among seen": (HIDDEN, SEEN),
    "dead among rare": (HIDDEN, RARE),
    "unseen among seen": (UNSEEN, SEEN),
}
VERIFICATION = "verification"


@dataclass(frozen=True, eq=False)
class Groups:
    """The tokens of a run with planted dead rows, by what its train split has of them.

    Attributes:
        known: Dead rows that the indicators are told of.
        members: The others: ``dead``, to be found; ``seen`` live tokens; ``rare``, those of them
            that occur at most 10 times; and ``unseen`` live tokens, which occur nowhere.
    """

    known: Ids
    members: dict[str, Ids]


@dataclass(frozen=True)
class Point:
    """The scores of one indicator in one comparison after so many steps of training."""

    step: int
    indicator: str
    comparison: str
    scores: Scores

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"scores": self.scores.to_dict()}


def group_tokens(
    dead_ids: Sequence[int],
    counts: npt.NDArray[np.unsignedinteger[Any]],
    known: Ids | None = None,
    seed: int = 0,
) -> Groups:
    """Sort tokens into groups.

    Args:
        dead_ids: The planted rows.
        counts: How often each id occurs in the train split, shape ``(vocab_size,)``.
        known: The ids that the indicators are told of; a half of the dead ones by default.
        seed: Of the choice of that half.

    Raises:
        InputError: No dead row is left to be found, or one occurs.

    >>> groups = group_tokens(range(4, 8), np.array([90, 3, 0, 11, 0, 0, 0, 0], np.uint64))
    >>> {name: ids.tolist() for name, ids in groups.members.items() if name != "dead"}
    {'seen': [0, 1, 3], 'rare': [1], 'unseen': [2]}
    >>> len(groups.known), len(groups.members["dead"])
    (2, 2)
    """
    dead = np.sort(np.array(dead_ids, np.int64))
    if counts[dead].any():
        raise InputError(f"token {dead[counts[dead] > 0][0]} is called dead and occurs")
    if known is None:
        known = np.random.default_rng(seed).choice(dead, len(dead) // 2, replace=False)
    hidden = np.setdiff1d(dead, known)
    if not len(hidden):
        raise InputError(
            f"all of {len(dead):,} dead rows are known to be unused, and none is left to be found"
        )
    live = np.setdiff1d(np.arange(len(counts)), np.union1d(dead, known))
    seen = live[counts[live] > 0]
    members = {
        HIDDEN: hidden,
        SEEN: seen,
        RARE: seen[counts[seen] <= RAREST],
        UNSEEN: live[counts[live] == 0],
    }
    return Groups(np.sort(known), members)


def read_counts(run: Path) -> npt.NDArray[np.uint64]:
    """How often each id occurs in the train split of a run."""
    return TokenStore.open(run).counts("train")


def score_values(step: int, values: dict[str, Values], groups: Groups) -> Iterator[Point]:
    """Score each indicator in each comparison for which there are tokens."""
    for indicator, found in values.items():
        for comparison, (positives, negatives) in COMPARISONS.items():
            members = groups.members[positives], groups.members[negatives]
            if scores := score(found, *members, KS):
                yield Point(step, indicator, comparison, scores)


def score_snapshots(run: Path, known: Ids, groups: Groups) -> Iterator[Point]:
    """Score the indicators at each step of which the run has all embedding rows.

    Cost: a read of the snapshots, and the indicators at each.
    """
    for step, inputs, outputs in read_steps(run):
        yield from score_values(step, indicators(inputs, outputs, known), groups)


def read_steps(run: Path) -> Iterator[tuple[int, Rows, Rows]]:
    """Step, input and output rows of each snapshot that a run has of all rows."""
    try:
        found = Snapshots.open(run)
    except InputError:
        say(f"  {run} has no snapshots: only the trained model is judged (--transformer.record W)")
        return
    if len(found.rows) < found.settings["n_rows"] or "snapshots" not in found.arrays:
        say(f"  the snapshots of {run} lack rows: only the trained model is judged")
        return
    inputs = found.arrays["snapshots"]
    outputs = found.arrays.get("W_U-snapshots", inputs)
    for number, step in enumerate(found.steps.tolist()):
        yield step, inputs[number], outputs[number]


def last_step(run: Path) -> int:
    """The step at which a run has its trained model."""
    return find_recipe(str(run / RECIPE)).transformer.steps


def describe_run(run: Path) -> str:
    """What sets a run apart, in words: ties, weight decay, what happens to dead rows."""
    options = read_json(run / RECIPE)["transformer"]
    tied = "tied" if options["tie_embeddings"] else "untied"
    decay = f"weight decay {options['weight_decay']:g}"
    kind = {"train": "", "frozen": ", dead rows frozen", "masked": ", dead rows masked"}
    return f"{tied}, {decay}{kind[options['dead_rows']]}"
