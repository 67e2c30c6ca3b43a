"""The whole analysis of a model: indicators, ranking, verification, and what they are worth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cygnet.console import progress
from cygnet.errors import InputError
from cygnet.xray.undertrained.ground_truth import (
    VERIFICATION,
    Groups,
    Point,
    describe_run,
    group_tokens,
    last_step,
    read_counts,
    score_snapshots,
    score_values,
)
from cygnet.xray.undertrained.indicators import Ids, Values, check_ids, indicators, primary
from cygnet.xray.undertrained.subject import Subject, open_subject
from cygnet.xray.undertrained.verification import THRESHOLD, repetition_probabilities
from cygnet.xray.undertrained.vocabulary import TokenNames

Counts = npt.NDArray[np.uint64]
VERIFIED_SHARE = 0.02  # of the ranking, as in the paper
PLANTED, GIVEN = "planted dead rows (the others are to be found)", "given"


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known about a run with planted dead rows, and what indicators made of it.

    Attributes:
        about: What sets the run apart, e.g. ``"tied, weight decay 0.01"``.
        groups: The tokens by what the train split has of them.
        points: Scores by step, indicator and comparison.
    """

    about: str
    groups: Groups
    points: tuple[Point, ...]

    @property
    def steps(self) -> list[int]:
        """The steps that have scores, first one first."""
        return sorted({point.step for point in self.points})

    def at(self, step: int, comparison: str) -> list[Point]:
        """The scores of all indicators at a step."""
        wanted = step, comparison
        return [point for point in self.points if (point.step, point.comparison) == wanted]


@dataclass(frozen=True, eq=False)
class Undertrained:
    """Which tokens of a model look under-trained.

    Attributes:
        path: The model.
        is_tied: Whether input and output embeddings are one matrix.
        names: Its tokens.
        known_unused: The ids that the indicators compare with, by how they are known.
        values: Each indicator of each token, by name, ``float64`` of shape ``(vocab_size,)``; low
            is suspicious.
        ranked_by: The indicator that ranks.
        ranking: All other ids, most suspicious first.
        probabilities: What the first ones of the ranking get at the end of repetition prompts.
        counts: How often each token occurs in the train split, where that is known.
        truth: Where dead rows were planted, what the indicators are worth.
    """

    path: Path
    is_tied: bool
    names: TokenNames
    known_unused: dict[str, Ids]
    values: dict[str, Values]
    ranked_by: str
    ranking: Ids
    probabilities: Values
    counts: Ids | None
    truth: Truth | None

    def shares_verified(self) -> dict[str, tuple[int, int]]:
        """By group: how many of those tested the model does not say again, and how many were."""
        if self.truth is None:
            return {}
        tested = self.ranking[: len(self.probabilities)]
        failed = tested[self.probabilities < THRESHOLD]
        return {
            name: (int(np.isin(ids, failed).sum()), int(np.isin(ids, tested).sum()))
            for name, ids in self.truth.groups.members.items()
        }

    def to_dict(self, top: int | None = None) -> dict[str, Any]:
        """Plain JSON values; of the ranking the first ``top``, all if none."""
        found: dict[str, Any] = {
            "path": str(self.path),
            "tied": self.is_tied,
            "known_unused": {reason: ids.tolist() for reason, ids in self.known_unused.items()},
            "ranked_by": self.ranked_by,
            "ranking": [self.token(place) for place in range(len(self.ranking))[:top]],
        }
        if self.truth is not None:
            members = self.truth.groups.members
            found["truth"] = {
                "about": self.truth.about,
                "tokens": {name: len(ids) for name, ids in members.items()},
                "not_repeated": self.shares_verified(),
                "points": [point.to_dict() for point in self.truth.points],
            }
        return found

    def token(self, place: int) -> dict[str, Any]:
        """What is known of the token at a place of the ranking, as plain JSON values."""
        token = int(self.ranking[place])
        found = {"id": token, "text": self.names.text(token), "group": self._group(token)}
        if self.counts is not None:
            found["count"] = int(self.counts[token])
        found |= {name: float(values[token]) for name, values in self.values.items()}
        if place < len(self.probabilities):
            found["probability"] = float(self.probabilities[place])
        return found

    def _group(self, token: int) -> str:
        if self.truth is None:
            return ""
        members = self.truth.groups.members.items()
        return next((name for name, ids in reversed(members) if token in ids), "")


