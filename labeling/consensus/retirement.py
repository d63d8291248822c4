"""When an image has enough answers, and what they say (`architecture.md`, rules 1 and 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus.types import Answers, Decision, State

if TYPE_CHECKING:
    import numpy.typing as npt

    from labeling.consensus.crowd import Pool

_STRENGTH = 10.0


def decide(
    answers: Answers,
    posterior: npt.NDArray[np.float64],
    *,
    people: npt.NDArray[np.float64] | None = None,
    pool: Pool,
    needed: int,
    cap: int,
    risk: float = 0.1,
    is_audit: bool = False,
) -> Decision:
    """Decide from the answers so far; people alone name the label.

    The people's answer is the outcome that somebody named and that their votes, weighed by skill,
    make most probable; it must be more probable than all others together. It stands (RESOLVED or
    NONE_OF_THESE):

    - with enough opinions, that is `needed` and the minimum of its outcome, once the risk
      1 - posterior(answer) is at most `risk`. A classifier that agrees shortens this, one that
      disagrees delays it; it cannot exchange the answer.
    - at the cap where all agree, whatever the risk: nobody is left to ask, and a project of one
      person resolves with one answer.

    Otherwise the image is OPEN below the cap. At the cap it is UNUSABLE where "can't tell" leads,
    else DISPUTED, for an expert. In the audit slice the answer needs more than half of the opinions
    by count as well: what is measured rests on no estimate of anybody's skill alone.

    "Can't tell" abstains from the opinions, but uses up the cap.

    Args:
        answers: live answers, counted; skips left out.
        posterior: (k + 1,) of `crowd.posterior`, with the classifier's prior where there is one.
        people: (k + 1,) the same without the prior; None where `posterior` had none. The one that
            counts for audit images.
        pool: for the minimum of each outcome.
        needed: effective votes of the policy, at least 1.
        cap: most answers to ask for, at least 1 (`policy.effective_votes` of the project's cap).
        risk: error that is put up with, 0 to 1; 0.1, or 0.05 for labels to be exported.
        is_audit: whether the image is measured: the classifier has no say at all.
    """
    alone = posterior if people is None else people
    leader, is_clear = _leader(answers, alone)
    top = 0 if leader is None else _count(answers, leader, len(alone))
    if leader is not None and is_clear and (not is_audit or 2 * top > answers.n_opinions):
        wanted = min(max(needed, int(pool.minimum_votes[leader])), cap)
        found = alone if is_audit else posterior
        if answers.n_opinions >= wanted and 1 - found[leader] <= risk:
            return _standing(leader, len(alone))
    if answers.n_votes < cap:
        return Decision(State.OPEN)
    return _at_the_cap(answers, leader, len(alone), needed=min(needed, cap))


def expected_error(posteriors: npt.NDArray[np.floating]) -> float:
    """Give the share of these labels that is expected to be wrong: mean of 1 - max q.

    Args:
        posteriors: (n, k + 1) of the images whose most probable outcome is taken for the label.

    Returns:
        In [0, 1]; 0 for no images. As good as the posteriors are calibrated.
    """
    if len(posteriors) == 0:
        return 0.0
    return float(1.0 - posteriors.max(axis=1).astype(np.float64).mean())


def minimum_votes(
    right: npt.NDArray[np.float64],
    said: npt.NDArray[np.float64],
    *,
    risk: float = 0.1,
    most: int = 3,
) -> npt.NDArray[np.int64]:
    """Give how many answers each outcome needs at least, from how often it was said wrongly.

    As many as make it no likelier that all of them are wrong than `risk`, or than half as likely
    again as one answer is on the whole, where that is higher: an outcome is compared with the
    others, since images that were answered twice are the harder ones. Shares are shrunk to the
    whole by ten answers.

    Args:
        right: (k + 1,) expected answers that said this outcome and were right.
        said: (k + 1,) all expected answers that said it.
        risk: in (0, 1).
        most: the largest minimum.

    Returns:
        (k + 1,) between 1 and `most`.
    """
    overall = 1.0 - (right.sum() + 1.0) / (said.sum() + 1.0)
    wrong = (np.maximum(said - right, 0.0) + _STRENGTH * overall) / (said + _STRENGTH)
    bar = np.log(min(max(risk, 1.5 * overall), 0.99))
    needed = np.ceil(bar / np.log(np.clip(wrong, 1e-6, 0.99)) - 1e-9)
    return np.asarray(np.clip(needed, 1, most)).astype(np.int64)


def _at_the_cap(answers: Answers, leader: int | None, n_outcomes: int, *, needed: int) -> Decision:
    top = 0 if leader is None else _count(answers, leader, n_outcomes)
    if answers.cant_tell > top:
        return Decision(State.UNUSABLE)
    is_unanimous = leader is not None and top == answers.n_opinions
    is_tied_with_cant_tell = answers.cant_tell == top and answers.n_opinions < needed
    if leader is None or not is_unanimous or is_tied_with_cant_tell:
        return Decision(State.DISPUTED)
    return _standing(leader, n_outcomes)


def _leader(answers: Answers, people: npt.NDArray[np.float64]) -> tuple[int | None, bool]:
    """Give the named outcome that people make most probable, and whether it beats the rest."""
    named = [label for label, n in answers.labels.items() if n > 0]
    if answers.none_of_these:
        named.append(len(people) - 1)
    if not named:
        return None, False
    leader = min(named, key=lambda label: (-people[label], label))
    return leader, bool(people[leader] > 0.5)


def _count(answers: Answers, outcome: int, n_outcomes: int) -> int:
    if outcome == n_outcomes - 1:
        return answers.none_of_these
    return answers.labels.get(outcome, 0)


def _standing(leader: int, n_outcomes: int) -> Decision:
    if leader == n_outcomes - 1:
        return Decision(State.NONE_OF_THESE)
    return Decision(State.RESOLVED, leader)
