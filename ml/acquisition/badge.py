"""Ask about images whose answer would move the classifier far, and each in another direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.classifier import probabilities_at, refuse_several
from ml.acquisition.clusters import draw_in_proportion
from ml.acquisition.guards import guarded
from ml.acquisition.picking import Openings, uniform

if TYPE_CHECKING:
    from ml.types import Indices, Pool, Scores

MAX_CANDIDATES = 4000


@guarded
def badge(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Draw rows by k-means++ on the gradients that their most likely label would give the head.

    The gradient is g = (p - e_top) x', never built: |g_i - g_j|^2 = |q_i|^2 |x_i|^2 +
    |q_j|^2 |x_j|^2 - 2 (q_i q_j) (x_i x_j) with q = p - e_top. The first row is drawn in
    proportion to |g|^2, as if a row that teaches nothing were there already. Candidates are a
    uniform sample of at most 4,000 rows. The selection probability is the one of the draw itself
    times a row's chance of being a candidate. Cost O(b c (d + k)).

    Source: Ash et al. 2020, "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower
    Bounds" (arXiv 1906.03671).
    """
    refuse_several(pool, "badge")
    candidates, chance = uniform(pool, max(MAX_CANDIDATES, batch_size), rng)
    rows = pool.embeddings[candidates].astype(np.float64)
    residuals = top_residuals(probabilities_at(pool, candidates, "badge"))
    lengths = (residuals**2).sum(axis=1) * (rows**2).sum(axis=1)
    nearest, openings = lengths.copy(), Openings(pool.groups[candidates])
    chosen: list[int] = []
    shares: list[float] = []
    for _ in range(min(batch_size, len(rows))):
        is_open = openings.open()
        mass = np.where(is_open, nearest, 0.0)
        row = draw_in_proportion(mass, np.flatnonzero(~is_open).tolist(), rng)
        total = mass.sum()
        shares.append(mass[row] / total if total > 0 else 1.0 / is_open.sum())
        openings.take(row)
        chosen.append(row)
        product = (residuals @ residuals[row]) * (rows @ rows[row])
        np.minimum(nearest, np.maximum(lengths + lengths[row] - 2 * product, 0.0), out=nearest)
    return candidates[np.array(chosen)], np.array(shares) * chance


def top_residuals(probabilities: Scores) -> Scores:
    """Give the (n, k) p - e_top: what the most likely label, were it true, would correct."""
    residuals = probabilities.astype(np.float64).copy()
    residuals[np.arange(len(residuals)), residuals.argmax(axis=1)] -= 1.0
    return residuals
