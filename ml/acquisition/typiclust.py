"""Ask about the most typical image of each part of the pool where nothing is labeled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.clusters import k_means
from ml.acquisition.guards import guarded
from ml.acquisition.herding import squared_distances
from ml.acquisition.picking import Openings, thinned, uniform

if TYPE_CHECKING:
    from ml.types import Embeddings, Indices, Labels, Pool, Scores

MAX_CANDIDATES = MAX_LABELED = 2000
MAX_CLUSTERS = 500
NEIGHBOURS = 20
SMALLEST_CLUSTER = 5


@guarded
def typiclust(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Cluster pool and labelled rows into m + b clusters; pick the typical row of uncovered ones.

    Clusters with the fewest labelled (and picked) rows come first, of those the largest; ones
    with fewer than five rows come last. Typicality is 1 / (mean distance to the 20 nearest rows
    of the cluster). At most 500 clusters, 2,000 candidates drawn uniformly and as many labelled
    rows, evenly spaced; the selection probability is a row's chance of being a candidate. Cost
    O((c + m) s d) for s clusters, whatever the pool's size.

    Source: Hacohen, Dekel & Weinshall 2022 (arXiv 2202.02794).
    """
    candidates, chance = uniform(pool, max(MAX_CANDIDATES, batch_size), rng)
    rows, labeled = pool.embeddings[candidates], thinned(pool.labeled, MAX_LABELED)
    n_clusters = min(len(pool.labeled) + batch_size, MAX_CLUSTERS)
    cluster_of, means = k_means(np.concatenate([rows, labeled]), n_clusters, rng)
    n_covered = np.bincount(cluster_of[len(rows) :], minlength=len(means))
    cluster_of = cluster_of[: len(rows)]
    sizes = np.bincount(cluster_of, minlength=len(means))
    is_small, typical = sizes < SMALLEST_CLUSTER, typicality(rows, cluster_of)
    openings, chosen = Openings(pool.groups[candidates]), list[int]()
    for _ in range(min(batch_size, len(rows))):
        open_rows = np.flatnonzero(openings.open())
        of = cluster_of[open_rows]
        order = np.lexsort((-typical[open_rows], -sizes[of], n_covered[of], is_small[of]))
        best = int(open_rows[order[0]])
        openings.take(best)
        n_covered[cluster_of[best]] += 1
        chosen.append(best)
    return candidates[np.array(chosen)], np.full(len(chosen), chance)


def typicality(rows: Embeddings, cluster_of: Labels) -> Scores:
    """Give (n,) rows 1 / (mean distance to the 20 nearest rows of their cluster); 0 if alone."""
    found = np.zeros(len(rows))
    for cluster in np.unique(cluster_of):
        members = np.flatnonzero(cluster_of == cluster)
        n_near = min(NEIGHBOURS, len(members) - 1)
        if n_near == 0:
            continue
        distances = np.sqrt(squared_distances(rows[members], rows[members])).astype(np.float64)
        np.fill_diagonal(distances, np.inf)
        nearest = np.partition(distances, n_near - 1, axis=1)[:, :n_near]
        found[members] = 1.0 / (nearest.mean(axis=1) + 1e-9)
    return found
