from __future__ import annotations

import numpy as np
import pytest

from ml.simulation.oracle import NoisyOracle, PerfectOracle

TRUTH = np.arange(3000) % 5


def test_a_perfect_oracle_tells_the_truth() -> None:
    np.testing.assert_array_equal(PerfectOracle(TRUTH).answer(np.array([7, 0, 3])), [2, 0, 3])


def test_a_noisy_oracle_errs_as_often_as_it_is_told_and_over_all_other_labels() -> None:
    oracle = NoisyOracle.of(TRUTH, 5, error=0.2, rng=np.random.default_rng(1))

    answers = oracle.answer(np.arange(3000))

    is_wrong = answers != TRUTH
    assert is_wrong.mean() == pytest.approx(0.2, abs=0.03)
    shifts = np.bincount((answers - TRUTH)[is_wrong] % 5, minlength=5)
    assert shifts[0] == 0
    np.testing.assert_allclose(shifts[1:] / is_wrong.sum(), 0.25, atol=0.06)


def test_asked_again_it_says_the_same() -> None:
    oracle = NoisyOracle.of(TRUTH, 5, error=0.5, rng=np.random.default_rng(2))

    rows = np.array([4, 9, 4])

    np.testing.assert_array_equal(oracle.answer(rows), oracle.answer(rows))
    assert oracle.answer(rows)[0] == oracle.answer(rows)[2]


def test_noise_of_zero_is_the_truth_and_one_label_cannot_be_wrong() -> None:
    rng = np.random.default_rng(3)

    honest = NoisyOracle.of(TRUTH, 5, error=0.0, rng=rng)
    only = NoisyOracle.of(np.zeros(10, dtype=np.int64), 1, error=1.0, rng=rng)

    np.testing.assert_array_equal(honest.answers, TRUTH)
    np.testing.assert_array_equal(only.answers, 0)


def test_refuses_an_error_that_is_no_chance() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        NoisyOracle.of(TRUTH, 5, error=1.2, rng=np.random.default_rng(4))
