from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.savings import Doubt, Judged, chance_of_gain, needed, saved, uniform_sample


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


SIZES = np.array([100, 190, 360, 680, 1300])
SURE = Doubt(n=40, wrong=0, expected=40.0, own=0.0, lent=0.5)


def test_the_random_labels_that_ours_are_worth_are_found_and_held_by_the_interval() -> None:
    rng = np.random.default_rng(2)
    inside, middles = [], []
    for _ in range(12):
        hard = rng.normal(size=150)
        # Two random ones are worth one of our 400.
        ours = curve(np.array([400]), rng, hard).right[0] > 0
        replays = [Judged(SIZES, curve(SIZES // 2, rng, hard).right) for _ in range(3)]
        low, middle, high = np.quantile(needed(ours, replays, SURE, rng=rng), [0.025, 0.5, 0.975])
        inside.append(low <= 800 <= high)
        middles.append(middle)
    assert sum(inside) >= 11
    assert 500 < np.median(middles) < 1300


def test_nothing_is_claimed_beyond_the_largest_replay_or_below_the_smallest() -> None:
    rng = np.random.default_rng(3)
    right = np.tile(np.arange(100) < 80, (5, 1)).astype(float)
    above, below = np.arange(100) < 99, np.arange(100) < 10
    assert needed(above, [Judged(SIZES, right)], SURE, rng=rng) == pytest.approx(1300)
    assert needed(below, [Judged(SIZES, right)], SURE, rng=rng) == pytest.approx(100)


def test_labels_that_the_classifier_lent_wrongly_may_have_taught_random_labels_more() -> None:
    shares = np.array([0.5, 0.6, 0.7, 0.8, 0.9])
    right = (np.arange(200)[None, :] < 200 * shares[:, None]).astype(float)
    ours, replays = np.arange(200) < 160, [Judged(SIZES, right)]
    doubted = Doubt(n=40, wrong=10, expected=10.0, own=0.3, lent=0.8)

    certain = needed(ours, replays, SURE, rng=np.random.default_rng(4))
    wary = needed(ours, replays, doubted, rng=np.random.default_rng(4))

    assert np.median(certain) == pytest.approx(680)
    assert np.median(wary) < 400
    # Never to the harm of random labels.
    assert np.all(wary <= certain + 1e-6)


def test_the_share_lent_wrongly_is_the_own_doubt_as_often_as_the_random_arm_says() -> None:
    # Wrong 20 times where it thought 10: twice as often. Of four labels three are lent.
    drawn = Doubt(n=60, wrong=20, expected=10.0, own=0.06, lent=0.75).draw(
        4000, np.random.default_rng(5)
    )
    assert drawn.mean() == pytest.approx(20.5 / 10.5 * 0.06 * 0.75, rel=0.02)
    assert np.quantile(drawn, 0.975) < 2 * drawn.mean()
    assert Doubt(n=30, wrong=30, expected=1.0, own=0.9, lent=0.5).draw(
        10, np.random.default_rng(6)
    ) == pytest.approx(0.5)


def test_answers_saved_by_hand() -> None:
    # 200 random labels at 1.5 answers, minus the 220 given.
    one = saved(np.full(50, 200.0), labels=100, answers_a_label=1.5, answers=220)
    assert (one.low, one.estimate, one.high) == pytest.approx((80, 80, 80))
    lost = saved(np.full(50, 100.0), labels=100, answers_a_label=1.0, answers=130)
    assert lost.estimate == pytest.approx(-30)


def test_the_chance_of_a_gain_follows_the_pairs_and_counts_groups() -> None:
    each, alone = np.arange(80), np.ones(80)
    better = np.where(each % 4 == 0, 1.0, 0.0)
    assert chance_of_gain(better, each, alone) > 0.99
    assert chance_of_gain(-better, each, alone) < 0.01
    assert chance_of_gain(np.zeros(80), each, alone) == pytest.approx(0.5)
    # Twenty pictures of one thing are one case.
    one_group = np.where(each < 20, 1.0, 0.0)
    unsure = chance_of_gain(one_group, each // 20, alone)
    assert unsure < 0.9 < chance_of_gain(one_group, each, alone)


def test_a_thing_with_a_hundred_pictures_counts_once() -> None:
    # Random labels know the one thing of 40 pictures better, chosen ones half of 40 other things.
    groups = np.concatenate([np.zeros(40), np.arange(1, 41)]).astype(np.int64)
    difference = np.concatenate([-np.ones(40), np.tile([0.0, 1.0], 20)])
    sizes = np.where(groups == 0, 40.0, 1.0)
    assert chance_of_gain(difference, groups, np.ones(80)) < 0.5
    assert chance_of_gain(difference, groups, sizes) > 0.99
