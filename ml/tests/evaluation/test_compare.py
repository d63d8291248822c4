from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import binomtest

from ml.evaluation.compare import (
    alpha_k,
    count_pairs,
    log_e_harm,
    log_e_noninferiority,
    log_e_reversed,
    log_e_value,
    mcnemar,
)

LEVEL = math.log(1 / 0.05)


def ever_crosses(differences: np.ndarray, log_e: object, every: int = 1) -> bool:
    """Look after every pair (or every few) and stop at the first crossing."""
    wins, losses = np.cumsum(differences == 1), np.cumsum(differences == -1)
    ties = np.cumsum(differences == 0)
    return any(
        log_e(int(wins[t]), int(losses[t]), int(ties[t])) >= LEVEL  # type: ignore[operator]
        for t in range(every - 1, len(differences), every)
    )


def draw(rng: np.random.Generator, *, p_win: float, p_loss: float, n: int) -> np.ndarray:
    return rng.choice([1, -1, 0], size=n, p=[p_win, p_loss, 1 - p_win - p_loss])


def test_pairs_are_counted_by_who_is_right() -> None:
    challenger, champion = np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool)

    assert count_pairs(challenger, champion) == (2, 1, 2)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 0), (5, 2), (1, 6)])
def test_e_value_is_the_uniform_mixture(wins: int, losses: int) -> None:
    def ratio(p: float) -> float:
        return float((2 * p) ** wins * (2 * (1 - p)) ** losses)

    mixed = 2 * quad(ratio, 0.5, 1)[0]

    assert math.exp(log_e_value(wins, losses)) == pytest.approx(mixed)


def test_e_value_by_hand() -> None:
    assert log_e_value(0, 0) == pytest.approx(0.0)
    # One win: 2 * integral of 2p over (1/2, 1) = 2 * (1 - 1/4) = 3/2; one loss: 1/2.
    assert log_e_value(1, 0) == pytest.approx(math.log(1.5))
    assert log_e_value(0, 1) == pytest.approx(math.log(0.5))
    assert log_e_reversed(1, 0) == pytest.approx(math.log(0.5))


def test_e_value_stays_finite_far_out() -> None:
    assert log_e_value(5000, 0) == pytest.approx(5000 * math.log(2), rel=0.01)
    assert -10_000 < log_e_value(0, 5000) < -3
    assert log_e_value(0, 5001) < log_e_value(0, 5000)


def test_each_step_of_the_null_keeps_the_expectation_at_most_one() -> None:
    for wins, losses in [(0, 0), (4, 1), (2, 9), (30, 25)]:
        now = math.exp(log_e_value(wins, losses))
        after = [math.exp(log_e_value(wins + 1, losses)), math.exp(log_e_value(wins, losses + 1))]
        assert sum(after) / 2 == pytest.approx(now)
        assert 0.4 * after[0] + 0.6 * after[1] <= now  # inside the null, not at its edge


def test_an_equal_challenger_is_rarely_promoted_under_a_thousand_looks() -> None:
    rng = np.random.default_rng(1)

    promoted = sum(
        ever_crosses(draw(rng, p_win=0.5, p_loss=0.5, n=1000), lambda w, lo, _: log_e_value(w, lo))
        for _ in range(400)
    )

    assert promoted / 400 <= 0.05
    naive = sum(
        any(mcnemar(int(d[:t].sum()), t - int(d[:t].sum())) < 0.05 for t in range(20, 1001, 20))
        for d in rng.random((200, 1000)) < 0.5
    )
    assert naive / 200 > 0.15  # what peeking at a fixed-sample test would do


def test_a_better_challenger_is_promoted_within_some_hundred_pairs() -> None:
    rng = np.random.default_rng(2)

    promoted = sum(
        ever_crosses(draw(rng, p_win=0.7, p_loss=0.3, n=150), lambda w, lo, _: log_e_value(w, lo))
        for _ in range(100)
    )

    assert promoted >= 95


