"""The first form of consensus: every annotator is taken to be equally skilled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from labeling.consensus.types import Vote

SKILL = 0.85
PRIOR_WEIGHT = 0.5
_PRIOR_CAP = 0.9
"""The classifier's largest word, as a share of one annotator's: it can never outvote a person."""
_SMALLEST = 1e-12


def majority_posterior(
    votes: Sequence[Vote],
    n_labels: int,
    *,
    prior: npt.NDArray[np.floating] | None = None,
    prior_weight: float = PRIOR_WEIGHT,
    skill: float = SKILL,
) -> npt.NDArray[np.float64]:
    """Give the distribution over labels after these votes.

    log q(y) = prior_weight * log prior(y) + sum over votes of log(skill) where the vote is y and
    log((1 - skill) / (k - 1)) where it is not, up to a constant. The classifier's term is capped
    at 0.9 of the log ratio that one vote has, so one vote always leads.

    Args:
        votes: at most one an annotator; their order does not matter.
        n_labels: k >= 1.
        prior: (k,) out-of-group probabilities of the classifier, or None for none. Never give
            one for an audit image: what is measured must not be steered by what it measures.
        prior_weight: trust in the classifier, 0 to 1; its errors resemble those of annotators.
        skill: chance that an annotator is right, above 1 / k.

    Returns:
        (k,), sums to 1.

    Raises:
        ValueError: a label is out of range, an annotator votes twice, or the prior has not k
            entries.

    Source: one-coin Dawid & Skene 1979; `methods.md` §5.2.
    """
    if len({vote.annotator for vote in votes}) < len(votes):
        message = "an annotator votes once an image; pass only live answers"
        raise ValueError(message)
    counts: dict[int, int] = {}
    for vote in votes:
        counts[vote.label] = counts.get(vote.label, 0) + 1
    return counts_posterior(counts, n_labels, prior=prior, prior_weight=prior_weight, skill=skill)


def counts_posterior(
    counts: Mapping[int, int],
    n_labels: int,
    *,
    prior: npt.NDArray[np.floating] | None = None,
    prior_weight: float = PRIOR_WEIGHT,
    skill: float = SKILL,
) -> npt.NDArray[np.float64]:
    """Give the same as `majority_posterior`, from votes counted by label column."""
    if any(not 0 <= label < n_labels for label in counts):
        message = f"votes name labels {sorted(counts)}, but there are {n_labels}"
        raise ValueError(message)
    if n_labels == 1:
        return np.ones(1)
    word = _log_ratio_of_a_vote(n_labels, skill)
    log_q = np.zeros(n_labels)
    for label, n in counts.items():
        log_q[label] += n * word
    if prior is not None:
        log_q += _prior_term(prior, n_labels, prior_weight, _PRIOR_CAP * word)
    q = np.exp(log_q - log_q.max())
    shares: npt.NDArray[np.float64] = q / q.sum()
    return shares


def _log_ratio_of_a_vote(n_labels: int, skill: float) -> float:
    if not 1 / n_labels < skill < 1:
        message = f"skill must lie between chance (1/{n_labels}) and 1, got {skill}"
        raise ValueError(message)
    return math.log(skill * (n_labels - 1) / (1 - skill))


def _prior_term(
    prior: npt.NDArray[np.floating], n_labels: int, weight: float, cap: float
) -> npt.NDArray[np.float64]:
    if prior.shape != (n_labels,):
        message = f"the prior has shape {prior.shape}, expected ({n_labels},)"
        raise ValueError(message)
    term: npt.NDArray[np.float64] = weight * np.log(np.maximum(prior.astype(np.float64), _SMALLEST))
    np.maximum(term, term.max() - cap, out=term)
    return term