def find_undertrained(
    path: str | Path,
    known_unused: Sequence[int] | None = None,
    *,
    ranked_by: str | None = None,
    verify: int | None = None,
    seed: int = 0,
    needs_truth: bool = False,
) -> Undertrained:
    """Rank the tokens of a model by how under-trained they look, and verify the first ones.

    Args:
        path: A run folder, or any causal model folder of ``transformers`` with safetensors.
        known_unused: Ids that occur in no training data. By default, on a run with planted dead
            rows a half of them; elsewhere rows without a token, dead rows, and tokens that the
            tokenizer gives for no text.
        ranked_by: An indicator; by default that of the paper: the norm of input rows, or for tied
            embeddings the cosine.
        verify: How many of the ranking to verify, -1 for all. By default 2% of it, and all where
            dead rows are planted.
        seed: Of the half of the planted rows.
        needs_truth: Refuse what has no planted rows to judge the indicators by.

    Raises:
        InputError: There is no model, or no tokenizer; no token of tied embeddings is known to be
            unused; an option is out of range.
        DamagedError: A file of the model or of the run is damaged.

    Cost: see ``indicators`` and ``repetition_probabilities``; on a run, the former for each
    snapshot.
    """
    subject = open_subject(Path(path))
    given = None if known_unused is None else np.unique(np.array(known_unused, np.int64))
    counts = read_counts(subject.path) if subject.is_run else None
    groups = _groups(subject, counts, given, seed)
    if needs_truth and groups is None:
        raise InputError(
            f"{path} has no planted dead rows to judge the indicators by: train a recipe with"
            " --tokenizer.dead, e.g. duckling-lossless, and name its run folder"
        )
    known = _known(subject, given, groups)
    ids = np.concatenate([*known.values(), np.empty(0, np.int64)])
    values = indicators(subject.inputs, subject.outputs, ids)
    ranked_by = _choose(ranked_by, subject, values)
    ranking = _rank(values[ranked_by], ids)
    probabilities = _verify(subject, ranking[: _n_verified(verify, len(ranking), bool(groups))])
    truth = None
    if groups is not None:
        points = tuple(_points(subject, ids, groups, values, ranking, probabilities))
        truth = Truth(describe_run(subject.path, subject.is_tied), groups, points)
    return Undertrained(
        subject.path,
        subject.is_tied,
        subject.names,
        known,
        values,
        ranked_by,
        ranking,
        probabilities,
        None if counts is None else counts.astype(np.int64),
        truth,
    )


def _groups(subject: Subject, counts: Counts | None, given: Ids | None, seed: int) -> Groups | None:
    """The tokens of a run with planted dead rows; of anything else none."""
    if counts is None or not subject.names.dead_ids:
        return None
    return group_tokens(sorted(subject.names.dead_ids), counts, given, seed)


def _rank(values: Values, known: Ids) -> Ids:
    """All ids but the known ones, by their value."""
    others = np.setdiff1d(np.arange(len(values)), known)
    return others[np.argsort(values[others], kind="stable")]


def _known(subject: Subject, given: Ids | None, groups: Groups | None) -> dict[str, Ids]:
    if given is not None:
        check_ids(given, len(subject.outputs))
        return {GIVEN: given}
    if groups is not None:
        return {PLANTED: groups.known}
    return subject.names.known_unused(len(subject.outputs))


def _choose(asked: str | None, subject: Subject, values: dict[str, Values]) -> str:
    if asked is not None and asked not in values:
        raise InputError(f"no indicator {asked!r} here: there are {', '.join(values)}")
    return asked or primary(subject.is_tied)


def _n_verified(asked: int | None, n_ranked: int, planted: bool) -> int:
    if asked is None:
        return n_ranked if planted else max(1, round(VERIFIED_SHARE * n_ranked))
    if asked < -1:
        raise InputError(f"verify is {asked}: it can be -1 for all, or how many")
    return n_ranked if asked == -1 else min(asked, n_ranked)


def _verify(subject: Subject, tokens: Ids) -> Values:
    names = subject.names
    with progress("repeating", len(tokens), "token") as advance:
        return repetition_probabilities(
            subject.model, tokens, names.separators, names.prefix, on_tokens=advance
        )


def _points(
    subject: Subject,
    known: Ids,
    groups: Groups,
    values: dict[str, Values],
    ranking: Ids,
    probabilities: Values,
) -> Iterator[Point]:
    """Scores over the steps, and at the last one those of the trained model itself."""
    last = last_step(subject.path)
    snapshots = score_snapshots(subject.path, known, groups)
    yield from (point for point in snapshots if point.step < last)
    final = dict(values)
    if len(probabilities) == len(ranking):
        final[VERIFICATION] = np.zeros(len(subject.outputs))
        final[VERIFICATION][ranking] = probabilities
    yield from score_values(last, final, groups)
