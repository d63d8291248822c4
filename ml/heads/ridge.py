"""The default head: closed-form ridge on soft targets, checked by leave-group-out.

One eigendecomposition serves every ridge strength, the exact leave-group-out residuals and the
weights; nothing is iterated and nothing is drawn at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.errors import MlError
from ml.evaluation.geometry import prepare
from ml.heads.calibration import TEMPERATURES, choose_temperature, decided, softmax
from ml.types import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.types import Embeddings, Groups, LabeledSet, Probabilities, Weights

    Matrix = npt.NDArray[np.float64]

STRENGTHS: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
UNCHECKED_STRENGTH = 0.1
UNCHECKED_TEMPERATURE = 10.0
"""What is used where nothing can be left out: the middle of what was measured to work."""

_BLOCK_ROWS = 8192

__all__ = ["EmptyLabeledSetError", "FittedHead", "fit_ridge", "predict", "prepare", "scores"]


class EmptyLabeledSetError(MlError):
    """A head cannot be fitted on nothing."""

    code = "empty_labeled_set"
    status = 409


@dataclass(frozen=True, slots=True)
class FittedHead:
    """A head with the evidence for it.

    Attributes:
        head: fitted on all rows.
        out_of_group: (n, k) what heads fitted without a row's split group say of that row,
            at the head's strength and temperature. Uniform where all rows are of one group.
        log_loss: weighted leave-group-out log-loss of those rows against the label that each
            target decides for (natural log); infinite where all rows are of one group:
            nothing could be left out, nothing is known.
        log_losses: the same for every strength tried, each at its best temperature.
    """

    head: Head
    out_of_group: Probabilities
    log_loss: float
    log_losses: dict[float, float]


def fit_ridge(
    labeled: LabeledSet,
    *,
    strengths: Sequence[float] = STRENGTHS,
    temperatures: Sequence[float] = TEMPERATURES,
) -> FittedHead:
    """Fit a head in closed form; choose strength and temperature by leave-group-out log-loss.

    Rows are centred by the labelled mean and scaled to unit length, then centred again by their
    weighted mean, which also centres the targets. Weights are multiplied by n_y^-1/2 of their
    label (square-root class balance) and scaled to mean 1. Leave-group-out is exact: it equals
    a refit without the group, weighted means included, for these row weights and this centre.
    (Were the means kept, they would give the left-out answers away: centred rows and targets
    sum to 0, so with n <= d and a small strength the others interpolate the missing one.)
    A label without rows keeps score 0: it never wins, and keeps a little probability. Ties
    between strengths go to the stronger one.

    Where all rows are of one split group nothing can be left out: strength 0.1 (or the nearest
    offered) and temperature 10 are used, `log_loss` is infinite and `out_of_group` uniform.

    Args:
        labeled: n >= 1 rows; targets sum to 1 by row, weights are positive.
        strengths: ridge strengths to try, greater than 0.
        temperatures: grid for the softmax, greater than 0.

    Raises:
        EmptyLabeledSetError: no rows.
        ValueError: shapes disagree, targets are no probabilities, a weight or strength is not
            positive, or an embedding is not finite.

    Source: `methods.md` §3.2; Rifkin & Lippert 2007, "Notes on Regularized Least Squares".
    """
    _check(labeled, strengths)
    centre = labeled.embeddings.mean(axis=0, dtype=np.float64)
    problem = _Problem.of(labeled, prepare(labeled.embeddings, centre).astype(np.float64))
    if len(np.unique(labeled.groups)) == 1:
        chosen = min(strengths, key=lambda s: abs(math.log(s / UNCHECKED_STRENGTH)))
        temperature, loss = UNCHECKED_TEMPERATURE, math.inf
        losses = dict.fromkeys((float(s) for s in strengths), math.inf)
        outside = np.full(labeled.targets.shape, 1.0 / labeled.targets.shape[1])
    else:
        truth = decided(labeled.targets)
        held_out = {s: problem.leave_group_out(s, labeled.groups) for s in strengths}
        fits = {
            s: choose_temperature(scored, truth, labeled.weights, temperatures=temperatures)
            for s, scored in held_out.items()
        }
        chosen = min(sorted(fits, reverse=True), key=lambda s: fits[s][1])
        temperature, loss = fits[chosen]
        losses = {float(s): fitted[1] for s, fitted in fits.items()}
        outside = softmax(held_out[chosen], temperature)
    weights, bias = problem.solve(chosen)
    head = Head(weights, bias, centre, temperature, float(chosen), labeled.label_order)
    return FittedHead(head, outside, loss, losses)


def scores(head: Head, embeddings: Embeddings) -> npt.NDArray[np.float64]:
    """Give the (n, k) linear scores of raw (n, d) embeddings, in blocks of bounded memory."""
    weights = head.weights.astype(np.float32)
    found = np.empty((len(embeddings), len(head.bias)), dtype=np.float64)
    for start in range(0, len(embeddings), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        found[rows] = prepare(embeddings[rows], head.centre) @ weights
    return found + head.bias


def predict(head: Head, embeddings: Embeddings) -> Probabilities:
    """Give the (n, k) calibrated probabilities of raw (n, d) embeddings."""
    return softmax(scores(head, embeddings), head.temperature)


def balanced(weights: Weights, targets: Probabilities) -> Weights:
    """Scale (n,) weights by n_y^-1/2 of their labels, then to mean 1."""
    mass = weights @ targets  # (k,)
    factors = np.divide(1.0, np.sqrt(mass), out=np.zeros_like(mass), where=mass > 0)
    scaled: Weights = weights * (targets @ factors)
    scaled /= scaled.mean()
    return scaled


@dataclass(frozen=True, slots=True)
class _Problem:
    """A weighted, doubly centred ridge problem and its spectrum.

    With Y = sqrt(V) X~ and R = sqrt(V) T~, the hat matrix at strength s is P diag(1/(e+s)) P',
    where e are the eigenvalues of YY' (dual) or Y'Y (primal), whichever is smaller, and P are
    its vectors scaled by sqrt(e): the same n x r matrix for both.
    """

    rows: Matrix  # (n, d) Y
    residuals: Matrix  # (n, k) R
    roots: Matrix  # (n, 1) sqrt of the balanced weights
    targets: Probabilities
    row_mean: Matrix  # (d,)
    target_mean: Matrix  # (k,)
    eigenvalues: Matrix  # (r,)
    vectors: Matrix  # (n, r) P
    projected: Matrix  # (r, k) P'R

    @classmethod
    def of(cls, labeled: LabeledSet, prepared: Matrix) -> _Problem:
        weights = balanced(labeled.weights, labeled.targets)
        share = weights / weights.sum()
        row_mean, target_mean = share @ prepared, share @ labeled.targets
        roots = np.sqrt(weights)[:, None]
        rows = roots * (prepared - row_mean)
        residuals = roots * (labeled.targets - target_mean)
        eigenvalues, vectors = _spectrum(rows)
        projected = vectors.T @ residuals
        return cls(
            rows, residuals, roots, labeled.targets, row_mean, target_mean,
            eigenvalues, vectors, projected,
        )  # fmt: skip

    def unexplained(self, strength: float) -> Matrix:
        """Give (n, k) (I - H) R."""
        shrunk = self.projected / (self.eigenvalues + strength)[:, None]
        return self.residuals - self.vectors @ shrunk

    def solve(self, strength: float) -> tuple[Matrix, Matrix]:
        """Give the (d, k) weights and the (k,) bias."""
        weights = self.rows.T @ self.unexplained(strength) / strength
        return weights, self.target_mean - self.row_mean @ weights

    def leave_group_out(self, strength: float, groups: Groups) -> Matrix:
        """Give (n, k) scores of every row by the head fitted without its split group.

        The residual of group g is (I - H_gg - u_g u_g')^-1 ((I - H) R)_g; u = sqrt(v / sum v)
        is the hat matrix of the means, so that they are refitted without the group as well.
        """
        left = self.unexplained(strength)
        shrink = 1.0 / (self.eigenvalues + strength)
        means = self.roots / np.linalg.norm(self.roots)  # (n, 1)
        for members in _same_size_groups(groups):  # (groups of one size, size)
            block = self.vectors[members]  # (G, b, r)
            kept = np.eye(members.shape[1]) - (block * shrink) @ block.transpose(0, 2, 1)
            kept -= means[members] @ means[members].transpose(0, 2, 1)
            left[members] = np.linalg.solve(kept, left[members])
        return self.targets - left / self.roots


def _spectrum(rows: Matrix) -> tuple[Matrix, Matrix]:
    """Give the eigenvalues (r,) and the scaled vectors (n, r) of the smaller Gram matrix."""
    n, d = rows.shape
    if n <= d:
        eigenvalues, vectors = np.linalg.eigh(rows @ rows.T)
        eigenvalues = np.maximum(eigenvalues, 0.0)
        return eigenvalues, vectors * np.sqrt(eigenvalues)
    eigenvalues, directions = np.linalg.eigh(rows.T @ rows)
    return np.maximum(eigenvalues, 0.0), rows @ directions


def _same_size_groups(groups: Groups) -> list[npt.NDArray[np.intp]]:
    """Collect row positions as one (G, b) array for every group size b."""
    order = np.argsort(groups, kind="stable")
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    return [order[starts[counts == size][:, None] + np.arange(size)] for size in np.unique(counts)]


def _check(labeled: LabeledSet, strengths: Sequence[float]) -> None:
    n, k = labeled.targets.shape
    if n == 0:
        message = "There are no labeled images to fit a head on; answer at least one first."
        raise EmptyLabeledSetError(message)
    lengths = {len(labeled.embeddings), len(labeled.weights), len(labeled.groups), n}
    if len(lengths) > 1 or k != len(labeled.label_order):
        message = f"rows or labels disagree: {sorted(lengths)} rows, {k} target columns, "
        raise ValueError(message + f"{len(labeled.label_order)} labels")
    if not np.allclose(labeled.targets.sum(axis=1), 1.0, atol=1e-5) or labeled.targets.min() < 0:
        message = "targets are not probabilities: every row must be >= 0 and sum to 1"
        raise ValueError(message)
    if not strengths or min(strengths) <= 0 or labeled.weights.min() <= 0:
        message = "ridge strengths and weights must be greater than 0"
        raise ValueError(message)
    if not np.isfinite(labeled.embeddings).all():
        message = "an embedding holds a value that is not finite"
        raise ValueError(message)
