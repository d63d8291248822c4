"""Another kind of linear head in the ridge's place, with the same evidence for it.

The ridge leaves every split group out in closed form. Other kinds are fitted once a fold of groups
instead: each row is still asked of a head that has not seen its group, which has seen a fifth less.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ml.evaluation import splits
from ml.heads import ridge
from ml.heads.calibration import choose_temperature, decided, softmax
from ml.heads.classifier import FOLDS, Linear, some
from ml.heads.registry import HEADS
from ml.heads.ridge import Choice, FittedHead

if TYPE_CHECKING:
    from collections.abc import Callable

    from ml.types import Head, LabeledSet

KINDS = ("logistic",)
"""Of `registry.HEADS`, those besides the ridge that are linear, and so can serve as they are."""

TEMPERATURES = tuple(float(t) for t in np.geomspace(0.1, 10.0, 41))
"""Around 1: what a regression says is a probability already, or nearly."""


class NotFoldableError(ValueError):
    """Fewer split groups than folds, or fewer than two labels: nothing could be checked."""


def fit(labeled: LabeledSet, kind: str, *, step: Callable[[], None] | None = None) -> FittedHead:
    """Fit a head of another kind on all rows, and one without each fold of split groups.

    The same rows give the same head and the same folds.

    Args:
        labeled: the rows.
        kind: one of `KINDS`.
        step: called before each of the `FOLDS` + 1 fits: they may take seconds.

    Raises:
        NotFoldableError: as named.
    """
    n_labels = len(np.unique(labeled.targets.argmax(axis=1)))
    if len(np.unique(labeled.groups)) < FOLDS or n_labels < 2:
        message = f"{FOLDS} groups of related pictures and two labels are needed to check a head"
        raise NotFoldableError(message)
    fold_of = splits.group_folds(labeled.groups, FOLDS, np.random.default_rng(0))
    scores = np.zeros(labeled.targets.shape)
    for fold in range(FOLDS):
        out = fold_of == fold
        head = _fit(some(labeled, ~out), kind, step)
        scores[out] = ridge.scores(head, labeled.embeddings[out])
    truth = decided(labeled.targets)
    temperature, loss = choose_temperature(
        scores, truth, labeled.weights, temperatures=TEMPERATURES
    )
    head = replace(_fit(labeled, kind, step), temperature=temperature)
    choice = Choice(head.regularisation, temperature, head.centre, len(labeled.image_ids))
    return FittedHead(
        head=head,
        out_of_group=softmax(scores, temperature),
        log_loss=loss,
        log_losses={head.regularisation: loss},
        choice=choice,
    )


def _fit(labeled: LabeledSet, kind: str, step: Callable[[], None] | None) -> Head:
    if step is not None:
        step()
    fitted = HEADS[kind](labeled, unlabeled=None, rng=np.random.default_rng(0))
    if not isinstance(fitted, Linear):
        message = f"a head of kind {kind!r} is not linear and cannot serve"
        raise TypeError(message)
    return fitted.head
