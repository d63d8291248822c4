"""Labels asked of nearly the same images share a problem, and each is as if it had its own."""

from __future__ import annotations

import numpy as np
import pytest

from ml.heads import partly_known, sigmoid
from ml.heads.closed_form import Dual, Primal, Rows, problem_of

N, K = 40, 4


@pytest.mark.parametrize(("dim", "form"), [(60, Dual), (5, Primal)])
def test_each_label_is_as_if_fitted_on_its_known_rows_alone(
    dim: int, form: type[Dual | Primal]
) -> None:
    rng = np.random.default_rng(3)
    prepared = rng.normal(size=(N, dim)).astype(np.float32)
    groups = rng.integers(0, 12, N)
    targets = rng.integers(0, 2, (N, K)).astype(np.float64)
    known = rng.random((N, K)) < 0.8
    known[:, 0] = True
    unknown = np.where(known, targets, 0.5)
    problem = problem_of(Rows(prepared, np.arange(N), unknown, np.ones(N), groups))
    assert isinstance(problem, form)

    found = partly_known.solve(problem, 0.7, known)

    for column in range(K):
        rows = np.flatnonzero(known[:, column])
        one = targets[rows][:, [column]]
        own = form.of(Rows(prepared, rows, one, np.ones(len(rows)), groups[rows]))
        fit = own.solve(0.7)
        np.testing.assert_allclose(found.weights[:, [column]], fit.weights, atol=1e-8)
        np.testing.assert_allclose(found.bias[column], fit.bias[0], atol=1e-8)
        held_out = found.held_out[rows][:, [column]]
        np.testing.assert_allclose(held_out, own.held_out(fit), atol=1e-8)


def test_an_unknown_cell_says_nothing_whatever_stands_in_it() -> None:
    rng = np.random.default_rng(4)
    prepared, groups = rng.normal(size=(N, 9)).astype(np.float32), np.arange(N)
    targets = rng.integers(0, 2, (N, K)).astype(np.float64)
    known = rng.random((N, K)) < 0.9

    one, other = (
        partly_known.solve(
            problem_of(Rows(prepared, np.arange(N), filled, np.ones(N), groups)), 1.0, known
        )
        for filled in (targets, np.where(known, targets, 7.0))
    )

    np.testing.assert_allclose(one.weights, other.weights, atol=1e-8)
    np.testing.assert_allclose(one.held_out[known], other.held_out[known], atol=1e-8)


def test_a_label_that_many_rows_were_not_asked_about_has_a_problem_of_its_own() -> None:
    """What is shared costs n m^2: made a third of the way in, a label would fill the memory."""
    most = partly_known.MOST_MISSING_ROWS
    known = np.ones((4 * most, 3), dtype=bool)
    known[:most, 1] = False
    known[: most + 1, 2] = False

    together = sigmoid._asked_together(known, np.arange(len(known)))

    assert [columns.tolist() for columns in together] == [[0, 1], [2]]
