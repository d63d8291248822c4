from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.acquisition import lending
from ml.evaluation import splits
from ml.evaluation.geometry import prepare
from ml.types import Embeddings


def at_angles(*degrees: float) -> Embeddings:
    """Give unit rows in a plane: the cosine of two is that of the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def members(found: lending.Joins, threshold: float) -> list[list[int]]:
    groups = found.groups(threshold)
    return [np.flatnonzero(groups == group).tolist() for group in range(groups.max() + 1)]


def joined(rows: Embeddings, split: int = 0) -> lending.Joins:
    n = len(rows)
    return lending.joins(rows, np.arange(n), np.full(n, split))


def bursts(n: int, seed: int, spread: float = 0.3) -> tuple[Embeddings, np.ndarray]:
    """Draw rows in bursts, and their split groups."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(max(1, n // 6), 8))
    rows = centres[rng.integers(0, len(centres), n)] + spread * rng.normal(size=(n, 8))
    prepared = prepare(rows.astype(np.float32), np.zeros(8))
    near = np.argwhere(np.triu(prepared @ prepared.T >= lending.LOWEST, k=1))
    return prepared, splits.connected_components(n, near)


def test_a_chain_of_near_images_is_one_split_group_and_several_lending_groups() -> None:
    rows = at_angles(0, 20, 40, 60)  # cos 20° = .940, cos 40° = .766, cos 60° = .5

    found = joined(rows)

    assert members(found, 0.80) == [[0, 1], [2, 3]]
    assert members(found, 0.94) == [[0], [1], [2], [3]]


def test_the_least_similar_pair_decides_over_a_join() -> None:
    rows = at_angles(0, 5, 30)  # cos 25° = .906, cos 30° = .866

    found = joined(rows)

    assert members(found, 0.86) == [[0, 1, 2]]
    assert members(found, 0.87) == [[0, 1], [2]]
    np.testing.assert_allclose(sorted(found.similarities), [0.866025, 0.996195], atol=1e-6)


def test_images_of_different_split_groups_never_lend_to_each_other() -> None:
    rows = at_angles(0, 1, 2, 3)

    found = lending.joins(rows, np.arange(4), np.array([7, 8, 7, 8]))

    assert members(found, 0.80) == [[0, 2], [1, 3]]


def test_a_burst_of_fifty_is_cut_into_groups_of_at_most_twenty() -> None:
    rows = at_angles(*np.linspace(0, 10, 50))

    sizes = [len(each) for each in members(joined(rows), 0.80)]

    assert sum(sizes) == 50
    assert max(sizes) <= 20
    assert min(sizes) > 1


def test_a_blank_vector_is_like_nothing() -> None:
    rows = np.concatenate([at_angles(0, 1), np.zeros((2, 2), np.float32)])

    assert members(joined(rows), 0.80) == [[0, 1], [2], [3]]


def test_no_rows_give_no_groups() -> None:
    found = joined(np.empty((0, 4), np.float32))

    assert found.groups(0.8).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 90), st.integers(0, 10_000), st.sampled_from(lending.THRESHOLDS))
def test_every_pair_of_a_group_is_as_similar_as_the_threshold(
    n: int, seed: int, threshold: float
) -> None:
    rows, split = bursts(n, seed)

    groups = lending.joins(rows, np.arange(n), split).groups(threshold)

    assert np.bincount(groups).max() <= lending.MOST_MEMBERS
    same = groups[:, None] == groups[None, :]
    np.fill_diagonal(same, val=False)
    assert (rows @ rows.T)[same].min(initial=1.0) >= threshold - 1e-6
    assert all(len(np.unique(split[groups == group])) == 1 for group in np.unique(groups))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10_000), st.sampled_from((0.80, 0.88)))
def test_groups_do_not_depend_on_the_order_of_the_rows(n: int, seed: int, threshold: float) -> None:
    rows, split = bursts(n, seed)
    rng = np.random.default_rng(seed)
    rows[rng.integers(0, n)] = rows[rng.integers(0, n)]  # equal rows tie
    split = splits.connected_components(n, np.argwhere(rows @ rows.T >= lending.LOWEST))
    ids, order = rng.permutation(n), rng.permutation(n)

    plain = lending.joins(rows, ids, split).groups(threshold)
    turned = lending.joins(rows[order], ids[order], split[order]).groups(threshold)

    def sets(groups: np.ndarray, keys: np.ndarray) -> set[frozenset[int]]:
        return {frozenset(keys[groups == each].tolist()) for each in np.unique(groups)}

    assert sets(plain, ids) == sets(turned, ids[order])


