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
from cygnet.recipes import find_recipe
from cygnet.runner import RECIPE
from cygnet.tokens.store import TokenStore
from cygnet.transformer.snapshots import Snapshots
from cygnet.xray.undertrained.indicators import Ids, Rows, Values, indicators
from cygnet.xray.undertrained.scores import Scores, score

KS = (10, 100, 1000)
HIDDEN, SEEN, UNSEEN = "dead", "seen", "unseen"
AMONG_SEEN = f"{HIDDEN} among {SEEN}"
N_DECADES = 20  # of a 64-bit count
VERIFICATION = "verification"


@dataclass(frozen=True, eq=False)
class Groups:
    """The tokens of a run with planted dead rows, by what its train split has of them.

    Attributes:
        known: Dead rows that the indicators are told of.
        members: The others: ``dead``, to be found; ``seen`` live tokens; these by how often they
            occur, ``1-10``, ``11-100`` and so on, each where it has tokens; and ``unseen`` live
            tokens, which occur nowhere and are in no other group.
    """

    known: Ids
    members: dict[str, Ids]

    def comparisons(self) -> dict[str, tuple[str, str]]:
        """What is told from what: groups of positives and of negatives, by the comparison.

        The hard negatives are the live tokens of the lowest counts.
        """
        negatives = [name for name in self.members if name not in (HIDDEN, UNSEEN)]
        found = {f"{HIDDEN} among {name}": (HIDDEN, name) for name in negatives}
        return found | {f"{UNSEEN} among {SEEN}": (UNSEEN, SEEN)}


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

    >>> groups = group_tokens(range(4, 8), np.array([90, 3, 0, 10, 0, 0, 0, 0], np.uint64))
    >>> {name: ids.tolist() for name, ids in groups.members.items() if name != "dead"}
    {'seen': [0, 1, 3], '1-10': [1, 3], '11-100': [0], 'unseen': [2]}
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
    members = {HIDDEN: hidden, SEEN: seen, **_decades(seen, counts[seen])}
    return Groups(np.sort(known), {**members, UNSEEN: live[counts[live] == 0]})


def _decades(tokens: Ids, counts: npt.NDArray[np.unsignedinteger[Any]]) -> dict[str, Ids]:
    """Tokens by how often they occur, rarest first: ``1-10``, ``11-100``, and so on."""
    found = {}
    for power in range(N_DECADES):
        above, last = 10**power if power else 0, 10 ** (power + 1)
        inside = (counts > above) & (counts <= last)
        if inside.any():
            found[f"{above + 1}-{last}"] = tokens[inside]
    return found


def read_counts(run: Path) -> npt.NDArray[np.uint64]:
    """How often each id occurs in the train split of a run."""
    return TokenStore.open(run).counts("train")


def score_values(step: int, values: dict[str, Values], groups: Groups) -> Iterator[Point]:
    """Score each indicator in each comparison for which there are tokens."""
    for indicator, found in values.items():
        for comparison, (positives, negatives) in groups.comparisons().items():
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
        _say_what_records(f"{run} has no snapshots")
        return
    if len(found.rows) < found.settings["n_rows"]:
        _say_what_records(f"the snapshots of {run} have {len(found.rows):,} rows of all")
        return
    inputs = found.arrays["snapshots"]
    outputs = found.arrays.get("W_U-snapshots", inputs)
    for number, step in enumerate(found.steps.tolist()):
        yield step, inputs[number], outputs[number]


def _say_what_records(lack: str) -> None:
    say(
        f"{lack}: only the trained model is judged; --transformer.record W"
        " --transformer.record-rows all of its recipe records what scores against steps need"
    )


def last_step(run: Path) -> int:
    """The step at which a run has its trained model."""
    return find_recipe(str(run / RECIPE)).transformer.steps


def describe_run(run: Path, is_tied: bool) -> str:
    """What sets a run apart, in words: ties, weight decay, dead rows, how much was read."""
    options = find_recipe(str(run / RECIPE)).transformer
    tied = "tied" if is_tied else "untied"
    kind = "" if options.dead_rows == "train" else f", dead rows {options.dead_rows}"
    read = options.steps * options.batch_size * options.block_size
    epochs = read / TokenStore.open(run).split("train").tokens
    return f"{tied}, weight decay {options.weight_decay:g}{kind}, {epochs:.2g} epochs"
