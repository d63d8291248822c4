"""What one person's answer is worth, and what an image's answers say together.

Outcomes are columns 0..k-1, the labels in scheme order, and column k, "none of these".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from labeling.consensus.types import Hint, Vote

START_ALPHA, START_BETA = 8.0, 2.0
START_PRIOR_WEIGHT = 0.5
Real = TypeVar("Real", np.float32, np.float64)

SHRINKAGE = 20.0
"""So many answers about a label must one person give before half of what is believed of their
confusions about it is their own, not everybody's (kappa in `methods.md` §5.2)."""
PRIOR_CAP = 0.9
"""The classifier's largest word against an answer, as a share of an average person's word."""
SKILL_BOUNDS = (0.01, 0.995)
SMALLEST = 1e-12
_TOLD = 0.01
"""Outcomes less probable than this are left out of a person's counts: they stay sparse."""
_NOTHING: Mapping[tuple[int, int], float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Skill:
    """What is known of one annotator: expected counts, fractional.

    Attributes:
        right: answers that were right, over all outcomes.
        wrong: answers that were not.
        confusions: (true column, column said) to the expected count, right answers included.
    """

    right: float = 0.0
    wrong: float = 0.0
    confusions: Mapping[tuple[int, int], float] = field(default_factory=lambda: _NOTHING)

    def plus(self, other: Skill) -> Skill:
        """Add a change; no count falls below 0, and counts that vanish are left out."""
        confusions = dict(self.confusions)
        for pair, count in other.confusions.items():
            confusions[pair] = confusions.get(pair, 0.0) + count
        kept = {pair: count for pair, count in confusions.items() if count > 1e-9}
        return Skill(max(self.right + other.right, 0), max(self.wrong + other.wrong, 0), kept)

    def minus(self, other: Skill) -> Skill:
        """Take away; the same rules."""
        confusions = {pair: -count for pair, count in other.confusions.items()}
        return self.plus(Skill(-other.right, -other.wrong, confusions))


SkillChange = Skill
"""The same three fields, to be added; a change may be negative."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What all annotators of a project share; it changes in a sweep only.

    Attributes:
        alpha: of the Beta distribution of skills, right answers.
        beta: of the same, wrong answers.
        confusion: (k + 1, k + 1). Off the diagonal the share of wrong answers about truth y (row)
            that say z (column): rows sum to 1. On the diagonal how much easier truth y is than
            the average outcome, in log-odds of being right; 0 is average.
        prior_weight: trust in the classifier, 0 to 1.
        minimum_votes: (k + 1,) answers that each outcome needs at least, 1 or more.
        frequency: (k + 1,) share of images of each outcome, or None for even; what is believed of
            an image that the classifier says nothing of.
        worked_out: what follows from the others and every image asks for; filled in as it is asked.
    """

    alpha: float
    beta: float
    confusion: npt.NDArray[np.float64]
    prior_weight: float
    minimum_votes: npt.NDArray[np.int64]
    frequency: npt.NDArray[np.float64] | None = None
    worked_out: dict[object, npt.NDArray[np.float64]] = field(
        init=False, default_factory=dict, compare=False, repr=False
    )

    @property
    def n_outcomes(self) -> int:
        """Give k + 1."""
        return len(self.minimum_votes)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """Give the frequencies, even ones where they are not known."""
        if self.frequency is None:
            return np.full(self.n_outcomes, 1.0 / self.n_outcomes)
        return self.frequency

    @property
    def average(self) -> Skill:
        """Give the skill of a person of whom nothing is known."""
        return Skill()


def start_pool(n_outcomes: int) -> Pool:
    """Give what is believed before the first sweep: skills about 0.8, errors spread evenly.

    Raises:
        ValueError: fewer than 2 outcomes; one label and "none of these" are the least.
    """
    if n_outcomes < 2:
        message = f"there must be at least 2 outcomes (a label and none of these), got {n_outcomes}"
        raise ValueError(message)
    even = np.full((n_outcomes, n_outcomes), 1.0 / (n_outcomes - 1))
    np.fill_diagonal(even, 0.0)
    minimum = np.ones(n_outcomes, dtype=np.int64)
    return Pool(START_ALPHA, START_BETA, even, START_PRIOR_WEIGHT, minimum)


def posterior(
    votes: Sequence[Vote],
    skills: Mapping[int, Skill],
    pool: Pool,
    *,
    prior: npt.NDArray[np.floating] | None = None,
    own: Mapping[int, SkillChange] | None = None,
    hints: Sequence[Hint] = (),
) -> npt.NDArray[np.float64]:
    """Give the distribution over outcomes after these votes, in O(votes * outcomes).

    log q(y) = prior_weight * log prior(y) + sum over votes of log P(vote | y, annotator), up to a
    constant. No vote counts against what it says, whoever gave it: where a person is right less
    often than by chance, their vote says nothing. "None of these" is believed only where somebody
    said it, since it could explain any quarrel. The classifier lowers an outcome that somebody
    named by at most 0.9 of what one person of average skill raises it, so that it never outvotes
    one.

    Args:
        votes: at most one an annotator; their order does not matter.
        skills: by annotator; one that is absent has the skill of the average.
        pool: what all share.
        prior: (k,) out-of-group probabilities of the classifier, or None. Never give one for an
            audit image: what is measured must not be steered by what it measures. Of "none of
            these" the classifier knows nothing: it is given 1 / (k + 1).
        own: what `skills` hold of this very image (`held` of what it was counted with), to be left
            out: an image must not confirm itself.
        hints: words for several labels at once, of annotators who have no vote here. By one,
            log q(y) grows by the log of the sum of P(vote | y, annotator) over the votes it stands
            for; of its own labels each is given the largest of these, so that none of them gains
            on another.

    Returns:
        (k + 1,), sums to 1.

    Raises:
        ValueError: a vote names an outcome that does not exist, an annotator votes twice, or the
            prior has not k entries.

    Source: Dawid & Skene 1979, with skills and confusions shrunk to what all share
    (`methods.md` §5.2).
    """
    _check(votes, pool.n_outcomes)
    named = {vote.label for vote in votes}
    log_q = _capped(_prior_term(prior, pool), named, pool)
    if (votes or hints) and pool.n_outcomes - 1 not in named:
        log_q[-1] = -np.inf
    for vote in votes:
        skill = skills.get(vote.annotator, pool.average)
        if own is not None and vote.annotator in own:
            skill = skill.minus(own[vote.annotator])
        log_q += np.log(likelihood(vote.label, skill, pool))
    for hint in hints:
        skill = skills.get(hint.annotator, pool.average)
        log_q += np.log(_hinted(hint.columns, skill, pool))
    return normalised(log_q)


def _hinted(columns: Sequence[int], skill: Skill, pool: Pool) -> npt.NDArray[np.float64]:
    """Give (k + 1,) how probable it is that this person says one of the columns, by truth."""
    found = np.sum([likelihood(column, skill, pool) for column in columns], axis=0)
    found[list(columns)] = found.max()
    return np.asarray(np.minimum(found, 1.0))


def likelihood(said: int, skill: Skill, pool: Pool) -> npt.NDArray[np.float64]:
    """Give (k + 1,) how probable it is that this person says `said`, by truth.

    P(z|y) = (kappa * base(z|y) + n(y, z)) / (kappa + n(y, .)), where base is the person's skill for
    z = y and the pooled confusion for the rest; at z = y it is never lower than elsewhere.
    """
    is_right = _right(mean_skill(skill, pool), _ease(pool))
    base = (1 - is_right) * pool.confusion[:, said]
    base[said] = is_right[said]
    if not skill.confusions:
        # Nothing of their own: kappa * base / kappa.
        base[said] = base.max()
        return np.maximum(base, SMALLEST)
    own, total = np.zeros(pool.n_outcomes), np.zeros(pool.n_outcomes)
    for (truth, answer), count in skill.confusions.items():
        total[truth] += count
        if answer == said:
            own[truth] += count
    found: npt.NDArray[np.float64] = (SHRINKAGE * base + own) / (SHRINKAGE + total)
    found[said] = found.max()
    return np.maximum(found, SMALLEST)


def mean_skill(skill: Skill, pool: Pool) -> float:
    """Give the posterior mean of the chance to be right, within `SKILL_BOUNDS`."""
    right = pool.alpha + skill.right
    low, high = SKILL_BOUNDS
    return min(max(right / (right + pool.beta + skill.wrong), low), high)


def chance_right(skill: float | npt.NDArray[Real], ease: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Give the chance to be right about outcomes of this ease: log-odds add."""
    return _right(skill, np.exp(ease))


def _right(skill: float | npt.NDArray[Real], odds_of_ease: npt.NDArray[Real]) -> npt.NDArray[Real]:
    odds = skill / (1 - skill) * odds_of_ease
    return np.asarray(np.minimum(odds / (1 + odds), 1 - 1e-6))


def _ease(pool: Pool) -> npt.NDArray[np.float64]:
    """Give (k + 1,) how many times the odds of being right are those of the average outcome."""
    found = pool.worked_out.get("ease")
    if found is None:
        found = pool.worked_out["ease"] = np.exp(np.diagonal(pool.confusion))
    return found


def _allowed(label: int, pool: Pool) -> npt.NDArray[np.float64]:
    """Give (k + 1,) how far the classifier may lower a named outcome against each other."""
    found = pool.worked_out.get(label)
    if found is None:
        word = likelihood(label, pool.average, pool)
        found = pool.worked_out[label] = PRIOR_CAP * (math.log(word[label]) - np.log(word))
    return found


def held(votes: Sequence[Vote], q: npt.NDArray[np.float64]) -> dict[int, SkillChange]:
    """Give what each voter's counts hold for an image with this posterior.

    Outcomes below 1 % are left out, so that confusions stay sparse.
    """
    told = np.where(q >= _TOLD, q, 0.0)
    told /= told.sum()
    columns = [int(column) for column in np.flatnonzero(told)]
    counts = {}
    for vote in votes:
        right = float(told[vote.label])
        confusions = {(column, vote.label): float(told[column]) for column in columns}
        counts[vote.annotator] = Skill(right, 1.0 - right, confusions)
    return counts


def change(
    votes: Sequence[Vote],
    before: npt.NDArray[np.float64] | None,
    after: npt.NDArray[np.float64] | None,
    *,
    earlier: Sequence[Vote] | None = None,
) -> dict[int, SkillChange]:
    """Give what to add to each voter's counts when an image's posterior changes.

    Args:
        votes: the live votes now.
        before: the posterior that the counts hold now, or None where they hold nothing of this
            image: it had one vote only, and one vote alone tells nothing about its author.
        after: the new posterior (one-hot for gold and an expert's word), or None where the counts
            shall hold nothing any more.
        earlier: the votes that `before` was counted for, where they differ: somebody has voted
            since, or taken a vote back.

    Returns:
        A change an annotator; those that would add nothing are left out. Adding the changes of a
        history one by one gives what `held` gives for its end.
    """
    was = {} if before is None else held(votes if earlier is None else earlier, before)
    will_be = {} if after is None else held(votes, after)
    changes = {}
    for annotator in sorted(was.keys() | will_be.keys()):
        moved = _difference(will_be.get(annotator, Skill()), was.get(annotator, Skill()))
        if moved.right or moved.wrong or moved.confusions:
            changes[annotator] = moved
    return changes


def normalised(log_q: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Turn log-weights into shares along the last axis."""
    q = np.exp(log_q - log_q.max(axis=-1, keepdims=True))
    return np.asarray(q / q.sum(axis=-1, keepdims=True))


def with_none(prior: npt.NDArray[Real]) -> npt.NDArray[Real]:
    """Append to (..., k) probabilities the (..., 1) of "none of these": 1 / (k + 1)."""
    k = prior.shape[-1]
    shares = np.empty((*prior.shape[:-1], k + 1), dtype=prior.dtype)
    np.multiply(prior, k / (k + 1), out=shares[..., :k])
    shares[..., k] = 1.0 / (k + 1)
    return shares


def _check(votes: Sequence[Vote], n_outcomes: int) -> None:
    wrong = sorted({vote.label for vote in votes if not 0 <= vote.label < n_outcomes})
    if wrong:
        message = f"votes name outcomes {wrong}, but there are {n_outcomes}"
        raise ValueError(message)
    if len({vote.annotator for vote in votes}) < len(votes):
        message = "an annotator votes once an image; pass only live answers"
        raise ValueError(message)


def _prior_term(prior: npt.NDArray[np.floating] | None, pool: Pool) -> npt.NDArray[np.float64]:
    if prior is None:
        return frequency_term(pool)
    if prior.shape != (pool.n_outcomes - 1,):
        message = f"the prior has shape {prior.shape}, expected ({pool.n_outcomes - 1},)"
        raise ValueError(message)
    shares = np.maximum(with_none(prior.astype(np.float64)), SMALLEST)
    return np.asarray(pool.prior_weight * np.log(shares))


def frequency_term(pool: Pool) -> npt.NDArray[np.float64]:
    """Give (k + 1,) log frequencies."""
    found = pool.worked_out.get("frequency")
    if found is None:
        found = pool.worked_out["frequency"] = np.log(np.maximum(pool.shares, SMALLEST))
    return found


def _capped(
    term: npt.NDArray[np.float64], named: Iterable[int], pool: Pool
) -> npt.NDArray[np.float64]:
    """Raise what was named to where one person of average skill is not outvoted."""
    capped = term.copy()
    for label in named:
        capped[label] = max(term[label], float((term - _allowed(label, pool)).max()))
    return capped


def _difference(new: Skill, old: Skill) -> Skill:
    pairs = new.confusions.keys() | old.confusions.keys()
    moved = {
        pair: new.confusions.get(pair, 0.0) - old.confusions.get(pair, 0.0)
        for pair in sorted(pairs)
    }
    kept = {pair: count for pair, count in moved.items() if count}
    return Skill(new.right - old.right, new.wrong - old.wrong, kept)
