from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.heads.closed_form import Dual, Primal, Rows, balanced, prefers_dual
from ml.heads.ridge import prepared_rows
from ml.tests.heads.builders import blobs
from ml.types import LabeledSet

FORMS = pytest.mark.parametrize("form", [Dual, Primal])


def rows_of(labeled: LabeledSet) -> Rows:
    return prepared_rows(labeled, labeled.embeddings.mean(axis=0, dtype=np.float64))


def refit_without(rows: Rows, group: int, strength: float) -> npt.NDArray[np.float64]:
    """Solve the ridge without one group from scratch, its means included."""
    x, t, v, keep = rows.prepared.astype(float), rows.targets, rows.weights, rows.groups != group
    x_mean, t_mean = (v[keep] @ x[keep]) / v[keep].sum(), (v[keep] @ t[keep]) / v[keep].sum()
    x, t = x - x_mean, t - t_mean
    gram = (x[keep].T * v[keep]) @ x[keep] + strength * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, (x[keep].T * v[keep]) @ t[keep])
    scored: npt.NDArray[np.float64] = x[~keep] @ weights + t_mean
    return scored


@FORMS
@pytest.mark.parametrize("d", [6, 100])
@pytest.mark.parametrize("strength", [0.01, 0.3])
def test_leave_group_out_equals_brute_refits(
    form: type[Dual | Primal], d: int, strength: float
) -> None:
    rows = rows_of(blobs(np.random.default_rng(3), n=40, d=d))
    problem = form.of(rows)

    found = problem.held_out(problem.solve(strength))

    for group in np.unique(rows.groups):
        expected = refit_without(rows, group, strength)
        np.testing.assert_allclose(found[rows.groups == group], expected, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(
    st.tuples(st.integers(3, 20), st.integers(2, 4), st.integers(1, 12), st.integers(2, 6)),
    st.sampled_from([0.01, 0.1, 1.0]),
    st.integers(0, 2**31),
)
def test_both_forms_say_the_same_and_what_brute_refits_say(
    sizes: tuple[int, int, int, int], strength: float, seed: int
) -> None:
    n, k, d, n_groups = sizes
    rows = rows_of(blobs(np.random.default_rng(seed), n=n, k=k, d=d, n_groups=n_groups))
    if len(np.unique(rows.groups)) == 1:
        return
    dual, primal = Dual.of(rows), Primal.of(rows)
    one, other = dual.solve(strength), primal.solve(strength)

    np.testing.assert_allclose(one.weights, other.weights, atol=1e-8)
    np.testing.assert_allclose(one.bias, other.bias, atol=1e-8)
    for found in (dual.held_out(one), primal.held_out(other)):
        for group in np.unique(rows.groups):
            expected = refit_without(rows, group, strength)
            np.testing.assert_allclose(found[rows.groups == group], expected, atol=1e-6)


@FORMS
def test_three_rows_on_a_line_by_hand(form: type[Dual | Primal]) -> None:
    # x = -1, 0, 1 with targets (1,0), (1/2,1/2), (0,1), weights 1, s = 1, each its own group.
    # All: w = (1/2 + 1/2) / (2 + 1) = 1/3 for label 1, bias 1/2.
    # Without x = 1: mean -1/2 and 1/4; w = 2 (1/2 1/4) / (2 (1/4) + 1) = 1/6; 1/4 + 3/2 1/6 = 1/2.
    rows = Rows(
        prepared=np.array([[-1.0], [0.0], [1.0]], dtype=np.float32),
        places=np.arange(3),
        targets=np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]]),
        weights=np.ones(3),
        groups=np.arange(3),
    )
    problem = form.of(rows)

    fit = problem.solve(1.0)

    np.testing.assert_allclose(fit.weights, [[-1 / 3, 1 / 3]])
    np.testing.assert_allclose(fit.bias, [0.5, 0.5])
    np.testing.assert_allclose(problem.held_out(fit), 0.5)


@FORMS
def test_rows_may_lie_in_any_order_with_others_between(form: type[Dual | Primal]) -> None:
    rng = np.random.default_rng(5)
    rows = rows_of(blobs(rng, n=30))
    places = rng.permutation(50)[:30]
    scattered = np.full((50, 8), np.nan, dtype=np.float32)
    scattered[places] = rows.prepared
    moved = Rows(scattered, places, rows.targets, rows.weights, rows.groups)

    one, other = form.of(rows), form.of(moved)

    np.testing.assert_allclose(
        one.held_out(one.solve(0.1)), other.held_out(other.solve(0.1)), atol=1e-10
    )


def test_the_cheaper_form_is_the_dual_up_to_about_as_many_rows_as_columns() -> None:
    assert prefers_dual(1280, 1280)
    assert not prefers_dual(1600, 1280)
    assert prefers_dual(1, 1)


def test_soft_rows_are_balanced_by_the_label_they_count_for() -> None:
    # Label 0 has the rows of weight 1 and 3 (factor 1/2), label 1 one of weight 1; mean 3 / 3.
    targets = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])

    found = balanced(np.array([1.0, 3.0, 1.0]), targets)

    np.testing.assert_allclose(found, [0.5, 1.5, 1.0])
