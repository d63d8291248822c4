"""Labels that are independent questions: a yes or no each, in place of a share of one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Sigmoids

    Matrix = npt.NDArray[np.float64]


def sigmoid(scores: Matrix) -> Matrix:
    """Give 1 / (1 + exp(-scores)), without overflow."""
    half: Matrix = 0.5 * (1 + np.tanh(0.5 * scores))
    return half


def probabilities(several: Sigmoids, scores: Matrix) -> Matrix:
    """Turn (n, k) linear scores of a head for several labels into probabilities, one each."""
    return sigmoid(several.slope * scores + several.offset)
