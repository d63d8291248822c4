"""A closer look at labels: audit images that tell most about them are asked about first.

Every group of the audit slice has a random number of its own, `draw_order`. Without a closer look
they are measured in that order. With one, each gets a weight and the order is draw_order / weight:
an image of weight 3 comes three times as early. When the images before some point have been
asked, an image of weight w has had the chance min(1, point * w) of being among them, whatever it
shows: nothing but chance and what is known beforehand decides (sequential Poisson sampling with
permanent random numbers, Ohlsson 1998, in "Business Survey Methods" and J. Official Statistics 14).

What tells most about how often a label is right: its images count (right - share)^2, so one
that the classifier calls something else, and that may yet be of the label, tells far more than one
it is sure of (Neyman's allocation for a ratio; Särndal, Swensson & Wretman 1992, sections 5.6 and
12.2).

Wrong images are then met more often than right ones. Of a label's images met, the share that is
right is not its share of the population, but its odds are off by exactly one factor: how much
likelier right images were met. So an interval is made of the counts, and moved in the logit by the
log of that factor (as in case-control studies: Prentice & Pyke 1979, Biometrika 66).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.yes_or_no import sigmoid

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Labels

    Vector = npt.NDArray[np.float64]

PREFERENCE = 0.8
"""How far the order follows what images tell; the rest is as without a closer look."""

MOST = 8.0
"""Times what an image tells on average; beyond that it is asked about no sooner."""

STEEP, HARDLY = 8.0, 0.05
"""How much sooner a label is asked about that is wider than others, and the least."""

SURELY_RIGHT, HARDLY_RIGHT = 0.95, 0.5
"""A label's share that is expected lies between: neither all right nor mostly wrong."""

_BORROWED = 6.0
"""Images that what is expected of a label counts for, beside those met."""

_CORRECTED_BY = 5.0
"""Wrong images of all labels until what was expected of wrong ones is half corrected by them."""

LEAST_SO_FAR = 0.1
"""Of the largest chance so far, what one that joined later has at least: a handful of answers must
not stand for half a project. With it 92 to 96 of 100 intervals held the truth where half the slice
joined after the rest was answered; with one chance for all, 85 to 97."""

_BLOCK = 50
"""Images that are held to have joined at one time."""

_HALVINGS, _TINY = 60, 1e-9


@dataclass(frozen=True, slots=True)
class Expected:
    """What a classifier says of n audit images, met or not: its likeliest labels only.

    Attributes:
        columns: (n, t) labels, the first one is what it says; -1 where it cannot be asked.
        p: (n, t) their calibrated probabilities.
        stands_for: (n,) images of the project that each stands for: 1 / its chance of being in the
            slice.
        k: how many labels there are.
    """

    columns: npt.NDArray[np.int64]
    p: Vector
    stands_for: Vector
    k: int

    def sums(self, values: Vector) -> Vector:
        """Add (n, t) values up by label, (k,)."""
        known = self.columns >= 0
        found: Vector = np.bincount(
            self.columns[known], weights=values[known], minlength=self.k
        ).astype(np.float64)
        return found


def weights(expected: Expected, wanted: Vector, *, beside: int | None = None) -> Vector:
    """Say how much sooner each image is to be asked about: (n,) above 0, about 1 on average.

    Args:
        expected: what the classifier says of the images.
        wanted: (k,) how much each label matters, at least 0.
        beside: so many of the first images the others are held against; all of them without.
    """
    p, first = expected.p, np.zeros_like(expected.p)
    first[:, 0] = 1.0
    images = expected.sums(p * expected.stands_for[:, None])
    right = expected.sums(p * first * expected.stands_for[:, None])
    share = np.clip(right / np.maximum(images, _TINY), HARDLY_RIGHT, SURELY_RIGHT)
    at = np.maximum(expected.columns, 0)
    told = (
        p * (first - share[at]) ** 2 * (wanted / (images + 1.0) ** 2)[at]
    )  # one more: a label may have none
    told[expected.columns < 0] = 0.0
    tells = np.sqrt(told.sum(axis=1)) * expected.stands_for
    average = tells[:beside].mean()
    if average <= 0:
        return np.ones(len(tells))
    found: Vector = (1 - PREFERENCE) + PREFERENCE * np.minimum(tells / average, MOST)
    return found


def matters(half_widths: Vector, wanted: float) -> Vector:
    """Say how much each of (k,) labels matters where all are to be known to +-`wanted`.

    The widest most, so that none stays behind; those known well enough hardly.
    """
    found: Vector = np.clip((half_widths / wanted) ** STEEP, HARDLY, 1 / HARDLY)
    return found


