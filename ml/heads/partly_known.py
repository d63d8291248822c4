"""One ridge problem for labels that were asked of nearly the same rows.

A label that a few rows were not asked about would need a problem of its own. But a penalised least
squares fit without some rows is the fit to all rows in which their targets are what it says of them
itself. So the problem of all rows is solved once, and each label's missing targets are found from
the hat matrix. With N = I - H - u u' of all rows (`closed_form`), M the missing ones, N_MM = L L'
and V = N_:M L'^-1, the matrix of the rows that are left is N - V V': exact for residuals and for
what heads without a split group say.

Source: the missing-value method of Yates 1933; the rest follows by block elimination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.heads.closed_form import Dual, same_size_groups

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.heads.closed_form import Fit, Primal, Rows

    Matrix = npt.NDArray[np.float64]
    Places = npt.NDArray[np.intp]

MOST_MISSING = 1 / 3
MOST_MISSING_ROWS = 500
"""Of the rows, and how many: with more missing a problem of the label's own costs no more. Each
set of m missing ones costs n m^2 and n m of memory, whatever the width of an embedding."""


@dataclass(frozen=True, slots=True)
class Solved:
    """(d, k) weights, (k,) bias and (n, k) scores of rows by heads without their split group.

    Scores of unknown cells are the head's own.
    """

    weights: Matrix
    bias: Matrix
    held_out: Matrix


def solve(problem: Dual | Primal, strength: float, known: npt.NDArray[np.bool_]) -> Solved:
    """Solve a problem of n rows and k labels in which some of the (n, k) cells are unknown.

    Each label as if it were fitted on its known rows alone; weights of rows are scaled over all.

    Args:
        problem: of all rows; targets of unknown cells are anything finite.
        strength: greater than 0.
        known: (n, k), in each column at least one.
    """
    fit = problem.solve(strength)
    rows = problem.rows
    roots = np.sqrt(rows.weights)[:, None]
    left = _left(problem, fit)
    kept = _kept(problem, fit)
    targets, alone = rows.targets.copy(), np.empty(left.shape)
    patterns, of = np.unique(known, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        columns = np.flatnonzero(of.ravel() == number)
        missing = np.flatnonzero(~patterns[:, number])
        found = _Without.of(kept, missing, left[:, columns])
        targets[np.ix_(missing, columns)] += found.added / roots[missing]
        alone[:, columns] = found.held_out(kept, rows)
    weights, bias = _refitted(problem, fit, targets)
    return Solved(weights, bias, targets - alone / roots)


@dataclass(frozen=True, slots=True)
class _Whole:
    """N as it is."""

    matrix: Matrix

    def columns(self, places: Places) -> Matrix:
        return self.matrix[:, places]

    def blocks(self, members: Places) -> Matrix:
        return self.matrix[members[:, :, None], members[:, None, :]]


@dataclass(frozen=True, slots=True)
class _Factored:
    """N = I - Z Z' - u u', too large to be written down."""

    z: Matrix  # (n, d)
    u: Matrix  # (n,)

    def columns(self, places: Places) -> Matrix:
        found: Matrix = -(self.z @ self.z[places].T) - np.outer(self.u, self.u[places])
        found[places, np.arange(len(places))] += 1
        return found

    def blocks(self, members: Places) -> Matrix:
        z, u = self.z[members], self.u[members]
        hat = z @ z.transpose(0, 2, 1) + u[:, :, None] * u[:, None, :]
        return np.asarray(np.eye(members.shape[1]) - hat)


@dataclass(frozen=True, slots=True)
class _Without:
    """What is left of labels once their missing rows are taken out.

    Attributes:
        missing: (m,) rows.
        v: (n, m) V.
        left: (n, c) whitened residuals; 0 at the missing rows.
        added: (m, c) to the whitened targets of the missing rows.
    """

    missing: Places
    v: Matrix
    left: Matrix
    added: Matrix

    @classmethod
    def of(cls, kept: _Whole | _Factored, missing: Places, left: Matrix) -> _Without:
        from scipy.linalg import cholesky, solve_triangular  # noqa: PLC0415 (off the web's path)

        if not len(missing):
            return cls(missing, np.empty((len(left), 0)), left, np.empty((0, left.shape[1])))
        columns = kept.columns(missing)
        factor = cholesky(columns[missing], lower=True, check_finite=False)
        v = solve_triangular(factor, columns.T, lower=True, check_finite=False).T
        inside = solve_triangular(factor, left[missing], lower=True, check_finite=False)
        added = -solve_triangular(factor.T, inside, lower=False, check_finite=False)
        return cls(missing, v, left - v @ inside, added)

    def held_out(self, kept: _Whole | _Factored, rows: Rows) -> Matrix:
        """Give the (n, c) whitened residuals of rows without their split group."""
        is_missing = np.zeros(len(self.left))
        is_missing[self.missing] = 1.0
        alone = self.left.copy()
        for members in same_size_groups(rows.groups):
            v = self.v[members]
            blocks = kept.blocks(members) - v @ v.transpose(0, 2, 1)
            # A missing row has nothing left, and takes part in nothing.
            places = np.arange(members.shape[1])
            blocks[:, places, places] += is_missing[members]
            alone[members] = np.linalg.solve(blocks, self.left[members])
        return alone


def _left(problem: Dual | Primal, fit: Fit) -> Matrix:
    """Give the (n, k) whitened residuals of all rows."""
    if isinstance(problem, Dual):
        return fit.residuals
    rows = problem.rows
    out = np.empty(rows.targets.shape)
    for block in rows.blocks():
        roots = np.sqrt(rows.weights[block])[:, None]
        out[block] = roots * (rows.targets[block] - rows.at(block) @ fit.weights - fit.bias)
    return out


def _kept(problem: Dual | Primal, fit: Fit) -> _Whole | _Factored:
    from scipy.linalg import lapack, solve_triangular  # noqa: PLC0415

    rows = problem.rows
    u = np.sqrt(rows.weights / rows.weights.sum())
    if isinstance(problem, Dual):
        inverse, _ = lapack.dpotri(fit.factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        return _Whole(fit.strength * inverse - np.outer(u, u))
    z = np.empty((len(rows), rows.dim))
    for block in rows.blocks():
        y = np.sqrt(rows.weights[block])[:, None] * (rows.at(block) - problem.row_mean)
        z[block] = solve_triangular(fit.factor, y.T, lower=True, check_finite=False).T
    return _Factored(z, u)


def _refitted(problem: Dual | Primal, fit: Fit, targets: Matrix) -> tuple[Matrix, Matrix]:
    """Give weights and bias for other targets, by the factor there is."""
    from scipy.linalg import cho_solve  # noqa: PLC0415

    rows = problem.rows
    mean = rows.weights @ targets / rows.weights.sum()
    if isinstance(problem, Dual):
        residuals = np.sqrt(rows.weights)[:, None] * (targets - mean)
        inside = cho_solve((fit.factor, True), residuals, check_finite=False)
        weights = problem.whitened.T @ inside
    else:
        moment = np.zeros((rows.dim, targets.shape[1]))
        for block in rows.blocks():
            y = rows.at(block) - problem.row_mean
            moment += (rows.weights[block][:, None] * y).T @ (targets[block] - mean)
        weights = cho_solve((fit.factor, True), moment, check_finite=False)
    return weights, mean - problem.row_mean @ weights
