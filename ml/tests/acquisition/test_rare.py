"""Shares of the window for what is rare or new."""

from __future__ import annotations

import numpy as np
import pytest

from ml.acquisition.rare import most_novel, tail_first

RNG = np.random.default_rng
GROUPS = np.arange(6)


def test_the_rarest_labels_likeliest_images_come_in_turn() -> None:
    said = np.array(
        [
            [0.6, 0.1, 0.1, 0.2],
            [0.1, 0.7, 0.1, 0.1],
            [0.1, 0.5, 0.3, 0.1],
            [0.1, 0.1, 0.7, 0.1],
            [0.2, 0.1, 0.4, 0.3],
            [0.1, 0.0, 0.0, 0.9],
        ]
    )
    counts = np.array([50.0, 2.0, 1.0, 9.0])

    chosen = tail_first(said, GROUPS, counts, batch_size=4, rng=RNG(0))

    assert chosen.tolist() == [3, 1, 4, 2]


def test_an_image_counts_where_the_label_is_among_its_three_likeliest() -> None:
    said = np.array([[0.4, 0.3, 0.2, 0.1], [0.3, 0.3, 0.1, 0.3]])

    for label, expected in [(3, [1]), (2, [0])]:
        counts = np.full(4, 9.0)
        counts[label] = 1.0
        chosen = tail_first(said, GROUPS[:2], counts, batch_size=2, rng=RNG(0))
        assert chosen.tolist() == expected


def test_no_group_is_asked_twice() -> None:
    said = np.tile([0.1, 0.9], (4, 1))

    chosen = tail_first(
        said, np.array([1, 1, 2, 1]), np.array([9.0, 1.0]), batch_size=4, rng=RNG(0)
    )

    assert chosen.tolist() == [0, 2]


@pytest.mark.parametrize("counts", [[5.0, 9.0], [0.0, 9.0]])
def test_labels_with_enough_images_or_none_ask_for_nothing(counts: list[float]) -> None:
    said = np.full((6, 2), 0.5)

    chosen = tail_first(said, GROUPS, np.array(counts), batch_size=3, rng=RNG(0))

    assert chosen.tolist() == []


def test_what_is_far_off_and_unclear_is_the_most_novel() -> None:
    rows = np.eye(3, dtype=np.float32)[[0, 0, 1, 2]]
    said = np.array([[0.9, 0.1], [0.6, 0.4], [0.9, 0.1], [0.5, 0.5]])

    chosen = most_novel(said, rows, rows[:2], GROUPS[:4], batch_size=2)

    assert chosen[0] == 3
    assert set(chosen) == {3, 2} or set(chosen) == {3, 1}