def test_a_split_group_of_many_thousands_is_cut_in_bounded_time() -> None:
    rng = np.random.default_rng(1)
    rows = prepare(
        (rng.normal(size=(1, 64)) + 0.3 * rng.normal(size=(5000, 64))).astype(np.float32),
        np.zeros(64),
    )

    started = time.process_time()
    groups = joined(rows).groups(0.80)

    assert time.process_time() - started < 20
    assert np.bincount(groups).max() <= 20
    for group in range(40):
        inside = rows[groups == group]
        assert (inside @ inside.T).min() >= 0.80 - 1e-6


def test_one_hundred_thirty_three_groups_without_a_disagreement_reach_98_percent() -> None:
    # Without a disagreement Wilson's lower bound is n / (n + z²), z = 1.6449: 133 / 135.71 = .9801.
    assert threshold_of_pairs(133) == 0.80
    assert threshold_of_pairs(132) is None


def threshold_of_pairs(n: int) -> float | None:
    rows = np.tile(at_angles(0, 1), (n, 1))
    found = lending.joins(rows, np.arange(2 * n), np.repeat(np.arange(n), 2))
    labels = np.zeros(2 * n, dtype=np.int64)
    return lending.calibrate(found, np.arange(2 * n), labels, rows).threshold


def test_the_threshold_rises_to_where_labels_agree() -> None:
    # Two hundred pairs 10° apart (cos .985) agree, forty pairs 30° apart (cos .866) do not.
    close, wide = np.tile(at_angles(0, 10), (200, 1)), np.tile(at_angles(0, 30), (40, 1))
    rows = np.concatenate([close, wide])
    labels = np.concatenate([np.zeros(400, np.int64), np.tile([0, 1], 40)])
    found = lending.joins(rows, np.arange(480), np.repeat(np.arange(240), 2))

    calibrated = lending.calibrate(found, np.arange(480), labels, rows)

    assert calibrated.threshold == 0.87
    lowest = calibrated.tried[0]
    assert (lowest.threshold, lowest.n_groups) == (0.80, 240)
    assert lowest.share == pytest.approx(200 / 240)
    assert calibrated.tried[-1].n_groups == 0  # no pair is as similar as .99
    assert calibrated.tried[-1].lower == 0


def test_a_group_counts_once_and_by_the_share_that_agrees_with_its_middle() -> None:
    rows = at_angles(0, 2, 4, 6, 8)  # the middle one, 4°, is the most central
    labels = np.array([0, 0, 0, 1, 1])

    (found,) = lending.calibrate(joined(rows), np.arange(5), labels, rows, thresholds=[0.8]).tried

    assert found.n_groups == 1
    assert found.share == pytest.approx(2 / 4)


def test_only_labeled_images_tell() -> None:
    rows = at_angles(0, 2, 4)

    found = lending.calibrate(
        joined(rows), np.array([1]), np.array([0]), rows[[1]], thresholds=[0.8]
    )

    assert found.threshold is None
    assert found.tried[0].n_groups == 0


def test_the_most_central_image_stands_for_its_group() -> None:
    rows = at_angles(0, 8, 12, 90, 91)
    groups, ids = np.array([0, 0, 0, 1, 1]), np.array([5, 4, 3, 2, 1])

    assert lending.most_central(rows, groups, ids).tolist() == [1, 4]  # a pair: the smaller id


def test_joins_of_some_split_groups_alone_are_the_same() -> None:
    rows, split = bursts(60, seed=4)
    found = lending.joins(rows, np.arange(60), split)
    is_kept = split % 2 == 0

    some = found.among(is_kept).groups(0.85)

    whole = found.groups(0.85)[is_kept]
    assert ((some[:, None] == some) == (whole[:, None] == whole)).all()
