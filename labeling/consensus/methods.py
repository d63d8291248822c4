"""Ways from many votes to posteriors, behind one contract; ours is "larder"."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from labeling.consensus import crowd
from labeling.consensus.em import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from labeling.consensus.em import VoteTable

    Matrix = npt.NDArray[np.float64]

MAX_STEPS = 100
TOLERANCE = 1e-5
_SMALLEST = 1e-10


class Method(Protocol):
    """From the votes of a table to (m, k + 1) posteriors, rows sum to 1.

    `probabilities` are a classifier's (m, k), used by those that can; `rng` breaks ties. Known
    images come back one-hot, images without a vote and without a classifier even.
    """

    def __call__(
        self,
        table: VoteTable,
        n_outcomes: int,
        probabilities: Matrix | None = None,
        *,
        rng: np.random.Generator,
    ) -> Matrix:
        """Aggregate."""


def majority(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
) -> Matrix:
    """Give each outcome its share of the votes; the rng leans ties by less than 1e-6."""
    counts = vote_counts(table, n_outcomes)
    leaned = counts + 1e-6 * rng.random(counts.shape) * (counts > 0)
    leaned[counts.sum(axis=1) == 0] = 1.0
    return _with_known(leaned / leaned.sum(axis=1, keepdims=True), table)


def one_coin(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
) -> Matrix:
    """Give every annotator one chance to be right; errors spread evenly. EM from vote shares.

    Source: Dawid & Skene 1979 with one parameter an annotator (Zhang et al. 2014).
    """
    size = int(table.annotator.max()) + 1 if len(table.annotator) else 0
    n_votes = np.maximum(np.bincount(table.annotator, minlength=size), 1)

    def words(q: Matrix) -> Matrix:
        hits = np.bincount(table.annotator, q[table.image, table.label], minlength=size)
        skill = np.clip(hits / n_votes, _SMALLEST, 1 - _SMALLEST)[table.annotator]
        return _spread(table, q.shape, np.log(skill) - np.log((1 - skill) / (n_outcomes - 1)))

    return _expectation_maximisation(table, n_outcomes, words)


def dawid_skene(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
    smoothing: float = 0.01,
) -> Matrix:
    """Give every annotator a full confusion matrix. EM from vote shares.

    Source: Dawid & Skene 1979, "Maximum Likelihood Estimation of Observer Error-Rates".
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 (kept off the web's import path)

    key = table.annotator.astype(np.int64) * n_outcomes + table.label
    pairs, pair_of = np.unique(key, return_inverse=True)
    author = pairs // n_outcomes
    ones = np.ones(len(key))
    votes = csr_array((ones, (table.image, pair_of)), shape=(table.n_images, len(pairs)))
    cast = votes.T.tocsr()

    def words(q: Matrix) -> Matrix:
        counts = cast @ q + smoothing  # (pairs, k + 1)
        totals = np.full((int(author.max(initial=-1)) + 1, n_outcomes), smoothing * n_outcomes)
        np.add.at(totals, author, counts - smoothing)
        share = counts / np.maximum(totals, _SMALLEST)[author]
        return np.asarray(votes @ np.log(np.maximum(share, 1e-300)))

    return _expectation_maximisation(table, n_outcomes, words)


def glad(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
    steps: int = 25,
) -> Matrix:
    """Give annotators an ability and images a difficulty: P(right) = sigmoid(ability * exp(ease)).

    Errors spread evenly; normal priors of mean 1 and spread 1 on both. EM, the M-step by L-BFGS.

    Source: Whitehill et al. 2009, "Whose Vote Should Count More".
    """
    from scipy.optimize import minimize  # noqa: PLC0415 (kept off the web's import path)

    size = int(table.annotator.max()) + 1 if len(table.annotator) else 0
    free = np.ones(size + table.n_images)
    even = np.full(n_outcomes, 1.0 / n_outcomes)
    q = _shares(table, n_outcomes)
    for _ in range(steps):
        right = q[table.image, table.label]
        free = minimize(
            _glad_loss, free, args=(table, right, size), jac=True, method="L-BFGS-B",
            options={"maxiter": 15},
        ).x  # fmt: skip
        strength = free[:size][table.annotator] * np.exp(free[size:])[table.image]
        gain = strength + np.log(n_outcomes - 1)  # log sigmoid(s) - log((1 - sigmoid(s)) / k)
        before = q
        q = _posterior(_spread(table, q.shape, gain), even, table)
        if np.abs(q - before).max(initial=0.0) < TOLERANCE:
            break
    return q


def _glad_loss(free: Matrix, table: VoteTable, right: Matrix, size: int) -> tuple[float, Matrix]:
    ability, ease = free[:size], np.clip(free[size:], -20, 20)
    scale = np.exp(ease)[table.image]
    strength = ability[table.annotator] * scale
    log_right, log_wrong = -np.logaddexp(0, -strength), -np.logaddexp(0, strength)
    loss = -(right * log_right + (1 - right) * log_wrong).sum() + ((free - 1) ** 2).sum() / 2
    slope = np.exp(log_right) - right  # of the loss by strength
    gradient = free - 1
    gradient[:size] += np.bincount(table.annotator, slope * scale, minlength=size)
    gradient[size:] += np.bincount(table.image, slope * strength, minlength=len(ease))
    return float(loss), gradient


def crowdlab(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
) -> Matrix:
    """Average the classifier and the votes, each by its agreement. Closed form.

    Weights are 1 - error / (error of the commonest answer), at least 0: an annotator's error is
    their disagreement with the others on images they share, the classifier's its disagreement with
    the majority there, times the root of the mean number of votes. A vote is worth the mean
    agreement on the answer given; the rest is spread evenly.

    Source: Goh, Tkachenko & Mueller 2022, "CROWDLAB" (arXiv 2210.06812).
    """
    counts = vote_counts(table, n_outcomes)
    n_votes = counts.sum(axis=1)
    weights, agreement = agreement_weights(table, counts)
    vote = weights[table.annotator] if len(table.annotator) else np.zeros(0)
    rest: float = (1 - agreement) / (n_outcomes - 1)
    total: Matrix = np.asarray(np.bincount(table.image, vote, table.n_images), dtype=np.float64)
    mass = _spread(table, counts.shape, vote * (agreement - rest)) + (total * rest)[:, None]
    if probabilities is not None:
        model = classifier_weight(table, counts, probabilities, n_votes)
        mass += model * crowd.with_none(probabilities)
        total = total + model
    is_weighed = total > _SMALLEST
    q = np.where(is_weighed[:, None], mass, _shares(table, n_outcomes))
    return _with_known(q / q.sum(axis=1, keepdims=True), table)


def larder(
    table: VoteTable,
    n_outcomes: int,
    probabilities: Matrix | None = None,
    *,
    rng: np.random.Generator,
) -> Matrix:
    """Shrink every annotator to what all share, with the classifier as a capped prior (`em`)."""
    if probabilities is not None:
        table = replace(table, priors=probabilities.astype(np.float32))
    n_annotators = int(table.annotator.max()) + 1 if len(table.annotator) else 0
    found = sweep(
        table,
        n_outcomes=n_outcomes,
        n_annotators=n_annotators,
        start=crowd.start_pool(n_outcomes),
        max_steps=30,
    )
    return found.posteriors.astype(np.float64)


METHODS: Mapping[str, Method] = {
    "majority": majority,
    "one_coin": one_coin,
    "dawid_skene": dawid_skene,
    "glad": glad,
    "crowdlab": crowdlab,
    "larder": larder,
}


def vote_counts(table: VoteTable, n_outcomes: int) -> Matrix:
    """Count (m, k + 1) votes by image and outcome."""
    return _spread(table, (table.n_images, n_outcomes), np.ones(len(table.image)))


def agreement_weights(table: VoteTable, counts: Matrix) -> tuple[Matrix, float]:
    """Give CROWDLAB's (a,) weights of annotators and the mean agreement on the answer given.

    An annotator who shares no image with anybody has the weight of the average.
    """
    size = int(table.annotator.max()) + 1 if len(table.annotator) else 0
    n_votes = counts.sum(axis=1)
    others = n_votes[table.image] - 1
    like = counts[table.image, table.label] - 1
    is_shared = others > 0
    if not is_shared.any():
        return np.ones(size), 0.85
    by = table.annotator[is_shared]
    seen = np.bincount(by, others[is_shared], minlength=size)
    agreed = np.bincount(by, like[is_shared], minlength=size)
    mean = float(agreed.sum() / seen.sum())
    error = 1 - np.where(seen > 0, agreed / np.maximum(seen, 1), mean)
    several = counts[n_votes > 1]
    agreement = float((several.max(axis=1) / several.sum(axis=1)).mean())
    weights = np.maximum(0.0, 1 - error / commonest_error(counts))
    return np.maximum(weights, _SMALLEST * 10), min(max(agreement, 0.01), 0.99)


def classifier_weight(
    table: VoteTable, counts: Matrix, probabilities: Matrix, n_votes: Matrix
) -> float:
    """Give CROWDLAB's weight of the classifier."""
    rows = np.flatnonzero(n_votes > 1)
    if not len(rows):
        rows = np.flatnonzero(n_votes > 0)
    if not len(rows):
        return 1.0
    error = (probabilities[rows].argmax(axis=1) != counts[rows].argmax(axis=1)).mean()
    voted = n_votes[n_votes > 0]
    return float(max(0.0, 1 - error / commonest_error(counts)) * np.sqrt(voted.mean()))


def commonest_error(counts: Matrix) -> float:
    """Give the disagreement of the commonest answer with the majority of each image."""
    voted = counts[counts.sum(axis=1) > 0].argmax(axis=1)
    if not len(voted):
        return 1.0
    return max(1.0 - float(np.bincount(voted).max()) / len(voted), 0.01)


def _expectation_maximisation(
    table: VoteTable, n_outcomes: int, words: Callable[[Matrix], Matrix]
) -> Matrix:
    q = _shares(table, n_outcomes)
    has_vote = np.bincount(table.image, minlength=table.n_images) > 0
    for _ in range(MAX_STEPS):
        frequency = (q[has_vote].sum(axis=0) + _SMALLEST) / (has_vote.sum() + 1e-9)
        before = q
        q = _posterior(words(q), frequency, table)
        if np.abs(q - before).max(initial=0.0) < TOLERANCE:
            break
    return q


def _posterior(words: Matrix, frequency: Matrix, table: VoteTable) -> Matrix:
    return _with_known(crowd.normalised(words + np.log(frequency)), table)


def _spread(table: VoteTable, shape: tuple[int, ...], values: Matrix) -> Matrix:
    """Add one value a vote into an (m, k + 1) table."""
    flat = table.image.astype(np.int64) * shape[1] + table.label
    summed = np.bincount(flat, values, minlength=shape[0] * shape[1])
    return np.asarray(summed.reshape(shape), dtype=np.float64)


def _shares(table: VoteTable, n_outcomes: int) -> Matrix:
    counts = vote_counts(table, n_outcomes)
    counts[counts.sum(axis=1) == 0] = 1.0
    return _with_known(counts / counts.sum(axis=1, keepdims=True), table)


def _with_known(q: Matrix, table: VoteTable) -> Matrix:
    rows = np.flatnonzero(table.known >= 0)
    q[rows] = 0.0
    q[rows, table.known[rows]] = 1.0
    return q
