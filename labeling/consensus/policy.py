"""When an image has enough answers, and what they say (`architecture.md`, rules 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.consensus.majority import SKILL, counts_posterior
from labeling.consensus.types import Answers, Decision, State

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_NONE = -1  # the key of "none of these" among label columns


def effective_votes(policy: int, active_annotators: int) -> int:
    """Give how many answers to wait for: the policy, or all there are to ask, at least one.

    Use it for the cap as well: a project of one person cannot ask a second.
    """
    return min(policy, max(active_annotators, 1))


def decide(
    answers: Answers,
    posterior: npt.NDArray[np.float64],
    *,
    needed: int,
    cap: int,
    retirement_risk: float = 0.1,
    is_audit: bool = False,
    skill: float = SKILL,
) -> Decision:
    """Decide from the answers so far; people alone name the label.

    - Enough opinions (`needed`), and more than half of them alike: that answer stands (RESOLVED
      or NONE_OF_THESE). Not yet for a pool image below the cap whose classifier disagrees
      strongly, that is, raises the risk 1 - posterior(label) by more than `retirement_risk`
      above what the votes alone leave: one more person is asked (OPEN).
    - Otherwise, fewer answers than `cap`: OPEN.
    - At the cap: UNUSABLE where "can't tell" leads. A tie, or an audit image without a
      majority: DISPUTED. Else the leader stands.

    "Can't tell" abstains from the opinions, but uses up the cap.

    Args:
        answers: live answers, counted; skips left out.
        posterior: (k,) of `majority_posterior` for the same votes; not looked at for audit.
        needed: effective votes of the policy, at least 1.
        cap: most answers to ask for, at least 1 (`effective_votes` of the project's cap).
        retirement_risk: rise of the risk by the classifier that is put up with, 0 to 1.
        is_audit: whether the image is measured: the classifier has no say at all.
        skill: as given to `majority_posterior`.
    """
    leaders, top = _leaders(answers)
    has_majority = 2 * top > answers.n_opinions
    if has_majority and answers.n_opinions >= min(needed, cap):
        is_doubted = not is_audit and (
            _risk_added(answers, posterior, leaders[0], skill) > retirement_risk
        )
        is_open = is_doubted and answers.n_votes < cap
        return Decision(State.OPEN) if is_open else _standing(leaders[0])
    if answers.n_votes < cap:
        return Decision(State.OPEN)
    if answers.cant_tell > top:
        return Decision(State.UNUSABLE)
    is_tie = len(leaders) > 1 or answers.cant_tell == top
    if is_tie or (is_audit and not has_majority):
        return Decision(State.DISPUTED)
    return _standing(leaders[0])


def _standing(leader: int) -> Decision:
    if leader == _NONE:
        return Decision(State.NONE_OF_THESE)
    return Decision(State.RESOLVED, leader)


def _leaders(answers: Answers) -> tuple[list[int], int]:
    """Give the opinions with the most votes and how many votes those are."""
    opinions = {label: n for label, n in answers.labels.items() if n > 0}
    if answers.none_of_these:
        opinions[_NONE] = answers.none_of_these
    top = max(opinions.values(), default=0)
    return sorted(opinion for opinion, n in opinions.items() if n == top), top


def _risk_added(
    answers: Answers, posterior: npt.NDArray[np.float64], leader: int, skill: float
) -> float:
    """Say by how much the classifier lowers the probability of the people's answer."""
    if leader == _NONE:
        return 0.0
    votes_alone = counts_posterior(answers.labels, len(posterior), skill=skill)
    return float(votes_alone[leader] - posterior[leader])