def test_bets_on_noninferiority_are_fair_at_the_edge_of_the_null() -> None:
    # At E[d] = -margin one more pair leaves every bet, so also their mean, unchanged.
    margin, p_win, p_loss = 0.05, 0.10, 0.15
    for counts in [(0, 0, 0), (7, 3, 40), (2, 9, 5)]:
        now = math.exp(log_e_noninferiority(*counts, margin=margin))
        steps = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
        after = [
            math.exp(log_e_noninferiority(*np.add(counts, step), margin=margin)) for step in steps
        ]
        expected = p_win * after[0] + p_loss * after[1] + (1 - p_win - p_loss) * after[2]
        assert expected == pytest.approx(now)


def test_a_head_worse_by_the_margin_rarely_passes_as_not_inferior() -> None:
    rng = np.random.default_rng(3)

    passed = sum(
        ever_crosses(
            draw(rng, p_win=0.05, p_loss=0.10, n=600),
            lambda *counts: log_e_noninferiority(*counts, margin=0.05),
            every=3,
        )
        for _ in range(300)
    )

    assert passed / 300 <= 0.06  # 0.05 and the noise of 300 runs


def test_an_equal_head_is_shown_not_inferior() -> None:
    rng = np.random.default_rng(4)

    passed = sum(
        ever_crosses(
            draw(rng, p_win=0.05, p_loss=0.05, n=800),
            lambda *counts: log_e_noninferiority(*counts, margin=0.05),
            every=10,
        )
        for _ in range(100)
    )

    assert passed >= 80


def test_heads_that_always_agree_prove_noninferiority_by_agreeing() -> None:
    assert log_e_noninferiority(0, 0, 20, margin=0.05) > 0
    assert log_e_noninferiority(0, 0, 200, margin=0.05) > LEVEL


def test_the_guard_seldom_rolls_back_a_head_within_the_margin() -> None:
    rng = np.random.default_rng(5)

    rolled_back = sum(
        ever_crosses(
            draw(rng, p_win=0.08, p_loss=0.10, n=600),
            lambda *counts: log_e_harm(*counts, margin=0.02),
            every=3,
        )
        for _ in range(300)
    )

    assert rolled_back / 300 <= 0.06


def test_the_guard_catches_a_slow_creep_that_no_single_step_shows() -> None:
    rng = np.random.default_rng(6)
    # Head t loses ever more often to the proven one: no refit is much worse than the last.
    p_loss = np.linspace(0.05, 0.45, 600)
    creep = np.where(
        rng.random((60, 600)) < p_loss, -1, np.where(rng.random((60, 600)) < 0.05, 1, 0)
    )

    caught = sum(ever_crosses(d, lambda *c: log_e_harm(*c, margin=0.02), every=10) for d in creep)

    assert caught >= 57


def test_the_guard_and_the_noninferiority_test_never_both_speak() -> None:
    rng = np.random.default_rng(7)
    for _ in range(50):
        wins, losses, ties = rng.integers(0, 60, 3)
        harm = log_e_harm(wins, losses, ties, margin=0.03)
        fine = log_e_noninferiority(wins, losses, ties, margin=0.03)
        assert min(harm, fine) < LEVEL


@pytest.mark.parametrize("margin", [0.0, -0.1, 1.0])
def test_refuses_a_margin_that_is_none(margin: float) -> None:
    with pytest.raises(ValueError, match="margin"):
        log_e_noninferiority(1, 1, 1, margin=margin)


def test_the_guard_without_a_margin_starts_at_one() -> None:
    assert log_e_harm(0, 0, 50) == pytest.approx(0.0)
    assert log_e_harm(0, 30, 0) > LEVEL


def test_all_challengers_together_spend_the_budget() -> None:
    assert alpha_k(1) == pytest.approx(0.05 * 6 / math.pi**2)
    assert sum(alpha_k(k) for k in range(1, 20_000)) == pytest.approx(0.05, abs=1e-5)
    with pytest.raises(ValueError, match="counted from 1"):
        alpha_k(0)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (0, 4), (7, 2), (3, 3), (200, 160)])
def test_mcnemar_is_the_one_sided_binomial_test(wins: int, losses: int) -> None:
    n = wins + losses
    expected = binomtest(wins, n, alternative="greater").pvalue if n else 1.0

    assert mcnemar(wins, losses) == pytest.approx(expected)
