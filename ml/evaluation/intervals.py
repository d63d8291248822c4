"""A share with its interval. An estimate without cases is `nan`: unknown, never 0 or 100 %."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from labeling.consensus import shares
from ml.evaluation.pooling import partially_pooled
from ml.types import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml.evaluation.practice import Practice

UNKNOWN = Interval(math.nan, 0.0, 1.0, 0)


def wilson(k: float, n: int, *, confidence: float = 0.95) -> Interval:
    """Give the share k / n with its two-sided Wilson score interval.

    Args:
        k: how many of the cases are right, 0 <= k <= n; fractional where cases are weighted.
        n: independent cases: split groups, not images. 0 gives `UNKNOWN`.
        confidence: between 0 and 1.

    The formula is `labeling.consensus.shares`'s, which shows shares too; coverage is tested by
    simulation.
    """
    low, high = shares.wilson(k, n, confidence=confidence)
    return Interval(k / n, low, high, n) if n else UNKNOWN


def pooled(
    k_c: Sequence[float],
    n_c: Sequence[int],
    strength: float | None = None,
    *,
    practice: Practice | None = None,
    likelier: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> list[Interval]:
    """Estimate every label's share, drawn towards the share over all labels.

    How hard is learnt from how much the labels differ (`ml.evaluation.pooling`). With a given
    strength the prior of each label is Beta(strength * m, strength * (1 - m)), m = (K + 1/2) /
    (N + 1) over all labels; the estimate is the posterior mean, the interval its equal-tailed
    quantiles.

    Args:
        k_c: right cases of each label.
        n_c: independent cases of each label; 0 gives the prior itself, with n = 0.
        strength: how many cases the prior is worth, greater than 0; None learns it.
        practice: how labeled images fare out of group, a hint where the strength is learnt.
        likelier: of each label, log of how much likelier right images were met than wrong ones,
            where the strength is learnt (`ml.evaluation.closer_look`).
        confidence: between 0 and 1.

    Returns:
        One interval a label; all `UNKNOWN` where no label has a case.
    """
    from scipy.special import betaincinv  # noqa: PLC0415 (0.2 s, off the web's import path)

    right, cases = np.asarray(k_c, dtype=np.float64), np.asarray(n_c)
    if np.any(right < 0) or np.any(right > cases):
        message = "every k must lie between 0 and its n"
        raise ValueError(message)
    if cases.sum() == 0:
        return [UNKNOWN] * len(cases)
    if strength is None:
        return partially_pooled(right, cases, practice, likelier=likelier, confidence=confidence)
    middle = (right.sum() + 0.5) / (cases.sum() + 1)
    a, b = strength * middle + right, strength * (1 - middle) + cases - right
    tail = (1 - confidence) / 2
    low, high = betaincinv(a, b, tail), betaincinv(a, b, 1 - tail)
    columns = (a / (a + b), low, high)
    return [
        Interval(float(estimate), float(lo), float(hi), int(n))
        for estimate, lo, hi, n in zip(*columns, cases, strict=True)
    ]


def answers_missing_for(
    k: float, n: int, *, half_width: float = 0.10, confidence: float = 0.95
) -> int:
    """Say about how many more cases bring the Wilson interval to the wanted half-width.

    The share is taken to stay at (k + 2) / (n + 4), which early cases cannot push to 0 or 1.
    """
    current = wilson(k, n, confidence=confidence)
    if (current.high - current.low) / 2 <= half_width:
        return 0
    share = (k + 2) / (n + 4)
    low, high = n, n + 1
    while shares.half_width(share, high, confidence=confidence) > half_width:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if shares.half_width(share, middle, confidence=confidence) > half_width:
            low = middle
        else:
            high = middle
    return high - n


def half_width_with(k: float, n: int, more: int, *, confidence: float = 0.95) -> float:
    """Say how wide the interval would be, to either side, with so many more cases.

    The share is taken to stay at (k + 2) / (n + 4), as in `answers_missing_for`; 0.5 for no case,
    and never more than it is now.
    """
    current = wilson(k, n, confidence=confidence)
    now = (current.high - current.low) / 2
    if not more:
        return now
    return min(now, shares.half_width((k + 2) / (n + 4), n + more, confidence=confidence))


def with_effective_n(
    share: float, effective: float, *, n: int, confidence: float = 0.95
) -> Interval:
    """Give Wilson's interval of a weighted share: `effective` equal cases know as much as the n."""
    low, high = shares.around(share, effective, confidence=confidence)
    return Interval(share, low, high, n)
