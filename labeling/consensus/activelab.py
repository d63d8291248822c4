"""A new image or a second opinion? One score for both; the lowest gains most from an answer.

Source: Goh & Mueller 2023, "ActiveLab: Active Learning with Re-Labeling by Multiple Annotators"
(arXiv 2301.11856), with our posterior in the place of CROWDLAB's quality (`methods.md` §5.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

LEAST, MOST = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Weights:
    """How far the classifier and an average annotator are trusted.

    Attributes:
        classifier: 0 or more; 0 where there is none, or it is no better than the commonest label.
        annotator: mean over annotators, above 0.
        n_labels: k.
    """

    classifier: float
    annotator: float
    n_labels: int


def weight(error: npt.ArrayLike, error_of_commonest: float) -> Numbers:
    """Give the trust in sources of this error rate: max(0, 1 - error / error of the commonest).

    `error_of_commonest` is the error of always saying the commonest label, in [0, 1].
    """
    if error_of_commonest <= 0:
        return np.zeros(np.shape(error))
    return np.maximum(0.0, 1.0 - np.asarray(error, dtype=np.float64) / error_of_commonest)


def labeled_scores(quality: Numbers, votes_weight: Numbers, weights: Weights) -> Numbers:
    """Score labeled images: (n,) in [0, 1].

    Args:
        quality: (n,) posterior of the label that stands.
        votes_weight: (n,) summed weights of those who answered.
        weights: of the classifier and of the answer that would come.
    """
    known = votes_weight + weights.classifier
    return _score(quality, known, weights)


def unlabeled_scores(confidence: Numbers, weights: Weights) -> Numbers:
    """Score images without an answer: (n,), from the classifier's largest probability (n,)."""
    return _score(confidence, np.full(len(confidence), weights.classifier), weights)


def relabel_share(
    labeled: Numbers,
    unlabeled: Numbers,
    *,
    n_labeled: int,
    n_unlabeled: int,
    considered: int,
) -> float:
    """Give the share of labeled images among the lowest scores, not yet clipped.

    Args:
        labeled: scores of a random sample of the labeled images.
        unlabeled: the same of those without an answer.
        n_labeled: how many there are in all.
        n_unlabeled: the same.
        considered: the size of the window to fill: so many of the lowest scores count.

    Returns:
        In [0, 1]; 0 where nothing is labeled.
    """
    if not len(labeled) or n_labeled == 0:
        return 0.0
    if not len(unlabeled) or n_unlabeled == 0:
        return 1.0
    scores = np.concatenate([labeled, unlabeled])
    stands_for = np.concatenate(
        [
            np.full(len(labeled), n_labeled / len(labeled)),
            np.full(len(unlabeled), n_unlabeled / len(unlabeled)),
        ]
    )
    is_labeled = np.arange(len(scores)) < len(labeled)
    # Equal scores: the new image first. It is counted as far as the window reaches.
    order = np.lexsort((is_labeled, scores))
    before = np.cumsum(stands_for[order]) - stands_for[order]
    taken = np.clip(considered - before, 0.0, stands_for[order])
    return float(taken[is_labeled[order]].sum() / taken.sum())


def clipped(share: float) -> float:
    """Hold a share between 10 and 50 %: some of either kind is always asked."""
    return min(max(share, LEAST), MOST)


def _score(share: Numbers, known: Numbers, weights: Weights) -> Numbers:
    total = known + weights.annotator
    return np.asarray((share * known + weights.annotator / weights.n_labels) / total)
