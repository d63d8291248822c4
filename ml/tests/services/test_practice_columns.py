"""How a version's kept counts meet the labels of today."""

from __future__ import annotations

from ml.selectors import practice

KEPT = {"milk": [7.5, 10.0], "oat-milk": [2.0, 4.0], "juice": [1.0, 6.0]}


def test_of_labels_merged_since_nothing_is_told() -> None:
    """What the version mixed up among them was counted as wrong, and is right today."""
    columns = {"juice": 0, "tea": 1, "milk": 2, "dairy": 3}
    into = {"oat-milk": "dairy", "milk": "dairy", "juice": "juice"}

    for merged in (into, {"oat-milk": "milk"}):
        found = practice.in_columns(KEPT, merged, columns)

        assert found is not None
        assert found.right.tolist() == [1.0, 0.0, 0.0, 0.0]
        assert practice.row(found, 0) == [1.0, 6.0]
        assert practice.row(found, 3) == practice.row(found, 2) == [0.0, 0.0]

    since = practice.in_columns({"dairy": [9.0, 14.0]}, into, columns)
    assert practice.row(since, 3) == [9.0, 14.0]


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
