"""What the acquired window asks about one label alone, where a picture may show several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labeling.selectors import annotators, questions
from labeling.services.queue import RefillEntry
from ml.acquisition import cold_start, contains, picking
from ml.acquisition.classifier import every_label
from ml.evaluation import set_errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np

    from labeling.selectors.consensus import TrainingRows
    from labeling.selectors.projects import ProjectRow
    from ml.types import Pool, Probabilities

MOST_LOOKED_AT = 50_000
"""Candidates among which questions are looked for."""
DOUBTED_CHANCE = 0.2
"""A refill asks about a doubted label this often, so that a list of them is spread over answers."""
_MOST_DOUBTED = 200
_AHEAD = 5
"""Times what is wanted, questions are ranked: some were asked before, or share a split group."""


def doubted(
    project: ProjectRow,
    rows: TrainingRows,
    out_of_group: Probabilities,
    rng: np.random.Generator,
) -> list[RefillEntry]:
    """Give the label of an image to ask somebody else about now, or nothing.

    The most doubted answer (`set_errors`) of those that one person alone has given, within the
    project's share of second opinions, at one refill in so many. Who says otherwise ties that
    label, and the picture is asked about again.

    Args:
        project: whose share.
        rows: (n,) what the head has learned from.
        out_of_group: (n, k) what it says of them without their split group.
        rng: draws at which refills.
    """
    room = int(project.doubt_serving_share * len(rows.image_ids))
    if project.doubt_serving_share <= 0 or rng.random() >= DOUBTED_CHANCE:
        return []
    if room <= questions.asked_again(project.pk):
        return []
    cells = set_errors.ranked(rows.posteriors.astype("float64"), out_of_group)[:_MOST_DOUBTED]
    ids = [int(key) for key in rows.image_ids[cells[:, 0]]]
    free, before = questions.may_be_asked_again(ids), questions.answered(ids)
    for image_id, column in zip(ids, cells[:, 1].tolist(), strict=True):
        code = rows.codes[column]
        if image_id in free and (image_id, code) not in before:
            policy = questions.policy_again(code)
            return [RefillEntry(image_id, 1.0, DOUBTED_CHANCE, policy)]
    return []


def has_others(project: ProjectRow, now: datetime) -> bool:
    """Tell whether enough people would be left to say what all of a picture shows.

    Who answers for one label is not asked about that picture again: a person alone could finish
    none of them.
    """
    return annotators.active_count(project, now) > project.votes_pool


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
    said, ids = every_label(pool, rows, "contains"), pool.image_ids[rows]
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
