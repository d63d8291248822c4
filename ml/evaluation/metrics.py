"""Metrics of a classifier on rows whose labels are known.

All refuse an empty set: a share of nothing is unknown, and must be shown as unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.errors import MlError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Labels, Probabilities, Weights

_SMALLEST = 1e-12


class NothingToMeasureError(MlError):
    """There are no rows to measure on."""

    code = "nothing_to_measure"
    status = 409


def accuracy(true: Labels, predicted: Labels) -> float:
    """Give the share of (n,) predictions that are right."""
    _refuse_empty(len(true))
    return float(np.mean(np.asarray(true) == np.asarray(predicted)))


def macro(true: Labels, predicted: Labels) -> float:
    """Give the mean accuracy over the labels that have rows, each label counting once."""
    _refuse_empty(len(true))
    is_right = (np.asarray(true) == np.asarray(predicted)).astype(np.float64)
    right, rows = np.bincount(true, weights=is_right), np.bincount(true)
    present = rows > 0
    return float(np.mean(right[present] / rows[present]))


def top_k(true: Labels, probabilities: Probabilities, k: int = 5) -> float:
    """Give the share of rows whose label is among the k most probable ones.

    A label tied with the k-th counts as out: constant probabilities earn nothing.
    """
    _refuse_empty(len(true))
    own = probabilities[np.arange(len(true)), true][:, None]
    others_at_least = (probabilities >= own).sum(axis=1) - 1
    return float(np.mean(others_at_least < k))


def ece(true: Labels, probabilities: Probabilities, *, bins: int = 15) -> float:
    """Give the expected calibration error of the top-1 probability.

    Mean absolute gap between confidence and accuracy over equal-width bins, weighted by rows.
    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """
    _refuse_empty(len(true))
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == np.asarray(true)
    bin_of = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(bin_of, weights=is_right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(true))


def confusion(true: Labels, predicted: Labels, k: int) -> npt.NDArray[np.int64]:
    """Count (k, k) pairs: a row for the true label, a column for the predicted one."""
    flat = np.asarray(true, dtype=np.int64) * k + np.asarray(predicted, dtype=np.int64)
    return np.bincount(flat, minlength=k * k).reshape(k, k)


def log_loss(
    targets: Probabilities, probabilities: Probabilities, weights: Weights | None = None
) -> float:
    """Give the weighted mean of -sum_y t_y log p_y, natural log; p is floored at 1e-12.

    Args:
        targets: (n, k) soft labels, rows sum to 1.
        probabilities: (n, k).
        weights: (n,) positive, or None where rows count alike.
    """
    _refuse_empty(len(targets))
    losses = -(targets * np.log(np.maximum(probabilities, _SMALLEST))).sum(axis=1)
    return float(np.average(losses, weights=weights))


def _refuse_empty(n: int) -> None:
    if n == 0:
        message = "There are no labeled rows to measure on; label some first."
        raise NothingToMeasureError(message)
