"""Heads for several labels an image in the words of every other head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.heads import codec, judged, ridge, several
from ml.heads.calibration import NOTHING_ACCEPTED
from ml.types import LabeledSet

HALF = 0.5


def landscapes(seed: int, n: int = 120, *, noise: float = 0.6) -> LabeledSet:
    """Draw pictures that may show a mountain, a glacier, both or neither, in groups of two."""
    rng = np.random.default_rng(seed)
    shows = np.repeat(rng.random((n // 2, 2)) < 0.5, 2, axis=0)
    directions = 2.0 * np.eye(2, 12)
    embeddings = shows @ directions + noise * rng.normal(size=(n, 12))
    return LabeledSet(
        image_ids=np.arange(n),
        embeddings=embeddings.astype(np.float32),
        targets=np.where(shows, 0.75, 0.25),
        weights=np.ones(n),
        groups=np.repeat(np.arange(n // 2), 2),
        label_order=("mountain", "glacier"),
        is_several=True,
    )


def test_a_stored_head_gives_a_photograph_with_both_a_mountain_and_a_glacier_both() -> None:
    head = codec.from_bytes(codec.to_bytes(several.fit(landscapes(1)).head))
    pictures = np.zeros((3, 12), dtype=np.float32)
    pictures[0, :2] = 2.0
    pictures[1, 1] = 2.0

    said = ridge.predict(head, pictures)

    assert head.several is not None
    assert (said >= head.several.thresholds).tolist() == [
        [True, True], [False, True], [False, False]
    ]  # fmt: skip
    assert said[0].sum() > 1.5


def test_labels_said_are_right_as_often_as_was_wished() -> None:
    labeled = landscapes(2, 600, noise=2.0)

    strict, loose = (several.fit(labeled, precision=at).head.several for at in (0.95, 0.7))

    assert strict is not None
    assert loose is not None
    assert (strict.thresholds > loose.thresholds).all()
    fresh = landscapes(3, 4000, noise=2.0)
    said = ridge.predict(several.fit(labeled, precision=0.95).head, fresh.embeddings)
    for column, bar in enumerate(strict.thresholds):
        if bar < NOTHING_ACCEPTED:
            accepted = said[:, column] >= bar
            assert (fresh.targets[accepted, column] > HALF).mean() > 0.88


def test_the_loss_of_an_answer_is_the_sum_over_the_labels_it_was_asked_about() -> None:
    targets = np.array([[0.9, 0.1], [0.9, HALF]])
    said = np.array([[0.8, 0.5], [0.8, 0.5]])

    found = several.losses(targets, said)

    assert found == pytest.approx([-np.log(0.8) - np.log(0.5), -np.log(0.8)])
    assert several.right(targets, said).tolist() == [True, True]
    assert several.right(targets, 1 - said).tolist() == [False, False]


def test_knowing_nothing_says_each_label_by_its_share() -> None:
    labeled = replace(landscapes(0, 4), targets=np.array([[0.9, 0.1]] * 3 + [[0.1, 0.1]]))

    shares = np.array([[4 / 6, 1 / 6]] * 4)

    assert judged.knowing_nothing(labeled) == pytest.approx(
        several.losses(labeled.targets, shares).mean()
    )


def test_images_are_of_one_kind_where_they_show_the_same_labels_in_any_order() -> None:
    one = replace(landscapes(0, 4), targets=np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.9], [0, 0]]))
    other = replace(one, targets=one.targets[:, ::-1], label_order=("glacier", "mountain"))

    assert len(set(judged.kinds(one).tolist())) == 4
    assert judged.kinds(one).tolist() == judged.kinds(other).tolist()


def test_a_new_label_is_never_said_and_a_renamed_one_answers_as_before() -> None:
    labeled = landscapes(4)
    head = several.fit(labeled).head
    shares = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

    mapped = several.for_labels(head, shares, ("ice", "river", "mountain"))

    was, now = (ridge.predict(one, labeled.embeddings) for one in (head, mapped))
    np.testing.assert_allclose(now[:, [2, 0]], was)
    assert (now[:, 1] < 1e-6).all()
    assert mapped.several is not None
    assert mapped.several.thresholds[1] == NOTHING_ACCEPTED


def test_one_split_group_alone_checks_nothing() -> None:
    labeled = replace(landscapes(5, 20), groups=np.zeros(20, dtype=np.int64))

    assert several.fit(labeled).log_loss == np.inf


def test_nothing_is_learned_where_all_images_are_answered_alike() -> None:
    labeled = landscapes(6, 4)

    assert judged.can_teach(labeled)
    assert not judged.can_teach(replace(labeled, targets=np.full((4, 2), 0.9)))
