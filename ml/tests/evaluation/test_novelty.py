from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.novelty import gen, knn_distance, novelty


def test_gen_by_hand() -> None:
    # Two labels at one half: 2 * (1/4)^.1; certainty: 0.
    assert gen(np.array([[0.5, 0.5], [1.0, 0.0]])) == pytest.approx([2 * 0.25**0.1, 0.0])


def test_gen_looks_at_the_ten_likeliest_labels() -> None:
    flat = np.full((1, 50), 0.02)

    assert gen(flat)[0] == pytest.approx(10 * (0.02 * 0.98) ** 0.1)


def test_distance_to_the_third_nearest() -> None:
    rows = np.eye(4, dtype=np.float32)
    labeled = np.stack([rows[0], rows[0], rows[1], rows[2]])

    assert knn_distance(rows[:1], labeled, neighbours=1)[0] == pytest.approx(0.0)
    assert knn_distance(rows[:1], labeled, neighbours=3)[0] == pytest.approx(1.0)
    assert knn_distance(rows, labeled[:0]).tolist() == [2.0] * 4


def test_an_image_that_is_strange_in_both_ways_comes_first() -> None:
    rows = np.eye(4, dtype=np.float32)
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.5, 0.5], [0.99, 0.01]])

    found = novelty(p, rows, rows[[0, 1, 3]])

    assert int(found.argmax()) == 2
    assert found.max() <= 1.0


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=30))
def test_order_does_not_matter_and_ties_are_alike(tops: list[float]) -> None:
    p = np.array([[top, 1 - top] for top in [*tops, tops[0]]])
    rows = np.repeat(np.eye(2, dtype=np.float32)[:1], len(p), axis=0)

    found = novelty(p, rows, rows[:1])

    assert found[0] == found[-1]
    assert novelty(p[::-1], rows, rows[:1]) == pytest.approx(found[::-1])
