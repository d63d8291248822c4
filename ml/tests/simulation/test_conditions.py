from __future__ import annotations

import numpy as np
import pytest

from ml.simulation.conditions import Conditions, ConditionsError, long_tail
from ml.simulation.oracle import LookalikeOracle

GROUPS = np.repeat(np.arange(100), 3)
ALL = np.arange(300)


def test_folds_are_the_same_for_every_seed_and_share_no_row() -> None:
    folds = [Conditions(folds=5, fold=fold) for fold in range(5)]

    masks = np.array([each.held_out(GROUPS, seed=3) for each in folds])

    assert masks.sum(axis=0).tolist() == [1] * 300
    assert masks.sum(axis=1).tolist() == [60] * 5
    np.testing.assert_array_equal(masks[2], folds[2].held_out(GROUPS, seed=4))
    for mask in masks:
        assert not set(GROUPS[mask]) & set(GROUPS[~mask])


def test_without_folds_the_seed_draws_three_tenths_of_the_groups() -> None:
    first, second = (Conditions().held_out(GROUPS, seed=seed) for seed in (0, 1))

    assert first.sum() == second.sum() == 90
    assert (first != second).any()


def test_a_long_tail_leaves_the_commonest_whole_and_of_the_rarest_one_in_so_many() -> None:
    labels = np.repeat(np.arange(5), 100)

    counts = np.bincount(labels[long_tail(labels, 5, 16.0, np.random.default_rng(1))])

    assert sorted(counts.tolist(), reverse=True) == [100, 50, 25, 12, 6]


def test_the_rarest_label_keeps_a_row_and_no_imbalance_keeps_all() -> None:
    labels = np.array([0, 0, 0, 1, 2])

    kept = long_tail(labels, 4, 1000.0, np.random.default_rng(1))

    assert set(labels[kept].tolist()) == {0, 1, 2}
    assert long_tail(labels, 4, 1.0, np.random.default_rng(1)).all()


def test_who_confuses_look_alikes_takes_milk_for_soy_milk_and_never_for_pears() -> None:
    rng = np.random.default_rng(2)
    means = np.array([[1.0, 0, 0], [0.98, 0.2, 0], [0.95, 0.3, 0], [0.9, 0.4, 0], [0, 0, 1]])
    truth = np.repeat(np.arange(5), 200)
    rows = (means[truth] + 0.01 * rng.normal(size=(1000, 3))).astype(np.float32)

    oracle = LookalikeOracle.of(truth, 5, rows, error=0.3, rng=rng)

    is_wrong = oracle.answers != truth
    assert is_wrong.mean() == pytest.approx(0.3, abs=0.04)
    of_first = oracle.answers[:200][is_wrong[:200]]
    assert np.bincount(of_first, minlength=5)[[0, 4]].tolist() == [0, 0]
    assert (of_first == 1).sum() > (of_first == 3).sum() > 0
    np.testing.assert_array_equal(oracle.answer(ALL), oracle.answers[ALL])


def test_a_look_alike_needs_another_label() -> None:
    rows = np.eye(4, dtype=np.float32)
    truth = np.zeros(4, dtype=np.int64)

    alone = LookalikeOracle.of(truth, 3, rows, error=1.0, rng=np.random.default_rng(0))

    np.testing.assert_array_equal(alone.answers, truth)
    with pytest.raises(ValueError, match="between 0 and 1"):
        LookalikeOracle.of(truth, 3, rows, error=2.0, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("crowd", "share"), [("none", 0.0), ("noisy", 0.25), ("lookalike", 0.25)])
def test_a_crowd_is_wrong_as_often_as_it_is_told(crowd: str, share: float) -> None:
    truth = np.arange(2000) % 6
    rows = np.random.default_rng(0).normal(size=(2000, 5)).astype(np.float32)
    conditions = Conditions(crowd=crowd, error_rate=0.25)

    said = conditions.answers(truth, rows, 6, seed=1)

    assert (said != truth).mean() == pytest.approx(share, abs=0.03)
    np.testing.assert_array_equal(said, conditions.answers(truth, rows, 6, seed=1))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (Conditions(crowd="angry"), "no crowd 'angry'"),
        (Conditions(error_rate=1.5), "error rate is 1.5"),
        (Conditions(imbalance=0.5), "imbalance is 0.5"),
        (Conditions(folds=1), "no fold 0 of 1"),
        (Conditions(folds=5, fold=5), "no fold 5 of 5"),
    ],
)
def test_refuses_conditions_that_nobody_can_play_under(bad: Conditions, said: str) -> None:
    with pytest.raises(ConditionsError, match=said):
        bad.check()


def test_says_what_is_not_as_usual() -> None:
    assert Conditions().to_json() == {}
    assert Conditions(crowd="noisy", folds=5, fold=2).to_json() == {
        "crowd": "noisy", "error_rate": 0.1, "folds": 5, "fold": 2,
    }  # fmt: skip
