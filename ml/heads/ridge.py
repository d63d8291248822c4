"""The default head: closed-form ridge on soft targets, checked by leave-group-out.

Nothing is iterated and nothing is drawn at random. Strength and temperature are chosen by
leave-group-out now and then (`fit_ridge`); between two choices a head is fitted as chosen
(`fit_as_chosen`), which costs a tenth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ml.errors import MlError
from ml.evaluation.geometry import prepare
from ml.evaluation.metrics import log_loss
from ml.heads import class_means
from ml.heads.calibration import TEMPERATURES, calibrated, choose_temperature, decided, softmax
from ml.heads.closed_form import Rows, balanced, label_of, prefers_dual, problem_of
from ml.types import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.heads.closed_form import Fit, Problem
    from ml.types import Embeddings, LabeledSet, Probabilities

    Matrix = npt.NDArray[np.float64]

STRENGTHS: tuple[float, ...] = (0.01, 0.03, 0.1, 0.3, 1.0)
MEANS_SHARE = 0.5
"""The share of class means in the scores below `MEANS_BELOW` images a label seen.

On the photographs the half-and-half head is right 1 to 4 points more often there than ridge alone;
with more labels its probabilities mislead the choice of images, even where it is right more often.
"""

MEANS_BELOW = 2

UNCHECKED_STRENGTH = 0.1
UNCHECKED_TEMPERATURE = 10.0
"""What is used where nothing can be left out: the middle of what was measured to work."""

CHOSEN_AGAIN_AT = 1.1
"""Strength and temperature are chosen again when there are so many times the labels."""

ALWAYS_CHOSEN_BELOW = 500
"""Labels up to which a choice costs less than a blink and is made with every head."""

_BLOCK_ROWS = 8192

__all__ = [
    "Choice",
    "EmptyLabeledSetError",
    "FittedHead",
    "balanced",
    "fit_as_chosen",
    "fit_ridge",
    "for_labels",
    "is_choice_due",
    "predict",
    "prepare",
    "prepared_rows",
    "scores",
    "solve_as_chosen",
    "taken_over",
]  # fmt: skip


class EmptyLabeledSetError(MlError):
    """A head cannot be fitted on nothing."""

    code = "empty_labeled_set"
    status = 409


@dataclass(frozen=True, slots=True)
class Choice:
    """What is not fitted but chosen, and holds until there are a tenth more labels.

    Attributes:
        strength: of the ridge, greater than 0.
        temperature: multiplies the scores before the softmax.
        centre: (d,) subtracted from embeddings before they are scaled to unit length.
        n_labels: how many labeled images it was chosen on.
    """

    strength: float
    temperature: float
    centre: Matrix
    n_labels: int


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
        choice: strength, temperature and centre, and on how many labels they were chosen.
    """

    head: Head
    out_of_group: Probabilities
    log_loss: float
    log_losses: dict[float, float]
    choice: Choice


def fit_ridge(
    labeled: LabeledSet,
    *,
    strengths: Sequence[float] = STRENGTHS,
    temperatures: Sequence[float] = TEMPERATURES,
    share: float | None = None,
) -> FittedHead:
    """Fit a head in closed form; choose what is to choose by leave-group-out log-loss.

    Rows are centred by the labelled mean and scaled to unit length, then centred again by their
    weighted mean, which also centres the targets. Weights are multiplied by n_y^-1/2 of their
    label (square-root class balance) and scaled to mean 1. Leave-group-out is exact: it equals
    a refit without the group, weighted means included, for these row weights and this centre.
    (Were the means kept, they would give the left-out answers away: centred rows and targets
    sum to 0, so with n <= d and a small strength the others interpolate the missing one.)
    A label without rows keeps score 0: it never wins, and keeps a little probability. Ties
    between strengths go to the stronger one.

    Below two images a label seen, half of the scores are those of class means.

    Where all rows are of one split group nothing can be left out: strength 0.1 (or the nearest
    offered) and temperature 10 are used, `log_loss` is infinite and `out_of_group` uniform.

    Args:
        labeled: n >= 1 rows; targets sum to 1 by row, weights are positive.
        strengths: ridge strengths to try, greater than 0.
        temperatures: grid for the softmax, greater than 0.
        share: of class means in the scores, 0 to 1; by default what the labels ask for.

    Raises:
        EmptyLabeledSetError: no rows.
        ValueError: shapes disagree, targets are no probabilities, a weight or strength is not
            positive, or an embedding is not finite.

    Source: `methods.md` §3.2.
    """
    _check(labeled, strengths)
    centre = labeled.embeddings.mean(axis=0, dtype=np.float64)
    rows = prepared_rows(labeled, centre)
    means = _Means.of(rows, share)
    problem = problem_of(rows)
    if len(np.unique(labeled.groups)) == 1:
        chosen = min(strengths, key=lambda s: abs(math.log(s / UNCHECKED_STRENGTH)))
        choice = Choice(float(chosen), UNCHECKED_TEMPERATURE, centre, len(rows))
        losses = dict.fromkeys((float(s) for s in strengths), math.inf)
        head = _head(problem.solve(chosen), means, choice, labeled.label_order)
        return FittedHead(head, _uniform(labeled), math.inf, losses, choice)
    return _best(labeled, problem, means, _Tried(strengths, temperatures, centre))


