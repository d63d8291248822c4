"""Sets of labels as codes."""

from __future__ import annotations

import numpy as np

from ml.evaluation import label_sets

ORDER = ("mountain", "glacier", "lake")


def test_a_set_reads_back_as_it_was_written() -> None:
    code = label_sets.written(["mountain", "glacier"], ["lake"])

    assert code == "{glacier|mountain|~lake}"
    assert label_sets.members(code) == ("glacier", "mountain")
    assert label_sets.unasked(code) == {"lake"}
    assert label_sets.members(label_sets.EMPTY) == ()
    assert label_sets.members("milk") == ("milk",)
    assert not label_sets.is_set("milk")


def test_rows_become_sets_with_what_nobody_was_asked_about() -> None:
    shows = np.array([[True, True, False], [False, False, False], [True, False, True]])
    known = np.array([[True, True, True], [True, True, True], [True, True, False]])

    assert label_sets.of_rows(shows, ORDER).tolist() == [
        "{glacier|mountain}", "{}", "{lake|mountain}"
    ]  # fmt: skip
    assert label_sets.of_rows(shows, ORDER, known).tolist() == [
        "{glacier|mountain}", "{}", "{mountain|~lake}"
    ]  # fmt: skip


def test_an_answer_is_right_where_it_names_all_that_is_there_and_was_asked() -> None:
    truth = np.array(["{mountain}", "{mountain|~lake}", "{mountain|~lake}", "milk"], dtype=object)
    said = np.array(["{lake|mountain}", "{lake|mountain}", "{glacier}", "milk"], dtype=object)

    assert label_sets.same(truth, said).tolist() == [False, True, False, True]


def test_a_set_is_named_by_its_labels() -> None:
    names = {"mountain": "Mountain", "glacier": "Glacier"}

    assert label_sets.names("{glacier|mountain}", names) == "Glacier + Mountain"
    assert label_sets.names("{}", names) == "none of the labels"
