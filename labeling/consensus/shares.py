"""How sure one may be of a share that was counted."""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of every interval of a counted share, on every page."""

DIGITS = 6
"""Of every figure that is kept or reported."""


def wilson(k: float, n: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Give the two-sided Wilson score interval of the share k / n.

    It begins at 0 where k is 0 and ends at 1 where k is n.

    Args:
        k: how many of the cases are so, 0 <= k <= n; fractional where cases are weighted.
        n: independent cases; of none the share may be anything, 0 to 1.
        confidence: between 0 and 1.

    Raises:
        ValueError: k does not lie between 0 and n.

    Source: Wilson 1927.
    """
    if not 0 <= k <= n:
        message = f"k must lie between 0 and n, got k={k}, n={n}"
        raise ValueError(message)
    return around(k / n, n, confidence=confidence) if n else (0.0, 1.0)


def around(share: float, n: float, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Give Wilson's interval of a share that is known as well as from n equal cases, n > 0."""
    centre, half = _wilson(share, n, confidence)
    # Exact at the ends: rounding must not put the share outside its own interval.
    return max(min(centre - half, share), 0.0), min(max(centre + half, share), 1.0)


def half_width(share: float, n: float, *, confidence: float = CONFIDENCE) -> float:
    """Say how wide Wilson's interval is to either side, before it is cut at 0 and 1."""
    return _wilson(share, n, confidence)[1]


def _wilson(share: float, n: float, confidence: float) -> tuple[float, float]:
    """Give centre and half-width."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    scale = 1 + z * z / n
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    return (share + z * z / (2 * n)) / scale, half
