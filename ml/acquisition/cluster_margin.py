"""Ask about doubtful images of many kinds: the margin, spread over clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.clusters import k_means
from ml.acquisition.guards import guarded
from ml.acquisition.picking import best_first, doubtful_and_uniform, one_a_group
from ml.acquisition.uncertainty import doubt_of

if TYPE_CHECKING:
    from ml.types import Indices, Labels, Pool, Scores

MAX_CLUSTERED = 2000
DOUBTFUL_A_PICK = 10
ROWS_A_CLUSTER = 10


@guarded
def cluster_margin(
    pool: Pool, *, batch_size: int, rng: np.random.Generator
) -> tuple[Indices, Scores]:
    """Take the 10 b most doubtful rows; pick from their clusters in turn, the smallest first.

    The paper clusters the whole pool once, by average linkage; here k-means divides the most
    doubtful rows and a uniform sample, at most 2,000 together, into clusters of ten on average.
    In each turn every cluster gives its most doubtful row left. Nothing that is picked is drawn:
    the selection probability is 1. Cost O(n + c s d) for c rows in s clusters.

    Source: Citovsky et al. 2021 (arXiv 2107.14263).
    """
    doubt = doubt_of(pool, "cluster_margin")
    doubtful = best_first(doubt, pool.groups, DOUBTFUL_A_PICK * batch_size, rng)
    limit = max(MAX_CLUSTERED, len(doubtful) + 1)
    rows, _ = doubtful_and_uniform(doubt, limit, len(doubtful), rng)
    rows = np.union1d(rows, doubtful)
    cluster_of, _ = k_means(pool.embeddings[rows], max(1, len(rows) // ROWS_A_CLUSTER), rng)
    ordered = in_turns(cluster_of[np.searchsorted(rows, doubtful)])
    positions = one_a_group(doubtful[ordered], pool.groups, batch_size)
    return positions, np.ones(len(positions))


def in_turns(cluster_of: Labels) -> Indices:
    """Order (m,) rows, given best first: the first of each cluster, then the second, and so on.

    In each turn smaller clusters come first; of two of one size, the one whose first is better.
    """
    _, firsts, cluster, sizes = np.unique(
        cluster_of, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(cluster, kind="stable")
    turn = np.empty(len(cluster), dtype=np.int64)
    turn[order] = np.arange(len(cluster)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.lexsort((firsts[cluster], sizes[cluster], turn)).astype(np.int64)
