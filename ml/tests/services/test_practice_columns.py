"""How a version's kept counts meet the labels of today."""

from __future__ import annotations

from ml.selectors import practice

KEPT = {"milk": [7.5, 10.0], "oat-milk": [2.0, 4.0], "juice": [1.0, 6.0]}


def test_labels_merged_since_are_counted_together() -> None:
    found = practice.in_columns(KEPT, {"oat-milk": "milk"}, {"juice": 0, "tea": 1, "milk": 2})

    assert found is not None
    assert found.right.tolist() == [1.0, 0.0, 9.5]
    assert practice.row(found, 2) == [9.5, 14.0]


def test_other_labels_in_another_order_have_none() -> None:
    found = practice.in_columns(KEPT, {}, {"milk": 0, "oat-milk": 1, "juice": 2})

    other = practice.in_order(found, ("milk", "oat-milk", "juice"), ("juice", "tea", "milk"))

    assert other is not None
    assert other.right.tolist() == [1.0, 0.0, 7.5]
    assert other.cases.tolist() == [6.0, 0.0, 10.0]


def test_a_version_that_kept_nothing_gives_no_hint() -> None:
    assert practice.in_columns({}, {}, {"milk": 0}) is None
    assert practice.in_order(None, ("milk",), ("milk",)) is None
    assert practice.row(None, 0) is None
