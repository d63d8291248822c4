from __future__ import annotations

import numpy as np
import pytest

from ml.evaluation.new_class import ALIKE, LEAST_ALIKE, alike_for, propose


def around(centre: int, n: int, spread: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = np.eye(16)[centre] + rng.normal(0, spread, (n, 16))
    found: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def test_the_fifth_image_alike_makes_a_proposal() -> None:
    rows = around(0, 5, 0.05)

    assert propose(rows[:4], np.arange(4)) == []
    (found,) = propose(rows, np.arange(5))
    assert found.rows.tolist() == [0, 1, 2, 3, 4]
    assert found.similarity > 0.9


def test_strangers_in_between_are_left_out_and_two_labels_are_two_proposals() -> None:
    mixed = np.concatenate([around(0, 6, 0.05), around(1, 5, 0.05, 1), around(2, 1, 0.0)])
    order = np.random.default_rng(3).permutation(12)

    found = propose(mixed[order], np.arange(12))

    kinds = [set(np.where(order[each.rows] < 6, 0, 1).tolist()) for each in found]
    assert kinds == [{0}, {1}]
    assert [len(each.rows) for each in found] == [6, 5]


def test_images_that_are_not_alike_are_never_proposed() -> None:
    assert propose(np.eye(16, dtype=np.float32), np.arange(16)) == []


def test_a_proposal_says_how_many_groups_are_behind_it() -> None:
    (found,) = propose(around(0, 5, 0.05), np.array([1, 1, 1, 2, 2]))

    assert found.n_groups == 2


def test_one_answer_more_takes_no_image_out() -> None:
    rows = np.concatenate([around(0, 8, 0.1), around(1, 8, 0.1, 1)])
    rows = rows[np.random.default_rng(2).permutation(16)]
    before: set[int] = set()
    for n in range(5, 17):
        now = {int(row) for each in propose(rows[:n], np.arange(n)) for row in each.rows}
        assert before <= now
        before = now


def test_how_alike_is_learnt_from_pairs_of_different_labels() -> None:
    rng = np.random.default_rng(0)
    close = np.concatenate([around(0, 40, 0.3), around(0, 40, 0.3, 1)])
    labels = np.repeat([0, 1], 40)
    far = np.concatenate([around(0, 40, 0.05), around(1, 40, 0.05)])

    assert alike_for(far, labels, rng=rng) == pytest.approx(LEAST_ALIKE)
    assert LEAST_ALIKE < alike_for(close, labels, rng=rng) <= ALIKE
    assert alike_for(far, np.zeros(80, int), rng=rng) == pytest.approx(ALIKE)
