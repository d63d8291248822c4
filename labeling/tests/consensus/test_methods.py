from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labeling.consensus.em import VoteTable
from labeling.consensus.methods import METHODS, Method

K = 6
N_IMAGES = 300
SKILLS = np.array([0.95, 0.9, 0.9, 0.85, 0.8, 0.7, 0.6, 0.3])

methods = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def crowd_of(seed: int = 0) -> tuple[VoteTable, np.ndarray, np.ndarray]:
    """Three votes an image; the last two images have none. A classifier that is right often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K - 1, N_IMAGES)
    image = np.repeat(np.arange(N_IMAGES - 2), 3)
    annotator = np.concatenate([rng.permutation(len(SKILLS))[:3] for _ in range(N_IMAGES - 2)])
    is_right = rng.random(len(image)) < SKILLS[annotator]
    label = np.where(is_right, truth[image], (truth[image] + rng.integers(1, K, len(image))) % K)
    logits = rng.normal(size=(N_IMAGES, K - 1)) + 3 * np.eye(K - 1)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    known = np.full(N_IMAGES, -1, dtype=np.int32)
    return table_of(image, annotator, label, known), truth, probabilities


def table_of(
    image: np.ndarray, annotator: np.ndarray, label: np.ndarray, known: np.ndarray
) -> VoteTable:
    return VoteTable(
        image.astype(np.int32),
        annotator.astype(np.int32),
        label.astype(np.int32),
        known.astype(np.int32),
    )


def aggregated(
    method: Method, table: VoteTable, probabilities: np.ndarray | None = None, seed: int = 7
) -> np.ndarray:
    return method(table, K, probabilities, rng=np.random.default_rng(seed))


def test_all_methods_are_registered() -> None:
    assert set(METHODS) == {"majority", "one_coin", "dawid_skene", "glad", "crowdlab", "larder"}


@methods
@pytest.mark.parametrize("has_classifier", [False, True])
def test_posteriors_have_a_row_an_image_and_sum_to_one(
    method: Method, has_classifier: bool
) -> None:
    table, _, probabilities = crowd_of()

    q = aggregated(method, table, probabilities if has_classifier else None)

    assert q.shape == (N_IMAGES, K)
    assert np.isfinite(q).all()
    assert (q >= 0).all()
    np.testing.assert_allclose(q.sum(axis=1), 1, atol=1e-5)


@methods
def test_most_labels_are_right(method: Method) -> None:
    table, truth, probabilities = crowd_of()

    q = aggregated(method, table, probabilities)

    assert (q.argmax(axis=1) == truth)[: N_IMAGES - 2].mean() > 0.85


@methods
def test_the_order_of_votes_does_not_matter(method: Method) -> None:
    table, _, probabilities = crowd_of()
    order = np.random.default_rng(1).permutation(len(table.image))
    shuffled = dataclasses.replace(
        table, image=table.image[order], annotator=table.annotator[order], label=table.label[order]
    )

    np.testing.assert_allclose(
        aggregated(method, table, probabilities),
        aggregated(method, shuffled, probabilities),
        atol=2e-3,
    )


@methods
def test_the_names_of_people_do_not_matter(method: Method) -> None:
    table, _, probabilities = crowd_of()
    names = np.random.default_rng(2).permutation(len(SKILLS)).astype(np.int32)
    renamed = dataclasses.replace(table, annotator=names[table.annotator])

    np.testing.assert_allclose(
        aggregated(method, table, probabilities),
        aggregated(method, renamed, probabilities),
        atol=2e-3,
    )


@methods
def test_what_all_say_wins(method: Method) -> None:
    table, _, _ = crowd_of()
    counts = np.zeros((N_IMAGES, K))
    np.add.at(counts, (table.image, table.label), 1)
    unanimous = np.flatnonzero(counts.max(axis=1) == 3)

    q = aggregated(method, table)

    assert len(unanimous) > 50
    np.testing.assert_array_equal(q[unanimous].argmax(axis=1), counts[unanimous].argmax(axis=1))


@methods
def test_the_same_rng_gives_the_same_result(method: Method) -> None:
    table, _, probabilities = crowd_of()

    np.testing.assert_array_equal(
        aggregated(method, table, probabilities), aggregated(method, table, probabilities)
    )


@methods
def test_known_images_are_certain(method: Method) -> None:
    table, truth, _ = crowd_of()
    known = np.where(np.arange(N_IMAGES) < 20, truth, -1).astype(np.int32)

    q = aggregated(method, dataclasses.replace(table, known=known))

    np.testing.assert_array_equal(q[:20], np.eye(K)[truth[:20]])


@methods
def test_images_without_a_vote_say_nothing(method: Method) -> None:
    table, _, _ = crowd_of()

    q = aggregated(method, table)

    assert q[-2:].max() < 0.5


@methods
def test_a_table_without_votes_is_answered(method: Method) -> None:
    nothing = np.zeros(0, dtype=np.int32)
    table = VoteTable(nothing, nothing, nothing, np.full(2, -1, dtype=np.int32))

    np.testing.assert_allclose(aggregated(method, table), 1 / K)


@pytest.mark.parametrize("name", ["one_coin", "dawid_skene", "glad", "larder"])
def test_a_skilled_person_beats_two_bad_ones(name: str) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, K, 300)
    bad = (truth + rng.integers(1, K, (2, 300))) % K
    good = np.tile(truth, (3, 1))
    label = np.concatenate([good, bad]).T.ravel().astype(np.int32)
    image = np.repeat(np.arange(300), 5).astype(np.int32)
    annotator = np.tile(np.arange(5), 300).astype(np.int32)
    # On the last image one of the good and both of the bad have voted.
    image = np.concatenate([image, [300, 300, 300]]).astype(np.int32)
    annotator = np.concatenate([annotator, [0, 3, 4]]).astype(np.int32)
    label = np.concatenate([label, [1, 2, 2]]).astype(np.int32)
    table = VoteTable(image, annotator, label, np.full(301, -1, dtype=np.int32))

    assert aggregated(METHODS[name], table)[300].argmax() == 1


def test_majority_by_hand() -> None:
    table = table_of(np.zeros(3), np.arange(3), np.array([4, 4, 1]), np.array([-1]))

    found = aggregated(METHODS["majority"], table)

    np.testing.assert_allclose(found[0], [0, 1 / 3, 0, 0, 2 / 3, 0], atol=1e-6)


def test_one_vote_each_way_is_a_tie_that_the_rng_breaks() -> None:
    table = table_of(np.zeros(2), np.arange(2), np.array([4, 1]), np.array([-1]))

    first = {int(aggregated(METHODS["majority"], table, seed=s)[0].argmax()) for s in range(20)}

    assert first == {1, 4}
