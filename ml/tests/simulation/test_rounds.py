from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.simulation.conditions import Conditions
from ml.simulation.oracle import NoisyOracle
from ml.simulation.rounds import (
    SimulationTable,
    TooFewImagesError,
    UnknownHeadError,
    UnknownStrategyError,
    _split,
    all_labels,
    simulate_rounds,
)


def shelf(*, n: int = 400, k: int = 8, d: int = 24, seed: int = 1) -> SimulationTable:
    """Draw products in bursts: some labels common, some rare, neighbours overlapping."""
    rng = np.random.default_rng(seed)
    shares = 1.0 / np.arange(1, k + 1)
    burst_label = rng.choice(k, size=n, p=shares / shares.sum())
    groups = np.sort(rng.integers(0, n // 2, n))
    labels = burst_label[groups]
    centres = rng.normal(size=(k, d))
    bursts = centres[burst_label] + 0.9 * rng.normal(size=(n, d))
    embeddings = bursts[groups] + 0.2 * rng.normal(size=(n, d))
    return SimulationTable(
        image_ids=rng.permutation(n),
        embeddings=embeddings.astype(np.float32),
        labels=labels,
        groups=groups,
        label_order=tuple(f"product-{c}" for c in range(k)),
    )


def test_a_curve_has_a_point_at_every_batch() -> None:
    found = simulate_rounds(shelf(), strategy="margin", budget=50, batch=20, seed=0)

    assert found.labels == found.answers == (20, 40, 50)
    assert len(found.accuracy) == 3
    assert all(0 <= each <= 1 for each in found.accuracy)


def test_no_image_is_asked_about_twice_and_none_of_the_test_groups() -> None:
    table, half = shelf(), Conditions(folds=2, fold=1)

    found = simulate_rounds(table, strategy="margin", budget=100, batch=10, seed=0, conditions=half)

    assert len(set(found.chosen.tolist())) == 100
    pool_rows, _, test_labels = _split(table, half, seed=0)
    assert len(pool_rows) + len(test_labels) == 400
    assert set(found.chosen) <= set(pool_rows)
    test_rows = np.setdiff1d(np.arange(400), pool_rows)
    assert not set(table.groups[test_rows]) & set(table.groups[found.chosen])


def test_the_same_seed_plays_the_same_run_and_another_does_not() -> None:
    table = shelf()

    runs = [
        simulate_rounds(table, strategy="margin", budget=60, batch=20, seed=seed)
        for seed in (3, 3, 4)
    ]

    np.testing.assert_array_equal(runs[0].chosen, runs[1].chosen)
    assert runs[0].accuracy == runs[1].accuracy
    assert runs[0].chosen.tolist() != runs[2].chosen.tolist()


def test_strategies_of_one_seed_share_their_start() -> None:
    table = shelf()

    margin, entropy = (
        simulate_rounds(table, strategy=name, budget=60, batch=4, seed=5)
        for name in ("margin", "entropy")
    )

    np.testing.assert_array_equal(margin.chosen[:8], entropy.chosen[:8])
    assert margin.accuracy[:2] == entropy.accuracy[:2]
    assert margin.chosen.tolist() != entropy.chosen.tolist()


def test_a_given_test_set_leaves_the_whole_table_to_the_pool() -> None:
    table, other = shelf(n=60), shelf(n=30, seed=2)
    table = replace(table, test_embeddings=other.embeddings, test_labels=other.labels)

    found = simulate_rounds(table, strategy="max_herding", budget=60, batch=30, seed=0)

    assert sorted(found.chosen.tolist()) == list(range(60))


def test_mistakes_of_annotators_cost_accuracy() -> None:
    table = shelf(n=600)
    noisy = NoisyOracle.of(table.labels, 8, error=0.4, rng=np.random.default_rng(1))

    clean = simulate_rounds(table, strategy="random", budget=200, batch=200, seed=1)
    spoiled = simulate_rounds(table, strategy="random", budget=200, batch=200, seed=1, oracle=noisy)

    assert spoiled.accuracy[-1] < clean.accuracy[-1]
    np.testing.assert_array_equal(spoiled.chosen, clean.chosen)


def test_refuses_what_cannot_be_played() -> None:
    with pytest.raises(UnknownStrategyError, match="uherding"):
        simulate_rounds(shelf(), strategy="guess", budget=20, batch=5, seed=0)
    with pytest.raises(TooFewImagesError, match="500"):
        simulate_rounds(shelf(), strategy="random", budget=500, batch=5, seed=0)


def test_margin_after_herding_beats_random_on_bursts_of_rare_products() -> None:
    table = shelf(n=1200, k=16)

    random, margin = (
        np.mean(
            [
                simulate_rounds(table, strategy=name, budget=160, batch=20, seed=seed).accuracy
                for seed in range(4)
            ],
            axis=0,
        )
        for name in ("random", "margin")
    )

    assert margin[-1] > random[-1] + 0.02


def test_a_head_on_all_labels_is_as_good_as_one_on_the_whole_budget() -> None:
    table = shelf()
    conditions = Conditions(folds=4)

    n, best = all_labels(table, seed=0, conditions=conditions)

    run = simulate_rounds(
        table, strategy="random", budget=n, batch=n, seed=0, conditions=conditions
    )
    assert run.accuracy == (best,)


def test_progress_is_told_after_every_batch() -> None:
    told: list[int] = []

    simulate_rounds(shelf(), strategy="random", budget=50, batch=20, seed=0, progress=told.append)

    assert told == [20, 40, 50]


def test_another_head_is_measured_on_the_very_images_the_default_one_chose() -> None:
    table = shelf()

    default, logistic = (
        simulate_rounds(table, strategy="margin", head=head, budget=30, batch=15, seed=0)
        for head in ("ridge", "logistic")
    )

    np.testing.assert_array_equal(default.chosen, logistic.chosen)
    assert default.accuracy != logistic.accuracy
    with pytest.raises(UnknownHeadError, match="There is no head 'forest'; there are ridge"):
        simulate_rounds(table, strategy="margin", head="forest", budget=30, batch=15, seed=0)
