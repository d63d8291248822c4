from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.acquisition import ACQUISITION_FUNCTIONS
from ml.acquisition.uncertainty import entropy, least_confidence, margin
from ml.tests.acquisition.builders import pool_of

THREE = np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [0.4, 0.3, 0.3]])


def test_margin_by_hand() -> None:
    np.testing.assert_allclose(margin(THREE), [0.5, 1.0, 0.9])


def test_least_confidence_by_hand() -> None:
    np.testing.assert_allclose(least_confidence(THREE), [0.3, 0.5, 0.6])


def test_entropy_by_hand() -> None:
    found = entropy(THREE)

    assert found[1] == pytest.approx(np.log(2) / np.log(3))
    assert found.argmax() == 2
    np.testing.assert_allclose(entropy(np.full((1, 4), 0.25)), 1.0)


@pytest.mark.parametrize("score", [margin, least_confidence, entropy])
def test_certainty_scores_lowest(score: object) -> None:
    certain = np.eye(4)[:1]

    assert score(certain)[0] == pytest.approx(0.0)  # type: ignore[operator]
    assert score(np.ones((2, 1))).tolist() == [0.0, 0.0]  # type: ignore[operator]


@settings(deadline=None)
@given(st.integers(2, 8), st.integers(0, 2**31))
def test_scores_lie_between_zero_and_one_and_ignore_label_order(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(k, 0.3), size=20)
    for score in (margin, least_confidence, entropy):
        found = score(rows)
        assert ((found >= 0) & (found <= 1 + 1e-12)).all()
        np.testing.assert_allclose(found, score(rows[:, rng.permutation(k)]), atol=1e-12)


def test_the_most_uncertain_image_comes_first() -> None:
    pool = pool_of(np.eye(3), probabilities=THREE)

    for name, expected in [
        ("margin", [1, 2, 0]),
        ("least_confidence", [2, 1, 0]),
        ("entropy", [2, 0, 1]),
    ]:
        positions, shares = ACQUISITION_FUNCTIONS[name](
            pool, batch_size=3, rng=np.random.default_rng(0)
        )
        assert positions.tolist() == expected
        assert shares.tolist() == [1.0, 1.0, 1.0]


def test_ties_are_broken_by_the_rng_not_by_row_order() -> None:
    pool = pool_of(np.eye(6), probabilities=np.full((6, 2), 0.5))

    firsts = {
        int(ACQUISITION_FUNCTIONS["margin"](pool, batch_size=1, rng=np.random.default_rng(s))[0][0])
        for s in range(60)
    }

    assert firsts == set(range(6))


def test_random_choice_states_its_chance() -> None:
    pool = pool_of(np.eye(8))

    positions, shares = ACQUISITION_FUNCTIONS["random"](
        pool, batch_size=2, rng=np.random.default_rng(0)
    )

    assert len(positions) == 2
    np.testing.assert_allclose(shares, 0.25)


def test_random_choice_is_uniform() -> None:
    pool, rng = pool_of(np.eye(5)), np.random.default_rng(1)

    drawn = [ACQUISITION_FUNCTIONS["random"](pool, batch_size=2, rng=rng)[0] for _ in range(3000)]

    np.testing.assert_allclose(np.bincount(np.concatenate(drawn)) / 3000, 0.4, atol=0.04)
