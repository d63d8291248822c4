"""Figures as reports write them."""

from __future__ import annotations

from ml.evaluation import rounding
from ml.evaluation.intervals import UNKNOWN
from ml.types import Interval


def test_a_share_has_its_n_and_its_interval() -> None:
    found = rounding.share(Interval(2 / 3, 0.12345678, 1.0, 3))

    assert found == {"n": 3, "share": 0.666667, "interval": [0.123457, 1.0]}


def test_of_nothing_nothing_is_said() -> None:
    assert [rounding.share(None), rounding.share(UNKNOWN), rounding.number(None)] == [None] * 3
