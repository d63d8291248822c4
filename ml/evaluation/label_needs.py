"""What each label still needs: enough as it is, about so many more, or a merge with its double.

Few labels have audit images enough for a curve of their own (`methods.md` §7 asks for 30). So a
label's level comes from its own audit images, drawn towards the others (`ml.evaluation.pooling`),
and the shape of what is ahead from the curve of all labels together: of the errors that labels can
still take away, each label is taken to lose the same share with the same growth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import pooling
from ml.evaluation.forecast import FARTHEST, MODEL_DOUBT, WIDEST, two_digits

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.evaluation.forecast import Fitted
    from ml.evaluation.practice import Practice

    Vector = npt.NDArray[np.float64]

SURE = 0.8
"""Chance from which a label counts as good enough: the same 80 % as the forecast's range."""

DOUBLE_ERRORS = 3
"""Errors with one other label before the two are called doubles."""


class Standing(StrEnum):
    """How a label stands."""

    SUPPORTED = "supported"
    NEEDS = "needs"
    MERGE = "merge"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Need:
    """What one label needs.

    Attributes:
        standing: which of the four.
        low, middle, high: more labels of its own until the target: 10th, 50th and 90th percentile,
            two digits; nan but for NEEDS.
        partner: the label it is taken for, a column; -1 but for MERGE.
        chance: that it meets the target already; nan without an audit image.
    """

    standing: Standing
    low: float
    middle: float
    high: float
    partner: int
    chance: float


def label_needs(
    counts: npt.NDArray[np.int64],
    labels: Vector,
    fitted: Fitted,
    *,
    now: int,
    target: float,
    rng: np.random.Generator,
    practice: Practice | None = None,
) -> list[Need]:
    """Say what each of k labels needs to be right as often as `target`.

    Args:
        counts: (k, k) audit images, a row a true label, a column what the classifier says.
        labels: (k,) labels each has to learn from.
        fitted: curves of all labels together.
        now: labels in all.
        target: in (0, 1).
        rng: draws the levels.
        practice: how labeled images of the k labels fare out of group, where that is known.
    """
    right, cases = np.diag(counts), counts.sum(axis=1)
    if cases.sum() == 0:
        return [_unknown(math.nan)] * len(counts)
    size = len(fitted.a)
    errors = 1.0 - pooling.draw_shares(right, cases, practice, size=size, rng=rng)  # (s, k)
    grown = _growth(errors, fitted, now=now, target=target)
    doubt = np.exp(MODEL_DOUBT * rng.normal(size=(size, 1)))
    doubted = np.maximum(grown, 1.0) ** doubt
    return [
        _need(counts, place, errors[:, place] <= 1 - target, doubted[:, place], labels[place])
        if cases[place]
        else _unknown(math.nan)
        for place in range(len(counts))
    ]


def _growth(errors: Vector, fitted: Fitted, *, now: int, target: float) -> Vector:
    """Give the (s, k) factors by which labels must grow until each label meets the target."""
    error_now = np.maximum(1.0 - fitted.at([now]), 1e-6)  # (s, 1)
    stays = np.clip((1.0 - fitted.a[:, None]) / error_now, 0.0, 1.0)
    wanted = (1.0 - target) / np.maximum(errors, 1e-9)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = (wanted - stays) / (1.0 - stays)
        factor = np.maximum(left, 1e-300) ** (-1.0 / fitted.c[:, None])
    out: Vector = np.where(wanted >= 1, 1.0, np.where(left > 0, factor, np.inf))
    return out


def _need(
    counts: npt.NDArray[np.int64],
    place: int,
    is_met: npt.NDArray[np.bool_],
    grown: Vector,
    labels: float,
) -> Need:
    chance = float(is_met.mean())
    if chance >= SURE:
        return Need(Standing.SUPPORTED, math.nan, math.nan, math.nan, -1, chance)
    low, middle, high = (float(np.quantile(grown, q, method="nearest")) for q in (0.1, 0.5, 0.9))
    is_far = middle > FARTHEST
    if is_far and chance < 1 - SURE:
        partner = _double(counts, place)
        if partner >= 0:
            return Need(Standing.MERGE, math.nan, math.nan, math.nan, partner, chance)
    if is_far or high > WIDEST * low:
        return _unknown(chance)
    more = [two_digits(round((factor - 1) * max(labels, 1.0))) for factor in (low, middle, high)]
    return Need(Standing.NEEDS, more[0], max(more[1], 1.0), max(more[2], 1.0), -1, chance)


def _double(counts: npt.NDArray[np.int64], place: int) -> int:
    """Find the label that this one is mostly taken for, or -1."""
    wrong = counts[place].copy()
    wrong[place] = 0
    partner = int(wrong.argmax())
    is_double = wrong[partner] >= DOUBLE_ERRORS and 2 * wrong[partner] >= wrong.sum()
    return partner if is_double else -1


def _unknown(chance: float) -> Need:
    return Need(Standing.UNKNOWN, math.nan, math.nan, math.nan, -1, chance)
