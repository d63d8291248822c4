"""The shortest interval that holds a share with a given probability.

Of all intervals that hold 95 % of a distribution the one between its 2.5 % and 97.5 % quantiles is
seldom the shortest: shares near 1 have a long lower tail. The shortest (highest density) one is as
probable and tells more. Source: Box & Tiao 1973, "Bayesian Inference in Statistical Analysis", 2.8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.yes_or_no import sigmoid

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

_SPLITS = 40
"""Ways to leave out what is left out: so much of it below, the rest above."""


def intervals(density: Vector, logits: Vector, *, confidence: float) -> tuple[Vector, Vector]:
    """Give the lower and upper ends, (c,) shares, of c distributions on a grid.

    Args:
        density: (c, g) of each at the logits; needs not be normalised.
        logits: (g,) ascending, evenly spaced.
        confidence: between 0 and 1.
    """
    below = np.linspace(0.0, 1 - confidence, _SPLITS + 1)
    # The ends of the last cells, so that both 0 and all of it lie on the grid.
    edges = np.append(logits - (logits[1] - logits[0]) / 2, logits[-1])
    low, high = np.empty(len(density)), np.empty(len(density))
    for label, row in enumerate(density):
        reached = np.append(0.0, np.cumsum(row))
        lows = sigmoid(np.interp(below * reached[-1], reached, edges))
        highs = sigmoid(np.interp((below + confidence) * reached[-1], reached, edges))
        best = int((highs - lows).argmin())
        low[label], high[label] = lows[best], highs[best]
    return low, high
