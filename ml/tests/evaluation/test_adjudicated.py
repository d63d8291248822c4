"""Accuracy put right by random checks of agreements, and bounded for what is open."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation import adjudicated, intervals
from ml.evaluation.adjudicated import Judged


def cases(n: int, **given: Any) -> Judged:
    """So many cases, nothing checked or pending and all wrong unless told otherwise."""
    no = np.zeros(n, dtype=np.bool_)
    values: dict[str, Any] = {
        "is_right": no,
        "was_right": no,
        "is_checked": no,
        "is_trusted": no,
        "probability": np.ones(n),
        "is_pending": no,
    }
    values |= {
        key: np.asarray(value, dtype=np.float64 if key == "probability" else np.bool_)
        for key, value in given.items()
    }
    return Judged(**values)


@given(right=st.integers(0, 40), wrong=st.integers(0, 40), unresolved=st.integers(0, 20))
def test_with_nothing_checked_it_is_wilson_with_a_bound(
    right: int, wrong: int, unresolved: int
) -> None:
    n = right + wrong
    found = adjudicated.estimate(
        cases(n, is_right=[True] * right + [False] * wrong, is_trusted=[True] * n), unresolved
    )

    if n + unresolved == 0:
        assert np.isnan(found.estimate)
        return
    assert found.n == n
    low = intervals.wilson(right, n + unresolved).low
    high = intervals.wilson(right + unresolved, n + unresolved).high
    assert (found.low, found.high) == pytest.approx((low, high))
    assert np.isnan(found.estimate) if n == 0 else found.estimate == right / n


def test_what_checks_find_stands_for_the_agreements_nobody_checked() -> None:
    # 100 agreements, the classifier right by people on 90. 20 checked, each with probability 0.2:
    # of the 18 it had right, two turn out wrong. Shift -2 / 20; 90 - 2 - 80 * 0.1 = 80 right.
    was_right = np.array([True] * 18 + [False] * 2 + [True] * 72 + [False] * 8)
    is_right = was_right.copy()
    is_right[:2] = False
    is_checked = np.array([True] * 20 + [False] * 80)
    judged = cases(
        100,
        is_right=is_right,
        was_right=was_right,
        is_checked=is_checked,
        is_trusted=~is_checked,
        probability=np.where(is_checked, 0.2, 1.0),
    )

    found = adjudicated.estimate(judged)

    assert adjudicated.correction(judged).shift == pytest.approx(-0.1)
    assert found.estimate == pytest.approx(0.80)
    without = intervals.wilson(80, 100)
    assert found.low < without.low
    assert found.high > without.high


def test_checks_weigh_by_the_inverse_of_their_probability() -> None:
    judged = cases(
        2, is_right=[False, True], was_right=[True, True], is_checked=[True, True],
        probability=[0.25, 0.5],
    )  # fmt: skip

    # Weights 4 and 2: the change of the first weighs 2 / 3.
    assert adjudicated.correction(judged).shift == pytest.approx(-2 / 3)


def test_pending_cases_are_counted_as_wrong_below_and_as_right_above() -> None:
    judged = cases(
        10, is_right=[True] * 8 + [False] * 2, is_pending=[True] + [False] * 8 + [True]
    )  # fmt: skip

    found = adjudicated.estimate(judged)

    assert found.estimate == pytest.approx(0.8)
    assert found.low == pytest.approx(intervals.wilson(7, 10).low)
    assert found.high == pytest.approx(intervals.wilson(9, 10).high)


def test_three_checks_without_a_change_prove_little() -> None:
    is_checked = np.array([True] * 3 + [False] * 97)
    right = np.ones(100, dtype=np.bool_)
    judged = cases(
        100, is_right=right, was_right=right, is_checked=is_checked, is_trusted=~is_checked
    )

    found = adjudicated.estimate(judged)

    assert found.estimate == 1.0
    assert found.low < intervals.wilson(100, 100).low - 0.05


def test_on_average_it_finds_the_truth_where_trusting_people_does_not() -> None:
    """People err on 8 % of what they agree on, and the classifier repeats half of their errors."""
    rng = np.random.default_rng(3)
    n, share, truth = 300, 0.2, []
    trusting, corrected, covered = [], [], []
    for _ in range(400):
        people_wrong = rng.random(n) < 0.08
        right_by_truth = np.where(people_wrong, rng.random(n) < 0.3, rng.random(n) < 0.85)
        repeats = rng.random(n) < 0.5
        right_by_people = np.where(people_wrong, ~right_by_truth & repeats, right_by_truth)
        is_checked = rng.random(n) < share
        found = adjudicated.estimate(
            cases(
                n,
                is_right=np.where(is_checked, right_by_truth, right_by_people),
                was_right=right_by_people,
                is_checked=is_checked,
                is_trusted=~is_checked,
                probability=np.full(n, share),
            )
        )
        expected = 0.92 * 0.85 + 0.08 * 0.3
        truth.append(right_by_truth.mean())
        trusting.append(right_by_people.mean())
        corrected.append(found.estimate)
        covered.append(found.low <= expected <= found.high)

    # Standard errors of the three means are about 0.001.
    assert np.mean(corrected) == pytest.approx(np.mean(truth), abs=0.004)
    assert np.mean(trusting) == pytest.approx(0.92 * 0.85 + 0.08 * 0.35, abs=0.004)
    assert np.mean(covered) > 0.93


@given(
    st.lists(st.tuples(*[st.booleans()] * 5, st.floats(0.05, 1.0)), max_size=40),
    st.integers(0, 5),
)
def test_the_estimate_lies_inside_its_interval(
    rows: list[tuple[bool, bool, bool, bool, bool, float]], unresolved: int
) -> None:
    columns = list(zip(*rows, strict=True)) or [()] * 6
    is_right, was_right, checked, trusted, pending = (
        np.array(column, dtype=np.bool_) for column in columns[:5]
    )
    found = adjudicated.estimate(
        Judged(
            is_right,
            was_right,
            checked & ~pending,
            trusted & ~checked & ~pending,
            np.array(columns[5], dtype=np.float64),
            pending,
        ),
        unresolved,
    )

    assert 0 <= found.low <= found.high <= 1
    if found.n:
        assert found.low <= found.estimate <= found.high
