"""How sure one may be of a share that was counted."""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95
"""Of every interval of a counted share, on every page."""


def wilson(k: int, n: int, *, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Give the two-sided Wilson score interval of the share k / n.

    It begins at 0 where k is 0 and ends at 1 where k is n.

    Args:
        k: how many of the cases are so, 0 <= k <= n.
        n: independent cases; of none the share may be anything, 0 to 1.
        confidence: between 0 and 1.

    Raises:
        ValueError: k does not lie between 0 and n.

    Source: Wilson 1927.
    """
    if not 0 <= k <= n:
        message = f"k must lie between 0 and n, got k={k}, n={n}"
        raise ValueError(message)
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = k / n, 1 + z * z / n
    centre = (share + z * z / (2 * n)) / scale
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / scale
    # Exact at the ends: rounding must not put the share outside its own interval.
    low = 0.0 if k == 0 else max(centre - half, 0.0)
    return low, 1.0 if k == n else min(centre + half, 1.0)
