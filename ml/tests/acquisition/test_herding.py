from __future__ import annotations

import math
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ml.acquisition import ACQUISITION_FUNCTIONS, cold_start, herding
from ml.acquisition.herding import similarity, squared_radius
from ml.tests.acquisition.builders import pool_of, random_pool, unit


def seeded() -> np.random.Generator:
    return np.random.default_rng(5)


def clusters(sizes: list[int], d: int = 20, noise: float = 0.05) -> np.ndarray:
    """Give unit rows in tight clusters around orthogonal directions, largest first."""
    rows = np.repeat(np.eye(d)[: len(sizes)], sizes, axis=0)
    return unit(rows + noise * np.random.default_rng(2).normal(size=rows.shape))


def test_the_kernel_by_hand() -> None:
    found = similarity(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 0.5)

    np.testing.assert_allclose(found, [[1, math.exp(-4)], [math.exp(-4), 1]], rtol=1e-6)


def test_the_radius_is_the_median_distance_to_the_nearest() -> None:
    angles = np.array([0.0, 0.5, 1.4])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    near, far = (4 * math.sin(a / 2) ** 2 for a in (0.5, 0.9))
    assert squared_radius(rows) == pytest.approx(np.median([near, near, far]), rel=1e-4)


def test_the_radius_is_bounded_and_starts_wide() -> None:
    assert squared_radius(np.empty((0, 4), np.float32)) == 1.0
    assert squared_radius(np.eye(4, dtype=np.float32)[:1]) == 1.0
    assert squared_radius(np.eye(4, dtype=np.float32)) == 1.0
    assert squared_radius(np.full((3, 4), 0.5, np.float32)) == pytest.approx(0.05)


def test_the_largest_cluster_comes_first_and_every_cluster_once() -> None:
    sizes = [30, 20, 10, 5]

    positions, _ = ACQUISITION_FUNCTIONS["max_herding"](
        pool_of(clusters(sizes)), batch_size=4, rng=seeded()
    )

    assert np.repeat(np.arange(4), sizes)[positions].tolist() == [0, 1, 2, 3]


def test_what_is_labeled_is_covered_already() -> None:
    sizes = [30, 20, 10]
    pool = pool_of(clusters(sizes), labeled=np.eye(20)[:2])

    positions, _ = ACQUISITION_FUNCTIONS["max_herding"](pool, batch_size=1, rng=seeded())

    assert np.repeat(np.arange(3), sizes)[positions].tolist() == [2]


def test_doubt_moves_uncertainty_herding_to_a_smaller_cluster() -> None:
    sizes = [30, 10]
    sure, torn = [0.98, 0.01, 0.01], [0.45, 0.45, 0.1]
    pool = pool_of(clusters(sizes), probabilities=np.repeat([sure, torn], sizes, axis=0))

    plain, _ = ACQUISITION_FUNCTIONS["max_herding"](pool, batch_size=1, rng=seeded())
    doubtful, _ = ACQUISITION_FUNCTIONS["uherding"](pool, batch_size=1, rng=seeded())

    assert plain[0] < 30 <= doubtful[0]


def test_greedy_choice_is_the_best_single_addition() -> None:
    pool = random_pool(n=60)
    radius = squared_radius(pool.labeled)
    assert isinstance(pool.embeddings, np.ndarray)
    kernel = similarity(pool.embeddings, pool.embeddings, radius).astype(np.float64)
    covered = similarity(pool.embeddings, pool.labeled, radius).max(axis=1)

    positions, _ = ACQUISITION_FUNCTIONS["max_herding"](pool, batch_size=3, rng=seeded())

    for position in positions:
        totals = np.maximum(kernel, covered[:, None]).sum(axis=0)
        assert totals[position] == pytest.approx(totals.max(), rel=1e-6)
        covered = np.maximum(covered, kernel[:, position])


def test_a_large_pool_is_sampled_and_the_chance_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(herding, "MAX_CANDIDATES", 30)
    pool = random_pool(n=120)

    _, plain = ACQUISITION_FUNCTIONS["max_herding"](pool, batch_size=10, rng=seeded())
    _, mixed = ACQUISITION_FUNCTIONS["uherding"](pool, batch_size=30, rng=seeded())

    np.testing.assert_allclose(plain, 0.25)
    # The 18 most doubtful for certain, and 12 of the other 102.
    np.testing.assert_allclose(sorted(set(mixed)), [12 / 102, 1.0])


def test_a_big_pool_costs_no_more_than_a_bounded_kernel() -> None:
    pool = random_pool(n=20_000, d=256)

    with threadpool_limits(1):  # waiting threads would be counted as work
        before = time.process_time()
        ACQUISITION_FUNCTIONS["uherding"](pool, batch_size=20, rng=seeded())
        seconds = time.process_time() - before

    assert seconds < 10  # 0.3 s alone on one core; a full kernel would take 3 GB and a minute


def test_the_cold_start_ends_with_every_label_seen() -> None:
    assert cold_start([], 3)
    assert cold_start([2, 0, 1], 3)
    assert not cold_start([1, 1, 1], 3)


def test_the_cold_start_ends_after_one_image_a_label_even_if_one_is_missing() -> None:
    assert cold_start([42] + [0] * 42, 43)
    assert not cold_start([43] + [0] * 42, 43)


def test_a_scheme_of_few_labels_gets_ten_images_to_show_them() -> None:
    assert cold_start([5, 4, 0], 3)
    assert not cold_start([6, 4, 0], 3)