def reach(weight: Vector, reached: Vector, n_met: int) -> Vector:
    """Give the chance that each of (n,) images of the slice had to be met by now, in (0, 1].

    The point that was reached is not kept: it is the one at which so many are expected to be met.

    Args:
        weight: of each image, greater than 0.
        reached: chance that each had before the weights were what they are, 0 where they always
            were.
        n_met: how many of the n have been met.
    """
    n = len(weight)
    if n == 0 or n_met >= n:
        return np.ones(n)
    low, high = 0.0, 1.0 / float(weight.min())
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if np.maximum(reached, np.minimum(1.0, middle * weight)).sum() < n_met:
            low = middle
        else:
            high = middle
    # Whatever has been met had a chance.
    found: Vector = np.maximum(np.maximum(reached, np.minimum(1.0, high * weight)), _TINY)
    return found


def asked_by_now(
    weight: Vector,
    reached: Vector,
    is_met: npt.NDArray[np.bool_],
    joined: npt.NDArray[np.int64],
) -> Vector:
    """Give the chance that each of (n,) images had to be met by now, whenever it joined the slice.

    An image that came when most others had been met has had less of a chance than those. Where no
    order was ever given, images are met as drawn, and one that joined later has had at most the
    chance of one that was there before: the falling shares that fit what was met best. Those that
    were given an order meet it together (`reach`).

    Args:
        weight, reached: as of `reach`; reached is 0 where no order was ever given.
        is_met: (n,).
        joined: (n,) grows with the time at which each joined.
    """
    is_new = (weight == 1) & (reached == 0)
    found = np.empty(len(weight))
    found[~is_new] = reach(weight[~is_new], reached[~is_new], int(is_met[~is_new].sum()))
    found[is_new] = _falling(is_met[is_new], joined[is_new])
    if is_new.any():
        least = max(LEAST_SO_FAR * float(found.max()), _TINY)
        found[is_new] = np.maximum(found[is_new], least)
    return found


