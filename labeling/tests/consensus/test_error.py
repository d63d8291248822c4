"""The label error to be expected: by the model alone, and put right by checks."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.consensus import error
from labeling.consensus.error import Checked


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_of_no_label_nothing_is_expected() -> None:
    assert error.expected(np.empty(0), Checked.nothing(), rng=rng()) is None


def test_without_a_check_it_is_the_model_with_the_doubt_that_simulated_crowds_leave() -> None:
    found = error.expected(np.full(500, 0.05), Checked.nothing(), rng=rng())

    assert found is not None
    assert found.n_checked == 0
    assert found.by_model == pytest.approx(0.05)
    assert found.low < 0.05 < found.error < 3 * 0.05 < found.high


def test_labels_at_their_word_are_never_wrong() -> None:
    risk = np.full(100, 0.05)
    alone = error.expected(risk, Checked.nothing(), rng=rng())
    among = error.expected(risk, Checked.nothing(), n_sure=300, rng=rng())

    assert alone is not None
    assert among is not None
    assert among.error == pytest.approx(alone.error / 4)
    assert among.n == 400


def test_many_checks_outweigh_the_model() -> None:
    # The model says 2 %; of 2,000 checked, 8 % are wrong.
    is_wrong = np.arange(2000) % 25 < 2
    checked = Checked(np.full(2000, 0.02), is_wrong, np.ones(2000))

    found = error.expected(np.full(10_000, 0.02), checked, rng=rng())

    assert found is not None
    # Binomial: 0.08 +- 1.96 * sqrt(0.08 * 0.92 / 2000).
    assert (found.low, found.high) == pytest.approx((0.068, 0.092), abs=0.004)
    assert found.error == pytest.approx(0.08, abs=0.003)


def test_what_was_rarely_looked_at_counts_for_more() -> None:
    # Ten wrong of a hundred that stand for five each, none of 500 that stand for themselves: 50
    # of 1,000. Counted alike it would be 10 of 600.
    n, wrong = 600, np.zeros(600, dtype=np.bool_)
    wrong[:10] = True
    weight = np.where(np.arange(n) < 100, 5.0, 1.0)
    risk = np.full(n, 0.02)

    found = error.expected(risk, Checked(risk, wrong, weight), rng=rng())

    assert found is not None
    assert found.error == pytest.approx(0.05, abs=0.01)


def test_what_one_range_of_risk_has_shown_tells_of_the_others_a_little() -> None:
    sure = Checked(np.full(400, 0.001), np.zeros(400, dtype=np.bool_), np.ones(400))
    doubted = np.full(1000, 0.2)

    before = error.expected(doubted, Checked.nothing(), rng=rng())
    after = error.expected(doubted, sure, rng=rng())

    assert before is not None
    assert after is not None
    assert after.error < before.error
    assert after.high > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.0, 1.8, 3.0])
@pytest.mark.parametrize("n_checked", [0, 40, 300])
def test_the_interval_covers_where_people_err_alike(factor: float, n_checked: int) -> None:
    """Crowds whose labels are wrong one to three times as often as the model says."""
    draw = np.random.default_rng([int(10 * factor), n_checked])
    hits, widths, trials = 0, [], 40
    for _ in range(trials):
        risk = draw.beta(0.25, 6.0, 3000)
        is_wrong = draw.random(3000) < np.minimum(factor * risk, 0.95)
        rows = draw.permutation(3000)[:n_checked]
        checked = Checked(risk[rows], is_wrong[rows], np.ones(n_checked))
        found = error.expected(risk, checked, rng=draw)
        assert found is not None
        hits += found.low <= is_wrong.mean() <= found.high
        widths.append(found.high - found.low)

    assert hits / trials >= 0.9
    if n_checked == 300:
        assert np.mean(widths) < 0.1
