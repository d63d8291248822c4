"""From scores to probabilities that can be trusted, and the bar above which to accept them.

Everything here is fitted on leave-group-out scores; nothing ever sees the audit slice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import yes_or_no
from ml.evaluation.metrics import log_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.types import Head, Labels, Probabilities, Weights

TEMPERATURES: tuple[float, ...] = tuple(float(t) for t in np.geomspace(1.0, 40.0, 33))
"""The grid searched by default (`methods.md` §3.2): factor 1.12 between neighbours."""

NOTHING_ACCEPTED = 2.0
"""The threshold that no probability reaches: JSON can carry it, unlike infinity."""


def softmax(scores: npt.NDArray[np.float64], temperature: float = 1.0) -> Probabilities:
    """Turn (n, k) scores into probabilities; `temperature` multiplies the scores.

    A higher temperature makes the rows sharper (the convention of `ml.types.Head`).
    """
    sharpened = temperature * np.asarray(scores, dtype=np.float64)
    sharpened -= sharpened.max(axis=1, keepdims=True)
    np.exp(sharpened, out=sharpened)
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    return sharpened


def calibrated(head: Head, scores: npt.NDArray[np.float64]) -> Probabilities:
    """Turn a head's (n, k) linear scores into probabilities.

    They sum to 1 by row, or with several labels an image each stands for itself.
    """
    if head.several is None:
        return softmax(scores, head.temperature)
    return yes_or_no.probabilities(head.several, scores)


def decided(targets: Probabilities) -> Probabilities:
    """Round (n, k) soft targets to certainty where one label has more than half.

    Heads are fitted on the soft targets, but checked and calibrated against these: how soft a
    posterior of one vote is rests on an assumed skill, and with 0.85 for annotators who are in
    truth right 99 times of 100 the probabilities came out 12 to 19 points too low.
    """
    top = targets.argmax(axis=1)
    is_decided = targets[np.arange(len(top)), top] > 0.5
    return np.where(is_decided[:, None], np.eye(targets.shape[1])[top], targets)


def label_of_each(targets: Probabilities) -> Labels:
    """Give the (n,) columns that have more than half; -1 where none has."""
    top = targets.argmax(axis=1)
    found: Labels = np.where(targets[np.arange(len(top)), top] > 0.5, top, -1)
    return found


def choose_temperature(
    scores: npt.NDArray[np.float64],
    targets: Probabilities,
    weights: Weights,
    *,
    temperatures: Sequence[float] = TEMPERATURES,
) -> tuple[float, float]:
    """Choose the temperature with the lowest weighted log-loss on held-out scores.

    Where the held-out rows are all right, their loss falls for ever and the sharpest temperature
    would claim a certainty that n rows cannot show. So the choice is made against targets that
    give 1 / (n + 2) of each row to all labels alike, what one more row might say.

    The loss is convex in the temperature, so the sorted grid is searched by bisection on the
    sign of the slope: about six evaluations instead of one a grid point.

    Args:
        scores: (n, k) of rows that the head did not see.
        targets: (n, k), rows sum to 1.
        weights: (n,) positive.
        temperatures: greater than 0, at least one.

    Returns:
        The temperature and the log-loss of the targets as they are.

    Source: the correction of Platt 1999, "Probabilistic Outputs for Support Vector Machines".
    """
    grid = sorted(temperatures)
    n, k = targets.shape
    cautious = targets + (1 / k - targets) / (n + 2)
    losses: dict[int, float] = {}

    def loss(at: int) -> float:
        if at not in losses:
            losses[at] = log_loss(cautious, softmax(scores, grid[at]), weights)
        return losses[at]

    low, high = 0, len(grid) - 1
    while low < high:
        middle = (low + high) // 2
        if loss(middle) <= loss(middle + 1):
            high = middle
        else:
            low = middle + 1
    return grid[low], log_loss(targets, softmax(scores, grid[low]), weights)


def acceptance_threshold(
    out_of_group: Probabilities,
    targets: Probabilities,
    weights: Weights,
    *,
    target_accuracy: float = 0.9,
    min_rows: int = 10,
) -> float:
    """Give the smallest top-1 probability at which accepted rows are accurate enough.

    A row is accepted where its highest probability is at or above the threshold; it is right
    where its predicted label is the most likely one of its target. Rows with one and the same
    probability are accepted together. Where the rows were chosen because they are hard
    (margin), the bar comes out stricter than ordinary images need: safe, and lower again if
    only rows of the random arm are given.

    Args:
        out_of_group: (n, k) calibrated leave-group-out probabilities.
        targets: (n, k), rows sum to 1.
        weights: (n,) positive.
        target_accuracy: wanted share of right answers among accepted rows, in (0, 1].
        min_rows: a bar met by fewer accepted rows is luck, not evidence, and does not count.

    Returns:
        A probability in (0, 1], or `NOTHING_ACCEPTED` (2.0) where no bar reaches the target.
    """
    predicted = out_of_group.argmax(axis=1) if len(out_of_group) else np.empty(0, dtype=np.int64)
    top = out_of_group[np.arange(len(predicted)), predicted]
    is_right = targets.argmax(axis=1) == predicted if len(predicted) else np.empty(0, dtype=bool)
    return lowest_bar(top, is_right, weights, target=target_accuracy, min_rows=min_rows)


def group_threshold(
    out_of_group: Probabilities,
    targets: Probabilities,
    weights: Weights,
    groups: Sequence[Sequence[int]],
    *,
    threshold: float,
    target_accuracy: float = 0.9,
    min_rows: int = 10,
) -> float:
    """Give the smallest sum over a group's labels at which the group is right often enough.

    Judged on the rows of which no label is said, as a group is said of no others; right where the
    most likely label of the target is in the group with the largest sum. Never below one half.
    Above `threshold` only where rows say so: calibrated labels sum to 1, so it holds for groups as
    well until `min_rows` rows that reach it are right less often than `target_accuracy`. Where no
    higher bar is met either, no group is said (`NOTHING_ACCEPTED`).

    Args:
        out_of_group, targets, weights, target_accuracy, min_rows: as of `acceptance_threshold`.
        groups: columns of each group, at least one group.
        threshold: at or above which a label is said.
    """
    rows = np.flatnonzero(out_of_group.max(axis=1, initial=0.0) < threshold)
    sums = np.column_stack([out_of_group[rows][:, list(one)].sum(axis=1) for one in groups])
    member = np.zeros((out_of_group.shape[1], len(groups)), dtype=bool)
    for place, columns in enumerate(groups):
        member[list(columns), place] = True
    best = sums.argmax(axis=1)
    most = sums[np.arange(len(rows)), best]
    is_right = member[targets[rows].argmax(axis=1), best]
    likely = most >= 0.5
    bar = lowest_bar(
        most[likely],
        is_right[likely],
        weights[rows][likely],
        target=target_accuracy,
        min_rows=min_rows,
    )
    says_otherwise = np.count_nonzero(most[likely] >= threshold) >= min_rows
    return bar if says_otherwise else min(bar, threshold)


def lowest_bar(
    said: npt.NDArray[np.float64],
    is_right: npt.NDArray[np.bool_],
    weights: Weights,
    *,
    target: float,
    min_rows: int,
) -> float:
    """Give the lowest of (n,) probabilities at or above which a share `target` of rows is right.

    Rows with one and the same probability count together. `NOTHING_ACCEPTED` where no bar that at
    least `min_rows` rows meet reaches the target.
    """
    if len(said) == 0:
        return NOTHING_ACCEPTED
    order = np.argsort(-said, kind="stable")
    share = np.cumsum((weights * is_right)[order]) / np.cumsum(weights[order])
    is_last_of_tie = np.append(said[order][1:] < said[order][:-1], True)
    n_met = np.arange(1, len(said) + 1)
    where = np.flatnonzero((share >= target - 1e-12) & is_last_of_tie & (n_met >= min_rows))
    return float(said[order][where[-1]]) if len(where) else NOTHING_ACCEPTED