def _falling(is_met: npt.NDArray[np.bool_], joined: npt.NDArray[np.int64]) -> Vector:
    """Give the share met among images that joined at about the same time, never above an earlier.

    Pool-adjacent-violators over blocks of images (Barlow et al. 1972, section 1.2).
    """
    order = np.argsort(joined, kind="stable")
    pooled: list[tuple[int, int]] = []  # images met, images
    for block in np.array_split(is_met[order], max(len(order) // _BLOCK, 1)):
        met, n = int(block.sum()), len(block)
        while pooled and met * pooled[-1][1] >= pooled[-1][0] * n:
            met, n = met + pooled[-1][0], n + pooled[-1][1]
            pooled.pop()
        pooled.append((met, n))
    found = np.empty(len(order))
    found[order] = np.repeat([met / max(n, 1) for met, n in pooled], [n for _, n in pooled])
    return found


def front(
    weight: Vector,
    reached: Vector,
    is_met: npt.NDArray[np.bool_],
    joined: npt.NDArray[np.int64],
) -> Vector:
    """Give the draw order up to which every one of (n,) images was due, in (0, 1].

    The same for all that joined before another, or less for what joined later. 1 where nothing was
    ever preferred: what has been answered is then all alike. Arguments as of `asked_by_now`.
    """
    if np.all(weight == 1) and not reached.any():
        return np.ones(len(weight))
    order = np.argsort(joined, kind="stable")
    found = np.empty(len(weight))
    found[order] = np.minimum.accumulate(asked_by_now(weight, reached, is_met, joined)[order])
    return found


@dataclass(frozen=True, slots=True)
class Odds:
    """By how much right images of each label were likelier met than wrong ones.

    Attributes:
        shift: (k,) log of that factor: what the logit of the share of the images met is too high.
        variance: (k,) of the shift.
    """

    shift: Vector
    variance: Vector


def odds(
    truth: Labels,
    predicted: Labels,
    inclusion: Vector,
    k: int,
    *,
    expected: Expected | None = None,
    chances: Vector | None = None,
) -> Odds:
    """Estimate for each label how much likelier its right images were met than its wrong ones.

    The mean chance of right images is the harmonic mean of those met (Horvitz-Thompson); wrong ones
    are few, so what the classifier's own doubts let expect counts for a few images beside them,
    corrected by what was met of all labels.

    Args:
        truth, predicted: (m,) columns of the images met and judged, none -1.
        inclusion: (m,) chance of each of being in the slice and met, in (0, 1].
        k: how many labels there are.
        expected: what the classifier says of all n images of the slice; without it right and wrong
            images of all labels are expected alike.
        chances: (n,) chance of each of those of being met, given that it is in the slice.
    """
    nothing = np.zeros(k)
    if len(truth) == 0 or len(np.unique(inclusion.round(9))) < 2:
        return Odds(nothing, nothing)
    is_right = truth == predicted
    right_by, wrong_by = _thought_of(expected, chances, inclusion, k)
    corrected = _correction(truth[~is_right], inclusion[~is_right], wrong_by.mean)
    wrong_by = _Thought(np.minimum(wrong_by.mean * corrected, 1.0), wrong_by.spread)
    shift, variance = nothing.copy(), nothing.copy()
    for label in range(k):
        here = truth == label
        right = _side(inclusion[here & is_right], right_by, label)
        wrong = _side(inclusion[here & ~is_right], wrong_by, label)
        shift[label] = math.log(right[0] / wrong[0])
        variance[label] = right[1] + wrong[1]
    return Odds(shift, variance)


@dataclass(frozen=True, slots=True)
class _Thought:
    """What is expected of the chances of images of (k,) labels that are said rightly, or wrongly.

    Their mean, and the relative variance of 1 / chance among those that are met.
    """

    mean: Vector
    spread: Vector


def _thought_of(
    expected: Expected | None, chances: Vector | None, inclusion: Vector, k: int
) -> tuple[_Thought, _Thought]:
    """Give what is expected of right images and of wrong ones."""
    whole = len(inclusion) / float((1 / inclusion).sum())
    alike = _Thought(np.full(k, whole), np.full(k, _relative_variance(1 / inclusion)))
    if expected is None or chances is None:
        return alike, alike
    first = np.zeros_like(expected.p)
    first[:, 0] = 1.0
    stands = expected.stands_for[:, None]
    found = []
    for part in (expected.p * first, expected.p * (1 - first)):
        there, met = expected.sums(part * stands), expected.sums(part * chances[:, None])
        squares = expected.sums(part * stands**2 / chances[:, None])
        is_known = there > _TINY
        divisor = np.where(is_known, there, 1.0)
        spread = np.where(is_known, np.maximum(squares * met / divisor**2 - 1, 0), alike.spread)
        found.append(_Thought(np.where(is_known, met / divisor, whole), spread))
    return found[0], found[1]


def _side(met: Vector, thought: _Thought, label: int) -> tuple[float, float]:
    """Give the mean chance of a label's right (or wrong) images, and the variance of its log."""
    n, mean = len(met), float(thought.mean[label])
    spread = n * _relative_variance(1 / met) if n else 0.0
    spread = (spread + _BORROWED * float(thought.spread[label])) / (n + _BORROWED)
    weighed = (n + _BORROWED) / (float((1 / met).sum()) + _BORROWED / mean)
    return weighed, spread / (n + _BORROWED)


def _correction(labels: Labels, inclusion: Vector, wrong_by: Vector) -> float:
    """Say by what factor wrong images of all labels were met more often than was expected."""
    n = len(labels)
    if n == 0:
        return 1.0
    met, thought = n / float((1 / inclusion).sum()), n / float((1 / wrong_by[labels]).sum())
    return float(math.exp(math.log(met / thought) * n / (n + _CORRECTED_BY)))


def _relative_variance(values: Vector) -> float:
    return float(values.var() / values.mean() ** 2)


def moved(
    share: float, low: float, high: float, *, n: float, shift: float, variance: float
) -> tuple[float, float, float]:
    """Move a share of the images met, and its interval, to one of the population.

    Args:
        share: of the images met that are right.
        low, high: its interval.
        n: how many images that rests on.
        shift, variance: of `Odds`.

    Returns:
        Share, low, high. The doubt about the shift widens the interval.
    """
    if shift == 0 and variance == 0:
        return share, low, high
    middle = (share * n + 1) / (n + 2)
    wider = math.sqrt(1 + n * middle * (1 - middle) * variance)
    centre = _logit(min(max(middle, low), high))
    ends = [centre + (_logit(end) - centre) * wider - shift for end in (low, high)]
    at = float(sigmoid(np.array(_logit(share) - shift)))
    found = sigmoid(np.array(ends))
    return at, min(float(found[0]), at), max(float(found[1]), at)


def worth(n: float, share: float, variance: float) -> float:
    """Say how many images with no doubt about the shift would tell as much as these n."""
    middle = (share * n + 1) / (n + 2)
    return n / (1 + n * middle * (1 - middle) * variance)


def _logit(share: float) -> float:
    if share <= 0:
        return -math.inf
    return math.inf if share >= 1 else math.log(share / (1 - share))
