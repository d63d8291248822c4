from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.heads import class_means
from ml.heads.closed_form import Rows
from ml.heads.ridge import fit_ridge, means_share, prepared_rows, scores
from ml.tests.heads.builders import blobs, hard


def test_means_without_a_group_equal_means_of_what_is_left() -> None:
    labeled = blobs(np.random.default_rng(1), n=30, k=4)
    rows = prepared_rows(labeled, labeled.embeddings.mean(axis=0, dtype=np.float64))
    label = labeled.targets.argmax(axis=1)
    x = rows.prepared.astype(np.float64)

    found = class_means.held_out(rows, class_means.label_sums(rows))

    for group in np.unique(labeled.groups):
        inside = labeled.groups == group
        for c in range(4):
            left = ~inside & (label == c)
            total = rows.weights[left] @ x[left]
            length = np.linalg.norm(total)
            expected = x[inside] @ total / length if length else np.zeros(inside.sum())
            np.testing.assert_allclose(found[inside, c], expected, atol=1e-10)


def test_a_label_with_one_group_scores_zero_without_it_and_one_unseen_always_does() -> None:
    rows = Rows(
        prepared=np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32),
        places=np.arange(3),
        targets=np.eye(3)[[0, 0, 1]],
        weights=np.ones(3),
        groups=np.array([0, 1, 2]),
    )

    sums = class_means.label_sums(rows)

    np.testing.assert_array_equal(class_means.directions(sums), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(
        class_means.held_out(rows, sums), [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    )


@pytest.mark.parametrize(
    ("labels", "share"), [([0, 1, 2], 0.5), ([0, 0, 1], 0.5), ([0, 0, 1, 1], 0.0), ([0, 0], 0.0)]
)
def test_below_two_images_a_label_seen_class_means_count_half(
    labels: list[int], share: float
) -> None:
    assert means_share(np.eye(5)[labels]) == share


def test_the_scores_of_a_blended_head_are_the_weighted_mean_of_both() -> None:
    labeled = blobs(np.random.default_rng(2), n=20)
    ridge, means, both = (
        fit_ridge(labeled, strengths=(0.1,), share=share) for share in (0.0, 1.0, 0.25)
    )

    found = scores(both.head, labeled.embeddings)

    each = [scores(fitted.head, labeled.embeddings) for fitted in (ridge, means)]
    np.testing.assert_allclose(found, 0.75 * each[0] + 0.25 * each[1], atol=1e-6)


def test_one_image_a_label_is_enough_to_know_the_others() -> None:
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(12, 40))
    shown = hard(list(range(12)), centres + 0.3 * rng.normal(size=(12, 40)), k=12)
    asked = np.repeat(centres, 20, axis=0) + 0.5 * rng.normal(size=(240, 40))

    head = fit_ridge(replace(shown, groups=np.arange(12))).head

    guessed = scores(head, asked.astype(np.float32)).argmax(axis=1)
    assert (guessed == np.repeat(np.arange(12), 20)).mean() > 0.95
