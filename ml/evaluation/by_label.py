"""Each label's share that is right, put right by random checks and bounded for what is open.

The same two phases as `ml.evaluation.adjudicated`, for a part of the images that is itself not
known for sure: an image that people called milk may be juice. So both the images of a label and
those of them that are right are estimated, each moved by what the checks have shown, and the share
is their ratio (Särndal, Swensson & Wretman 1992, sections 5.6 and 9.8). Added over all labels, the
right ones are those of the overall figure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import intervals

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Labels

    Mask = npt.NDArray[np.bool_]
    Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cases:
    """The measured images, (n,) each unless said otherwise; labels are columns from 0.

    Attributes:
        truth: the label that stands; -1 where none does.
        predicted: what the version says; -1 where it could not be asked.
        people: what people had agreed on; read where `is_checked` only.
        is_checked: people agreed, and a check drawn by chance has been made.
        is_trusted: people agreed, and nobody has checked.
        probability: of being checked, in (0, 1]; read where `is_checked` only.
        is_pending: an expert has yet to look.
        may_be: (n, k) labels that somebody has named; read where a label is open only.
    """

    truth: Labels
    predicted: Labels
    people: Labels
    is_checked: Mask
    is_trusted: Mask
    probability: Vector
    is_pending: Mask
    may_be: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Share:
    """One label.

    Attributes:
        estimate: right / n; `nan` where no image of the label could be judged.
        low, high: 95 % interval, widened so that it holds whatever the open images turn out to be,
            each one of the labels that somebody has named.
        n: images of the label that could be judged, those an expert has yet to look at included.
        open: images that may turn out to be of the label, or not.
        effective: how many images, all known for sure, would tell as much as the checks leave.
        met: the estimate of the images met, where that is another than the one of all images.
        likelier: log of how much likelier right images were met than wrong ones
            (`ml.evaluation.closer_look`).
    """

    estimate: float
    low: float
    high: float
    n: int
    open: int
    effective: float
    met: float | None = None
    likelier: float = 0.0


def shares(found: Cases, n_labels: int, *, confidence: float = 0.95) -> list[Share]:
    """Estimate the share that is right of every label.

    With nothing checked and nothing open each is Wilson's.
    """
    weights = np.zeros(len(found.truth))
    checked = found.is_checked & (found.predicted >= 0)
    if checked.any():
        weights[checked] = 1.0 / found.probability[checked]
        weights /= weights.sum()
    return [_share(found, label, weights, confidence) for label in range(n_labels)]


@dataclass(frozen=True, slots=True)
class _Moved:
    """What the checks make of a label: images right and wrong, and the variance of the share."""

    right: float
    wrong: float
    variance: float


def _share(found: Cases, label: int, weights: Vector, confidence: float) -> Share:
    is_asked = found.predicted >= 0
    here = (found.truth == label) & is_asked
    says = found.predicted == label
    moved = _moved(found, label, weights)
    # What is open may be of this label or not: both ends take the worse, or the better, of it.
    leaves = here & found.is_pending
    is_open = found.is_pending | (found.truth < 0)
    joins = (is_open & ~here & found.may_be[:, label]) | ((found.truth == label) & ~is_asked)
    n, n_open = int(here.sum()), int((leaves | joins).sum())
    low = _end(
        moved.right - (leaves & says).sum(), moved.wrong + (joins & ~says).sum(), moved, confidence
    )
    high = _end(
        moved.right + (joins & (says | ~is_asked)).sum(),
        moved.wrong - (leaves & ~says).sum(),
        moved,
        confidence,
    )
    whole = moved.right + moved.wrong
    if n == 0 or whole <= 0:
        return Share(math.nan, low[0], high[1], n, n_open, 0.0)
    estimate = moved.right / whole
    effective = _effective(estimate, whole, moved.variance)
    return Share(estimate, min(low[0], estimate), max(high[1], estimate), n, n_open, effective)


def _moved(found: Cases, label: int, weights: Vector) -> _Moved:
    here = (found.truth == label) & (found.predicted >= 0)
    right = here & (found.predicted == label)
    raw = _Moved(float(right.sum()), float((here & ~right).sum()), 0.0)
    n_checked = int((weights > 0).sum())
    if n_checked == 0 or not here.any():
        return raw
    was_here = found.people == label
    by_here = here.astype(np.float64) - was_here
    by_right = right.astype(np.float64) - (was_here & (found.predicted == label))
    n_trusted = int((found.is_trusted & (found.predicted >= 0)).sum())
    # Never fewer than are known for sure: what experts have said does not move.
    sure = here & ~found.is_trusted & ~found.is_pending
    moved_right = raw.right + n_trusted * float(weights @ by_right)
    moved_all = raw.right + raw.wrong + n_trusted * float(weights @ by_here)
    moved_wrong = max(moved_all - moved_right, float((sure & ~right).sum()), 0.0)
    moved_right = max(moved_right, float((sure & right).sum()), 0.0)
    whole = moved_right + moved_wrong
    if whole <= 0:
        return raw
    off = by_right - moved_right / whole * by_here
    # Most labels see no change in so few checks. Then what all labels see, and half a change more,
    # is shared out: a change touches two labels, and moves a share by about half an image squared.
    changed = float(weights @ (found.truth != found.people)) * n_checked + 0.5
    expected = changed / (n_checked + 1) * min(1.0, whole / len(found.truth))
    mean = float(weights @ off)
    spread = max(float(weights @ (off * off)) - mean * mean, expected)
    variance = spread * float(weights @ weights)
    return _Moved(moved_right, moved_wrong, (n_trusted / whole) ** 2 * variance)


def _end(right: float, wrong: float, moved: _Moved, confidence: float) -> tuple[float, float]:
    """Give both ends of the interval for so many right and wrong."""
    right, wrong = max(float(right), 0.0), max(float(wrong), 0.0)
    whole = right + wrong
    if whole <= 0:
        return 0.0, 1.0
    share = right / whole
    effective = _effective(share, whole, moved.variance)
    found = intervals.with_effective_n(share, effective, n=int(whole), confidence=confidence)
    return found.low, found.high


def _effective(share: float, whole: float, variance: float) -> float:
    """Count the images that would have the same variance, were all known for sure."""
    smoothed = (share * whole + 1) / (whole + 2)
    own = smoothed * (1 - smoothed) / whole
    return whole * own / (own + variance)
