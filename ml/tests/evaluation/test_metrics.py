from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.metrics import log_loss as reference_log_loss

from ml.evaluation.metrics import (
    NothingToMeasureError,
    accuracy,
    confusion,
    ece,
    log_loss,
    macro,
    top_k,
)

TRUE = np.array([0, 0, 0, 2])
PREDICTED = np.array([0, 0, 2, 2])


def test_accuracy_counts_rows_and_macro_counts_labels() -> None:
    assert accuracy(TRUE, PREDICTED) == 0.75
    assert macro(TRUE, PREDICTED) == pytest.approx((2 / 3 + 1) / 2)  # label 1 has no rows


def test_macro_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    true, predicted = rng.integers(0, 5, 200), rng.integers(0, 5, 200)

    assert macro(true, predicted) == pytest.approx(balanced_accuracy_score(true, predicted))


def test_confusion_has_a_row_for_the_truth() -> None:
    found = confusion(TRUE, PREDICTED, 3)

    np.testing.assert_array_equal(found, [[2, 0, 1], [0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(found, confusion_matrix(TRUE, PREDICTED, labels=[0, 1, 2]))
    assert confusion(TRUE[:0], TRUE[:0], 2).sum() == 0


def test_top_k_counts_labels_among_the_k_best() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]])

    assert top_k(np.array([1, 0]), probabilities, 1) == 0.0
    assert top_k(np.array([1, 0]), probabilities, 2) == 0.5
    assert top_k(np.array([1, 0]), probabilities, 3) == 1.0


def test_constant_probabilities_earn_nothing() -> None:
    assert top_k(np.array([0, 1, 2]), np.full((3, 3), 1 / 3), 2) == 0.0


def test_ece_by_hand() -> None:
    # Bin of .9: two rows, one right: gap |.5 - .9|; bin of .6: one right row: gap .4.
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4]])

    found = ece(np.array([0, 1, 0]), probabilities)

    assert found == pytest.approx((2 * 0.4 + 1 * 0.4) / 3)


def test_a_certain_and_right_classifier_is_calibrated() -> None:
    assert ece(np.array([0, 1]), np.eye(2)) == 0.0


def test_log_loss_by_hand_and_against_scikit_learn() -> None:
    probabilities = np.array([[0.5, 0.5], [0.25, 0.75]])
    targets, weights = np.eye(2), np.array([3.0, 1.0])

    found = log_loss(targets, probabilities, weights)

    assert found == pytest.approx((3 * np.log(2) + np.log(4 / 3)) / 4)
    assert found == pytest.approx(reference_log_loss([0, 1], probabilities, sample_weight=weights))


def test_log_loss_of_a_certain_mistake_is_large_but_finite() -> None:
    assert 20 < log_loss(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])) < 30


def test_nothing_is_not_a_measurement() -> None:
    none, no_rows = np.array([], dtype=np.int64), np.empty((0, 3))
    for measure in (accuracy, macro):
        with pytest.raises(NothingToMeasureError):
            measure(none, none)
    for measure_rows in (top_k, ece):
        with pytest.raises(NothingToMeasureError):
            measure_rows(none, no_rows)
    with pytest.raises(NothingToMeasureError):
        log_loss(no_rows, no_rows)
