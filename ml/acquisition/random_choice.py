"""Ask about images drawn uniformly at random: the baseline, and the random arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import guarded

if TYPE_CHECKING:
    from ml.types import Indices, Pool, Scores


@guarded
def at_random(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Draw rows uniformly without replacement; each has selection probability b / n."""
    n = len(pool.image_ids)
    positions = rng.permutation(n)[:batch_size].astype(np.int64)
    return positions, np.full(len(positions), len(positions) / n)
