"""How far people agree beyond chance: Krippendorff's alpha, overall and for each label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RESAMPLES = 400
FEWEST = 5
"""Images on which somebody named a label before agreement on it means anything."""


@dataclass(frozen=True, slots=True)
class Alpha:
    """Agreement with its bootstrap interval.

    Attributes:
        estimate: 1 is perfect, 0 chance, below 0 systematic disagreement; `nan` where undefined:
            too few images, or nobody ever named two different outcomes.
        low, high: interval; `nan` with the estimate.
        n_images: images with two answers or more; of a label, those where somebody named it.
    """

    estimate: float
    low: float
    high: float
    n_images: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Overall, and of each outcome against all others, in column order."""

    overall: Alpha
    by_outcome: tuple[Alpha, ...]


@dataclass(frozen=True, slots=True)
class _Counts:
    """Answers by image and outcome, one row a pair that occurs, (r,) each; `size` (m,) by image."""

    image: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    n: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]


def krippendorff(
    image: npt.NDArray[np.integer],
    label: npt.NDArray[np.integer],
    *,
    n_outcomes: int,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Agreement:
    """Give alpha for nominal answers, where not everybody has answered everything.

    alpha = 1 - D_o / D_e: the disagreement that is observed within images over the one that would
    be there if answers were shuffled among all images. An image of m answers weighs m, its pairs
    1 / (m - 1) each. The intervals resample images, not answers: answers to one image are not
    independent.

    Args:
        image: (n,) which image each answer is about, any integers.
        label: (n,) columns 0..n_outcomes-1. One answer a person and image.
        n_outcomes: how many outcomes there are.
        rng: for the bootstrap.
        resamples: of the bootstrap.
        confidence: of the percentile interval, in (0, 1).

    Raises:
        ValueError: lengths differ, or a label is out of range.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability".
    """
    if len(image) != len(label):
        message = f"{len(image)} images for {len(label)} labels"
        raise ValueError(message)
    if len(label) and not 0 <= int(label.min()) <= int(label.max()) < n_outcomes:
        message = f"labels must lie in 0..{n_outcomes - 1}"
        raise ValueError(message)
    counts = _counts(image, label, n_outcomes)
    m = len(counts.size)
    estimates = _alphas(counts, np.ones(m), n_outcomes)
    drawn = np.full((resamples, n_outcomes + 1), math.nan)
    for row in range(resamples if m else 0):
        weights = np.bincount(rng.integers(0, m, m), minlength=m).astype(np.float64)
        drawn[row] = _alphas(counts, weights, n_outcomes)
    images_with = np.bincount(counts.label, minlength=n_outcomes)
    tail = (1 - confidence) / 2
    return Agreement(
        _alpha(estimates[-1], drawn[:, -1], m, tail),
        tuple(
            _alpha(estimates[column], drawn[:, column], int(images_with[column]), tail)
            for column in range(n_outcomes)
        ),
    )


def _counts(
    image: npt.NDArray[np.integer], label: npt.NDArray[np.integer], n_outcomes: int
) -> _Counts:
    """Count answers by image and outcome; images with one answer say nothing of agreement."""
    _, place, size = np.unique(image, return_inverse=True, return_counts=True)
    kept = size[place] >= 2
    _, place = np.unique(place[kept], return_inverse=True)
    pair, n = np.unique(place.astype(np.int64) * n_outcomes + label[kept], return_counts=True)
    return _Counts(
        image=pair // n_outcomes,
        label=pair % n_outcomes,
        n=n.astype(np.float64),
        size=size[size >= 2].astype(np.float64),
    )


def _alphas(
    counts: _Counts, weights: npt.NDArray[np.float64], n_outcomes: int
) -> npt.NDArray[np.float64]:
    """Give (n_outcomes + 1,): alpha of each outcome against the rest, and overall at the end.

    `weights` (m,) says how often each image counts.
    """
    weight, size = weights[counts.image], counts.size[counts.image]
    named = np.bincount(counts.label, weights=weight * counts.n, minlength=n_outcomes)
    total = float(named.sum())
    # Ordered pairs that differ: the outcome and another, within one image.
    apart = weight * counts.n * (size - counts.n) / (size - 1)
    differing = np.bincount(counts.label, weights=apart, minlength=n_outcomes)
    observed = np.append(2 * differing, differing.sum())
    by_chance = np.append(
        2 * named * (total - named), total * total - float((named * named).sum())
    ) / max(total - 1, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(by_chance > 0, 1 - observed / by_chance, math.nan)


def _alpha(estimate: float, drawn: npt.NDArray[np.float64], n_images: int, tail: float) -> Alpha:
    known = drawn[~np.isnan(drawn)]
    if math.isnan(estimate) or n_images < FEWEST or not len(known):
        return Alpha(math.nan, math.nan, math.nan, n_images)
    low, high = np.quantile(known, [tail, 1 - tail])
    return Alpha(float(estimate), float(min(low, estimate)), float(max(high, estimate)), n_images)
