from __future__ import annotations

import pytest

from labeling.consensus.shares import wilson


def test_none_of_one_begins_at_nothing_and_one_of_one_ends_at_all() -> None:
    assert wilson(0, 1) == pytest.approx((0.0, 0.7935), abs=1e-4)
    assert wilson(1, 1) == pytest.approx((0.2065, 1.0), abs=1e-4)
    assert wilson(0, 1)[0] == 0.0
    assert wilson(0, 0) == (0.0, 1.0)


def test_half_of_ten_lies_around_a_half() -> None:
    # z² = 3.8415: the centre is 1/2, the half width 1.96 · √(0.025 + 0.0096) / 1.3841.
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_more_than_all_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and n, got k=3, n=2"):
        wilson(3, 2)
