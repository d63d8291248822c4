from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.drift import MIN_BATCH, Signal, compare_batch, wasserstein


def outputs(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([0.5, 0.5, 0.5, 0.5], n)


def signals(batch: np.ndarray, *, farther: float = 0.0) -> dict[str, Signal]:
    rng = np.random.default_rng(9)
    found = compare_batch(
        outputs(2000, 0),
        batch,
        baseline_distance=rng.gamma(4, 0.1, 2000),
        batch_distance=rng.gamma(4, 0.1, len(batch)) + farther,
    )
    return {each.name: each for each in found}


def test_wasserstein_of_a_shift_by_one_deviation_is_one() -> None:
    x = np.random.default_rng(0).normal(3, 2, 500)

    assert wasserstein(x, x + x.std()) == pytest.approx(1.0)
    assert wasserstein(np.zeros(3), np.zeros(2)) == 0.0


def test_more_of_the_same_raises_no_alarm() -> None:
    alarms = [
        each.is_alarm for seed in range(40) for each in signals(outputs(300, seed + 1)).values()
    ]

    assert np.mean(alarms) <= 0.03


def test_a_label_that_comes_twice_as_often_is_named() -> None:
    drawn = outputs(2000, 5)
    is_first = drawn.argmax(axis=1) == 0
    found = signals(drawn[is_first | (np.arange(2000) % 4 == 0)])

    assert found["labels"].is_alarm
    assert found["labels"].column == 0
    assert found["labels"].effect > 2
    assert found["scores"].is_alarm


def test_images_far_from_all_that_is_labeled_raise_an_alarm_and_nearer_ones_do_not() -> None:
    assert signals(outputs(300, 6), farther=0.2)["distance"].is_alarm
    assert not signals(outputs(300, 6), farther=-0.2)["distance"].is_alarm


def test_a_tiny_shift_of_many_uploads_is_significant_but_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    base, batch = outputs(60_000, 2), outputs(60_000, 3)
    distance = rng.normal(1, 0.2, 60_000)
    moved = rng.normal(1, 0.2, 60_000) + 0.01

    found = compare_batch(base, batch, baseline_distance=distance, batch_distance=moved)

    assert found[2].p_value < 0.01
    assert not found[2].is_alarm


def test_a_small_batch_is_not_judged() -> None:
    assert signals(outputs(MIN_BATCH - 1, 4)) == {}
