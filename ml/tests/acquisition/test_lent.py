from __future__ import annotations

import numpy as np

from ml.acquisition import lent

GROUPS = np.array([0, 0, 0, 1, 1, 2])
NONE = np.zeros(6, dtype=bool)


def marked(*rows: int) -> np.ndarray:
    found = NONE.copy()
    found[list(rows)] = True
    return found


def test_an_answer_is_lent_to_the_other_images_of_its_group() -> None:
    found = lent.lend(GROUPS, np.array([1]), np.array([[0.9, 0.1]]), NONE)

    assert found.rows.tolist() == [0, 2]
    np.testing.assert_allclose(found.posteriors, [[0.9, 0.1]] * 2)
    assert not found.is_mixed.any()


def test_answers_that_agree_lend_their_mean_and_keep_their_own() -> None:
    found = lent.lend(GROUPS, np.array([0, 1]), np.array([[0.9, 0.1], [0.7, 0.3]]), NONE)

    assert found.rows.tolist() == [2]
    np.testing.assert_allclose(found.posteriors, [[0.8, 0.2]])


def test_a_group_whose_answers_disagree_lends_nothing() -> None:
    found = lent.lend(GROUPS, np.array([0, 1, 3]), np.eye(2)[[0, 1, 1]], NONE)

    assert found.rows.tolist() == [4]
    assert found.is_mixed.tolist() == [True, True, True, False, False, False]


def test_an_image_that_was_given_back_is_lent_nothing() -> None:
    found = lent.lend(GROUPS, np.array([1]), np.eye(2)[[0]], marked(2))

    assert found.rows.tolist() == [0]


def test_nothing_is_lent_before_the_first_answer() -> None:
    found = lent.lend(GROUPS, np.empty(0, np.int64), np.empty((0, 2)), NONE)

    assert found.rows.tolist() == []
    assert found.posteriors.shape == (0, 2)


CENTRAL = np.array([1, 3, 5])


def test_one_image_of_each_group_may_be_asked_about() -> None:
    found = lent.worth_asking(GROUPS, CENTRAL, NONE, NONE, NONE)

    assert np.flatnonzero(found).tolist() == [1, 3, 5]


def test_no_other_is_asked_about_while_one_is_asked_or_answered() -> None:
    found = lent.worth_asking(GROUPS, CENTRAL, marked(2, 3), NONE, NONE)

    assert np.flatnonzero(found).tolist() == [5]


def test_images_that_contradict_and_mixed_groups_are_asked_about_by_themselves() -> None:
    found = lent.worth_asking(GROUPS, CENTRAL, marked(1, 3), marked(2), marked(3, 4))

    assert np.flatnonzero(found).tolist() == [2, 4, 5]


def test_a_representative_stands_for_its_whole_group() -> None:
    assert lent.stands_for(GROUPS, CENTRAL).tolist() == [3, 2, 1]


def test_a_classifier_objects_where_another_label_is_twenty_times_likelier() -> None:
    said = np.array([[0.04, 0.81, 0.15], [0.05, 0.80, 0.15], [0.90, 0.05, 0.05]])
    lent_out = np.eye(3)[[0, 0, 0]]
    answered, groups = np.eye(3)[[0, 0, 0, 1]], np.array([1, 2, 3, 4])

    assert lent.objections(said, lent_out, answered, groups).tolist() == [True, False, False]


def test_a_classifier_that_knows_a_label_from_that_group_alone_has_no_say() -> None:
    said, lent_out = np.array([[0.01, 0.99]]), np.array([[1.0, 0.0]])
    answered, groups = np.eye(2)[[0, 0, 0, 1]], np.array([1, 1, 2, 3])

    assert lent.objections(said, lent_out, answered, groups).tolist() == [False]
