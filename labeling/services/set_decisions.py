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
    """Decide by the newest answer that decides alone, or label by label (`consensus.several`).

    What an expert has said since of one label alone stands for that label, whoever said the rest.
    """
    k = max(len(scheme.label_ids), 1)
    n_votes = sum(answer.is_whole for answer in answers)
    alone = [answer for answer in answers if answer.decides_alone and answer.is_whole]
    since = alone[-1].annotation_id if alone else 0
    settled = _settled(answers, scheme, since=since)
    if alone:
        vote = selectors.vote(alone[-1], scheme, asked)
        found = several.with_settled(several.by_one(vote, k), settled)
        decision = _of_one(alone[-1], vote, settled)
        is_decided = decision.state != State.OPEN
        return SetDecision(found, decision, 1, is_decided, n_votes)
    said = [answer for answer in answers if not answer.decides_alone]
    votes = [selectors.vote(answer, scheme, asked) for answer in said if answer.is_opinion]
    decision = several.decide(
        votes,
        k,
        n_votes=n_votes,
        n_answers=len(said),
        needed=rule.needed,
        cap=rule.cap,
        settled=settled,
    )
    found = several.posterior(votes, k)
    if decision.state == State.OPEN:
        found = several.known_so_far(votes, k, needed=rule.needed)
    found = several.with_settled(found, settled)
    return SetDecision(found, decision, rule.needed, is_expert=False, n_votes=n_votes)


def _settled(answers: Sequence[LiveAnswer], scheme: SchemeView, *, since: int) -> dict[int, float]:
    """Give the columns that experts have settled alone since an answer, the newest word of each.

    Yes to a label that was merged is yes to what it became; no says nothing of that.
    """
    own = {key: column for column, key in enumerate(scheme.label_ids)}
    settled: dict[int, float] = {}
    for answer in answers:
        if answer.is_whole or not answer.decides_alone or answer.annotation_id < since:
            continue
        of = scheme.column_of
        settled |= {of[key]: 1.0 for key in answer.label_ids if key in of}
        settled |= {own[key]: 0.0 for key in answer.denied_ids if key in own}
        settled |= {own[key]: several.UNKNOWN for key in answer.unsure_ids if key in own}
    return settled


def _of_one(answer: LiveAnswer, vote: several.SetVote, settled: Mapping[int, float]) -> Decision:
    """Take one's word for the whole set; one that cannot be told decides nothing."""
    if answer.kind not in (AnnotationKind.LABEL, AnnotationKind.NONE_OF_THESE):
        return Decision(State.UNUSABLE)
    if answer.kind == AnnotationKind.LABEL and not vote.yes:
        return Decision(State.OPEN)  # Without a label of today the question is open.
    shown = {column for column, share in settled.items() if share == 1}
    first = min(vote.yes - settled.keys() | shown, default=None)
    return Decision(State.NONE_OF_THESE) if first is None else Decision(State.RESOLVED, first)
