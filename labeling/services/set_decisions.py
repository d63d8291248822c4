"""What the live answers of an image say together where it may bear several labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from labeling.consensus import several
from labeling.consensus.types import Decision, State
from labeling.models import AnnotationKind
from labeling.selectors import several as selectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from labeling.selectors.projects import SchemeView
    from labeling.selectors.votes import LiveAnswer
    from labeling.services.slots import Policy


@dataclass(frozen=True, slots=True)
class SetDecision:
    """A decision with the (k,) probability of each label, and how many answers it took.

    `n_votes` are the answers about the whole set; those about one label alone do not count.
    """

    posterior: npt.NDArray[np.float64]
    decision: Decision
    needed: int
    is_expert: bool
    n_votes: int


def decide(
    answers: Sequence[LiveAnswer],
    scheme: SchemeView,
    asked: Mapping[int, frozenset[int]],
    rule: Policy,
) -> SetDecision:
    """Decide by the newest answer that decides alone, or label by label (`consensus.several`)."""
    k = max(len(scheme.label_ids), 1)
    n_votes = sum(answer.is_whole for answer in answers)
    alone = [answer for answer in answers if answer.decides_alone]
    if alone:
        vote = selectors.vote(alone[-1], scheme, asked)
        decision = _of_one(alone[-1], vote)
        is_decided = decision.state != State.OPEN
        return SetDecision(several.by_one(vote, k), decision, 1, is_decided, n_votes)
    votes = [selectors.vote(answer, scheme, asked) for answer in answers if answer.is_opinion]
    decision = several.decide(
        votes, k, n_votes=n_votes, n_answers=len(answers), needed=rule.needed, cap=rule.cap
    )
    found = several.posterior(votes, k)
    if decision.state == State.OPEN:
        found = several.known_so_far(votes, k, needed=rule.needed)
    return SetDecision(found, decision, rule.needed, is_expert=False, n_votes=n_votes)


def _of_one(answer: LiveAnswer, vote: several.SetVote) -> Decision:
    """Take one's word for the whole set; one that cannot be told decides nothing."""
    if answer.kind == AnnotationKind.NONE_OF_THESE:
        return Decision(State.NONE_OF_THESE)
    if answer.kind != AnnotationKind.LABEL:
        return Decision(State.UNUSABLE)
    first = min(vote.yes, default=None)  # Without a label of today the question is open.
    return Decision(State.OPEN) if first is None else Decision(State.RESOLVED, first)
