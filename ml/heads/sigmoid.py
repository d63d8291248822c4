"""The head of a project with several labels an image: one yes or no a label.

The scores are those of the ridge (`closed_form`), fitted to what is known of each label; a slope
and an offset a label turn them into probabilities, fitted on leave-group-out scores. Probabilities
of an image do not sum to 1: a photograph may show a mountain and a glacier, or neither.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation.geometry import prepare
from ml.evaluation.yes_or_no import sigmoid
from ml.heads import partly_known
from ml.heads.calibration import NOTHING_ACCEPTED, calibrated, lowest_bar
from ml.heads.closed_form import Rows, problem_of
from ml.heads.ridge import STRENGTHS, EmptyLabeledSetError
from ml.types import Head, Sigmoids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.heads.closed_form import Dual, Primal
    from ml.types import Embeddings, Groups, Weights

    Matrix = npt.NDArray[np.float64]
    Known = npt.NDArray[np.bool_]

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Answered:
    """What is known of n images and k labels, each a question of its own.

    Attributes:
        embeddings: (n, d), raw.
        yes: (n, k) probability in [0, 1] that the image shows the label; anything where unknown.
        known: (n, k) whether the image was asked about the label. A page that lists all labels
            asks about all; "does it show a glacier?" asks about one.
        weights: (n,) positive.
        groups: (n,) split groups.
        label_order: label codes, one a column.
    """

    embeddings: Embeddings
    yes: Matrix
    known: Known
    weights: Weights
    groups: Groups
    label_order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FittedSigmoid:
    """A head with what heads fitted without each image's split group say of that image.

    Attributes:
        head: fitted on everything known; its thresholds say nothing yet (`thresholds`).
        out_of_group: (n, k) probabilities; of unknown cells too, but nothing rests on those.
        log_loss: mean over known cells, weighted by image, in nats.
        log_losses: the same for every strength tried.
    """

    head: Head
    out_of_group: Matrix
    log_loss: float
    log_losses: dict[float, float]


__all__ = ["Answered", "FittedSigmoid", "fit_sigmoid", "log_loss", "predict", "thresholds"]


def fit_sigmoid(answered: Answered, *, strengths: Sequence[float] = STRENGTHS) -> FittedSigmoid:
    """Fit a head to yes and no, and choose its strength by leave-group-out log-loss.

    Labels that were asked of the same images share one ridge problem; a label asked of a few
    images is fitted on those alone. A label that was never asked says 0.5 of everything, one whose
    answers were all alike says their smoothed share: 3 times yes is (3 + 1) / (3 + 2).

    Calibration is fitted on the scores it is judged by, two numbers a label: with fewer than
    about ten images of a label the log-loss is a little kind.

    Args:
        answered: at least one image and one known cell.
        strengths: ridge strengths to try, greater than 0. Ties go to the stronger one.

    Raises:
        EmptyLabeledSetError: nothing is known.
        ValueError: shapes disagree, a known cell is no probability, a weight or strength is not
            positive.

    Source: Platt 1999, "Probabilistic Outputs for Support Vector Machines"; the ridge as in
    `methods.md` §3.2.
    """
    _check(answered, strengths)
    centre = answered.embeddings.mean(axis=0, dtype=np.float64)
    prepared = prepare(answered.embeddings, centre)
    asked = _asked(answered, prepared)
    losses: dict[float, float] = {}
    best: tuple[float, Head, Matrix] | None = None
    for strength in sorted(strengths, reverse=True):
        weights, bias, outside = _scores(asked, answered, prepared, strength)
        slope, offset = _calibration(answered, outside)
        said = sigmoid(slope * outside + offset)
        loss = log_loss(answered, said)
        losses[float(strength)] = loss
        if best is None or loss < best[0]:
            nothing = np.full(len(slope), NOTHING_ACCEPTED)
            head = Head(
                weights, bias, centre, 1.0, float(strength), answered.label_order,
                Sigmoids(slope, offset, nothing),
            )  # fmt: skip
            best = loss, head, said
    assert best is not None  # noqa: S101 - there is at least one strength
    loss, head, said = best
    return FittedSigmoid(head, said, loss, losses)


def predict(head: Head, embeddings: Embeddings) -> Matrix:
    """Give the (n, k) probabilities of raw (n, d) embeddings, each label on its own."""
    return calibrated(head, prepare(embeddings, head.centre) @ head.weights + head.bias)


def thresholds(
    fitted: FittedSigmoid, answered: Answered, *, precision: float = 0.9, min_rows: int = 10
) -> Matrix:
    """Give the (k,) probabilities from which a label is said, so that it is right often enough.

    Each is the lowest bar at which the known out-of-group rows above it reach `precision`; one met
    by fewer than `min_rows` is luck. `NOTHING_ACCEPTED` where no bar reaches it. Never below one
    half: where the likely rows are nearly all right, a lower bar would let in what is more likely
    not there, and still be right often enough over all (photographs of two things were said to
    show a third at 0.08).
    """
    bars = np.empty(len(answered.label_order))
    for column in range(len(bars)):
        rows = answered.known[:, column] & (fitted.out_of_group[:, column] >= 0.5)
        bars[column] = lowest_bar(
            fitted.out_of_group[rows, column],
            answered.yes[rows, column] > 0.5,
            answered.weights[rows],
            target=precision,
            min_rows=min_rows,
        )
    return bars


def log_loss(answered: Answered, said: Matrix) -> float:
    """Give the log-loss of (n, k) probabilities over the known cells, weighted by image, in nats.

    Against what each cell decides for: yes above one half, no below, itself at one half.
    """
    truth = _decided(answered.yes)
    kept = np.clip(said, _TINY, 1 - _TINY)
    cells = -(truth * np.log(kept) + (1 - truth) * np.log1p(-kept))
    weights = answered.known * answered.weights[:, None]
    return float((weights * np.where(answered.known, cells, 0.0)).sum() / weights.sum())


@dataclass(frozen=True, slots=True)
class _Asked:
    """Labels that were asked of the same images, or nearly, and their ridge problem.

    `known` says of which of the rows each label is known, where that is not all.
    """

    columns: npt.NDArray[np.intp]
    rows: npt.NDArray[np.intp]
    problem: Dual | Primal
    is_one_group: bool
    known: Known | None = None


def _asked(answered: Answered, prepared: Embeddings) -> list[_Asked]:
    """Form every problem once, whatever strengths are tried.

    Labels that most of the images were asked about share one (`partly_known`).
    """
    found = []
    for columns in _asked_together(answered.known, answered.groups):
        rows = np.flatnonzero(answered.known[:, columns].any(axis=1))
        if not len(rows):
            continue
        known = answered.known[np.ix_(rows, columns)]
        mean_one = answered.weights[rows] / answered.weights[rows].mean()
        groups = answered.groups[rows]
        targets = np.where(known, answered.yes[np.ix_(rows, columns)], 0.5)
        problem = problem_of(Rows(prepared, rows, targets, mean_one, groups))
        is_one_group = len(np.unique(groups)) == 1
        found.append(_Asked(columns, rows, problem, is_one_group, None if known.all() else known))
    return found


def _scores(
    asked: Sequence[_Asked], answered: Answered, prepared: Embeddings, strength: float
) -> tuple[Matrix, Matrix, Matrix]:
    """Fit every label on the images it was asked of; give weights, bias and out-of-group scores."""
    n, k = answered.yes.shape
    weights, bias = np.zeros((prepared.shape[1], k)), np.zeros(k)
    outside = np.zeros((n, k))
    for each in asked:
        columns = each.columns
        if each.known is not None:
            found = partly_known.solve(each.problem, strength, each.known)
            weights[:, columns], bias[columns] = found.weights, found.bias
            outside[:, columns] = prepared @ found.weights + found.bias
            known = answered.known[:, columns]
            held_out = np.zeros(known.shape)
            held_out[each.rows] = found.held_out
            outside[:, columns] = np.where(known, held_out, outside[:, columns])
            continue
        fit = each.problem.solve(strength)
        weights[:, columns], bias[columns] = fit.weights, fit.bias
        outside[:, columns] = prepared @ fit.weights + fit.bias
        # With one group nothing can be left out: these rows stay uncalibrated, at their mean.
        held_out = fit.bias if each.is_one_group else each.problem.held_out(fit)
        outside[np.ix_(each.rows, columns)] = held_out
    return weights, bias, outside


def _asked_together(known: Known, groups: Groups) -> list[npt.NDArray[np.intp]]:
    """Collect the labels that most images were asked about, and the others by what was asked.

    The others were asked of exactly the same images each.
    """
    missing = ~known[known.any(axis=1)]
    is_common = missing.mean(axis=0) <= partly_known.MOST_MISSING
    is_common &= missing.sum(axis=0) <= partly_known.MOST_MISSING_ROWS
    for column in np.flatnonzero(is_common):
        # Of a single group nothing can be left out.
        is_common[column] = len(np.unique(groups[known[:, column]])) > 1
    common, rare = np.flatnonzero(is_common), np.flatnonzero(~is_common)
    found = [common] if len(common) else []
    if len(rare):
        _, of = np.unique(known[:, rare], axis=1, return_inverse=True)
        found += [rare[of.ravel() == each] for each in range(int(of.max()) + 1)]
    return found


def _calibration(answered: Answered, outside: Matrix) -> tuple[Matrix, Matrix]:
    """Fit the (k,) slopes and offsets that make out-of-group scores probabilities."""
    truth = _decided(answered.yes)
    slope, offset = np.zeros(truth.shape[1]), np.zeros(truth.shape[1])
    for column in range(len(slope)):
        rows = answered.known[:, column]
        slope[column], offset[column] = _platt(
            outside[rows, column], truth[rows, column], answered.weights[rows]
        )
    return slope, offset


def _platt(scores: Matrix, truth: Matrix, weights: Weights) -> tuple[float, float]:
    """Fit slope >= 0 and offset to (m,) scores and what is true, smoothed by one yes and one no."""
    n_yes, n_no = float(truth.sum()), float((1 - truth).sum())
    share = math.log((n_yes + 1) / (n_no + 1))
    if len(scores) == 0 or n_yes == 0 or n_no == 0 or np.ptp(scores) < _TINY:
        return 0.0, share
    # Platt's targets: what is seen n times of n is believed to n + 1 of n + 2.
    cautious = truth * (n_yes + 1) / (n_yes + 2) + (1 - truth) / (n_no + 2)
    scale = float(np.std(scores)) or 1.0
    features = np.column_stack([scores / scale, np.ones(len(scores))])
    found = _logistic(features, cautious, weights, start=np.array([0.0, share]))
    return (float(found[0] / scale), float(found[1])) if found[0] > 0 else (0.0, share)


def _logistic(features: Matrix, target: Matrix, weights: Weights, *, start: Matrix) -> Matrix:
    from scipy.optimize import minimize  # noqa: PLC0415 (kept off the web's import path)

    def loss(at: Matrix) -> tuple[float, Matrix]:
        z = features @ at
        value = float(weights @ (np.logaddexp(0, z) - target * z))
        return value, features.T @ (weights * (sigmoid(z) - target))

    def curvature(at: Matrix) -> Matrix:
        said = sigmoid(features @ at)
        matrix: Matrix = (features * (weights * said * (1 - said))[:, None]).T @ features
        return matrix

    found = minimize(loss, start, jac=True, hess=curvature, method="trust-exact")
    return np.asarray(found.x, dtype=np.float64)


def _decided(yes: Matrix) -> Matrix:
    return np.where(yes > 0.5, 1.0, np.where(yes < 0.5, 0.0, 0.5))


def _check(answered: Answered, strengths: Sequence[float]) -> None:
    n, k = answered.yes.shape
    if not answered.known.any():
        message = "No label of any image is known; answer at least one before fitting a head."
        raise EmptyLabeledSetError(message)
    sizes = {len(answered.embeddings), len(answered.weights), len(answered.groups), n}
    if len(sizes) > 1 or answered.known.shape != (n, k) or k != len(answered.label_order):
        message = f"shapes disagree: {sorted(sizes)} rows, {answered.known.shape} known cells, "
        raise ValueError(message + f"{len(answered.label_order)} labels for {k} columns")
    cells = answered.yes[answered.known]
    if not ((cells >= 0) & (cells <= 1)).all():
        message = "a known cell is no probability: it must lie between 0 and 1"
        raise ValueError(message)
    if not strengths or min(strengths) <= 0 or answered.weights.min() <= 0:
        message = "ridge strengths and weights must be greater than 0"
        raise ValueError(message)
