from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.forecast import Curve, Fitted, Forecast, Refusal, fit, forecast, two_digits

STEPS = np.array([60, 100, 160, 240, 320, 400])


def curve(a: float, b: float, c: float, n_audit: int = 4000) -> Curve:
    right = np.round((a - b * STEPS.astype(float) ** -c) * n_audit).astype(np.int64)
    return Curve(STEPS, right, n_audit)


def ask(given: Curve, target: float, seed: int = 0) -> Forecast:
    return forecast(given, target, rng=np.random.default_rng(seed))


def test_labels_to_a_target_by_hand() -> None:
    # .9 - 2 n^-.5 = .8 at n = 400.
    one = Fitted(np.array([0.9]), np.array([2.0]), np.array([0.5]))

    assert one.labels_to(0.8)[0] == pytest.approx(400)
    assert one.labels_to(0.95)[0] == math.inf
    assert one.at([400])[0, 0] == pytest.approx(0.8)


def test_a_fit_follows_the_curve_it_was_drawn_from() -> None:
    fitted = fit(curve(0.95, 2.0, 0.4), rng=np.random.default_rng(1))
    low, middle, high = fitted.band([200, 400], now=400)

    truth = 0.95 - 2.0 * np.array([200, 400]) ** -0.4
    assert middle == pytest.approx(truth, abs=0.02)
    assert np.all(low < high)


def test_what_is_to_come_begins_where_the_last_head_was_measured() -> None:
    bent = Curve(STEPS, np.array([100, 140, 180, 260, 300, 330]), 400)
    low, middle, high = fit(bent, rng=np.random.default_rng(2)).band([400, 800], now=400)

    assert middle[0] == pytest.approx(330 / 400, abs=0.01)
    assert low[0] == pytest.approx(330 / 400 - 1.28 * 0.019, abs=0.01)
    assert high[0] == pytest.approx(330 / 400 + 1.28 * 0.019, abs=0.01)
    assert middle[1] > middle[0]


def test_the_band_ahead_doubts_the_model_and_the_past_does_not() -> None:
    certain = Fitted(np.array([0.9]), np.array([2.0]), np.array([0.5]))
    low, middle, high = certain.band([100, 400, 1600], now=400)

    assert middle == pytest.approx([0.7, 0.8, 0.85])
    assert low[:2] == pytest.approx(high[:2])
    # The 10th and 90th percentile: exp(+-.5 x 1.28) as many doublings.
    assert low[2] == pytest.approx(0.9 - 2 * (400 * 4 ** math.exp(-0.64)) ** -0.5, abs=0.002)
    assert high[2] == pytest.approx(0.9 - 2 * (400 * 4 ** math.exp(0.64)) ** -0.5, abs=0.002)


def test_the_range_holds_the_truth_of_a_true_curve() -> None:
    inside = [
        found.low <= 700 <= found.high
        for found in (ask(curve(0.92, 2.2, 0.45), 0.92 - 2.2 * 700**-0.45, s) for s in range(5))
    ]

    assert sum(inside) >= 4


def test_a_target_that_is_met_needs_no_forecast() -> None:
    assert ask(curve(0.95, 2.0, 0.4), 0.6).refusal is Refusal.ALREADY_THERE


def test_refuses_beyond_four_times_what_was_seen() -> None:
    found = ask(curve(0.99, 2.0, 0.35), 0.985)

    assert found.refusal in (Refusal.TOO_FAR, Refusal.ABOVE_CEILING)
    assert math.isnan(found.middle)


def test_refuses_above_where_the_backbone_seems_to_end() -> None:
    flat = Curve(STEPS, np.array([2780, 2795, 2800, 2802, 2801, 2803]), 4000)
    found = ask(flat, 0.99)

    assert found.refusal is Refusal.ABOVE_CEILING
    assert 0.69 < found.top < 0.99


def test_people_who_disagree_with_themselves_bound_the_curve() -> None:
    bounded = Curve(STEPS, curve(0.95, 2.0, 0.4).right, 4000, ceiling=0.80)

    assert ask(bounded, 0.85).refusal is Refusal.ABOVE_CEILING


def test_three_points_are_no_curve() -> None:
    short = Curve(STEPS[:3], np.array([20, 30, 40]), 60)

    assert ask(short, 0.9).refusal is Refusal.TOO_FEW_POINTS
    with pytest.raises(ValueError, match="at least 4 points, got 3"):
        fit(short, rng=np.random.default_rng(0))


def test_one_seed_gives_one_forecast() -> None:
    assert ask(curve(0.92, 2.2, 0.45), 0.8, 3) == ask(curve(0.92, 2.2, 0.45), 0.8, 3)


@given(st.floats(1, 1e7))
def test_two_digits_move_a_number_by_at_most_five_percent(value: float) -> None:
    assert two_digits(value) == pytest.approx(value, rel=0.0501)


def test_two_digits_by_hand() -> None:
    assert [two_digits(value) for value in (1234, 987, 45.4)] == pytest.approx([1200, 990, 45])
    assert two_digits(math.inf) == math.inf
