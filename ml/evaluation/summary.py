"""One figure for many labels, and how far probabilities can be believed; all with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import intervals, pooling
from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt

_N_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class ClassSummary:
    """Figures in which each label counts once, over labels with audit answers.

    Attributes:
        macro: mean of the labels' shares.
        tenth: share at the 10th percentile of labels: nine of ten labels do at least so well.
    """

    macro: Interval
    tenth: Interval


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Rows whose top probability lies in (low, high].

    Attributes:
        confidence: their mean top probability.
        accuracy: share of them that is right.
    """

    low: float
    high: float
    confidence: float
    accuracy: Interval


def class_summary(
    k_c: npt.ArrayLike,
    n_c: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    likelier: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> ClassSummary:
    """Estimate macro accuracy and the 10th-percentile label.

    Both rest on the partially pooled model. The lowest of many raw shares is low by bad luck
    alone: of 40 labels with ten answers and a share of 90 % each, the tenth lowest percent
    shows 80 %.

    Args:
        k_c: (c,) right cases of each label.
        n_c: (c,) independent cases; labels without any are left out.
        rng: draws from the posterior (2,000 times).
        likelier: (c,) log of how much likelier right images of each label were met than wrong ones;
            None where all were met alike.
    """
    right, cases = np.asarray(k_c, dtype=np.float64), np.asarray(n_c, dtype=np.int64)
    seen = cases > 0
    if not seen.any():
        return ClassSummary(intervals.UNKNOWN, intervals.UNKNOWN)
    moved = None if likelier is None else np.asarray(likelier, dtype=np.float64)[seen]
    shares = pooling.draw_shares(right[seen], cases[seen], likelier=moved, size=_N_DRAWS, rng=rng)
    n = int(cases.sum())
    return ClassSummary(
        _interval(shares.mean(axis=1), n, confidence),
        _interval(np.quantile(shares, 0.1, axis=1), n, confidence),
    )


def reliability(
    confidence: npt.NDArray[np.float64], is_right: npt.NDArray[np.bool_], *, bins: int = 10
) -> list[ReliabilityBin]:
    """Sort (n,) rows into equal-width bins of the top probability; empty bins are left out.

    A calibrated classifier has each bin's confidence inside its accuracy interval about 19
    times in 20. `metrics.ece` is the mean gap.
    """
    place = np.clip(np.ceil(np.asarray(confidence) * bins).astype(np.int64) - 1, 0, bins - 1)
    found = []
    for at in np.unique(place):
        here = place == at
        n = int(here.sum())
        found.append(
            ReliabilityBin(
                at / bins,
                (at + 1) / bins,
                float(np.mean(confidence[here])),
                intervals.wilson(int(is_right[here].sum()), n),
            )
        )
    return found


def _interval(draws: npt.NDArray[np.float64], n: int, confidence: float) -> Interval:
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(draws.mean()), float(low), float(high), n)
