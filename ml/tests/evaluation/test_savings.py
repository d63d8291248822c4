from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.savings import Judged, chance_of_gain, ratios, saved, uniform_sample


def test_every_image_of_the_pool_is_in_the_sample_alike_whatever_was_chosen() -> None:
    """The first half of the pool is chosen first; a third of the turns are the random arm's."""
    rng = np.random.default_rng(1)
    hits = np.zeros(60)
    for _ in range(1500):
        left, order, is_random = list(range(60)), [], []
        for turn in range(36):
            drawn = turn % 3 == 0
            order.append(left.pop(int(rng.integers(len(left))) if drawn else 0))
            is_random.append(drawn)
        hits[np.array(order)[uniform_sample(np.array(is_random), 60, rng)]] += 1

    shares = hits / 1500
    assert shares[:24].mean() == pytest.approx(shares[24:].mean(), abs=0.015)
    assert abs(shares - shares.mean()).max() < 0.06


def curve(labels: np.ndarray, rng: np.random.Generator, hard: np.ndarray) -> Judged:
    """Heads whose accuracy is .9 - 2 n^-.5; the same images are hard for all of them."""
    accuracy = 0.9 - 2 * labels.astype(float) ** -0.5
    noise = rng.normal(size=(len(labels), len(hard)))
    place = 0.8 * hard + 0.6 * noise
    right = place < np.quantile(place, np.clip(accuracy, 0.02, 1), axis=1).diagonal()[:, None]
    return Judged(labels, right.astype(float))


def test_the_ratio_of_labels_is_found_and_held_by_its_interval() -> None:
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(12):
        hard = rng.normal(size=300)
        ours = curve(np.array([8, 14, 24, 40, 64, 100, 160]), rng, hard)
        halves = []
        for _ in range(6):
            worth = curve(np.array([12, 20, 28]) // 2, rng, hard)  # two random ones are worth one
            halves.append(Judged(np.array([12, 20, 28]), worth.right))
        low, middle, high = np.quantile(ratios(ours, halves, rng=rng), [0.025, 0.5, 0.975])
        inside.append(low <= 2.0 <= high)
        assert 0.9 < middle < 5
    assert sum(inside) >= 11


def test_answers_saved_by_hand() -> None:
    # 2 x 100 labels at 1.5 answers, minus the 220 given; never more than the pool takes.
    one = saved(np.full(50, 2.0), labels=100, pool=1000, answers_a_label=1.5, answers=220)
    assert (one.low, one.estimate, one.high) == pytest.approx((80, 80, 80))
    bounded = saved(np.full(50, 8.0), labels=100, pool=300, answers_a_label=1.0, answers=220)
    assert bounded.estimate == pytest.approx(80)
    lost = saved(np.full(50, 1.0), labels=100, pool=1000, answers_a_label=1.0, answers=130)
    assert lost.estimate == pytest.approx(-30)


def test_the_chance_of_a_gain_follows_the_pairs_and_counts_groups() -> None:
    each = np.arange(80)
    better = np.where(each % 4 == 0, 1.0, 0.0)
    assert chance_of_gain(better, each) > 0.99
    assert chance_of_gain(-better, each) < 0.01
    assert chance_of_gain(np.zeros(80), each) == pytest.approx(0.5)
    # Twenty pictures of one thing are one case.
    one_group = np.where(each < 20, 1.0, 0.0)
    assert chance_of_gain(one_group, each // 20) < 0.9 < chance_of_gain(one_group, each)
