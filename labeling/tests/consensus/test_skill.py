from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.consensus.skill import below_floor, interval


def test_an_even_start_has_the_quantiles_of_the_uniform_distribution() -> None:
    found = interval(0, 0, alpha=1, beta=1, mass=0.9)

    assert (found.mean, found.low, found.high) == pytest.approx((0.5, 0.05, 0.95))


def test_one_right_answer_by_hand() -> None:
    # Beta(2, 1) has the distribution function x ** 2.
    found = interval(1, 0, alpha=1, beta=1, mass=0.9)

    assert found.mean == pytest.approx(2 / 3)
    assert found.low == pytest.approx(0.05**0.5)


@settings(deadline=None)
@given(st.floats(0, 1000), st.floats(0, 1000), st.floats(0.5, 0.99))
def test_the_interval_holds_and_more_answers_narrow_it(
    right: float, wrong: float, mass: float
) -> None:
    found = interval(right, wrong, mass=mass)
    later = interval(right * 4 + 24, wrong * 4 + 6, mass=mass)  # Beta(4a, 4b): the same mean

    assert 0 <= found.low <= found.high <= 1
    assert later.mean == pytest.approx(found.mean)
    assert later.high - later.low <= found.high - found.low + 1e-9


def test_nobody_is_below_the_floor_before_enough_gold() -> None:
    assert not below_floor(0, 9, floor=0.6, min_gold=10)
    assert not below_floor(0, 0, floor=0.6, min_gold=0)
    assert below_floor(0, 10, floor=0.6, min_gold=10)


def test_the_floor_by_hand() -> None:
    # Three wrong of three: Beta(1, 4), P(skill < x) = 1 - (1 - x) ** 4; .95 is reached at .527.
    assert below_floor(0, 3, floor=0.53, min_gold=3)
    assert not below_floor(0, 3, floor=0.52, min_gold=3)


def test_half_right_of_ten_is_not_proof_of_less_than_sixty_percent() -> None:
    assert not below_floor(5, 5, floor=0.6, min_gold=10)
    assert below_floor(3, 7, floor=0.6, min_gold=10)


def test_refuses_counts_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="counts"):
        interval(-1, 0)
    with pytest.raises(ValueError, match="mass"):
        interval(1, 0, mass=1.0)
