"""What all annotators of a project share, fitted to everybody's expected counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus.crowd import START_ALPHA, START_BETA, Pool
from labeling.consensus.retirement import minimum_votes

if TYPE_CHECKING:
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

CONFUSION_STRENGTH = 2.0
"""So many wrong answers are imagined in every cell: fewer, and an image whose answers differ would
make its own quarrel look like a common confusion."""
EASE_STRENGTH = 20.0
EASE_BOUND = 1.5
"""Log-odds: an outcome that nothing says is not to become what explains every quarrel."""


def fit(
    right: Matrix,
    wrong: Matrix,
    together: Matrix,
    totals: Matrix,
    images: Matrix,
    *,
    prior_weight: float,
    risk: float,
) -> Pool:
    """Fit the pool to expected counts.

    Args:
        right: (a,) by annotator.
        wrong: (a,).
        together: (k + 1, k + 1) over all annotators, truth by said.
        totals: (a, k + 1) answers by annotator and truth.
        images: (k + 1,) expected number of voted images by truth.
        prior_weight: passed on.
        risk: for the minimum votes.
    """
    alpha, beta = beta_of_skills(right, wrong)
    confusion = shared_confusion(together)
    mean = (alpha + right) / (alpha + beta + right + wrong)
    np.fill_diagonal(confusion, ease(np.diagonal(together), mean @ totals, totals.sum(axis=0)))
    minimum = minimum_votes(np.diagonal(together), together.sum(axis=0), risk=risk)
    frequency = (images + 1.0) / (images.sum() + len(images))
    return Pool(alpha, beta, confusion, prior_weight, minimum, frequency)


def beta_of_skills(right: Matrix, wrong: Matrix) -> tuple[float, float]:
    """Fit a Beta distribution to the skills of all annotators by their (expected) counts.

    The mode over a grid of means and strengths of the beta-binomial likelihood, times what is
    believed of any crowd: mean about Beta(8, 2), strength (alpha + beta) log-normal about 10 with a
    factor of e. With no counts that is Beta(8, 2), to the grid.

    Args:
        right: (a,) expected right answers, 0 or more.
        wrong: (a,) wrong ones.
    """
    is_seen = right + wrong > 0
    if not is_seen.any():
        return START_ALPHA, START_BETA
    right, wrong = right[is_seen], wrong[is_seen]
    mean, strength = _best(right, wrong, np.arange(0.1, 0.991, 0.04), np.geomspace(2, 200, 8))
    means = np.clip(mean + np.arange(-0.04, 0.041, 0.01), 0.05, 0.99)
    mean, strength = _best(right, wrong, means, strength * np.geomspace(0.5, 2, 5))
    return mean * strength, (1 - mean) * strength


def _best(right: Matrix, wrong: Matrix, means: Matrix, strengths: Matrix) -> tuple[float, float]:
    """Give the mean and strength on this grid with the highest posterior density."""
    from scipy.special import betaln  # noqa: PLC0415 (0.2 s, off the web's import path)

    mean, strength = (axis.ravel() for axis in np.meshgrid(means, strengths, indexing="ij"))
    alpha, beta = mean * strength, (1 - mean) * strength
    score = (START_ALPHA - 1) * np.log(mean) + (START_BETA - 1) * np.log(1 - mean)
    score -= np.log(strength / (START_ALPHA + START_BETA)) ** 2 / 2
    for first in range(0, len(right), 512):
        r, w = right[first : first + 512, None], wrong[first : first + 512, None]
        score += (betaln(alpha + r, beta + w) - betaln(alpha, beta)).sum(axis=0)
    best = int(score.argmax())
    return float(mean[best]), float(strength[best])


def shared_confusion(together: Matrix) -> Matrix:
    """Give (k + 1, k + 1) shares of wrong answers by truth, shrunk to an even spread; diagonal 0.

    Args:
        together: (k + 1, k + 1) expected counts, truth by said.
    """
    wrong = together.astype(np.float64)
    np.fill_diagonal(wrong, 0.0)
    wrong += CONFUSION_STRENGTH
    np.fill_diagonal(wrong, 0.0)
    return np.asarray(wrong / wrong.sum(axis=1, keepdims=True))


def ease(right: Matrix, expected: Matrix, total: Matrix) -> Matrix:
    """Give by how much the log-odds of being right about each outcome differ from the expected.

    Args:
        right: (k + 1,) right answers by truth.
        expected: (k + 1,) right answers that the skills of those who answered let expect.
        total: (k + 1,) answers by truth.

    Returns:
        (k + 1,), shrunk to 0 by `EASE_STRENGTH` answers as good as expected on the whole.
    """
    share = float(expected.sum() / total.sum()) if total.sum() > 0 else 0.5
    share = min(max(share, 0.01), 0.99)

    def log_odds(hits: Matrix) -> Matrix:
        misses = np.maximum(total - hits, 0.0)
        return np.asarray(
            np.log(hits + EASE_STRENGTH * share) - np.log(misses + EASE_STRENGTH * (1 - share))
        )

    return np.clip(log_odds(right) - log_odds(expected), -EASE_BOUND, EASE_BOUND)
