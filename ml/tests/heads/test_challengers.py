"""Heads of other kinds: one contract, and what each must not get wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.heads import challenger, ridge
from ml.heads.classifier import Unlabeled, certain_rows, out_of_group_loss
from ml.heads.logistic import fit_logistic
from ml.heads.mlp import fit_mlp
from ml.heads.pseudo_labels import SURE, WEIGHT, fit_pseudo, with_pseudo_labels
from ml.heads.registry import DEFAULT, HEADS
from ml.tests.heads.builders import blobs, hard

EVERY = pytest.mark.parametrize("name", HEADS)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@EVERY
def test_every_head_gives_probabilities_and_learns(name: str) -> None:
    labeled = blobs(np.random.default_rng(1), n=60, k=3, d=12)
    asked = labeled.embeddings
    pool = Unlabeled(asked[:5], np.arange(100, 105))

    said = HEADS[name](labeled, unlabeled=pool, rng=rng()).probabilities(asked)

    np.testing.assert_allclose(said.sum(axis=1), 1.0)
    assert (said >= 0).all()
    assert (said.argmax(axis=1) == labeled.targets.argmax(axis=1)).mean() > 0.9


@EVERY
def test_no_head_says_a_label_it_has_not_seen(name: str) -> None:
    labeled = hard([0, 2] * 12, np.random.default_rng(2).normal(size=(24, 6)), k=4)

    said = HEADS[name](labeled, unlabeled=None, rng=rng()).probabilities(labeled.embeddings)

    assert set(said.argmax(axis=1)) <= {0, 2}


@EVERY
def test_one_label_alone_is_always_said(name: str) -> None:
    labeled = hard([1] * 6, np.random.default_rng(3).normal(size=(6, 4)), k=3)

    said = HEADS[name](labeled, unlabeled=None, rng=rng()).probabilities(labeled.embeddings)

    assert (said.argmax(axis=1) == 1).all()


@EVERY
def test_one_seed_gives_one_head(name: str) -> None:
    labeled = blobs(np.random.default_rng(4), n=40, d=6)

    one, other = (
        HEADS[name](labeled, unlabeled=None, rng=rng()).probabilities(labeled.embeddings)
        for _ in range(2)
    )

    np.testing.assert_array_equal(one, other)


def test_the_default_head_is_the_one_that_serves() -> None:
    labeled = blobs(np.random.default_rng(5), n=40)

    said = HEADS[DEFAULT](labeled, unlabeled=None, rng=rng()).probabilities(labeled.embeddings)

    expected = ridge.predict(ridge.fit_ridge(labeled).head, labeled.embeddings)
    np.testing.assert_array_equal(said, expected)


def test_logistic_regression_does_not_care_how_long_or_where_the_vectors_are() -> None:
    labeled = blobs(np.random.default_rng(6), n=60, d=10)
    moved = replace(labeled, embeddings=100 * labeled.embeddings + 7)

    one = fit_logistic(labeled, rng=rng()).probabilities(labeled.embeddings)
    other = fit_logistic(moved, rng=rng()).probabilities(moved.embeddings)

    np.testing.assert_allclose(one, other, atol=2e-3)


def test_soft_targets_become_a_row_for_each_label_with_its_share() -> None:
    # Labels 0 and 1 count one row of weight 1 each; balancing leaves mean 1.
    labeled = replace(
        hard([0, 1], np.eye(2), k=3), targets=np.array([[0.7, 0.3, 0.0], [0.0, 0.99, 0.01]])
    )

    rows, columns, weights = certain_rows(labeled)

    assert (rows.tolist(), columns.tolist()) == ([0, 0, 1], [0, 1, 1])
    np.testing.assert_allclose(weights, [0.7, 0.3, 0.99])


def test_a_network_learns_what_no_line_divides() -> None:
    points = np.random.default_rng(7).uniform(-1, 1, (400, 2))
    label = (points[:, 0] * points[:, 1] > 0).astype(int)
    labeled = hard(label.tolist(), points, k=2)

    right = [
        (fit(labeled, rng=rng()).probabilities(labeled.embeddings).argmax(axis=1) == label).mean()
        for fit in (fit_mlp, fit_logistic)
    ]

    assert right[0] > 0.8 > right[1]


def test_out_of_group_loss_sees_through_what_is_learned_by_heart() -> None:
    noise = np.random.default_rng(8)
    labeled = hard(noise.integers(0, 2, 60).tolist(), noise.normal(size=(60, 80)), k=2)

    loss = out_of_group_loss(HEADS["logistic"], labeled, unlabeled=None, rng=rng())

    assert loss > 0.6  # log 2 is knowing nothing
    one_group = replace(labeled, groups=np.zeros(60, dtype=np.int64))
    assert out_of_group_loss(HEADS["ridge"], one_group, unlabeled=None, rng=rng()) == np.inf


def test_only_images_the_head_is_sure_of_are_added_at_a_third_of_the_weight() -> None:
    labeled = blobs(np.random.default_rng(9), n=60, d=12)
    head = ridge.fit_ridge(labeled).head
    unsure = np.tile(labeled.embeddings.mean(axis=0), (4, 1)).astype(np.float32)
    pool = Unlabeled(np.concatenate([labeled.embeddings[:6], unsure]), np.arange(500, 510))
    top = ridge.predict(head, pool.embeddings).max(axis=1)

    found = with_pseudo_labels(labeled, head, pool)

    added = len(found.image_ids) - 60
    assert added == (top >= SURE).sum() > 0
    assert set(found.groups[60:]) <= set(np.arange(500, 506))
    np.testing.assert_array_equal(found.weights[60:], WEIGHT)


def test_pseudo_labels_wait_for_three_images_of_the_median_label() -> None:
    labeled = blobs(np.random.default_rng(10), n=6, k=3, d=12, n_groups=6)
    pool = Unlabeled(labeled.embeddings, np.arange(100, 106))

    found = fit_pseudo(labeled, unlabeled=pool, rng=rng())

    np.testing.assert_array_equal(found.head.weights, ridge.fit_ridge(labeled).head.weights)


def test_a_challenger_is_asked_about_rows_whose_groups_it_has_not_seen() -> None:
    labeled = blobs(np.random.default_rng(7), n=90, d=10)
    steps: list[int] = []

    found = challenger.fit(labeled, "logistic", step=lambda: steps.append(1))

    truth = labeled.targets.argmax(axis=1)
    assert len(steps) == 6  # five folds and the whole
    np.testing.assert_allclose(found.out_of_group.sum(axis=1), 1.0)
    assert (found.out_of_group.argmax(axis=1) == truth).mean() > 0.9
    # Labels that change with the group: whoever has not seen a group cannot know its label.
    of_group = np.random.default_rng(8).integers(0, 3, labeled.groups.max() + 1)[labeled.groups]
    secret = replace(
        labeled, targets=np.eye(3)[of_group], embeddings=np.eye(100, dtype=np.float32)[:90]
    )
    blind = challenger.fit(secret, "logistic")
    assert (blind.out_of_group.argmax(axis=1) == of_group).mean() < 0.7
    assert (ridge.predict(blind.head, secret.embeddings).argmax(axis=1) == of_group).all()


def test_a_challenger_that_cannot_be_checked_is_refused() -> None:
    few = hard([0, 1, 0, 1], np.random.default_rng(9).normal(size=(4, 4)), k=2)

    with pytest.raises(challenger.NotFoldableError, match="5 groups"):
        challenger.fit(few, "logistic")
