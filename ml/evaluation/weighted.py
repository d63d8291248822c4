"""Shares where audit images were not drawn alike: slices topped up for rare labels.

A topped-up slice holds more images of some strata than chance would give. Counting all alike
would then answer another question, so each image counts as many as it stands for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import intervals
from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]


def hajek(
    is_right: npt.NDArray[np.bool_], inclusion: Vector, *, confidence: float = 0.95
) -> Interval:
    """Estimate the share of a population from independent cases drawn with known probabilities.

    Σ (right / π) / Σ (1 / π). The interval is Wilson's for as many equal cases as have the
    same linearised variance, taken at a share smoothed by two cases on either side so that an
    error-free sample is not called certain.

    Args:
        is_right: (n,) one a split group.
        inclusion: (n,) probability with which each came into the audit slice, in (0, 1].

    Source: Särndal, Swensson & Wretman 1992, section 5.7.
    """
    if len(is_right) == 0:
        return intervals.UNKNOWN
    if np.any(inclusion <= 0) or np.any(inclusion > 1):
        message = "inclusion probabilities must lie in (0, 1]"
        raise ValueError(message)
    weights = 1.0 / inclusion
    weights /= weights.sum()
    right = is_right.astype(np.float64)
    share = float(weights @ right)
    kish = 1.0 / float(weights @ weights)
    smoothed = (share * kish + 2) / (kish + 4)
    spread = float((weights**2) @ ((right - smoothed) ** 2))
    effective = min(smoothed * (1 - smoothed) / spread, float(len(right)))
    return intervals.with_effective_n(share, effective, n=len(right), confidence=confidence)


def equal_chance(
    draw_order: Vector, inclusion: Vector, *, front: Vector | float = 1.0
) -> npt.NDArray[np.bool_]:
    """Keep so many of the cases drawn with a raised probability that all had the commonest one.

    For what cannot weigh its cases: tests by counting, curves. A case of probability s is kept
    where its draw order lies below u / s, u the commonest probability (the smallest of several):
    its chance of being in the sample and kept is u. Cases of a smaller one are all kept.

    Args:
        draw_order: (n,) uniform in [0, 1), drawn apart from whether the case is in the sample.
        inclusion: (n,) probability with which each came into the sample.
        front: draw order up to which a case was due by now whatever it tells, in (0, 1], one for
            all or (n,); those beyond were asked about for what they tell
            (`ml.evaluation.closer_look`) and are left out.
    """
    if len(inclusion) == 0:
        return np.empty(0, dtype=np.bool_)
    found, counts = np.unique(inclusion.round(9), return_counts=True)
    kept: npt.NDArray[np.bool_] = draw_order * inclusion <= found[counts.argmax()] * front * (
        1 + 1e-6
    )
    return kept


def stratified(
    k_h: npt.ArrayLike, n_h: npt.ArrayLike, size_h: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Estimate the share of a population that is divided into strata of known size.

    Σ (N_h / N) k_h / n_h (`methods.md` §6). A stratum that nobody has looked into is unknown: the
    estimate leaves it out, the lower end takes all of it for wrong, the upper end for right.

    Args:
        k_h: (h,) right cases, e.g. a stratum a predicted label.
        n_h: (h,) independent cases.
        size_h: (h,) groups in the population.
    """
    k, n, size = (np.asarray(each, dtype=np.float64) for each in (k_h, n_h, size_h))
    seen = (n > 0) & (size > 0)
    if not seen.any():
        return intervals.UNKNOWN
    unseen = float(size[~seen].sum() / size.sum())
    weights = size[seen] / size[seen].sum()
    k, n = k[seen], n[seen]
    share = min(float(weights @ (k / n)), 1.0)
    smoothed = (k + 1) / (n + 2)  # a stratum of three right cases is not certain
    spread = float(weights**2 @ (smoothed * (1 - smoothed) / n))
    middle = (share * n.sum() + 2) / (n.sum() + 4)
    effective = middle * (1 - middle) / spread if spread > 0 else float(n.sum())
    inner = intervals.with_effective_n(share, effective, n=int(n.sum()), confidence=confidence)
    return Interval(
        share, inner.low * (1 - unseen), inner.high * (1 - unseen) + unseen, int(n.sum())
    )


def neyman(size_h: npt.ArrayLike, share_h: npt.ArrayLike, total: int) -> npt.NDArray[np.int64]:
    """Deal `total` audit answers to strata where they tell most: n_h ∝ N_h √(p_h (1 - p_h)).

    Whole numbers; no stratum gets more than it has, the rest goes to the others.
    """
    size = np.asarray(size_h, dtype=np.float64)
    share = np.clip(np.asarray(share_h, dtype=np.float64), 0.02, 0.98)
    worth = size * np.sqrt(share * (1 - share))
    dealt = np.zeros(len(size), dtype=np.int64)
    left = min(total, int(size.sum()))
    while left > 0:
        room = size - dealt
        open_worth = np.where(room > 0, worth, 0.0)
        exact = np.minimum(open_worth / open_worth.sum() * left, room)
        whole = np.floor(exact).astype(np.int64)
        if whole.sum() == 0:
            order = np.lexsort((np.arange(len(size)), -exact))
            whole[order[: min(left, int((exact > 0).sum()))]] = 1
        dealt += whole
        left -= int(whole.sum())
    return dealt


def top_up_answers(
    k: float, n: int, *, half_width: float, hit_rate: float, votes: float = 1.0
) -> int:
    """Say what a top-up of one label costs: answers until its interval is as narrow as wanted.

    Args:
        k: right cases of the label so far.
        n: its cases so far.
        half_width: wanted, a share: 0.1 is ten points.
        hit_rate: share of the images asked about that turn out to be of this label, in (0, 1].
        votes: answers an image takes.
    """
    if not 0 < hit_rate <= 1:
        message = f"hit_rate must lie in (0, 1], got {hit_rate}"
        raise ValueError(message)
    missing = intervals.answers_missing_for(k, n, half_width=half_width)
    return math.ceil(missing / hit_rate * votes)
