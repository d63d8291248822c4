"""What the acquired window holds beside what its function chooses: the rare and the new.

Each share is bounded, and each image's chance of being looked at is stored with its entry.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from labeling.selectors.queue import NOVEL, TAIL_FIRST
from labeling.services.queue import RefillEntry
from ml.acquisition import cold_start, picking, rare
from ml.acquisition.classifier import any_fits, head_probabilities, probabilities_at
from ml.evaluation.geometry import prepare
from ml.selectors import embeddings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labeling.selectors.projects import ProjectRow
    from ml.types import Indices, Pool, Probabilities, Weights

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
) -> list[RefillEntry]:
    """Choose the shares of a window of `size` entries, or nothing before there is a classifier.

    Args:
        project: whose shares.
        pool: the candidates, with how many labeled images each label has.
        labeled_ids: (m,) labeled images.
        size: entries of the window.
        without: what the window holds already.
        rng: draws from a large pool.
    """
    has_head = pool.head is not None or pool.probabilities is not None
    counts = pool.labeled_counts
    if not has_head or counts is None or cold_start(counts, len(counts)):
        return []
    chosen = [
        *_tail(pool, counts, round(project.tail_share * size), rng),
        *_novel(project.pk, pool, labeled_ids, round(project.novelty_share * size), rng),
    ]
    taken = {each.image_id for each in without}
    fresh = {each.image_id: each for each in reversed(chosen) if each.image_id not in taken}
    return list(reversed(fresh.values()))


def mixed(
    entries: list[RefillEntry], extra: list[RefillEntry], rng: np.random.Generator
) -> list[RefillEntry]:
    """Spread extra entries evenly among the others, from a random place on.

    A window is filled anew with nearly every answer, so only its first places are ever served:
    from a fixed place on, the extra ones would come always or never.
    """
    if not extra:
        return entries
    extra = _taking_turns(extra, rng)
    step = (len(entries) + len(extra)) / len(extra)
    out = list(entries)
    for place, each in zip(step * (rng.random() + np.arange(len(extra))), extra, strict=True):
        out.insert(int(place), each)
    return [replace(each, priority=-float(place)) for place, each in enumerate(out)]


def _taking_turns(extra: list[RefillEntry], rng: np.random.Generator) -> list[RefillEntry]:
    """Mix kinds by how many there are of each, every kind in its own order.

    One kind after the other, the last one would never come: of a window only the first places are
    served.
    """
    kinds: dict[str, list[RefillEntry]] = {}
    for each in extra:
        kinds.setdefault(each.policy.partition(" ")[0], []).append(each)
    placed = [
        ((place + start) / len(kind), each)
        for kind, start in zip(kinds.values(), rng.random(len(kinds)), strict=True)
        for place, each in enumerate(kind)
    ]
    return [each for _, each in sorted(placed, key=lambda pair: pair[0])]


def _tail(pool: Pool, counts: Weights, count: int, rng: np.random.Generator) -> list[RefillEntry]:
    if count < 1:
        return []
    rows, chance = picking.uniform(pool, MOST_LIKELY, rng)
    said = _said(pool, rows, "tail_first")
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
    said = _said(pool, rows, "novelty")
    is_several = pool.head is not None and pool.head.several is not None
    chosen = rare.most_novel(
        any_fits(said) if is_several else said,
        prepare(embeddings.load_matrix(original.pk, pool.image_ids[rows]), centre),
        prepare(embeddings.load_matrix(original.pk, known), centre),
        pool.groups[rows],
        batch_size=count,
    )
    return _entries(pool.image_ids[rows[chosen]], chance, NOVEL)


def _said(pool: Pool, rows: Indices, name: str) -> Probabilities:
    """Give the (b, k) probabilities of every label, independent ones too."""
    if pool.head is not None and pool.head.several is not None:
        return head_probabilities(pool.head, pool.embeddings[rows])
    return probabilities_at(pool, rows, name)


def _entries(image_ids: Indices, chance: float, policy: str) -> list[RefillEntry]:
    return [RefillEntry(image_id, 0.0, chance, policy) for image_id in image_ids.tolist()]
