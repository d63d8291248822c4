"""What the acquired window asks about one label alone, where a picture may show several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.selectors import questions
from labeling.services.queue import RefillEntry
from ml.acquisition import cold_start, contains, picking
from ml.acquisition.classifier import head_probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from labeling.selectors.projects import ProjectRow
    from ml.types import Pool

MOST_LOOKED_AT = 50_000
"""Candidates among which questions are looked for."""
_AHEAD = 5
"""Times what is wanted, questions are ranked: some were asked before, or share a split group."""


def choose(
    project: ProjectRow,
    pool: Pool,
    *,
    size: int,
    without: Sequence[RefillEntry],
    rng: np.random.Generator,
) -> list[RefillEntry]:
    """Choose the share of a window of `size` entries, or nothing before there is a classifier.

    Nobody is asked about an image and a label that anybody was asked about before: whoever still
    doubts asks for the whole picture.

    Args:
        project: whose share.
        pool: the candidates, with how many labeled images show each label.
        size: entries of the window.
        without: what the window holds already.
        rng: draws from a large pool.
    """
    count = round(project.contains_share * size)
    head, counts = pool.head, pool.labeled_counts
    if count < 1 or head is None or head.several is None or counts is None:
        return []
    if not len(pool.image_ids) or cold_start(counts, len(counts)):
        return []
    rows, chance = picking.uniform(pool, MOST_LOOKED_AT, rng)
    said, ids = head_probabilities(head, pool.embeddings[rows]), pool.image_ids[rows]
    taken = {each.image_id for each in without}
    ranked = [
        contains.one_open(said, most=_AHEAD * count),
        contains.rare_first(said, counts, most=_AHEAD * count),
    ]
    looked_at = [int(ids[row]) for kind in ranked for row, _ in kind]
    before = questions.answered(looked_at)
    codes = head.label_order
    known = {
        (row, column)
        for kind in ranked
        for row, column in kind
        if int(ids[row]) in taken or (int(ids[row]), codes[column]) in before
    }
    chosen = contains.choose(ranked, pool.groups[rows], without=known, batch_size=count)
    return [
        RefillEntry(int(ids[row]), 0.0, chance, questions.policy(codes[column]))
        for row, column in chosen
    ]
