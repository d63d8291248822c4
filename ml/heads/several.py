"""Heads of projects with several labels an image, in the words of every other head.

A target is the probability that the image shows the label, one half exactly where nobody was asked
about it. What a head says is judged label by label: yes above one half, no below.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.heads import sigmoid
from ml.heads.calibration import NOTHING_ACCEPTED
from ml.heads.ridge import STRENGTHS, Choice, FittedHead
from ml.types import Head, Sigmoids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ml.types import LabeledSet

    Matrix = npt.NDArray[np.float64]
    Reals = npt.NDArray[np.floating[Any]]
    Cells = npt.NDArray[np.bool_]

PRECISION = 0.9
"""What a label that is said is right by, where the project wishes for nothing else."""

_TINY = 1e-12
_NEVER = -20.0
"""Log-odds of a label that a head has never met."""


def known(targets: Reals) -> Cells:
    """Tell which (n, k) cells anybody was asked about."""
    return np.not_equal(targets, 0.5)


def shows(targets: Reals) -> Cells:
    """Tell which labels (n, k) targets or probabilities decide for."""
    return np.greater(targets, 0.5)


def fit(
    labeled: LabeledSet, *, precision: float = PRECISION, strengths: Sequence[float] = STRENGTHS
) -> FittedHead:
    """Fit a head that says yes or no to each label, with a threshold a label.

    Thresholds are the lowest at which the out-of-group rows above them are right by `precision`
    (`sigmoid.thresholds`). `FittedHead.log_loss` is that of whole answers: the sum over an image's
    known labels, averaged over images; infinite where all rows are of one split group.

    Args:
        labeled: `is_several`, n >= 1 rows, at least one known cell.
        precision: wanted share of right among the times a label is said, in (0, 1].
        strengths: ridge strengths to try.

    Raises:
        EmptyLabeledSetError, ValueError: as `sigmoid.fit_sigmoid`.
    """
    answered = _answered(labeled)
    fitted = sigmoid.fit_sigmoid(answered, strengths=strengths)
    head = fitted.head
    assert head.several is not None  # noqa: S101 - it was fitted for several labels
    bars = sigmoid.thresholds(fitted, answered, precision=precision)
    head = replace(head, several=replace(head.several, thresholds=bars))
    is_one = len(np.unique(labeled.groups)) == 1
    loss = math.inf if is_one else _mean_loss(labeled, fitted.out_of_group)
    choice = Choice(head.regularisation, head.temperature, head.centre, len(labeled.image_ids))
    return FittedHead(head, fitted.out_of_group, loss, fitted.log_losses, choice)


def losses(targets: Matrix, said: Matrix) -> Matrix:
    """Give the (n,) log-losses of whole answers, in nats: the sum over the known labels.

    Labels are independent questions to the head, so this is the log-loss of the set of labels.
    """
    truth = shows(targets)
    kept = np.clip(said, _TINY, 1 - _TINY)
    cells = -np.where(truth, np.log(kept), np.log1p(-kept))
    found: Matrix = np.where(known(targets), cells, 0.0).sum(axis=1)
    return found


def right(targets: Matrix, said: Matrix) -> Cells:
    """Tell which (n,) images are right in every known label."""
    is_right = (shows(targets) == shows(said)) | ~known(targets)
    found: Cells = is_right.all(axis=1)
    return found


def knowing_nothing(labeled: LabeledSet) -> float:
    """Give the log-loss of always saying each label by its share among the images asked."""
    asked = known(labeled.targets)
    n = (labeled.weights[:, None] * asked).sum(axis=0)
    share = (labeled.weights[:, None] * (asked & shows(labeled.targets))).sum(axis=0) + 1
    said = np.broadcast_to(share / (n + 2), labeled.targets.shape)
    return _mean_loss(labeled, said)


def can_teach(targets: Matrix) -> bool:
    """Tell whether some label is shown by some of (n, k) images and not by others."""
    asked, shown = known(targets), shows(targets)
    return bool(((asked & shown).any(axis=0) & (asked & ~shown).any(axis=0)).any())


def counts(targets: Reals) -> Matrix:
    """Give the (k,) numbers of images that show each label."""
    found: Matrix = shows(targets).sum(axis=0).astype(np.float64)
    return found


def lowest_threshold(head: Head) -> float:
    """Give the smallest probability at which any label is said."""
    if head.several is None or not len(head.several.thresholds):
        return NOTHING_ACCEPTED
    return float(head.several.thresholds.min())


def for_labels(head: Head, shares: Matrix, label_order: tuple[str, ...]) -> Head:
    """Give the head for other labels until it is fitted again.

    A label answers as the old one it came from, the one that gave it most where there are several
    (`kept.label_shares`); one that is new is never said.

    Raises:
        ValueError: the head is one for one label an image.
    """
    if head.several is None:
        message = "this head was fitted for one label an image; map it with ridge.for_labels"
        raise ValueError(message)
    source, is_new = shares.argmax(axis=0), ~shares.any(axis=0)
    old = head.several
    return replace(
        head,
        weights=np.where(is_new, 0.0, head.weights[:, source]),
        bias=np.where(is_new, 0.0, head.bias[source]),
        label_order=label_order,
        several=Sigmoids(
            np.where(is_new, 0.0, old.slope[source]),
            np.where(is_new, _NEVER, old.offset[source]),
            np.where(is_new, NOTHING_ACCEPTED, old.thresholds[source]),
        ),
    )


def _answered(labeled: LabeledSet) -> sigmoid.Answered:
    return sigmoid.Answered(
        embeddings=labeled.embeddings,
        yes=labeled.targets,
        known=known(labeled.targets),
        weights=labeled.weights,
        groups=labeled.groups,
        label_order=labeled.label_order,
    )


def _mean_loss(labeled: LabeledSet, said: Matrix) -> float:
    return float(np.average(losses(labeled.targets, said), weights=labeled.weights))
