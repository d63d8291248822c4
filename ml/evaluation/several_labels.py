"""Measures of a classifier that says yes or no to each of several labels of an image.

An image counts for a label only where it is known whether it shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.intervals import wilson
from ml.evaluation.metrics import NothingToMeasureError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Interval

    Matrix = npt.NDArray[np.float64]
    Cells = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelMeasure:
    """How well one label is found.

    Attributes:
        n: images of which it is known.
        n_yes: of those, images that show it.
        average_precision: in [0, 1]; None where no image shows it.
        precision: share of what was said that is right, None where nothing was said.
        recall: share of what is there that was said, None where nothing is.
        f1: harmonic mean of both; 0 where something is there or was said and nothing was right,
            None where nothing is there and nothing was said.
    """

    n: int
    n_yes: int
    average_precision: float | None
    precision: Interval | None
    recall: Interval | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Measures:
    """How well all labels are found.

    Attributes:
        by_label: one a column.
        mean_average_precision: over the labels that an image shows; None where none is shown.
        micro_f1: of all known cells together, None where nothing is there and nothing was said.
        macro_f1: mean over the labels that have one.
        exact: images all of whose labels are known and right, among those all of whose labels are
            known; None where there is no such image.
    """

    by_label: tuple[LabelMeasure, ...]
    mean_average_precision: float | None
    micro_f1: float | None
    macro_f1: float | None
    exact: Interval | None


def measure(shows: Cells, said: Matrix, known: Cells, thresholds: Matrix) -> Measures:
    """Measure (n, k) probabilities against what (n, k) images show.

    Args:
        shows: what is there; anything where unknown.
        said: probabilities, each in [0, 1].
        known: where the truth is known.
        thresholds: (k,) probabilities at or above which a label is said.

    Raises:
        NothingToMeasureError: no cell is known.
        ValueError: shapes disagree.
    """
    if not known.any():
        message = "Of no image is it known what it shows; there is nothing to measure."
        raise NothingToMeasureError(message)
    if not shows.shape == said.shape == known.shape or thresholds.shape != shows.shape[1:]:
        message = f"shapes disagree: {shows.shape}, {said.shape}, {known.shape}, {thresholds.shape}"
        raise ValueError(message)
    is_said = said >= thresholds
    by_label = tuple(
        _of_label(shows[rows, column], said[rows, column], is_said[rows, column])
        for column, rows in enumerate(known.T)
    )
    whole = known.all(axis=1)
    right = int((shows == is_said)[whole].all(axis=1).sum())
    return Measures(
        by_label,
        _mean([one.average_precision for one in by_label]),
        _f1(shows[known], is_said[known]),
        _mean([one.f1 for one in by_label]),
        wilson(right, int(whole.sum())) if whole.any() else None,
    )


def _of_label(
    shows: npt.NDArray[np.bool_], said: Matrix, is_said: npt.NDArray[np.bool_]
) -> LabelMeasure:
    n_yes, n_said = int(shows.sum()), int(is_said.sum())
    right = int((shows & is_said).sum())
    return LabelMeasure(
        len(shows),
        n_yes,
        _average_precision(shows, said) if n_yes else None,
        wilson(right, n_said) if n_said else None,
        wilson(right, n_yes) if n_yes else None,
        _f1(shows, is_said),
    )


def _average_precision(shows: npt.NDArray[np.bool_], said: Matrix) -> float:
    from sklearn.metrics import average_precision_score  # noqa: PLC0415 (kept off the web)

    return float(average_precision_score(shows, said))


def _f1(shows: npt.NDArray[np.bool_], is_said: npt.NDArray[np.bool_]) -> float | None:
    both = int(shows.sum()) + int(is_said.sum())
    return 2 * int((shows & is_said).sum()) / both if both else None


def _mean(values: list[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
