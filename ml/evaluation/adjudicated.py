"""A share measured against labels that people agreed on, put right by a random sample of checks.

Checking disagreements alone would flatter what is measured (discrepant analysis, Lancet
1996;348:592). So agreements are checked too, each with a known probability, and what is found
there stands for the agreements nobody checked: a difference estimator over two phases (Särndal,
Swensson & Wretman, "Model Assisted Survey Sampling", 1992, chapter 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import intervals
from ml.types import Interval

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Judged:
    """The measured cases, (n,) each.

    Attributes:
        is_right: by the label that stands now: the expert's where one has looked.
        was_right: by the label people had agreed on; read where `is_checked` only.
        is_checked: people agreed, and a check drawn by chance has been made.
        is_trusted: people agreed, and nobody has checked.
        probability: of being checked, in (0, 1]; read where `is_checked` only.
        is_pending: an expert has yet to look: right or wrong is open.
    """

    is_right: npt.NDArray[np.bool_]
    was_right: npt.NDArray[np.bool_]
    is_checked: npt.NDArray[np.bool_]
    is_trusted: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float64]
    is_pending: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What the checks say of the cases that were not checked.

    Attributes:
        shift: mean of (right by the check) - (right by people), weighted by 1 / probability;
            0 where nothing was checked.
        variance: of that mean; 0 where nothing was checked: then nothing is known of it.
        n: checks.
    """

    shift: float
    variance: float
    n: int


def correction(found: Judged) -> Corrected:
    """Say by how much the trusted labels flatter or wrong what is measured.

    The variance takes one half of a change more than was seen, so that three checks without a
    change are not taken for proof.
    """
    checked = found.is_checked
    n = int(checked.sum())
    if n == 0:
        return Corrected(0.0, 0.0, 0)
    weights = 1.0 / found.probability[checked]
    weights /= weights.sum()
    moved = found.is_right[checked].astype(np.float64) - found.was_right[checked]
    shift = float(weights @ moved)
    changed = (float(weights @ np.abs(moved)) * n + 0.5) / (n + 1)
    effective = 1.0 / float(weights @ weights)
    return Corrected(shift, max(changed - shift * shift, 0.0) / effective, n)


def estimate(found: Judged, unresolved: int = 0, *, confidence: float = 0.95) -> Interval:
    """Give the share that is right, with its interval and a bound for what is open.

    The estimate takes people's word where an expert has yet to look. The lower end counts all that
    is open (pending cases, and `unresolved` ones without any label) as wrong, the upper end as
    right. With nothing checked and nothing pending this is Wilson's interval.

    Args:
        found: the cases with a label.
        unresolved: cases without one, which stay in the denominator.
        confidence: between 0 and 1.

    Returns:
        `n` counts the cases with a label; with none of them the estimate is `nan`.
    """
    n = len(found.is_right)
    whole = n + unresolved
    if whole == 0:
        return intervals.UNKNOWN
    put_right = correction(found)
    n_trusted = int(found.is_trusted.sum())
    moved = n_trusted * put_right.shift
    sure = float((found.is_right & ~found.is_pending).sum())
    at_least = min(max(sure + moved, 0.0), float(whole))
    n_open = int(found.is_pending.sum()) + unresolved
    at_most = min(at_least + n_open, float(whole))
    spread = (n_trusted / whole) ** 2 * put_right.variance
    low = _wilson(at_least, whole, spread, confidence).low
    high = _wilson(at_most, whole, spread, confidence).high
    if n == 0:
        return Interval(float("nan"), low, high, 0)
    share = min(max((float(found.is_right.sum()) + moved) / n, 0.0), 1.0)
    return Interval(share, min(low, share), max(high, share), n)


def _wilson(k: float, n: int, spread: float, confidence: float) -> Interval:
    """Give Wilson's interval for as many cases as would have the same variance."""
    smoothed = (k + 1) / (n + 2)
    own = smoothed * (1 - smoothed) / n
    effective = max(1, int(n * own / (own + spread) + 1e-9)) if spread > 0 else n
    return intervals.wilson(min(k / n * effective, effective), effective, confidence=confidence)
