"""How many labels chosen at random would teach what the chosen ones have: answers saved.

The random arm is small, so it cannot show what random labels would do at the size the project has
reached, and what choosing is worth at a tenth of the size is not what it is worth at the whole:
the arm alone found one chosen label worth 1.0 random ones where it was worth 2.8. So random
labeling is played again: pictures drawn at random from the whole pool, with their label where
people have said it, and with what the classifier says of the others. Those are the ones it was
never unsure of; how often it is right about pictures drawn at random is measured on the random
arm, and what it has wrong there may have taught random labels up to as much more.
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


@dataclass(frozen=True, slots=True)
class Doubt:
    """How far the labels that the classifier lent to a replay may be wrong.

    Attributes:
        n, wrong: pictures drawn at random that it had not learned, and how many it had wrong.
        expected: how many it thought to have wrong: 1 - P(what it said), summed over them.
        own: mean of that over what it lends.
        lent: share of a replay's labels that are its own.
    """

    n: int
    wrong: int
    expected: float
    own: float
    lent: float

    def draw(self, size: int, rng: np.random.Generator) -> Vector:
        """Draw (size,) shares of a replay's labels that are wrong: Poisson, Jeffreys' prior.

        What it lends is easier than what was drawn at random before the hard ones were labeled. So
        the pictures drawn say how many times as often as it thinks it is wrong, not how often.
        """
        times = rng.gamma(self.wrong + 0.5, size=size) / (self.expected + 0.5)
        return np.minimum(times * self.own, 1.0) * self.lent


def needed(
    ours: npt.NDArray[np.bool_],
    at_random: list[Judged],
    doubt: Doubt,
    *,
    rng: np.random.Generator,
    bootstraps: int = N_BOOTSTRAPS,
) -> Vector:
    """Draw (b,) numbers of random labels that are as good as all of ours.

    Bootstraps draw audit images, a replay, the share of its labels that are wrong, and how much of
    that true labels would have added: anything from none to all.

    Args:
        ours: (n,) audit images that the head on all of our labels gets right.
        at_random: one a replay, each with the same sizes. Beyond the largest nothing is claimed.
        doubt: about the labels lent.
        rng: draws all of these.
    """
    n = len(ours)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=bootstraps) / n  # (b, n)
    replays = np.stack([one.right for one in at_random])  # (h, s, n)
    which = rng.integers(len(at_random), size=bootstraps)
    shares = np.einsum("bn,bsn->bs", drawn, replays[which])
    more = doubt.draw(bootstraps, rng) * rng.random(bootstraps)
    curves = np.maximum.accumulate(shares + more[:, None], axis=1)
    # Rising by nothing, so that a level that several sizes reach is reached by the first.
    curves += 1e-9 * np.arange(curves.shape[1])
    sizes = np.log(at_random[0].labels)
    level = drawn @ ours
    return np.exp([np.interp(level[at], curves[at], sizes) for at in range(bootstraps)])


def saved(drawn: Vector, *, labels: int, answers_a_label: float, answers: int) -> Interval:
    """Give answers saved so far, with its 95 % interval; below 0 is answers lost.

    Args:
        drawn: (b,) random labels needed.
        labels: labels there are.
        answers_a_label: what a label of the pool takes.
        answers: all that people have given, audit slice included.
    """
    instead = drawn * answers_a_label - answers
    low, middle, high = np.quantile(instead, [0.025, 0.5, 0.975])
    return Interval(float(middle), float(low), float(high), labels)


def chance_of_gain(difference: Vector, groups: Groups, sizes: Vector) -> float:
    """Give the chance that chosen labels teach more than as many random ones.

    Each image counts by one over its group's size, as the audit slice does, where every group
    counts once: by images, random labels would be praised for what they know best, the few things
    that there are a hundred pictures of.

    Args:
        difference: (n,) right with the chosen labels minus right with the random ones, on images
            that were drawn at random and that neither head has seen.
        groups: (n,) split groups: images of one share their fate.
        sizes: (n,) images of the pool in each one's group, at least 1.

    Returns:
        By the normal distribution, with half a case of doubt added on either side; 0.5 for none.
    """
    if len(difference) == 0:
        return 0.5
    weights = 1.0 / sizes
    mean = float(np.average(difference, weights=weights))
    _, group = np.unique(groups, return_inverse=True)
    off = np.bincount(group, weights=weights * (difference - mean))
    spread = float(np.sqrt((off**2).sum() + (weights**2).mean()) / weights.sum())
    return NormalDist().cdf(mean / spread)
