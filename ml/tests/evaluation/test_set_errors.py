"""Answers about single labels that are likely wrong."""

from __future__ import annotations

import numpy as np

from ml.evaluation.geometry import prepare
from ml.evaluation.set_errors import doubted, ranked
from ml.heads import several
from ml.types import LabeledSet


def test_an_answer_is_doubted_against_what_is_usual_for_it() -> None:
    targets = np.array([[0.75, 0.25], [0.75, 0.75], [0.25, 0.75], [0.5, 0.25]])
    said = np.array([[0.9, 0.1], [0.1, 0.3], [0.2, 0.2], [0.9, 0.2]])

    found = ranked(targets, said)

    # Yes to the first label is usually supported by .5, yes to the second by .25.
    assert found.tolist() == [[1, 0], [2, 1], [1, 1]]


def test_most_planted_errors_are_among_the_tenth_that_is_doubted_most() -> None:
    rng = np.random.default_rng(8)
    n, k, d = 300, 5, 24
    directions = np.linalg.qr(rng.normal(size=(d, d)))[0][:k]
    shows = rng.random((n, k)) < 0.3
    rows = ((2 * shows - 1) @ directions + 0.5 * rng.normal(size=(n, d))).astype(np.float32)
    is_wrong = rng.random((n, k)) < 0.05
    targets = np.where(shows ^ is_wrong, 0.75, 0.25)
    labeled = LabeledSet(
        image_ids=np.arange(n),
        embeddings=rows,
        targets=targets,
        weights=np.ones(n),
        groups=np.arange(n),
        label_order=tuple("abcde"),
        is_several=True,
    )

    found = ranked(targets, several.fit(labeled).out_of_group)[: n * k // 10]

    assert is_wrong[found[:, 0], found[:, 1]].sum() >= 0.6 * is_wrong.sum()


def test_the_worst_are_those_that_heads_and_similar_images_contradict() -> None:
    # Two clusters of twelve images; every image of the first shows the label but the last.
    near = np.repeat([[1.0, 0.0], [0.0, 1.0]], 12, axis=0)
    rows = prepare(near.astype(np.float32), np.array([0.5, 0.5]))
    targets = np.repeat([[0.75], [0.25]], 12, axis=0)
    targets[11] = 0.25
    said = np.where(np.arange(24)[:, None] < 12, 0.9, 0.1)
    said[10] = 0.4  # Heads doubt this one as well; of its ten neighbours one at most does.

    found = doubted(targets, said, rows, np.arange(24), most=5)

    assert found.rows.tolist() == [11, 10]
    assert found.is_shown.tolist() == [False, True]
    assert found.support.round(2).tolist() == [0.1, 0.4]
    assert found.other_share[0] == 1
    assert found.other_share[1] <= 0.1
    assert found.score[0] == 0.95
    assert doubted(targets, said, rows, np.arange(24), most=1).rows.tolist() == [11]


def test_a_rare_answer_is_left_alone_and_near_duplicates_are_no_witness() -> None:
    rows = prepare(np.random.default_rng(3).normal(size=(20, 4)).astype(np.float32), np.zeros(4))
    targets, said = np.full((20, 1), 0.25), np.full((20, 1), 0.1)
    targets[:3] = 0.75
    assert not len(doubted(targets, said, rows, np.arange(20), most=9).rows)  # Two others.

    targets[3] = 0.75
    found = doubted(targets, said, rows, np.arange(20), most=9)
    assert sorted(found.rows.tolist()) == [0, 1, 2, 3]

    twins = np.where(np.arange(20) < 4, np.arange(20), 0)
    found = doubted(targets, said, rows, twins, most=9)
    # The first is of one group with all that say otherwise: its neighbours are those that agree.
    assert found.other_share[found.rows == 0].tolist() == [0.0]


def test_what_nobody_was_asked_about_is_neither_doubted_nor_a_witness() -> None:
    rows = prepare(np.eye(12, dtype=np.float32), np.zeros(12))
    targets = np.where(np.arange(12)[:, None] < 6, 0.75, 0.5)
    said = np.full((12, 1), 0.2)

    found = doubted(targets, said, rows, np.arange(12), most=12)

    assert sorted(found.rows.tolist()) == list(range(6))
    assert not found.other_share.any()
