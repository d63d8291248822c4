"""Ask about images whose label changes when parts of their embedding are dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.acquisition.classifier import linear_scores, needed_head, refuse_several
from ml.acquisition.clusters import k_means, nearest_to_means
from ml.acquisition.guards import guarded
from ml.acquisition.picking import one_a_group, uniform

if TYPE_CHECKING:
    from ml.types import Embeddings, Head, Indices, Pool, Scores

MAX_CANDIDATES = 4000
PASSES = 3
DROPPED = 0.75


@guarded
def dropquery(pool: Pool, *, batch_size: int, rng: np.random.Generator) -> tuple[Indices, Scores]:
    """Keep rows whose label most dropout passes change; of b clusters of them, the middle rows.

    Where fewer than b groups change in most passes, rows that change in fewer are kept as well,
    down to all. Candidates are a uniform sample of at most 4,000 rows; the selection probability
    is a row's chance of being one. Cost O(c d (k + b)).

    Source: Gupte et al. 2024, "Revisiting Active Learning in the Era of Vision Foundation Models"
    (arXiv 2401.14555): three passes, three quarters dropped.
    """
    refuse_several(pool, "dropquery")
    candidates, chance = uniform(pool, max(MAX_CANDIDATES, batch_size), rng)
    rows, groups = pool.embeddings[candidates], pool.groups[candidates]
    changed = changes(needed_head(pool, "dropquery"), rows, rng)
    least = PASSES // 2 + 1
    while least > 0 and len(np.unique(groups[changed >= least])) < batch_size:
        least -= 1
    kept = np.flatnonzero(changed >= least)
    cluster_of, means = k_means(rows[kept], batch_size, rng)
    order = kept[nearest_to_means(rows[kept], cluster_of, means)]
    chosen = one_a_group(order, groups, batch_size)
    return candidates[chosen], np.full(len(chosen), chance)


def changes(head: Head, rows: Embeddings, rng: np.random.Generator) -> Indices:
    """Count for (n,) rows in how many passes dropout changes the most likely label: 0 to 3."""
    plain = linear_scores(head, rows).argmax(axis=1)
    changed = np.zeros(len(rows), dtype=np.int64)
    for _ in range(PASSES):
        is_kept = rng.random(rows.shape, dtype=np.float32) >= DROPPED
        dropped = np.where(is_kept, rows / np.float32(1.0 - DROPPED), np.float32(0.0))
        changed += linear_scores(head, dropped).argmax(axis=1) != plain
    return changed
