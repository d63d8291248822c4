from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.intervals import UNKNOWN, answers_missing_for, wilson
from ml.evaluation.weighted import equal_chance, hajek, neyman, stratified, top_up_answers


def test_an_image_counts_as_many_as_it_stands_for() -> None:
    # Two wrong ones of a topped-up label (drawn surely), eight right ones that stand for ten each.
    is_right = np.array([False] * 2 + [True] * 8)
    found = hajek(is_right, np.array([1.0] * 2 + [0.1] * 8))

    assert found.estimate == pytest.approx(80 / 82)
    assert found.n == 10


def test_equal_probabilities_give_about_wilsons_interval() -> None:
    found = hajek(np.arange(100) < 80, np.full(100, 0.12))
    plain = wilson(80, 100)

    assert found.estimate == pytest.approx(0.8)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.004)


def test_unequal_weights_know_less() -> None:
    is_right = np.arange(100) % 5 > 0
    even = hajek(is_right, np.full(100, 0.2))
    uneven = hajek(is_right, np.where(np.arange(100) < 50, 1.0, 0.05))

    assert uneven.high - uneven.low > 1.2 * (even.high - even.low)


def test_weighted_intervals_cover_the_population_where_counting_alike_does_not() -> None:
    rng = np.random.default_rng(3)
    is_rare = np.arange(6000) < 600
    truth = rng.random(6000) < np.where(is_rare, 0.5, 0.9)
    inclusion = np.where(is_rare, 0.5, 0.08)
    weighted = plain = 0
    for _ in range(600):
        drawn = rng.random(6000) < inclusion
        found = hajek(truth[drawn], inclusion[drawn])
        alike = wilson(int(truth[drawn].sum()), int(drawn.sum()))
        weighted += found.low <= truth.mean() <= found.high
        plain += alike.low <= truth.mean() <= alike.high

    assert weighted / 600 == pytest.approx(0.95, abs=0.03)
    assert plain / 600 < 0.3


def test_nothing_drawn_is_unknown() -> None:
    assert hajek(np.empty(0, bool), np.empty(0)) == UNKNOWN
    with pytest.raises(ValueError, match="inclusion"):
        hajek(np.array([True]), np.array([0.0]))


def test_strata_by_hand() -> None:
    found = stratified([9, 2], [10, 4], [900, 100])

    assert found.estimate == pytest.approx(0.9 * 0.9 + 0.1 * 0.5)
    assert found.low < found.estimate < found.high
    assert found.n == 14


def test_a_stratum_that_nobody_has_looked_into_is_a_bound() -> None:
    whole = stratified([90], [100], [900])
    found = stratified([90, 0], [100, 0], [900, 100])

    assert found.estimate == pytest.approx(0.9)
    assert found.low == pytest.approx(0.9 * whole.low)
    assert found.high == pytest.approx(0.9 * whole.high + 0.1)


def test_strata_cover_the_population() -> None:
    rng = np.random.default_rng(4)
    shares, sizes, cases = np.array([0.97, 0.8, 0.4]), np.array([700, 250, 50]), [60, 60, 40]
    truth = float(shares @ sizes / sizes.sum())

    hits = sum(
        found.low <= truth <= found.high
        for found in (stratified(rng.binomial(cases, shares), cases, sizes) for _ in range(1500))
    )

    assert hits / 1500 == pytest.approx(0.95, abs=0.02)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=12),
    st.integers(0, 400),
)
def test_neyman_deals_all_there_is_and_no_more(strata: list[tuple[int, float]], total: int) -> None:
    size, share = (np.array(side) for side in zip(*strata, strict=True))

    dealt = neyman(size, share, total)

    assert dealt.sum() == min(total, size.sum())
    assert np.all((dealt >= 0) & (dealt <= size))


def test_neyman_asks_most_where_it_is_least_sure() -> None:
    # Worth: 100 * 0.5 and 100 * 0.3: 5 to 3.
    assert neyman([100, 100], [0.5, 0.9], 80).tolist() == [50, 30]


def test_a_top_up_costs_more_where_the_label_is_hard_to_hit() -> None:
    missing = answers_missing_for(4, 5)

    assert top_up_answers(4, 5, half_width=0.1, hit_rate=1.0) == missing
    assert top_up_answers(4, 5, half_width=0.1, hit_rate=0.25, votes=2) == math.ceil(8 * missing)
    with pytest.raises(ValueError, match="hit_rate"):
        top_up_answers(4, 5, half_width=0.1, hit_rate=0.0)


def test_cases_drawn_twice_as_often_are_thinned_to_the_chance_of_the_others() -> None:
    rng = np.random.default_rng(5)
    inclusion = np.repeat([0.12, 0.5, 0.05], [6000, 4000, 100])
    kept = equal_chance(rng.random(len(inclusion)), inclusion)

    assert kept[:6000].all()
    assert kept[10_000:].all()
    # 4,000 at 0.24 each: 960 expected, standard deviation 27.
    assert abs(int(kept[6000:10_000].sum()) - 960) < 4 * 27
    assert len(equal_chance(np.empty(0), np.empty(0))) == 0
