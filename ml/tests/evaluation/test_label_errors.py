from __future__ import annotations

import numpy as np

from ml.evaluation.label_errors import neighbour_votes, suspect, thresholds

EYE = np.eye(3, dtype=np.float32)


def test_thresholds_are_each_labels_usual_self_confidence() -> None:
    p = np.array([[0.9, 0.1, 0], [0.5, 0.5, 0], [0.2, 0.8, 0]])

    assert thresholds(np.array([0, 0, 1]), p).tolist() == [0.7, 0.8, 0.0]


def test_near_duplicates_are_no_witnesses() -> None:
    rows = np.repeat(EYE[:1], 4, axis=0)
    labels, groups = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1])

    votes = neighbour_votes(labels, rows, groups, 2)

    assert votes[0].tolist() == [0.0, 1.0]  # only the row of another group may speak
    assert votes[3].tolist() == [1.0, 0.0]


def test_a_row_without_neighbours_of_other_groups_stands_by_its_label() -> None:
    votes = neighbour_votes(np.array([1, 0]), EYE[:2], np.array([5, 5]), 2)

    assert votes.tolist() == [[0.0, 1.0], [1.0, 0.0]]


def world(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """300 rows of three labels far apart; the first 15 labels are wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 300)
    rows = (np.eye(8)[truth] + rng.normal(0, 0.2, (300, 8))).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    p = np.full((300, 3), 0.05)
    p[np.arange(300), truth] = 0.9
    given = truth.copy()
    given[:15] = (given[:15] + 1) % 3
    return given, p, rows, truth


def test_planted_errors_come_first_with_the_right_suggestion() -> None:
    given, p, rows, truth = world()

    found = suspect(given, p, rows, np.arange(300))

    assert set(found.ranked()[:15].tolist()) == set(range(15))
    assert found.is_flagged[:15].mean() > 0.8
    assert not found.is_flagged[15:].any()
    assert np.array_equal(found.suggestion[:15], truth[:15])
    assert np.all((found.score >= 0) & (found.score <= 1))


def test_a_label_that_hardly_any_other_group_has_is_not_doubted() -> None:
    given, p, rows, _ = world()
    # A fourth label, right and new: what has not been seen before is denied everywhere.
    p = np.column_stack([p, np.full(300, 0.01)])
    for n_others, is_flagged in ((2, False), (3, True)):
        new, denied = given.copy(), p.copy()
        new[100 : 101 + n_others] = 3
        denied[101 : 101 + n_others, 3] = 0.02
        found = suspect(new, denied, rows, np.arange(300))
        assert found.is_flagged[100] == is_flagged


def test_a_doubt_that_neighbours_do_not_share_is_not_flagged() -> None:
    given, p, rows, truth = world()
    p[100] = 0.05
    p[100, (truth[100] + 1) % 3] = 0.9  # the heads alone doubt a right label

    found = suspect(given, p, rows, np.arange(300))

    assert not found.is_flagged[100]
    assert found.ranked()[15] == 100


def test_the_order_of_rows_does_not_matter() -> None:
    given, p, rows, _ = world()
    order = np.random.default_rng(1).permutation(300)

    straight = suspect(given, p, rows, np.arange(300))
    mixed = suspect(given[order], p[order], rows[order], np.arange(300)[order])

    assert np.allclose(mixed.score, straight.score[order])


def test_asking_neighbours_of_doubted_labels_alone_flags_the_same_in_the_same_order() -> None:
    given, p, rows, _ = world()

    whole = suspect(given, p, rows, np.arange(300))
    quick = suspect(given, p, rows, np.arange(300), asks_all=False)

    n_flagged = int(whole.is_flagged.sum())
    assert np.array_equal(quick.is_flagged, whole.is_flagged)
    assert np.array_equal(quick.ranked()[:n_flagged], whole.ranked()[:n_flagged])
    assert np.allclose(quick.alike_share[quick.is_flagged], whole.alike_share[whole.is_flagged])


def test_it_says_what_the_neighbours_are_called_and_how_many() -> None:
    rows = np.repeat(EYE[:1], 5, axis=0)
    p = np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]])

    found = suspect(np.array([0, 1, 1, 1, 0]), p, rows, np.arange(5))

    assert (int(found.alike[0]), float(found.alike_share[0])) == (1, 0.75)
    assert float(found.neighbour_share[0]) == 0.25
