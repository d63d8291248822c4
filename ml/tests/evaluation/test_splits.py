from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.evaluation import splits
from ml.evaluation.geometry import prepare
from ml.evaluation.splits import (
    connected_components,
    group_folds,
    grouped_holdout,
    near_duplicate_groups,
    neighbours,
)

GROUPS = st.lists(st.integers(0, 12), min_size=1, max_size=60).map(np.array)


@settings(max_examples=60, deadline=None)
@given(GROUPS, st.integers(2, 6), st.integers(0, 2**31))
def test_folds_and_holdouts_never_divide_a_group(
    groups: np.ndarray, n_folds: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    folds, is_out = group_folds(groups, n_folds, rng), grouped_holdout(groups, 0.3, rng)

    assert set(folds) <= set(range(n_folds))
    for group in np.unique(groups):
        assert len(set(folds[groups == group])) == 1
        assert len(set(is_out[groups == group])) == 1
    if len(np.unique(groups)) > 1:
        assert 0 < is_out.sum() < len(groups)


def test_folds_are_of_about_one_size() -> None:
    groups = np.repeat(np.arange(40), np.arange(40) % 5 + 1)

    folds = group_folds(groups, 5, np.random.default_rng(1))

    assert np.ptp(np.bincount(folds)) <= 1


def test_a_holdout_is_near_its_share_and_differs_by_seed() -> None:
    groups = np.repeat(np.arange(100), 3)

    first = grouped_holdout(groups, 0.25, np.random.default_rng(1))
    other = grouped_holdout(groups, 0.25, np.random.default_rng(2))

    assert first.sum() == 75
    assert (first != other).any()


def test_components_follow_chains() -> None:
    found = connected_components(6, [(5, 3), (0, 2), (2, 4)])

    np.testing.assert_array_equal(found, [0, 1, 0, 2, 0, 2])
    np.testing.assert_array_equal(connected_components(2, []), [0, 1])
    assert len(connected_components(0, [])) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.integers(0, 40), st.integers(0, 2**31))
def test_components_agree_with_scipy(n: int, n_edges: int, seed: int) -> None:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as reference

    edges = np.random.default_rng(seed).integers(0, n, (n_edges, 2))
    graph = coo_array((np.ones(n_edges), (edges[:, 0], edges[:, 1])), shape=(n, n))

    found = connected_components(n, edges)

    np.testing.assert_array_equal(found, reference(graph, directed=False)[1])


def bursts(rng: np.random.Generator, sizes: list[int], noise: float = 0.02) -> np.ndarray:
    """Draw tight clusters around random directions of 64 dimensions."""
    centres = rng.normal(size=(len(sizes), 64))
    rows = np.repeat(centres, sizes, axis=0)
    return (rows + noise * rng.normal(size=rows.shape)).astype(np.float32)


def test_bursts_become_groups() -> None:
    sizes = [3, 1, 2, 4, 1] + [1] * 60

    groups, used = near_duplicate_groups(bursts(np.random.default_rng(1), sizes), cosine=0.8)

    np.testing.assert_array_equal(groups, np.repeat(np.arange(len(sizes)), sizes))
    assert used == 0.8


def test_equal_rows_are_one_group_at_any_threshold() -> None:
    rows = np.repeat(np.random.default_rng(2).normal(size=(20, 8)), 2, axis=0)

    groups, used = near_duplicate_groups(rows.astype(np.float32), cosine=1.0)

    np.testing.assert_array_equal(groups, np.repeat(np.arange(20), 2))
    assert used == 1.0


def chain(n: int) -> np.ndarray:
    """Rows on an arc: neighbours alike, the more so the further along."""
    angle = np.cumsum(np.linspace(0.08, 0.01, n))
    arc = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([arc, -arc]).astype(np.float32)  # balanced, so the centre stays 0


def test_the_threshold_rises_until_no_group_is_too_large() -> None:
    rows = chain(100)
    loose, _ = near_duplicate_groups(rows, cosine=0.99, max_share=1.0)

    groups, used = near_duplicate_groups(rows, cosine=0.99, max_share=0.2)

    assert np.bincount(loose).max() > 40 >= np.bincount(groups).max()
    assert used > 0.99
    again, same = near_duplicate_groups(rows, cosine=used, max_share=0.2)
    np.testing.assert_array_equal(again, groups)
    assert same == used
    prepared = prepare(rows, rows.mean(axis=0, dtype=np.float64))
    at_once = connected_components(200, neighbours(prepared, prepared, used))
    np.testing.assert_array_equal(at_once, groups)


def test_a_small_project_may_keep_a_burst_together() -> None:
    groups, used = near_duplicate_groups(
        bursts(np.random.default_rng(3), [6, 1, 1, 1, 1, 1, 1, 1]), cosine=0.8
    )

    assert used == 0.8
    assert np.bincount(groups).max() == 6


def test_linked_rows_stay_together_whatever_they_look_like() -> None:
    rows = bursts(np.random.default_rng(4), [1] * 30)

    groups, _ = near_duplicate_groups(rows, cosine=0.9, linked=[(0, 7), (7, 9)])

    assert groups[0] == groups[7] == groups[9]
    assert len(np.unique(groups)) == 28


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(5).normal(size=(60, 3)).astype(np.float32)
    whole, used = near_duplicate_groups(rows, cosine=0.9, max_share=0.4)

    monkeypatch.setattr(splits, "_BLOCK_CELLS", 60 * 7)
    blocked, used_too = near_duplicate_groups(rows, cosine=0.9, max_share=0.4)

    np.testing.assert_array_equal(whole, blocked)
    assert used == used_too


def test_neighbours_lists_pairs_of_new_and_old() -> None:
    old = np.eye(3, dtype=np.float32)
    new = np.array([[0, 1, 0], [0.6, 0, 0.8]], dtype=np.float32)

    np.testing.assert_array_equal(neighbours(new, old, 0.7), [[0, 1], [1, 2]])
    assert neighbours(new[:0], old, 0.7).shape == (0, 2)
    assert neighbours(new, old[:0], 0.7).shape == (0, 2)


def test_no_rows_make_no_groups() -> None:
    groups, used = near_duplicate_groups(np.empty((0, 4), dtype=np.float32), cosine=0.8)

    assert (len(groups), used) == (0, 0.8)
