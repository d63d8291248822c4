from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from ml.evaluation.pooling import draw_shares, partially_pooled, priors_of

COUNTS = st.lists(
    st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=30,
)


def test_a_prior_is_weighed_by_the_beta_binomial_likelihood() -> None:
    priors = priors_of([3, 1], [4, 4])
    at, other = 100, 300

    def evidence(place: int) -> float:
        a, b = priors.a[place], priors.b[place]

        def of(k: int) -> float:
            beta = quad(lambda p: p ** (a - 1) * (1 - p) ** (b - 1), 0, 1)[0]
            return float(quad(lambda p: p ** (k + a - 1) * (1 - p) ** (3 - k + b), 0, 1)[0] / beta)

        mean = a / (a + b)
        return float(of(3) * of(1) * mean * (1 - mean) / math.sqrt(a + b))

    expected = evidence(at) / evidence(other)
    assert priors.weights[at] / priors.weights[other] == pytest.approx(expected, rel=1e-6)
    assert priors.weights.sum() == pytest.approx(1.0)


def test_labels_that_are_alike_pool_hard_and_labels_that_differ_little() -> None:
    alike = priors_of([16] * 12, [20] * 12)
    unlike = priors_of([20, 2] * 6, [20] * 12)

    assert alike.strength > 30
    assert unlike.strength < 4
    assert alike.mean == pytest.approx(0.8, abs=0.03)


def test_a_label_with_few_answers_is_drawn_to_its_like_and_one_with_many_is_not() -> None:
    found = partially_pooled([16] * 10 + [0, 0], [20] * 10 + [2, 200])

    assert found[10].estimate > 0.2
    assert found[11].estimate < 0.02
    assert found[11].n == 200


@settings(deadline=None)  # the first call imports SciPy
@given(COUNTS, st.floats(0.6, 0.99))
def test_the_estimate_lies_inside_its_interval(
    counts: list[tuple[int, int]], confidence: float
) -> None:
    k, n = zip(*counts, strict=True)

    for each, cases in zip(partially_pooled(k, n, confidence=confidence), n, strict=True):
        assert 0 <= each.low <= each.estimate <= each.high <= 1
        assert each.n == cases


@settings(deadline=None)  # the first call imports SciPy
@given(COUNTS, st.randoms())
def test_the_order_of_labels_does_not_matter(
    counts: list[tuple[int, int]], shuffler: random.Random
) -> None:
    order = list(range(len(counts)))
    shuffler.shuffle(order)
    k, n = (np.array(side) for side in zip(*counts, strict=True))

    straight = partially_pooled(k, n)
    mixed = partially_pooled(k[order], n[order])

    assert [each.estimate for each in mixed] == pytest.approx(
        [straight[place].estimate for place in order]
    )


def test_intervals_of_labels_cover_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    inside = []
    for _ in range(150):
        truth = rng.beta(8 * 0.85, 8 * 0.15, 20)
        cases = rng.integers(1, 30, 20)
        found = partially_pooled(rng.binomial(cases, truth), cases)
        inside += [one.low <= p <= one.high for one, p in zip(found, truth, strict=True)]

    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_draws_have_the_mean_and_spread_of_the_estimates() -> None:
    k, n = [9, 6, 14], [10, 10, 20]
    drawn = draw_shares(k, n, size=40_000, rng=np.random.default_rng(2))
    found = partially_pooled(k, n)

    assert drawn.mean(axis=0) == pytest.approx([each.estimate for each in found], abs=0.01)
    inside = [(drawn[:, at] > one.low) & (drawn[:, at] < one.high) for at, one in enumerate(found)]
    assert np.mean(inside, axis=1) == pytest.approx([0.95] * 3, abs=0.01)


def test_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="between 0 and its n"):
        priors_of([5], [4])
