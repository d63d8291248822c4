from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from ml.evaluation import practice as model
from ml.evaluation import shortest
from ml.evaluation.pooling import draw_shares, family, partially_pooled
from ml.evaluation.practice import Family, Practice, posterior, tally

COUNTS = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
NOTHING = Practice(np.zeros(4), np.zeros(4))
K, N = [9.0, 6.0, 14.0, 0.0], [10, 10, 20, 0]


def world(
    rng: np.random.Generator, c: int, *, is_tied: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Practice]:
    """Draw labels: accuracies, right and all audit answers, and how labeled images fare."""
    truth = np.clip(rng.beta(8 * 0.85, 8 * 0.15, c), 0.01, 0.99)
    cases = rng.integers(2, 25, c)
    own = truth if is_tied else np.clip(rng.beta(8 * 0.85, 8 * 0.15, c), 0.01, 0.99)
    labeled = rng.integers(20, 120, c)
    share = expit(logit(own) - 0.5 + 0.2 * rng.normal(size=c))
    right = rng.binomial(labeled, share).astype(float)
    return truth, rng.binomial(cases, truth), cases, Practice(right, labeled.astype(float))


def test_one_label_is_weighed_as_integrals_say() -> None:
    k, n, r, m = 5.0, 6.0, 14.0, 18.0
    beta = Family(np.array([6.0]), np.array([2.0]), np.zeros(1))
    logits = np.linspace(-9, 9, 1501)
    p = expit(logits)
    prior = p**6 * (1 - p) ** 2  # Beta(6, 2) by logits
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    answers = p**k * (1 - p) ** (n - k)

    def hinted(shift: float, scatter: float) -> np.ndarray:
        q = expit(logit(p)[:, None] + shift + scatter * nodes)
        return np.asarray((q**r * (1 - q) ** (m - r)) @ weights / weights.sum())

    hints = np.mean([hinted(a, b) for a in model.SHIFTS for b in model.SCATTERS], axis=0)
    alone = float((p**r * (1 - p) ** (m - r)) @ prior / prior.sum())
    mixed = prior * answers * ((1 - model.USELESS) * hints + model.USELESS * alone)
    found = posterior(np.array([k]), np.array([n]), Practice(np.array([r]), np.array([m])), beta)

    one = found.intervals(np.array([n]), confidence=0.9)[0]
    low, high = shortest.intervals(mixed[None], logits, confidence=0.9)
    assert one.estimate == pytest.approx(float(mixed @ p / mixed.sum()), abs=1e-3)
    assert (one.low, one.high) == pytest.approx((low[0], high[0]), abs=6e-3)
    useless = prior @ answers * model.USELESS * alone / mixed.sum()
    assert found.useless == pytest.approx(float(useless), abs=1e-3)


def test_without_labeled_images_nothing_changes() -> None:
    assert partially_pooled(K, N, NOTHING) == partially_pooled(K, N)


def test_the_grid_gives_what_the_formula_gives_where_the_hint_is_empty() -> None:
    right, cases = np.array([*K, 400.0, 1.0]), np.array([*N, 1000, 2])
    empty = Practice(np.zeros(6), np.zeros(6))

    found = posterior(right, cases, empty, family()).intervals(cases, confidence=0.95)

    for one, other in zip(found, partially_pooled(right, cases), strict=True):
        assert one.estimate == pytest.approx(other.estimate, abs=4e-3)
        # The shortest of many intervals that are nearly as short: its ends are less sharp.
        assert one.low == pytest.approx(other.low, abs=0.015)
        assert one.high == pytest.approx(other.high, abs=0.015)


def test_what_is_known_of_labeled_images_draws_a_label_without_answers() -> None:
    share = np.linspace(0.45, 0.97, 24)
    cases = np.r_[np.full(23, 40.0), 0.0]
    labeled = np.full(24, 80.0)

    told = Practice(np.round(share[::-1] * labeled), labeled)
    plain = partially_pooled(np.round(share[::-1] * cases), cases)[-1]
    found = partially_pooled(np.round(share[::-1] * cases), cases, told)[-1]

    assert abs(found.estimate - 0.45) < 0.1 < abs(plain.estimate - 0.45)
    assert found.high - found.low < 0.6 * (plain.high - plain.low)
    assert found.n == 0


def test_labeled_images_that_are_all_harder_do_not_make_labels_worse() -> None:
    cases, labeled = np.full(20, 30.0), np.full(20, 60.0)
    share = np.linspace(0.75, 0.97, 20)
    harder = Practice(np.round(expit(logit(share) - 1.5) * labeled), labeled)

    found = partially_pooled(np.round(share * cases), cases, harder)

    assert np.mean([one.estimate for one in found]) == pytest.approx(share.mean(), abs=0.015)


@pytest.mark.parametrize("is_tied", [True, False])
def test_intervals_cover_whether_the_hint_helps_or_not(is_tied: bool) -> None:
    rng = np.random.default_rng(4)
    inside, narrower = [], []
    for _ in range(40):
        truth, right, cases, told = world(rng, 20, is_tied=is_tied)
        found = partially_pooled(right, cases, told)
        plain = partially_pooled(right, cases)
        inside += [one.low <= p <= one.high for one, p in zip(found, truth, strict=True)]
        narrower += [(a.high - a.low) / (b.high - b.low) for a, b in zip(found, plain, strict=True)]

    assert np.mean(inside) == pytest.approx(0.95, abs=0.035)
    assert np.mean(narrower) < (0.8 if is_tied else 1.03)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=8), st.randoms())
def test_estimates_lie_inside_whatever_the_order_of_labels(
    counts: list[tuple[tuple[int, int], tuple[int, int]]], shuffler: object
) -> None:
    k, n, r, m = (np.array([pair[i][j] for pair in counts], float) for i in (0, 1) for j in (0, 1))
    order = np.arange(len(k))
    shuffler.shuffle(order)  # type: ignore[attr-defined]

    straight = partially_pooled(k, n, Practice(r, m))
    mixed = partially_pooled(k[order], n[order], Practice(r[order], m[order]))

    assert [one.estimate for one in mixed] == pytest.approx(
        [straight[place].estimate for place in order]
    )
    for one in straight:
        assert 0 <= one.low <= one.estimate <= one.high <= 1


def test_draws_have_the_mean_and_spread_of_the_estimates() -> None:
    told = Practice(np.array([40.0, 25.0, 30.0, 10.0]), np.full(4, 45.0))

    drawn = draw_shares(K, N, told, size=20_000, rng=np.random.default_rng(2))
    found = partially_pooled(K, N, told)

    assert drawn.mean(axis=0) == pytest.approx([each.estimate for each in found], abs=0.01)
    inside = [(drawn[:, at] > one.low) & (drawn[:, at] < one.high) for at, one in enumerate(found)]
    assert np.mean(inside, axis=1) == pytest.approx([0.95] * 4, abs=0.01)


def test_images_of_one_group_and_label_share_one_case() -> None:
    truth = np.array([0, 0, 0, 1, 1, -1])
    predicted = np.array([0, 1, 0, 1, 0, 0])
    groups = np.array([7, 7, 8, 7, 9, 9])

    found = tally(truth, predicted, groups, 3)

    assert found.right.tolist() == [1.5, 1.0, 0.0]
    assert found.cases.tolist() == [2.0, 2.0, 0.0]


def test_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="between 0 and the cases"):
        Practice(np.array([5.0]), np.array([4.0]))
    with pytest.raises(ValueError, match="between 0 and its n"):
        partially_pooled([5], [4], Practice(np.array([1.0]), np.array([4.0])))
