"""Each label's accuracy, put right by random checks and bounded for what is open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation import adjudicated, by_label, intervals
from ml.evaluation.by_label import Cases

MILK, JUICE, WATER = range(3)


def cases(truth: list[int], predicted: list[int], **given: Any) -> Cases:
    """Nobody has checked, nothing is open, unless told otherwise."""
    n = len(truth)
    no = np.zeros(n, dtype=np.bool_)
    values: dict[str, Any] = {
        "people": np.array(truth, dtype=np.int64),
        "is_checked": no,
        "is_trusted": np.array(truth) >= 0,
        "probability": np.ones(n),
        "is_pending": no,
        "may_be": np.zeros((n, 3), dtype=np.bool_),
    }
    values |= {key: np.asarray(value) for key, value in given.items()}
    return Cases(
        truth=np.array(truth, dtype=np.int64),
        predicted=np.array(predicted, dtype=np.int64),
        **values,
    )


@given(
    pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30),
)
def test_with_nothing_checked_and_nothing_open_it_is_wilson(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = [one for one, _ in pairs], [other for _, other in pairs]

    found = by_label.shares(cases(truth, predicted), 3)

    for label, share in enumerate(found):
        n, right = truth.count(label), pairs.count((label, label))
        wanted = intervals.wilson(right, n)
        assert (share.n, share.open) == (n, 0)
        assert (share.low, share.high) == pytest.approx((wanted.low, wanted.high))
        assert math.isnan(share.estimate) if n == 0 else share.estimate == right / n


def checked_kitchen() -> Cases:
    """60 milk and 40 juice by people; the version says milk always.

    Ten of each label's images are checked, with probability 1/6 and 1/4. Of ten milk, one is juice.
    """
    people = [MILK] * 60 + [JUICE] * 40
    truth = list(people)
    truth[0] = JUICE
    is_checked = np.zeros(100, dtype=np.bool_)
    is_checked[:10] = is_checked[60:70] = True
    return cases(
        truth,
        [MILK] * 100,
        people=people,
        is_checked=is_checked,
        is_trusted=~is_checked,
        probability=np.where(np.arange(100) < 60, 1 / 6, 1 / 4),
    )


def test_what_checks_find_moves_images_from_one_label_to_another() -> None:
    # Weights: ten times 6 and ten times 4, sum 100, so the change weighs 0.06. 80 are trusted:
    # 80 * 0.06 = 4.8 of them left milk for juice. Milk: 59 - 4.8 = 54.2, all right. Juice: 41 +
    # 4.8 = 45.8, none right.
    milk, juice, water = by_label.shares(checked_kitchen(), 3)

    assert milk.estimate == pytest.approx(1.0)
    assert juice.estimate == pytest.approx(0.0)
    assert (milk.n, juice.n, water.n) == (59, 41, 0)
    assert math.isnan(water.estimate)


def test_a_share_moves_where_the_wrong_ones_leave() -> None:
    # As above, but of the 60 that people called milk the version calls the last 20 juice. Of the
    # milk checked, the one that is juice was called milk: right by people, wrong by the expert.
    found = checked_kitchen()
    predicted = found.predicted.copy()
    predicted[40:60] = JUICE
    moved = Cases(
        found.truth, predicted, found.people, found.is_checked, found.is_trusted,
        found.probability, found.is_pending, found.may_be,
    )  # fmt: skip

    milk = by_label.shares(moved, 3)[MILK]

    # Right: 39 - 4.8; of the label: 59 - 4.8.
    assert milk.estimate == pytest.approx((39 - 4.8) / (59 - 4.8))
    raw = intervals.wilson(39, 59)
    assert milk.high - milk.low > raw.high - raw.low


@given(seed=st.integers(0, 500))
def test_the_right_ones_of_all_labels_are_those_of_the_overall_figure(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 400
    people = rng.integers(0, 3, n)
    is_checked = rng.random(n) < 0.3
    truth = np.where(is_checked & (rng.random(n) < 0.1), rng.integers(0, 3, n), people)
    predicted = np.where(rng.random(n) < 0.5, truth, rng.integers(0, 3, n))
    found = cases(
        truth.tolist(), predicted.tolist(), people=people, is_checked=is_checked,
        is_trusted=~is_checked, probability=np.full(n, 0.3),
    )  # fmt: skip
    weights = np.where(is_checked, 1.0, 0.0) / is_checked.sum()

    labels = [by_label._moved(found, label, weights) for label in range(3)]
    overall = adjudicated.estimate(
        adjudicated.Judged(
            is_right=truth == predicted,
            was_right=people == predicted,
            is_checked=is_checked,
            is_trusted=~is_checked,
            probability=found.probability,
            is_pending=found.is_pending,
        )
    )

    assert sum(one.right for one in labels) == pytest.approx(n * overall.estimate)
    assert sum(one.right + one.wrong for one in labels) == pytest.approx(n)


def test_an_open_image_counts_against_and_for_every_label_somebody_named() -> None:
    # Nine milk, right on all. Two people split between milk and juice on a tenth image, which the
    # version calls juice: if it is milk it is wrong, if it is juice it is right.
    may_be = np.zeros((10, 3), dtype=np.bool_)
    may_be[9, [MILK, JUICE]] = True
    found = cases([MILK] * 9 + [-1], [MILK] * 9 + [JUICE], may_be=may_be)

    milk, juice, water = by_label.shares(found, 3)

    assert (milk.n, milk.estimate, milk.open) == (9, 1.0, 1)
    assert milk.low == pytest.approx(intervals.wilson(9, 10).low)
    assert milk.high == 1.0
    assert (juice.n, juice.open) == (0, 1)
    assert math.isnan(juice.estimate)
    assert (juice.low, juice.high) == (0.0, 1.0)
    assert water.open == 0


def test_what_an_expert_has_yet_to_look_at_may_leave_its_label() -> None:
    # Four milk: two right, one wrong, one right that an expert has yet to look at (juice by one).
    may_be = np.zeros((4, 3), dtype=np.bool_)
    may_be[3, [MILK, JUICE]] = True
    is_pending = np.arange(4) == 3
    found = cases(
        [MILK] * 4, [MILK, MILK, WATER, MILK], is_pending=is_pending, is_trusted=~is_pending,
        may_be=may_be,
    )  # fmt: skip

    milk = by_label.shares(found, 3)[MILK]

    assert (milk.n, milk.open, milk.estimate) == (4, 1, 0.75)
    assert milk.low == pytest.approx(intervals.wilson(2, 3).low)
    assert milk.high == pytest.approx(intervals.wilson(3, 4).high)


def test_an_image_the_version_could_not_be_asked_about_bounds_its_label() -> None:
    found = cases([MILK, MILK, MILK], [MILK, MILK, -1])

    milk = by_label.shares(found, 3)[MILK]

    assert (milk.n, milk.open, milk.estimate) == (2, 1, 1.0)
    assert milk.low == pytest.approx(intervals.wilson(2, 3).low)


@pytest.mark.slow
def test_intervals_of_labels_hold_the_truth_where_people_err() -> None:
    """5 % of what people agree on is wrong; a fifth is checked; six labels of unequal size."""
    rng = np.random.default_rng(11)
    size, skill = (
        np.array([0.35, 0.25, 0.15, 0.1, 0.1, 0.05]),
        np.array([0.95, 0.8, 0.9, 0.6, 0.85, 0.7]),
    )
    hits, raw_hits = np.zeros(6), np.zeros(6)
    trials = 600
    for _ in range(trials):
        n = 500
        real = rng.choice(6, n, p=size)
        people = np.where(rng.random(n) < 0.05, (real + 1) % 6, real)
        predicted = np.where(rng.random(n) < skill[real], real, (real + 1) % 6)
        is_checked = rng.random(n) < 0.2
        truth = np.where(is_checked, real, people)
        found = Cases(
            truth, predicted, people, is_checked, ~is_checked, np.full(n, 0.2),
            np.zeros(n, dtype=np.bool_), np.zeros((n, 6), dtype=np.bool_),
        )  # fmt: skip
        for label, share in enumerate(by_label.shares(found, 6)):
            hits[label] += share.low <= skill[label] <= share.high
            here = people == label
            raw = intervals.wilson(int((here & (predicted == label)).sum()), int(here.sum()))
            raw_hits[label] += raw.low <= skill[label] <= raw.high

    # 600 trials: 95 % has a standard error of 0.9 points.
    assert (hits / trials).min() >= 0.92, hits / trials
    assert (raw_hits / trials).min() < 0.9, raw_hits / trials