def fit_as_chosen(
    labeled: LabeledSet, choice: Choice, *, problem: Problem | None = None
) -> FittedHead:
    """Fit a head at a strength, temperature and centre that were chosen before.

    Leave-group-out is as exact as in `fit_ridge`; the loss is that at the temperature as it is.

    Args:
        labeled: as for `fit_ridge`.
        choice: what to fit at.
        problem: of exactly these rows, where the caller has kept one.

    Raises:
        EmptyLabeledSetError, ValueError: as `fit_ridge`.
    """
    _check(labeled, (choice.strength,))
    problem = problem or problem_of(prepared_rows(labeled, choice.centre))
    means = _Means.of(problem.rows)
    fit = problem.solve(choice.strength)
    head = _head(fit, means, choice, labeled.label_order)
    if len(np.unique(labeled.groups)) == 1:
        losses = {choice.strength: math.inf}
        return FittedHead(head, _uniform(labeled), math.inf, losses, choice)
    outside = softmax(means.mixed(problem.held_out(fit)), choice.temperature)
    loss = log_loss(decided(labeled.targets), outside, labeled.weights)
    return FittedHead(head, outside, loss, {choice.strength: loss}, choice)


def taken_over(choice: Choice, labeled: LabeledSet) -> Choice:
    """Give a choice for these rows: the centre moves with them where that costs nothing.

    In the primal it stays, or every row that the kept sums are made of would change.
    """
    n, d = labeled.embeddings.shape
    if not prefers_dual(n, d):
        return choice
    return replace(choice, centre=labeled.embeddings.mean(axis=0, dtype=np.float64))


def for_labels(head: Head, shares: Matrix, label_order: tuple[str, ...]) -> Head:
    """Give the head for other labels, as fitted on targets that are shared out so.

    Args:
        head: of k labels.
        shares: (k, k') how much of each label goes to each new one (`kept.label_shares`).
        label_order: k' codes. A new label scores 0: it never wins before it has an image.
    """
    return replace(
        head, weights=head.weights @ shares, bias=head.bias @ shares, label_order=label_order
    )


def solve_as_chosen(labeled: LabeledSet, choice: Choice) -> Head:
    """Fit a head as `fit_as_chosen` does, and leave nothing out: nobody asks for the evidence."""
    _check(labeled, (choice.strength,))
    problem = problem_of(prepared_rows(labeled, choice.centre))
    return _head(
        problem.solve(choice.strength), _Means.of(problem.rows), choice, labeled.label_order
    )


def is_choice_due(choice: Choice | None, n: int) -> bool:
    """Tell whether strength and temperature are to be chosen again at n labels.

    They are at a tenth more labels (or fewer) than they were chosen on, and always while that
    costs next to nothing.
    """
    if choice is None or n <= ALWAYS_CHOSEN_BELOW:
        return True
    few, many = sorted((n, choice.n_labels))
    return many >= CHOSEN_AGAIN_AT * few


def means_share(targets: Probabilities) -> float:
    """Give the share of class means for (n, k) targets: by how many rows a label seen has."""
    seen = len(np.unique(label_of(targets)))
    return MEANS_SHARE if len(targets) < MEANS_BELOW * seen else 0.0


def prepared_rows(labeled: LabeledSet, centre: Matrix) -> Rows:
    """Centre and scale the embeddings, and balance the weights."""
    return Rows(
        prepared=prepare(labeled.embeddings, centre),
        places=np.arange(len(labeled.embeddings)),
        targets=labeled.targets,
        weights=balanced(labeled.weights, labeled.targets),
        groups=labeled.groups,
    )


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
    return calibrated(head, scores(head, embeddings))


@dataclass(frozen=True, slots=True)
class _Means:
    """Class means as weights, what they say of rows left out, and how much that counts."""

    share: float
    weights: Matrix  # (d, k), or nothing
    held_out: Matrix  # (n, k), or nothing

    @classmethod
    def of(cls, rows: Rows, share: float | None = None) -> _Means:
        share = means_share(rows.targets) if share is None else share
        if share == 0:
            return cls(0.0, np.empty((0, 0)), np.empty((0, 0)))
        sums = class_means.label_sums(rows)
        return cls(share, class_means.directions(sums), class_means.held_out(rows, sums))

    def mixed(self, held_out: Matrix) -> Matrix:
        """Mix (n, k) scores of the ridge with those of the means."""
        if self.share == 0:
            return held_out
        return (1 - self.share) * held_out + self.share * self.held_out


@dataclass(frozen=True, slots=True)
class _Tried:
    """What is tried, and the centre it is tried with."""

    strengths: Sequence[float]
    temperatures: Sequence[float]
    centre: Matrix


def _best(labeled: LabeledSet, problem: Problem, means: _Means, tried: _Tried) -> FittedHead:
    """Try every strength, the strongest first; keep the first of the best."""
    truth = decided(labeled.targets)
    losses: dict[float, float] = {}
    best: tuple[Fit, Choice, Matrix] | None = None
    for strength in sorted(tried.strengths, reverse=True):
        fit = problem.solve(strength)
        said = means.mixed(problem.held_out(fit))
        temperature, loss = choose_temperature(
            said, truth, labeled.weights, temperatures=tried.temperatures
        )
        if best is None or loss < min(losses.values()):
            choice = Choice(float(strength), temperature, tried.centre, len(truth))
            best = fit, choice, said
        losses[float(strength)] = loss
    assert best is not None  # noqa: S101 - there is at least one strength
    fit, choice, said = best
    head = _head(fit, means, choice, labeled.label_order)
    outside = softmax(said, choice.temperature)
    return FittedHead(head, outside, losses[choice.strength], losses, choice)


def _uniform(labeled: LabeledSet) -> Probabilities:
    return np.full(labeled.targets.shape, 1.0 / labeled.targets.shape[1])


def _head(fit: Fit, means: _Means, choice: Choice, label_order: tuple[str, ...]) -> Head:
    weights, bias = fit.weights, fit.bias
    if means.share > 0:
        weights = (1 - means.share) * weights + means.share * means.weights
        bias = (1 - means.share) * bias
    return Head(weights, bias, choice.centre, choice.temperature, choice.strength, label_order)


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
