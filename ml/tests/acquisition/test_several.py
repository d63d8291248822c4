"""Which image next where each may bear several labels: the one with the most doubtful label."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.acquisition import (
    ACQUISITION_FUNCTIONS,
    NEEDS_ONE_LABEL,
    NeedsOneLabelError,
    PreparedRows,
    classifier,
)
from ml.acquisition.classifier import any_fits, every_label, most_doubtful
from ml.acquisition.rescore import rescore
from ml.heads import ridge
from ml.tests.acquisition.builders import random_pool
from ml.types import Embeddings, Head, Indices, Pool, Sigmoids


def several_pool() -> Pool:
    pool = random_pool(n=60)
    assert pool.head is not None
    k = len(pool.head.bias)
    sigmoids = Sigmoids(np.full(k, 2.0), np.zeros(k), np.full(k, 0.8))
    return replace(pool, head=replace(pool.head, several=sigmoids), probabilities=None)


def test_an_image_is_as_doubtful_as_its_most_doubtful_label() -> None:
    said = np.array([[0.99, 0.6, 0.01], [0.99, 0.98, 0.01], [0.3, 0.2, 0.1]])

    np.testing.assert_allclose(most_doubtful(said), [[0.6, 0.4], [0.98, 0.02], [0.3, 0.7]])


def test_however_many_are_asked_about_few_rows_are_prepared_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifier, "BLOCK_ROWS", 7)
    pool, asked = several_pool(), []

    class Counting:
        def __len__(self) -> int:
            return len(pool.image_ids)

        def __getitem__(self, positions: Indices, /) -> Embeddings:
            asked.append(len(positions))
            return pool.embeddings[positions]

    rows = np.array([5, 3, *range(20, 40)])
    found = every_label(replace(pool, embeddings=Counting()), rows, "contains")

    assert asked == [7, 7, 7, 1]
    assert pool.head is not None
    np.testing.assert_allclose(
        found, classifier.head_probabilities(pool.head, pool.embeddings[rows])
    )


def test_an_image_that_no_label_fits_may_be_something_new() -> None:
    said = np.array([[0.99, 0.6], [0.02, 0.01]])

    np.testing.assert_allclose(any_fits(said), [[0.99, 0.01], [0.5, 0.5]])


@pytest.mark.parametrize("name", sorted(set(ACQUISITION_FUNCTIONS) - NEEDS_ONE_LABEL))
def test_every_other_function_chooses_distinct_images(name: str) -> None:
    pool = several_pool()

    chosen, chances = ACQUISITION_FUNCTIONS[name](pool, batch_size=8, rng=np.random.default_rng(0))

    assert len(set(chosen.tolist())) == 8
    assert ((chances > 0) & (chances <= 1)).all()


@pytest.mark.parametrize("name", ["margin", "entropy", "least_confidence"])
def test_doubts_of_every_kind_rank_images_alike(name: str) -> None:
    pool = several_pool()
    doubt = _doubts(pool)

    chosen, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=5, rng=np.random.default_rng(0))

    assert set(chosen.tolist()) == set(np.argsort(-doubt)[:5].tolist())


@pytest.mark.parametrize("name", sorted(NEEDS_ONE_LABEL))
def test_functions_that_compare_labels_say_what_to_use_instead(name: str) -> None:
    with pytest.raises(NeedsOneLabelError, match="uherding"):
        ACQUISITION_FUNCTIONS[name](several_pool(), batch_size=4, rng=np.random.default_rng(0))


def test_a_pass_over_the_pool_says_what_the_head_says() -> None:
    rng = np.random.default_rng(4)
    raw = rng.normal(size=(50, 12)).astype(np.float16)
    head = Head(
        rng.normal(size=(12, 3)), rng.normal(size=3), np.zeros(12), 1.0, 0.1, ("a", "b", "c"),
        Sigmoids(np.array([1.0, 2.0, 0.0]), np.array([0.0, -1.0, 0.5]), np.full(3, 0.9)),
    )  # fmt: skip

    found = rescore(PreparedRows(raw, np.arange(50), head.centre), head)

    expected = ridge.predict(head, raw.astype(np.float32))
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities, expected, atol=2e-5)
    np.testing.assert_allclose(found.doubt, (1 - np.abs(2 * expected - 1)).max(axis=1), atol=5e-5)


def _doubts(pool: Pool) -> np.ndarray:
    assert pool.head is not None
    assert pool.head.several is not None
    assert isinstance(pool.embeddings, np.ndarray)
    scores = pool.embeddings @ pool.head.weights + pool.head.bias
    said = 1 / (1 + np.exp(-pool.head.several.slope * scores))
    doubts: np.ndarray = (1 - np.abs(2 * said - 1)).max(axis=1)
    return doubts
