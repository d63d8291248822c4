from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from ml.evaluation.intervals import (
    UNKNOWN,
    answers_missing_for,
    half_width_with,
    pooled,
    wilson,
)


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(10, 0.49, 0.94), (30, 0.63, 0.91), (100, 0.71, 0.87), (400, 0.76, 0.84), (1000, 0.77, 0.82)],
)
def test_wilson_matches_the_published_table_at_four_fifths(n: int, low: float, high: float) -> None:
    found = wilson(0.8 * n, n)

    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)
    assert found.estimate == pytest.approx(0.8)
    assert found.n == n


def test_no_error_in_thirty_proves_only_eighty_eight_percent() -> None:
    found = wilson(30, 30)

    assert found.high == 1.0
    assert found.low == pytest.approx(30 / (30 + 1.959964**2), abs=1e-6)  # = n / (n + z^2)


def test_without_cases_the_share_is_unknown() -> None:
    found = wilson(0, 0)

    assert math.isnan(found.estimate)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_refuses_impossible_counts(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        wilson(k, n)


@given(st.integers(1, 5000), st.floats(0, 1), st.floats(0.5, 0.999))
def test_the_estimate_lies_inside_and_more_confidence_is_wider(
    n: int, share: float, confidence: float
) -> None:
    k = round(share * n)
    found, wider = wilson(k, n, confidence=confidence), wilson(k, n, confidence=0.9995)

    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert wider.low <= found.low
    assert wider.high >= found.high


def test_covers_the_truth_as_often_as_it_says() -> None:
    # Exact coverage, averaged over shares so that the lattice of the binomial evens out.
    for n in (20, 100, 400):
        intervals = [wilson(k, n) for k in range(n + 1)]
        low = np.array([each.low for each in intervals])
        high = np.array([each.high for each in intervals])
        shares = np.linspace(0.05, 0.95, 181)
        inside = (low <= shares[:, None]) & (shares[:, None] <= high)
        coverage = (binom.pmf(np.arange(n + 1), n, shares[:, None]) * inside).sum(axis=1)
        assert coverage.mean() == pytest.approx(0.95, abs=0.01)
        assert coverage.min() > 0.89


def test_covers_the_truth_in_simulation() -> None:
    rng = np.random.default_rng(2)
    drawn = rng.binomial(150, 0.83, 4000)

    hits = sum(found.low <= 0.83 <= found.high for found in (wilson(int(k), 150) for k in drawn))

    assert hits / 4000 == pytest.approx(0.95, abs=0.015)


def test_pooled_by_hand() -> None:
    # m = 13.5 / 21; label 1 has Beta(10 m + 3, 10 (1 - m) + 7), mean (10 m + 3) / 20.
    m = 13.5 / 21
    found = pooled([10, 3], [10, 10], 10.0)

    assert found[1].estimate == pytest.approx((10 * m + 3) / 20)
    assert found[1].low == pytest.approx(beta.ppf(0.025, 10 * m + 3, 10 * (1 - m) + 7))
    assert found[1].high == pytest.approx(beta.ppf(0.975, 10 * m + 3, 10 * (1 - m) + 7))


def test_a_label_without_cases_gets_the_pool_and_says_it_rests_on_none() -> None:
    found = pooled([18, 0], [20, 0], 10.0)

    assert found[1].n == 0
    assert found[1].estimate == pytest.approx(18.5 / 21)
    assert found[1].high - found[1].low > found[0].high - found[0].low


def test_pooling_pulls_small_labels_harder() -> None:
    small, large, _ = pooled([0, 0, 500], [2, 50, 500])

    assert small.estimate > large.estimate


def test_pooled_without_any_case_is_unknown() -> None:
    assert pooled([0, 0], [0, 0]) == [UNKNOWN, UNKNOWN]


def test_pooled_is_finite_where_everything_is_right() -> None:
    found = pooled([5, 5], [5, 5])

    assert all(0.5 < each.low < each.high <= 1 for each in found)


def test_missing_answers_bring_the_interval_to_the_wanted_width() -> None:
    missing = answers_missing_for(4, 5)

    enough = wilson(6 / 9 * (5 + missing), 5 + missing)
    one_less = wilson(6 / 9 * (4 + missing), 4 + missing)
    assert (enough.high - enough.low) / 2 <= 0.10 < (one_less.high - one_less.low) / 2


def test_nothing_is_missing_where_the_interval_is_narrow_already() -> None:
    assert answers_missing_for(380, 400) == 0
    assert answers_missing_for(0, 0) == 93  # at one half: n + z^2 = z^2 / (4 * 0.01)


def test_pooled_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="between 0 and its n"):
        pooled([1, 5], [3, 4])


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_cases_that_are_missing_bring_the_half_width_that_was_wanted(k: int, n: int) -> None:
    k = min(k, n)
    missing = answers_missing_for(k, n)
    assert half_width_with(k, n, missing) <= 0.1
    if missing > 1:
        assert half_width_with(k, n, missing - 1) > 0.1


def test_without_a_case_and_without_one_to_come_all_is_open() -> None:
    assert half_width_with(0, 0, 0) == 0.5
