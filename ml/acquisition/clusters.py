"""k-means on a bounded number of rows, and spreading a batch over groups of rows.

Small and of our own: scikit-learn takes two seconds to import, and its threads make one seed give
different results on different machines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.herding import squared_distances

if TYPE_CHECKING:
    from ml.types import Embeddings, Indices, Labels

SWEEPS = 8


def k_means(
    rows: Embeddings, n_clusters: int, rng: np.random.Generator
) -> tuple[Labels, Embeddings]:
    """Divide (n, d) rows into at most `n_clusters` clusters: (n,) cluster of each, (c, d) means.

    Seeds are drawn by k-means++ (Arthur & Vassilvitskii 2007), then at most eight of Lloyd's
    sweeps move them. A cluster that loses its last row keeps its mean. Cost O(n c d).
    """
    means = rows[plus_plus_seeds(rows, min(n_clusters, len(rows)), rng)]
    cluster_of = squared_distances(rows, means).argmin(axis=1)
    for _ in range(SWEEPS):
        means = _means(rows, cluster_of, means)
        moved = squared_distances(rows, means).argmin(axis=1)
        if (moved == cluster_of).all():
            break
        cluster_of = moved
    return cluster_of.astype(np.int64), means


def plus_plus_seeds(rows: Embeddings, count: int, rng: np.random.Generator) -> Indices:
    """Draw distinct rows, each in proportion to its squared distance to those drawn before."""
    seeds = [int(rng.integers(len(rows)))]
    nearest = squared_distances(rows, rows[seeds])[:, 0].astype(np.float64)
    while len(seeds) < count:
        nearest[seeds] = 0.0
        seeds.append(draw_in_proportion(nearest, seeds, rng))
        np.minimum(nearest, squared_distances(rows, rows[seeds[-1:]])[:, 0], out=nearest)
    return np.array(seeds, dtype=np.int64)


def draw_in_proportion(
    mass: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    taken: list[int],
    rng: np.random.Generator,
) -> int:
    """Draw a row in proportion to its mass; uniformly among those not taken where all is zero."""
    total = np.cumsum(mass)
    if total[-1] > 0:
        return int(np.searchsorted(total, rng.random() * total[-1], side="right"))
    is_free = np.ones(len(mass), dtype=bool)
    is_free[taken] = False
    free = np.flatnonzero(is_free)
    return int(free[rng.integers(len(free))])


def nearest_to_means(rows: Embeddings, cluster_of: Labels, means: Embeddings) -> Indices:
    """Order (n,) rows: of each cluster the one nearest to its mean, then the second, and so on.

    Larger clusters come first in each turn.
    """
    distances = squared_distances(rows, means)[np.arange(len(rows)), cluster_of]
    by_distance = np.lexsort((distances, cluster_of))
    sizes = np.bincount(cluster_of, minlength=len(means))
    starts = np.cumsum(sizes) - sizes
    turn = np.empty(len(rows), dtype=np.int64)
    turn[by_distance] = np.arange(len(rows)) - np.repeat(starts, sizes)
    return np.lexsort((distances, -sizes[cluster_of], turn)).astype(np.int64)


def _means(rows: Embeddings, cluster_of: Labels, old: Embeddings) -> Embeddings:
    counts = np.bincount(cluster_of, minlength=len(old))
    order = np.argsort(cluster_of, kind="stable")
    is_used = counts > 0
    starts = (np.cumsum(counts) - counts)[is_used]
    means = old.copy()
    means[is_used] = np.add.reduceat(rows[order], starts, axis=0) / counts[is_used, None]
    return means
