from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus.pooling import beta_of_skills, ease, shared_confusion
from labeling.consensus.retirement import minimum_votes


def test_nobody_has_answered_yet() -> None:
    assert beta_of_skills(np.zeros(3), np.zeros(3)) == (8.0, 2.0)


@pytest.mark.parametrize(("alpha", "beta"), [(18.0, 2.0), (3.0, 2.0)])
def test_the_distribution_of_skills_is_found(alpha: float, beta: float) -> None:
    rng = np.random.default_rng(0)
    right = rng.binomial(200, rng.beta(alpha, beta, 400)).astype(float)

    found = beta_of_skills(right, 200 - right)

    assert found[0] / sum(found) == pytest.approx(alpha / (alpha + beta), abs=0.03)
    assert sum(found) == pytest.approx(alpha + beta, rel=0.35)


def test_one_bad_person_does_not_condemn_the_others() -> None:
    found = beta_of_skills(np.array([2.0]), np.array([8.0]))

    assert 0.4 < found[0] / sum(found) < 0.8


def test_shared_confusion_by_hand() -> None:
    # Two errors are imagined in every cell: 2 + 30 against 2 + 0 for truth 0; truth 1 has none.
    found = shared_confusion(np.array([[50.0, 30.0, 0.0], [0.0, 9.0, 0.0], [5.0, 6.0, 0.0]]))

    np.testing.assert_allclose(found, [[0, 32 / 34, 2 / 34], [0.5, 0, 0.5], [7 / 15, 8 / 15, 0]])


def test_ease_by_hand() -> None:
    # Expected 80 of 100 for each; share .8: 16 + 4 are added.
    found = ease(np.array([60.0, 90.0]), np.array([80.0, 80.0]), np.array([100.0, 100.0]))

    expected = np.log([76 / 44, 106 / 14]) - np.log(96 / 24)
    np.testing.assert_allclose(found, expected)


def test_ease_is_bounded() -> None:
    found = ease(np.array([0.0, 100.0]), np.array([80.0, 80.0]), np.array([100.0, 100.0]))

    np.testing.assert_allclose(found, [-1.5, 1.5])


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0, 1), st.floats(0, 1)), min_size=1))
def test_ease_is_finite_and_none_where_nothing_was_said(
    rows: list[tuple[float, float, float]],
) -> None:
    total, right, expected = (np.array(column) for column in zip(*rows, strict=True))

    found = ease(right * total, expected * total, total)

    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[total == 0], 0, atol=1e-12)


def test_minimum_votes_by_hand() -> None:
    # Said wrongly: 75 of 300, none of 300, 30 of 50; on the whole 105 of 650, .16.
    right = np.array([225.0, 300.0, 20.0])
    said = np.array([300.0, 300.0, 50.0])

    found = minimum_votes(right, said, risk=0.1)

    # The bar is .24: .247 -> 2 answers (.06), .005 -> 1, .53 -> 3 (.53 ** 2 = .28)
    np.testing.assert_array_equal(found, [2, 1, 3])


def test_without_evidence_one_answer_is_the_least() -> None:
    np.testing.assert_array_equal(minimum_votes(np.zeros(4), np.zeros(4)), 1)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1), st.floats(0, 1e4), st.floats(0.01, 0.3))
def test_minimum_votes_stay_within_bounds_and_grow_with_errors(
    shares: list[float], mass: float, risk: float
) -> None:
    share = np.sort(shares)

    found = minimum_votes(mass * share, np.full(len(share), mass), risk=risk)

    assert set(found.tolist()) <= {1, 2, 3}
    assert (np.diff(found) <= 0).all()
