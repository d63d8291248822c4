from __future__ import annotations

import math

import numpy as np
import pytest

from ml.evaluation import metrics
from ml.evaluation.summary import class_summary, reliability


def test_macro_and_the_tenth_percentile_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    macro = tenth = 0
    for _ in range(200):
        truth = rng.beta(10 * 0.85, 10 * 0.15, 30)
        cases = rng.integers(2, 40, 30)
        found = class_summary(rng.binomial(cases, truth), cases, rng=rng)
        macro += int(found.macro.low <= truth.mean() <= found.macro.high)
        tenth += int(found.tenth.low <= np.quantile(truth, 0.1) <= found.tenth.high)

    assert macro / 200 > 0.91
    assert tenth / 200 > 0.91


def test_bad_luck_of_few_answers_is_not_taken_for_a_bad_label() -> None:
    rng = np.random.default_rng(2)
    k = rng.binomial(10, 0.9, 40)

    found = class_summary(k, [10] * 40, rng=rng)

    assert np.quantile(k / 10, 0.1) <= 0.8
    assert found.tenth.high > 0.85


def test_labels_without_answers_have_no_part() -> None:
    found = class_summary([18, 0, 9], [20, 0, 10], rng=np.random.default_rng(3))

    assert found.macro.n == 30
    assert found.macro.low < 0.9 < found.macro.high


def test_nothing_answered_is_unknown() -> None:
    found = class_summary([0, 0], [0, 0], rng=np.random.default_rng(4))

    assert math.isnan(found.macro.estimate)
    assert found.tenth.n == 0


def test_reliability_by_hand() -> None:
    confidence = np.array([0.95, 1.0, 0.91, 0.5, 0.41])
    is_right = np.array([True, True, False, True, False])

    low, high = reliability(confidence, is_right, bins=10)

    assert (low.low, low.high, low.accuracy.n) == (0.4, 0.5, 2)
    assert low.confidence == pytest.approx(0.455)
    assert low.accuracy.estimate == pytest.approx(0.5)
    assert (high.low, high.high, high.accuracy.n) == (0.9, 1.0, 3)
    assert high.accuracy.estimate == pytest.approx(2 / 3)


def test_the_mean_gap_of_the_bins_is_the_calibration_error() -> None:
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet([0.4] * 5, 400)
    true = rng.integers(0, 5, 400)
    is_right = probabilities.argmax(axis=1) == true

    bins = reliability(probabilities.max(axis=1), is_right, bins=10)

    gap = sum(each.accuracy.n * abs(each.accuracy.estimate - each.confidence) for each in bins)
    assert gap / 400 == pytest.approx(metrics.ece(true, probabilities, bins=10))
