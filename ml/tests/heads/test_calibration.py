from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.evaluation.metrics import log_loss
from ml.heads.calibration import (
    NOTHING_ACCEPTED,
    TEMPERATURES,
    acceptance_threshold,
    choose_temperature,
    decided,
    group_threshold,
    softmax,
)


def two_label(tops: list[float], rights: list[bool]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows that predict label 0 with the given probability, right or wrong."""
    probabilities = np.array([[top, 1 - top] for top in tops])
    targets = np.eye(2)[[0 if right else 1 for right in rights]]
    return probabilities, targets, np.ones(len(tops))


def test_softmax_by_hand() -> None:
    found = softmax(np.array([[0.0, np.log(3.0)]]))
    sharper = softmax(np.array([[0.0, np.log(3.0)]]), 2.0)

    np.testing.assert_allclose(found, [[0.25, 0.75]])
    np.testing.assert_allclose(sharper, [[0.1, 0.9]])


def test_softmax_survives_huge_scores() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0]]), 40.0), [[1.0, 0.0]])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.0, 1.0))
def test_bisection_finds_the_best_of_the_whole_grid(seed: int, signal: float) -> None:
    rng = np.random.default_rng(seed)
    targets = np.eye(4)[rng.integers(0, 4, 30)]
    scores = signal * targets + 0.3 * rng.normal(size=(30, 4))
    weights = rng.uniform(0.1, 2.0, 30)

    temperature, loss = choose_temperature(scores, targets, weights)

    cautious = targets * 31 / 32 + 1 / (4 * 32)  # 30 rows: 1 / 32 of each goes to all labels alike
    best = min(TEMPERATURES, key=lambda t: log_loss(cautious, softmax(scores, t), weights))
    assert temperature == pytest.approx(best)
    assert loss == pytest.approx(log_loss(targets, softmax(scores, best), weights))


def test_rows_that_are_all_right_claim_no_more_than_they_can_show() -> None:
    targets = np.eye(3)[np.arange(40) % 3]

    temperature, _ = choose_temperature(0.4 * targets, targets, np.ones(40))

    # 40 rows can show 1 - (2 / 3) / 42 = 0.984; the grid's end would have said 0.9999998.
    assert softmax(0.4 * targets, temperature).max() == pytest.approx(0.984, abs=0.01)


def test_recovers_the_temperature_that_made_the_labels() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(20_000, 3))
    drawn = (softmax(scores, 5.0).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)

    temperature, _ = choose_temperature(scores, np.eye(3)[drawn], np.ones(20_000))

    assert temperature == pytest.approx(5.0, rel=0.12)


def test_threshold_is_the_lowest_bar_that_is_accurate_enough() -> None:
    # Accepting >= .6 gives 3 of 4 right; adding .5 gives 3 of 5.
    rows = two_label([0.9, 0.8, 0.7, 0.6, 0.5], [True, True, False, True, False])

    assert acceptance_threshold(*rows, target_accuracy=0.75, min_rows=1) == pytest.approx(0.6)
    assert acceptance_threshold(*rows, target_accuracy=0.6, min_rows=1) == pytest.approx(0.5)
    assert acceptance_threshold(*rows, target_accuracy=0.9, min_rows=1) == pytest.approx(0.8)


def test_tied_rows_are_accepted_together_or_not_at_all() -> None:
    rows = two_label([0.9, 0.8, 0.8], [True, True, False])

    assert acceptance_threshold(*rows, target_accuracy=0.9, min_rows=1) == pytest.approx(0.9)


def test_a_bar_that_is_never_reached_accepts_nothing() -> None:
    rows = two_label([0.9, 0.8], [False, False])

    assert acceptance_threshold(*rows, min_rows=1) == NOTHING_ACCEPTED > 1
    assert acceptance_threshold(*(part[:0] for part in rows)) == NOTHING_ACCEPTED


def test_a_few_lucky_rows_are_no_evidence() -> None:
    rows = two_label([0.9] * 5 + [0.6] * 5, [True] * 5 + [False] * 5)

    assert acceptance_threshold(*rows) == NOTHING_ACCEPTED
    assert acceptance_threshold(*rows, min_rows=5) == pytest.approx(0.9)


def test_weights_count() -> None:
    probabilities, targets, _ = two_label([0.9, 0.8], [True, False])

    found = acceptance_threshold(probabilities, targets, np.array([9.0, 1.0]), min_rows=1)

    assert found == pytest.approx(0.8)  # 9 of 10 by weight


def test_soft_targets_are_decided_only_by_more_than_half() -> None:
    found = decided(np.array([[0.6, 0.3, 0.1], [0.5, 0.5, 0.0]]))

    np.testing.assert_array_equal(found, [[1, 0, 0], [0.5, 0.5, 0]])


def test_a_soft_target_counts_as_right_where_its_likeliest_label_is_predicted() -> None:
    probabilities = np.array([[0.9, 0.1]] * 10)
    targets = np.array([[0.85, 0.15]] * 10)

    assert acceptance_threshold(probabilities, targets, np.ones(10)) == pytest.approx(0.9)


def test_a_group_is_said_from_the_sum_at_which_it_is_right_where_no_label_is_said() -> None:
    # Two labels of a group that are told apart by chance, and one that stands alone.
    pair = np.array([[0.45, 0.40, 0.15]] * 20)
    unsure = np.array([[0.30, 0.30, 0.40]] * 10)
    sure = np.array([[0.02, 0.02, 0.96]] * 10)
    said = np.concatenate([pair, unsure, sure])
    truth = np.eye(3)[[0] * 10 + [1] * 10 + [2] * 20]

    bar = group_threshold(said, truth, np.ones(40), [(0, 1)], threshold=0.9)

    assert bar == pytest.approx(0.85)
    # A label's threshold holds for sums as well, where the group has none of its own.
    assert group_threshold(said[20:], truth[20:], np.ones(20), [(0, 1)], threshold=0.9) == 0.9


def group_rows(
    sums: list[float], is_right: list[bool]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give rows of labels 0 and 1, a group that is as likely as said, and of 2, alone."""
    said = np.array([[total / 2, total / 2, 1 - total] for total in sums])
    return said, np.eye(3)[[0 if right else 2 for right in is_right]], np.ones(len(sums))


def test_groups_that_miss_the_target_above_the_labels_threshold_need_more() -> None:
    # 10 of 10 right from 0.98; of all 20 that reach 0.9, 16 are: 0.8.
    rows = group_rows([0.98] * 10 + [0.92] * 10, [True] * 16 + [False] * 4)

    assert group_threshold(*rows, [(0, 1)], threshold=0.9) == pytest.approx(0.98)


def test_no_group_is_said_where_no_sum_is_right_often_enough() -> None:
    rows = group_rows([0.95] * 10, [True] * 8 + [False] * 2)

    assert group_threshold(*rows, [(0, 1)], threshold=0.9) == NOTHING_ACCEPTED


def test_too_few_rows_above_the_labels_threshold_say_nothing_against_it() -> None:
    # Only 9 rows reach 0.9; that 11 others with 0.7 are wrong does not speak of them.
    rows = group_rows([0.95] * 9 + [0.7] * 11, [True] * 7 + [False] * 13)

    assert group_threshold(*rows, [(0, 1)], threshold=0.9) == 0.9
