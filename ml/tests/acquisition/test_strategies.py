"""Each function by hand, on pools small enough to see through."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.acquisition import ACQUISITION_FUNCTIONS
from ml.acquisition.badge import top_residuals
from ml.acquisition.bait import PRIOR, principal_axes
from ml.acquisition.cluster_margin import in_turns
from ml.acquisition.clusters import k_means, nearest_to_means
from ml.acquisition.dropquery import changes
from ml.acquisition.herding import _greedy
from ml.acquisition.picking import (
    Openings,
    affordable,
    best_first,
    doubtful_and_uniform,
    highest,
    thinned,
)
from ml.acquisition.typiclust import typicality
from ml.tests.acquisition.builders import asked, head_of, pool_of, random_pool, unit
from ml.types import Pool


def seeded(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def choose(name: str, pool: Pool, batch: int, seed: int = 5) -> list[int]:
    positions, _ = ACQUISITION_FUNCTIONS[name](pool, batch_size=batch, rng=seeded(seed))
    return [int(position) for position in positions]


def at_angles(*degrees: float) -> np.ndarray:
    turned = np.radians(degrees)
    return np.stack([np.cos(turned), np.sin(turned)], axis=1)


def two_labels(first: list[float]) -> np.ndarray:
    return np.stack([first, 1 - np.array(first)], axis=1)


def test_k_center_takes_the_farthest_from_what_is_labeled_and_taken() -> None:
    pool = pool_of(at_angles(10, 90, 170, 100), labeled=at_angles(0))

    # 170 is farthest from 0; then 90 is 80 from 170, 100 only 70; then 10 and 100 are 10 away.
    assert choose("k_center", pool, 2) == [2, 1]


def test_k_center_begins_in_the_middle_of_an_unlabeled_pool() -> None:
    assert choose("k_center", pool_of(at_angles(0, 40, 90)), 2) == [1, 2]


def test_typicality_is_one_over_the_mean_distance() -> None:
    rows = np.array([[0.0], [1.0], [3.0], [9.0]], dtype=np.float32)

    found = typicality(rows, np.array([0, 0, 0, 1]))

    np.testing.assert_allclose(found, [1 / 2, 1 / 1.5, 1 / 2.5, 0], rtol=1e-6)


def test_typiclust_takes_the_typical_row_of_the_largest_cluster_without_labels() -> None:
    fan = [-2, -1, 0, 1, 2]
    near = at_angles(*fan, -1.5, 0.5)  # seven about 0 degrees, labeled
    large = at_angles(*(90 + step for step in [*fan, 1.5]))  # six about 90
    small = at_angles(*(180 + step for step in fan))  # five about 180
    pool = pool_of(np.concatenate([near, large, small]), labeled=at_angles(0))

    first, second = choose("typiclust", pool, 2)

    assert first == 7 + 3  # at 91 degrees: 90 to 92 all lie close by
    assert second == 13 + 2


def test_power_margin_draws_in_proportion_to_the_fourth_power() -> None:
    pool = pool_of(np.eye(2), probabilities=two_labels([0.5, 0.75]))  # scores 1 and 0.5

    first = [choose("power_margin", pool, 1, seed)[0] for seed in range(2000)]

    assert first.count(1) / 2000 == pytest.approx(1 / 17, abs=0.016)  # 0.5^4 : 1


def test_clusters_take_turns_and_small_ones_come_first() -> None:
    #            best first: a  b  a  c  a  b
    order = in_turns(np.array([0, 1, 0, 2, 0, 1]))

    assert order.tolist() == [3, 1, 0, 5, 2, 4]  # c, b, a; then b, a; then a


def test_cluster_margin_takes_one_of_each_kind_where_margin_takes_the_same_thrice() -> None:
    rng = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [28, 1, 1])
    rows = unit(np.eye(6)[kinds] + 0.01 * rng.normal(size=(30, 6)))
    first = np.where(kinds == 0, 0.50, 0.60)  # the many are the most doubtful by a little
    pool = pool_of(rows, probabilities=two_labels(first.tolist()))

    assert {int(kinds[row]) for row in choose("margin", pool, 3)} == {0}
    assert {int(kinds[row]) for row in choose("cluster_margin", pool, 3)} == {0, 1, 2}


def test_dropout_changes_the_label_that_hangs_by_one_value() -> None:
    head = head_of(np.eye(4)[:, :2])
    rows = np.array([[1, 0, 0, 0], [0, 1, 0, 0]], dtype=np.float32)

    found = [changes(head, rows, seeded(seed)) for seed in range(400)]

    # Without its one value a row scores 0 for both labels, and the first label wins.
    assert max(int(each[0]) for each in found) == 0
    assert np.mean([each[1] for each in found]) == pytest.approx(3 * 0.75, abs=0.12)


def test_dropquery_asks_about_what_dropout_changes() -> None:
    steady = np.tile([3.0, 0.0], (20, 8))  # every second value says the first label
    torn = np.tile([3.0, 3.0], (20, 8))
    rows = unit(np.concatenate([steady, torn]) + 0.01 * seeded().normal(size=(40, 16)))
    weights = np.tile(np.eye(2), (8, 1))
    pool = asked(pool_of(rows), head_of(weights))

    assert all(row >= 20 for row in choose("dropquery", pool, 5))


def test_the_residual_is_what_the_top_label_would_correct() -> None:
    found = top_residuals(np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0]]))

    np.testing.assert_allclose(found, np.array([[-0.3, 0.2, 0.1], [0, 0, 0]]))


def test_badge_draws_by_the_squared_gradient_and_says_with_which_chance() -> None:
    pool = pool_of(np.eye(2), probabilities=two_labels([0.5, 0.75]))  # |g|^2 = 1/2 and 1/8

    drawn = [
        ACQUISITION_FUNCTIONS["badge"](pool, batch_size=1, rng=seeded(seed)) for seed in range(2000)
    ]

    assert np.mean([positions[0] for positions, _ in drawn]) == pytest.approx(0.2, abs=0.03)
    for positions, shares in drawn[:50]:
        assert shares[0] == pytest.approx(0.2 if positions[0] == 1 else 0.8)


def test_badge_draws_by_the_distance_of_gradients_as_if_they_were_built() -> None:
    pool = random_pool(n=6, k=3, d=4)
    order = np.argsort(pool.image_ids)
    assert pool.probabilities is not None
    assert isinstance(pool.embeddings, np.ndarray)
    residuals = top_residuals(pool.probabilities)
    gradients = (residuals[:, :, None] * pool.embeddings[:, None, :]).reshape(6, -1)[order]

    positions, shares = ACQUISITION_FUNCTIONS["badge"](pool, batch_size=3, rng=seeded())

    places = np.argsort(order)[positions]
    nearest = (gradients**2).sum(axis=1)
    for place, share in zip(places, shares, strict=True):
        assert share == pytest.approx(nearest[place] / nearest.sum(), rel=1e-4)
        nearest = np.minimum(nearest, ((gradients - gradients[place]) ** 2).sum(axis=1))


def test_badge_never_asks_about_twins() -> None:
    rows = np.array([[1.0, 0], [1, 0], [0, 1]])
    pool = pool_of(rows, probabilities=two_labels([0.6, 0.6, 0.6]))

    for seed in range(50):
        assert 2 in choose("badge", pool, 2, seed)


def test_bait_takes_what_lowers_the_trace_most() -> None:
    pool = random_pool(n=12, k=3, d=4)
    order = np.argsort(pool.image_ids)
    assert pool.probabilities is not None
    assert pool.head is not None
    assert isinstance(pool.embeddings, np.ndarray)
    factors = fisher_rows(pool.embeddings, pool.probabilities)[order]
    said = pool.labeled @ pool.head.weights * pool.head.temperature
    said = np.exp(said) / np.exp(said).sum(axis=1, keepdims=True)
    known = fisher_rows(pool.labeled, said)
    information = PRIOR * np.eye(4) + known.T @ known
    target = factors.T @ factors

    places = np.argsort(order)[choose("bait_binary", pool, 3)]

    left = list(range(12))
    for place in places:
        traces = {
            row: np.trace(np.linalg.inv(information + np.outer(g, g)) @ target)
            for row, g in enumerate(factors)
            if row in left
        }
        assert traces[place] == pytest.approx(min(traces.values()), rel=1e-6)
        left.remove(place)
        information += np.outer(factors[place], factors[place])


def fisher_rows(rows: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    top = probabilities.max(axis=1)
    return np.asarray(np.sqrt(top * (1 - top))[:, None] * rows)


def test_principal_axes_hold_about_as_much_as_the_best() -> None:
    rng = seeded()
    spread = np.geomspace(4, 0.05, 60)
    rows = (rng.normal(size=(500, 60)) * spread).astype(np.float32)

    axes = principal_axes(rows, 10, rng)

    np.testing.assert_allclose(axes.T @ axes, np.eye(10), atol=1e-4)
    best = np.sort(np.linalg.eigvalsh(np.cov(rows.T)))[-10:].sum()
    assert np.var(rows @ axes, axis=0, ddof=1).sum() > 0.98 * best


def test_k_means_finds_clusters_that_are_there() -> None:
    rows = np.array([[0, 0], [0, 1], [9, 9], [9, 8], [-9, 9]], dtype=np.float32)

    cluster_of, means = k_means(rows, 3, seeded())

    assert len({int(cluster_of[0]), int(cluster_of[2]), int(cluster_of[4])}) == 3
    assert cluster_of[0] == cluster_of[1]
    assert cluster_of[2] == cluster_of[3]
    np.testing.assert_allclose(means[cluster_of[0]], [0, 0.5])


def test_the_middle_of_each_cluster_comes_first() -> None:
    rows = np.array([[0.0], [1], [5], [10], [11]], dtype=np.float32)
    cluster_of = np.array([0, 0, 0, 1, 1])
    means = np.array([[2.0], [10.4]], dtype=np.float32)

    assert nearest_to_means(rows, cluster_of, means).tolist() == [1, 3, 0, 4, 2]


def test_uncertainty_herding_is_plain_herding_until_every_label_is_known() -> None:
    pool = random_pool(n=300)
    plain = choose("max_herding", pool, 12)

    unseen = replace(pool, labeled_counts=np.array([2.0, 1, 0, 2, 1]))
    assert choose("uherding", unseen, 12) == plain
    assert choose("uherding", replace(pool, probabilities=None, head=None), 12) == plain
    assert choose("uherding", pool, 12) != plain


def test_a_row_that_stands_for_many_is_worth_more() -> None:
    pool = pool_of(at_angles(0, 178, 180, 182), labeled=at_angles(90))

    assert choose("max_herding", pool, 1) == [2]
    heavy = replace(pool, stands_for=np.array([50.0, 1, 1, 1]))
    assert choose("max_herding", heavy, 1) == [0]


def test_uncertainty_herding_takes_doubt_left_from_a_pass_over_the_pool() -> None:
    pool = random_pool(n=60)
    assert pool.probabilities is not None
    two = np.sort(pool.probabilities, axis=1)
    kept = replace(pool, probabilities=None, head=None, doubt=1 - (two[:, -1] - two[:, -2]))

    assert choose("uherding", kept, 10) == choose("uherding", pool, 10)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(2, 25), st.integers(1, 12))
def test_lazy_picks_are_those_of_plain_greed(seed: int, n: int, batch: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = rng.random((n, 15), dtype=np.float32)
    covered, weights = 0.3 * rng.random(15, np.float32), rng.random(15, np.float32)
    groups = rng.integers(0, max(1, n // 2), n)

    lazy = _greedy(kernel, covered, weights, groups, batch)

    openings = Openings(groups)
    for row in lazy:
        gains = np.maximum(kernel.astype(float) - covered, 0) @ weights.astype(float)
        assert openings.open()[row]
        assert gains[row] == pytest.approx(gains[openings.open()].max(), abs=1e-6)
        openings.take(int(row))
        covered = np.maximum(covered, kernel[row])
    assert len(lazy) == min(batch, n)


def test_of_a_large_pool_only_the_top_is_ordered_but_the_same_is_taken() -> None:
    scores = seeded().random(20_000)
    groups = np.arange(20_000) // 3

    top = best_first(scores, groups, 10, seeded())

    order = np.argsort(-scores)
    expected: list[int] = []
    for row in order:
        if groups[row] not in groups[expected]:
            expected.append(int(row))
        if len(expected) == 10:
            break
    assert top.tolist() == expected


def test_ties_at_the_edge_of_a_large_pool_are_broken_by_the_rng() -> None:
    firsts = {int(best_first(np.zeros(9000), np.arange(9000), 1, seeded(s))[0]) for s in range(40)}

    assert len(firsts) > 35
    assert max(firsts) > 6000
    assert min(firsts) < 3000


def test_the_most_doubtful_are_certain_to_be_candidates() -> None:
    doubt = seeded().random(1000)

    rows, chances = doubtful_and_uniform(doubt, 100, 60, seeded())

    assert len(set(rows.tolist())) == 100
    assert set(np.argsort(-doubt)[:60].tolist()) == set(rows[chances == 1.0].tolist())
    np.testing.assert_allclose(chances[chances < 1], 40 / 940)
    assert math.isclose(chances.sum(), 60 + 40 * 40 / 940)


def test_what_is_compared_with_many_labeled_rows_is_bounded() -> None:
    assert affordable(2000, 0) == affordable(2000, 6000) == 2000
    assert affordable(2000, 20_000) == 600
    assert affordable(2000, 10**6) == 400
    rows = np.arange(100, dtype=np.float32)[:, None]
    assert thinned(rows, 3)[:, 0].tolist() == [0, 49, 99]
    assert thinned(rows, 100) is rows


def test_the_highest_are_those_that_sorting_gives() -> None:
    scores = np.random.default_rng(3).permutation(500) / 7.0

    assert highest(scores, 40).tolist() == np.argsort(-scores)[:40].tolist()
    assert highest(np.array([2.0, 5.0, 2.0]), 9).tolist() == [1, 0, 2]
    assert highest(np.empty(0), 3).tolist() == []
