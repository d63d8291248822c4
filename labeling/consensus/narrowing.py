"""Answers that narrow the question and do not settle it: "milk, I cannot say which".

Such a hint names several columns: the labels of a group, or what a label was split into since. It
raises all of them alike (`crowd.posterior`), so what is believed among them stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from labeling.consensus import retirement
from labeling.consensus.types import Answers, Decision, Hint, State, Vote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from labeling.consensus.crowd import Pool


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers an image needs, as `retirement.decide` takes it."""

    pool: Pool
    needed: int
    cap: int
    risk: float
    is_audit: bool


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A decision, and the label of a hint where people know no more than that."""

    decision: Decision
    label: int | None
    n_votes: int


def decide(
    said: Sequence[Vote],
    hints: Sequence[Hint],
    posterior: npt.NDArray[np.float64],
    people: npt.NDArray[np.float64] | None,
    *,
    cant_tell: int,
    policy: Policy,
) -> Narrowed:
    """Decide from votes and hints, by `retirement.decide`.

    A hint supports the most probable of its labels that somebody has named. Where nobody has named
    one of them, they are taken together as one outcome; where that stands, the image is resolved
    as what the hint names. An image that is open keeps the label that its hints agree on.

    Args:
        said: votes for one column each; k is "none of these".
        hints: of annotators who are not among the votes.
        posterior: (k + 1,) of `crowd.posterior`.
        people: (k + 1,) the same without the classifier, or None where it had no say.
        cant_tell: how many could not tell.
        policy: of the project.
    """
    alone = posterior if people is None else people
    named = {vote.label for vote in said}
    votes, together = list(said), {}
    for hint in hints:
        if not hint.counts:
            continue
        inside = sorted(named & set(hint.columns))
        column = max(inside, key=lambda one: alone[one]) if inside else hint.columns[0]
        votes.append(Vote(hint.annotator, column))
        if not inside:
            together[column] = hint
    none = len(posterior) - 1
    answers = Answers.of(
        [vote for vote in votes if vote.label != none],
        none_of_these=sum(vote.label == none for vote in votes),
        cant_tell=cant_tell,
    )
    found = retirement.decide(
        answers,
        _gathered(posterior, together),
        people=None if people is None else _gathered(people, together),
        pool=policy.pool,
        needed=policy.needed,
        cap=policy.cap,
        risk=policy.risk,
        is_audit=policy.is_audit,
    )
    if found.state == State.RESOLVED and found.label in together:
        return Narrowed(replace(found, label=None), together[found.label].label, answers.n_votes)
    label = _agreed(hints) if found.state == State.OPEN and not said else None
    return Narrowed(found, label, answers.n_votes)


def _gathered(q: npt.NDArray[np.float64], together: dict[int, Hint]) -> npt.NDArray[np.float64]:
    """Put the probability of all labels of a hint on its first column."""
    out = q.copy()
    for column, hint in together.items():
        total = q[list(hint.columns)].sum()
        out[list(hint.columns)] = 0.0
        out[column] = total
    return out


def _agreed(hints: Sequence[Hint]) -> int | None:
    return hints[-1].label if len({hint.columns for hint in hints}) == 1 else None
