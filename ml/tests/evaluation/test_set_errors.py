"""Answers about single labels that are likely wrong."""

from __future__ import annotations

import numpy as np

from ml.evaluation.set_errors import ranked
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
