"""How many labels chosen at random would teach what the chosen ones have: answers saved.

The random arm is small, so it cannot show what random labels would do at the size the project has
reached. What it shows is a ratio: s labels drawn at random are as good as s / ratio of the labels
in the order they came. That ratio is measured where the random arm reaches, with whole curves, and
taken to hold; the interval is over audit groups and over halves of the random labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Groups, Indices

    Vector = npt.NDArray[np.float64]

N_BOOTSTRAPS = 400
_RATIOS = np.geomspace(0.2, 8.0, 75)
_PRIOR_SPREAD = 1.0
"""Log ratios before anything is measured: one time in three beyond a factor of e, either way."""

_SHARED = 0.7
"""Correlation of two heads' hits on the same audit images (`ml.evaluation.forecast`)."""


def uniform_sample(
    is_random: npt.NDArray[np.bool_], pool: int, rng: np.random.Generator
) -> Indices:
    """Pick labels that are a uniform sample of the whole pool: places, ascending.

    The random arm draws from what is left when its turn comes, and what was chosen before is not.
    So each chosen label joins with the probability that the arm, had it been there still, would
    have drawn it since: then every image of the pool has had the same chance, whatever was chosen.

    Args:
        is_random: (n,) labels in the order they came; drawn by the random arm.
        pool: images there were to draw from, n or more.
        rng: the draw.
    """
    left = np.maximum(pool - np.arange(len(is_random)), 1)
    hazard = np.where(is_random, 1.0 / left, 0.0)
    later = hazard[::-1].cumsum()[::-1] - hazard
    joins = rng.random(len(is_random)) < 1.0 - np.exp(-later)
    return np.flatnonzero(is_random | joins)


@dataclass(frozen=True, slots=True)
class Judged:
    """Heads of several sizes, judged on the same n audit images.

    Attributes:
        labels: (m,) labels each head has learned from, ascending.
        right: (m, n) whether each gets each image right; means where several heads stand for one.
    """

    labels: npt.NDArray[np.int64]
    right: npt.NDArray[np.float64]


def ratios(
    ours: Judged,
    at_random: list[Judged],
    *,
    rng: np.random.Generator,
    bootstraps: int = N_BOOTSTRAPS,
) -> Vector:
    """Draw (b,) ratios: so many random labels are worth one of ours.

    Args:
        ours: labels in the order they came, from fewer than the random ones to more.
        at_random: one a half of the random labels, each with the same sizes.
        rng: draws audit images with replacement, and halves.
    """
    n = ours.right.shape[1]
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=bootstraps) / n  # (b, n)
    curves = np.maximum.accumulate(drawn @ ours.right.T, axis=1)  # (b, m)
    halves = np.stack([half.right for half in at_random])  # (h, s, n)
    which = rng.integers(len(at_random), size=bootstraps)
    shares = np.einsum("bn,bsn->bs", drawn, halves[which])
    places = np.log(at_random[0].labels[None, :] / _RATIOS[:, None])  # (r, s)
    found = np.empty(bootstraps)
    for at in range(bootstraps):
        expected = np.interp(places, np.log(ours.labels), curves[at])
        spread = 2 * (1 - _SHARED) * np.clip(shares[at] * (1 - shares[at]), 0.5 / n, None) / n
        loss = ((expected - shares[at]) ** 2 / spread).mean(axis=1)
        found[at] = _RATIOS[int(np.argmin(loss + (np.log(_RATIOS) / _PRIOR_SPREAD) ** 2))]
    return found


def saved(
    drawn: Vector, *, labels: int, pool: int, answers_a_label: float, answers: int
) -> Interval:
    """Give answers saved so far, with its 95 % interval; below 0 is answers lost.

    Args:
        drawn: (b,) ratios.
        labels: labels there are.
        pool: images that random labeling could ask about: it never needs more.
        answers_a_label: what a label of the pool takes.
        answers: all that people have given, audit slice included.
    """
    instead = np.minimum(drawn * labels, pool) * answers_a_label - answers
    low, middle, high = np.quantile(instead, [0.025, 0.5, 0.975])
    return Interval(float(middle), float(low), float(high), labels)


def chance_of_gain(difference: Vector, groups: Groups) -> float:
    """Give the chance that chosen labels teach more than as many random ones.

    Args:
        difference: (n,) right with the chosen labels minus right with the random ones, on images
            that were drawn at random and that neither head has seen.
        groups: (n,) split groups: images of one share their fate.

    Returns:
        By the normal distribution, with half a case of doubt added on either side; 0.5 for none.
    """
    n = len(difference)
    if n == 0:
        return 0.5
    mean = float(difference.mean())
    _, group = np.unique(groups, return_inverse=True)
    off = np.bincount(group, weights=difference - mean)
    spread = float(np.sqrt((off**2).sum() + 1.0)) / n
    return NormalDist().cdf(mean / spread)
