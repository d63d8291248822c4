"""What the acquired window holds beside what its function chooses: the rare and the new.

Each share is bounded, and each image's chance of being looked at is stored with its entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors.queue import NOVEL, TAIL_FIRST
from labeling.services.queue import RefillEntry
from ml.acquisition import cold_start, picking, rare
from ml.acquisition.classifier import any_fits, every_label
from ml.evaluation.geometry import prepare
from ml.selectors import embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.selectors.projects import ProjectRow
    from ml.types import Indices, Pool, Weights

MOST_RANKED = 1500
"""Candidates that novelty compares with labeled images, and labeled images compared with: 0.1 s."""
MOST_LIKELY = 50_000
"""Candidates among which images of rare labels are looked for."""


def choose(
    project: ProjectRow,
    pool: Pool,
    labeled_ids: Indices,
    *,
    size: int,
    without: Sequence[RefillEntry],
    rng: np.random.Generator,
) -> list[list[RefillEntry]]:
    """Choose the shares of a window of `size` entries, or nothing before there is a classifier.

    Args:
        project: whose shares.
        pool: the candidates, with how many labeled images each label has.
        labeled_ids: (m,) labeled images.
        size: entries of the window.
        without: what the window holds already.
        rng: draws from a large pool.

    Returns:
        What may be of a rare label and what of none, each best first, no image twice.
    """
    has_head = pool.head is not None or pool.probabilities is not None
    counts = pool.labeled_counts
    if not has_head or counts is None or cold_start(counts, len(counts)):
        return []
    tail = _tail(pool, counts, round(project.tail_share * size), rng)
    novel = _novel(project.pk, pool, labeled_ids, round(project.novelty_share * size), rng)
    taken = {each.image_id for each in without}
    kinds = []
    for found in (tail, novel):
        kinds.append([each for each in found if each.image_id not in taken])
        taken |= {each.image_id for each in found}
    return kinds


def _tail(pool: Pool, counts: Weights, count: int, rng: np.random.Generator) -> list[RefillEntry]:
    if count < 1:
        return []
    rows, chance = picking.uniform(pool, MOST_LIKELY, rng)
    said = every_label(pool, rows, "tail_first")
    chosen = rare.tail_first(said, pool.groups[rows], counts, batch_size=count, rng=rng)
    return _entries(pool.image_ids[rows[chosen]], chance, TAIL_FIRST)


def _novel(
    project_id: int, pool: Pool, labeled_ids: Indices, count: int, rng: np.random.Generator
) -> list[RefillEntry]:
    """Rank a uniform draw of candidates in the original embeddings; a tuned one forgets the new."""
    original = embeddings.original_or_none(project_id) if count >= 1 else None
    centre = embeddings.centre(original) if original is not None else None
    if original is None or centre is None:
        return []
    rows, chance = picking.uniform(pool, MOST_RANKED, rng)
    rows = rows[embeddings.has_vector(original.pk, pool.image_ids[rows])]
    known = labeled_ids[embeddings.has_vector(original.pk, labeled_ids)]
    if len(known) > MOST_RANKED:
        known = rng.choice(known, MOST_RANKED, replace=False)
    said = every_label(pool, rows, "novelty")
    is_several = pool.head is not None and pool.head.several is not None
    chosen = rare.most_novel(
        any_fits(said) if is_several else said,
        prepare(embeddings.load_matrix(original.pk, pool.image_ids[rows]), centre),
        prepare(embeddings.load_matrix(original.pk, known), centre),
        pool.groups[rows],
        batch_size=count,
    )
    return _entries(pool.image_ids[rows[chosen]], chance, NOVEL)


def _entries(image_ids: Indices, chance: float, policy: str) -> list[RefillEntry]:
    return [RefillEntry(image_id, 0.0, chance, policy) for image_id in image_ids.tolist()]
