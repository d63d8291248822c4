"""Pseudo-labels: images of the pool that the head is sure of teach it, where that is seen to help.

One round, at a third of an answer's weight, never below three labels of the median label, and only
where heads that had not seen a group say better of it with them than without (`methods.md` §3.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ml.heads import ridge
from ml.heads.classifier import Linear, Unlabeled, out_of_group_loss
from ml.heads.closed_form import label_of
from ml.types import LabeledSet

if TYPE_CHECKING:
    from ml.types import Head, Probabilities

SURE = 0.9
WEIGHT = 0.3
FEWEST_LABELS = 3
"""Of the median label seen."""

MOST_ROWS = 4000


def fit_pseudo(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
) -> Linear:
    """Fit with pseudo-labels where grouped folds say that they help, else without.

    Args:
        labeled: as for `ridge.fit_ridge`.
        unlabeled: images that may take a pseudo-label; never of the audit slice.
        rng: draws the folds.
    """
    plain = ridge.fit_ridge(labeled)
    counts = np.bincount(label_of(labeled.targets))
    if unlabeled is None or np.median(counts[counts > 0]) < FEWEST_LABELS:
        return Linear(plain.head)
    seed = int(rng.integers(2**31))
    losses = [
        out_of_group_loss(fit, labeled, unlabeled=unlabeled, rng=np.random.default_rng(seed))
        for fit in (_fit_plain, _fit_with)
    ]
    return Linear(plain.head) if losses[1] >= losses[0] else _with(labeled, plain.head, unlabeled)


def with_pseudo_labels(labeled: LabeledSet, head: Head, unlabeled: Unlabeled) -> LabeledSet:
    """Add the images that the head is at least 90 % sure of, the surest first, at most 4,000.

    Their split groups go with them: who leaves a group out leaves out what was guessed of it.
    """
    said = ridge.predict(head, unlabeled.embeddings)
    top = said.max(axis=1)
    order = np.argsort(-top, kind="stable")[:MOST_ROWS]
    sure = order[top[order] >= SURE]
    targets: Probabilities = np.eye(said.shape[1])[said[sure].argmax(axis=1)]
    return LabeledSet(
        image_ids=np.concatenate([labeled.image_ids, np.full(len(sure), -1)]),
        embeddings=np.concatenate([labeled.embeddings, unlabeled.embeddings[sure]]),
        targets=np.concatenate([labeled.targets, targets]),
        weights=np.concatenate([labeled.weights, np.full(len(sure), WEIGHT)]),
        groups=np.concatenate([labeled.groups, unlabeled.groups[sure]]),
        label_order=labeled.label_order,
    )


def _with(labeled: LabeledSet, head: Head, unlabeled: Unlabeled) -> Linear:
    """Fit at the head's own strength and temperature: guesses must not choose those."""
    rows = with_pseudo_labels(labeled, head, unlabeled)
    centre = rows.embeddings.mean(axis=0, dtype=np.float64)
    choice = ridge.Choice(head.regularisation, head.temperature, centre, len(rows.image_ids))
    return Linear(ridge.solve_as_chosen(rows, choice))


def _fit_plain(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
) -> Linear:
    return Linear(ridge.fit_ridge(labeled).head)


def _fit_with(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
) -> Linear:
    head = ridge.fit_ridge(labeled).head
    return Linear(head) if unlabeled is None else _with(labeled, head, unlabeled)
