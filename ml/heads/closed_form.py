"""Ridge regression on soft targets, solved in closed form, and what it says with a group left out.

Two forms of one problem. With Y = sqrt(V) (X - mean) and R = sqrt(V) (T - mean), n rows, d columns:

- dual: W = Y' a, (YY' + s I) a = R; costs n^2 d + n^3, for few rows;
- primal: (Y'Y + s I) W = Y'R; costs n d^2 + d^3, for many, and follows from sums over the rows.

Both give the scores of a row by the head fitted without its split group g exactly:
its target less (I - H_gg - u_g u_g')^-1 times its residual. H is the hat matrix and u u' that of
the means, u = sqrt(v / sum v), so that these are refitted without the group as well.

Source: `methods.md` §3.2; Rifkin & Lippert 2007, "Notes on Regularized Least Squares".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Indices, Labels, Probabilities, Weights

    Matrix = npt.NDArray[np.float64]

BLOCK_ROWS = 4096
"""Rows in double precision at a time: 40 MB at d = 1280."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Prepared rows with what they are fitted to.

    Attributes:
        prepared: (m, d) centred unit rows, in any order.
        places: (n,) which of them, in the order of everything below.
        targets: (n, k), rows sum to 1.
        weights: (n,) balanced, mean 1.
        groups: (n,) split groups.
    """

    prepared: Embeddings
    places: Indices
    targets: Probabilities
    weights: Weights
    groups: Groups

    def __len__(self) -> int:
        return len(self.places)

    @property
    def dim(self) -> int:
        """Give d."""
        return int(self.prepared.shape[1])

    def at(self, positions: Indices) -> Matrix:
        """Give the (b, d) prepared rows at these positions in double precision."""
        return self.prepared[self.places[positions]].astype(np.float64)

    def blocks(self) -> Iterator[Indices]:
        """Give all positions, a block at a time."""
        for start in range(0, len(self), BLOCK_ROWS):
            yield np.arange(start, min(start + BLOCK_ROWS, len(self)))


def label_of(targets: Probabilities) -> Labels:
    """Give the (n,) label that each row counts for: the likeliest, the first of equals."""
    return np.asarray(targets.argmax(axis=1), dtype=np.int64)


def balanced(weights: Weights, targets: Probabilities) -> Weights:
    """Scale (n,) weights by n_y^-1/2 of the label they count for, then to mean 1."""
    label = label_of(targets)
    mass = np.bincount(label, weights=weights, minlength=targets.shape[1])  # (k,)
    scaled: Weights = weights / np.sqrt(mass[label])
    scaled /= scaled.mean()
    return scaled


@dataclass(frozen=True, slots=True)
class Fit:
    """A head's (d, k) weights and (k,) bias at one strength, and the factor they came from."""

    weights: Matrix
    bias: Matrix
    strength: float
    factor: Matrix  # lower Cholesky factor, (n, n) or (d, d)
    residuals: Matrix  # what of R is left: (n, k) in the dual; empty in the primal


class Problem(Protocol):
    """A ridge problem in one of its forms."""

    @property
    def rows(self) -> Rows:
        """Give what it is formed of."""

    def solve(self, strength: float) -> Fit:
        """Fit at one strength, greater than 0."""

    def held_out(self, fit: Fit) -> Matrix:
        """Give (n, k) scores of every row by the head fitted without its split group."""


def problem_of(rows: Rows) -> Dual | Primal:
    """Take the form that costs less."""
    return Dual.of(rows) if prefers_dual(len(rows), rows.dim) else Primal.of(rows)


def prefers_dual(n: int, d: int) -> bool:
    """Tell whether the dual costs fewer multiplications: Gram matrix, factor, leave-group-out."""
    return n**2 * d + n**3 <= 2 * n * d**2 + d**3 / 3


