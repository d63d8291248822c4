"""Ask about the image that is farthest from everything labeled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.guards import guarded
from ml.acquisition.herding import nearest_squared_distance, squared_distances
from ml.acquisition.picking import MOST_LABELED, Openings, affordable, thinned, uniform

if TYPE_CHECKING:
    from ml.types import Indices, Pool, Scores

MAX_CANDIDATES = 4000


@guarded
def k_center(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Cover the pool with balls: pick argmax_i min_l |x_i - x_l|, which then counts as labelled.

    Twice the smallest radius at worst. With nothing labeled the first is the row nearest to the
    mean of the candidates. Candidates are a uniform sample of at most 4,000 rows, fewer
    with more than 3,000 labelled; the selection
    probability is a row's chance of being one. Cost O(c d (m + b)) for c candidates, m labelled.

    Source: Sener & Savarese 2018, "Active Learning for Convolutional Neural Networks: A Core-Set
    Approach" (the greedy form); Gonzalez 1985.
    """
    limit = affordable(MAX_CANDIDATES, len(pool.labeled))
    candidates, chance = uniform(pool, max(limit, batch_size), rng)
    rows = pool.embeddings[candidates]
    if len(pool.labeled):
        distances = nearest_squared_distance(rows, thinned(pool.labeled, MOST_LABELED))
    else:
        mean = rows.mean(axis=0, keepdims=True)
        distances = -squared_distances(rows, mean)[:, 0]
    openings, chosen = Openings(pool.groups[candidates]), list[int]()
    for _ in range(min(batch_size, len(rows))):
        best = int(np.where(openings.open(), distances, -np.inf).argmax())
        openings.take(best)
        from_best = squared_distances(rows, rows[best : best + 1])[:, 0]
        is_first = not chosen and not len(pool.labeled)
        distances = from_best if is_first else np.minimum(distances, from_best)
        chosen.append(best)
    return candidates[np.array(chosen)], np.full(len(chosen), chance)