@dataclass(frozen=True, slots=True)
class Dual:
    """The problem by its (n, n) Gram matrix."""

    rows: Rows
    whitened: Matrix  # (n, d) Y
    residuals: Matrix  # (n, k) R
    gram: Matrix  # (n, n) YY'
    row_mean: Matrix
    target_mean: Matrix

    @classmethod
    def of(cls, rows: Rows) -> Dual:
        """Form it."""
        share = rows.weights / rows.weights.sum()
        prepared = rows.at(np.arange(len(rows)))
        row_mean, target_mean = share @ prepared, share @ rows.targets
        roots = np.sqrt(rows.weights)[:, None]
        whitened = roots * (prepared - row_mean)
        residuals = roots * (rows.targets - target_mean)
        return cls(rows, whitened, residuals, whitened @ whitened.T, row_mean, target_mean)

    def solve(self, strength: float) -> Fit:
        """Fit at one strength."""
        from scipy.linalg import cho_solve  # noqa: PLC0415 (kept off the web's import path)

        factor = _factor(self.gram, strength)
        inside = cho_solve((factor, True), self.residuals, check_finite=False)
        weights = self.whitened.T @ inside
        bias = self.target_mean - self.row_mean @ weights
        return Fit(weights, bias, strength, factor, strength * inside)

    def held_out(self, fit: Fit) -> Matrix:
        """Give the leave-group-out scores; I - H is s (YY' + s I)^-1."""
        from scipy.linalg import lapack  # noqa: PLC0415

        inverse, _ = lapack.dpotri(fit.factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        left = fit.residuals.copy()
        for members in same_size_groups(self.rows.groups):
            kept = fit.strength * inverse[members[:, :, None], members[:, None, :]]
            left[members] = np.linalg.solve(_without_mean(kept, members, self.rows), left[members])
        return self.rows.targets - left / np.sqrt(self.rows.weights)[:, None]


@dataclass(frozen=True, slots=True)
class Primal:
    """The problem by its (d, d) normal equations; the rows are needed for leaving groups out."""

    rows: Rows
    gram: Matrix  # (d, d) Y'Y
    moment: Matrix  # (d, k) Y'R
    row_mean: Matrix
    target_mean: Matrix

    @classmethod
    def of(cls, rows: Rows) -> Primal:
        """Form it in one pass over the rows."""
        n, k = rows.targets.shape
        gram, moment = np.zeros((rows.dim, rows.dim)), np.zeros((rows.dim, k))
        row_sum = np.zeros(rows.dim)
        for block in rows.blocks():
            x, v = rows.at(block), rows.weights[block]
            weighted = v[:, None] * x
            gram += weighted.T @ x
            moment += weighted.T @ rows.targets[block]
            row_sum += v @ x
        return cls.centred(rows, gram, moment, row_sum / n, rows.weights @ rows.targets / n)

    @classmethod
    def centred(
        cls, rows: Rows, gram: Matrix, moment: Matrix, row_mean: Matrix, target_mean: Matrix
    ) -> Primal:
        """Take the means out of X'VX and X'VT; weights have mean 1."""
        n = len(rows)
        gram = gram - n * np.outer(row_mean, row_mean)
        return cls(
            rows, gram, moment - n * np.outer(row_mean, target_mean), row_mean, target_mean
        )  # fmt: skip

    def solve(self, strength: float) -> Fit:
        """Fit at one strength."""
        from scipy.linalg import cho_solve  # noqa: PLC0415

        factor = _factor(self.gram, strength)
        weights = cho_solve((factor, True), self.moment, check_finite=False)
        bias = self.target_mean - self.row_mean @ weights
        return Fit(weights, bias, strength, factor, np.empty((0, len(bias))))

    def held_out(self, fit: Fit) -> Matrix:
        """Give the leave-group-out scores; H_gg is Z_g Z_g' with Z = Y L'^-1."""
        from scipy.linalg import solve_triangular  # noqa: PLC0415

        rows, scores = self.rows, np.empty(self.rows.targets.shape)
        for members in _bounded(same_size_groups(rows.groups)):
            flat = members.ravel()
            roots = np.sqrt(rows.weights[flat])[:, None]
            x = rows.at(flat)
            left = roots * (rows.targets[flat] - x @ fit.weights - fit.bias)
            y = roots * (x - self.row_mean)
            z = solve_triangular(fit.factor, y.T, lower=True, check_finite=False).T
            z = z.reshape(*members.shape, -1)
            kept = np.eye(members.shape[1]) - z @ z.transpose(0, 2, 1)
            left = left.reshape(*members.shape, -1)
            alone = np.linalg.solve(_without_mean(kept, members, rows), left)
            scores[flat] = rows.targets[flat] - alone.reshape(len(flat), -1) / roots
        return scores


def same_size_groups(groups: Groups) -> list[npt.NDArray[np.intp]]:
    """Collect row positions as one (G, b) array for every group size b."""
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    return [order[starts[counts == size][:, None] + np.arange(size)] for size in np.unique(counts)]


def _factor(gram: Matrix, strength: float) -> Matrix:
    """Give the lower Cholesky factor of gram + strength I."""
    from scipy.linalg import cholesky  # noqa: PLC0415

    ridged = gram.copy()
    ridged[np.diag_indices_from(ridged)] += strength
    factor: Matrix = cholesky(ridged, lower=True, overwrite_a=True, check_finite=False)
    return factor


def _without_mean(kept: Matrix, members: npt.NDArray[np.intp], rows: Rows) -> Matrix:
    """Take the hat matrix of the means, u_g u_g', from (G, b, b) blocks."""
    u = np.sqrt(rows.weights[members] / rows.weights.sum())
    blocks: Any = kept - u[:, :, None] * u[:, None, :]
    return np.asarray(blocks)


def _bounded(sized: list[npt.NDArray[np.intp]]) -> Iterator[npt.NDArray[np.intp]]:
    """Cut (G, b) arrays of groups so that each holds about a block of rows."""
    for members in sized:
        step = max(1, BLOCK_ROWS // members.shape[1])
        for start in range(0, len(members), step):
            yield members[start : start + step]
