"""What every head can do, the linear one that serves and the challengers of other kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ml.evaluation import splits
from ml.evaluation.metrics import log_loss
from ml.heads import ridge
from ml.heads.calibration import decided
from ml.types import LabeledSet

if TYPE_CHECKING:
    import numpy.typing as npt

    from ml.types import Embeddings, Groups, Head, Indices, Probabilities, Weights

FOLDS = 5
MIN_TARGET = 0.02
"""Below this share a soft target adds no row of its own to heads that know certain labels only."""


class Classifier(Protocol):
    """A fitted head of any kind."""

    def probabilities(self, embeddings: Embeddings) -> Probabilities:
        """Give the (n, k) probabilities of raw (n, d) embeddings, in the order of the labels."""


@dataclass(frozen=True, slots=True)
class Unlabeled:
    """Images of the pool without an answer: (m, d) raw embeddings and (m,) split groups."""

    embeddings: Embeddings
    groups: Groups


class FitHead(Protocol):
    """Fit a head; only some ask for the unlabeled pool or for chance."""

    def __call__(
        self, labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
    ) -> Classifier:
        """Fit on n >= 1 labeled rows."""


@dataclass(frozen=True, slots=True)
class Linear:
    """The linear head as a classifier."""

    head: Head

    def probabilities(self, embeddings: Embeddings) -> Probabilities:
        """Give calibrated probabilities."""
        return ridge.predict(self.head, embeddings)


@dataclass(frozen=True, slots=True)
class Standard:
    """Prepared rows with every column at mean 0 and deviation 1 on the labeled rows."""

    centre: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]

    @classmethod
    def of(cls, embeddings: Embeddings) -> Standard:
        """Measure (n, d) raw rows; a column that never changes is only shifted."""
        centre = embeddings.mean(axis=0, dtype=np.float64)
        rows = ridge.prepare(embeddings, centre).astype(np.float64)
        deviation = rows.std(axis=0)
        return cls(centre, rows.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def rows(self, embeddings: Embeddings) -> npt.NDArray[np.float64]:
        """Give the (n, d) standardised rows."""
        prepared = ridge.prepare(embeddings, self.centre).astype(np.float64)
        scaled: npt.NDArray[np.float64] = (prepared - self.mean) / self.deviation
        return scaled


def certain_rows(labeled: LabeledSet) -> tuple[Indices, Indices, Weights]:
    """Give rows, columns and weights of soft targets as certain ones: a row for each label of it.

    Weights are balanced as for the ridge, and each row's sum to what it weighs, less the shares
    below 2 %.
    """
    rows, columns = np.nonzero(labeled.targets >= MIN_TARGET)
    weights = ridge.balanced(labeled.weights, labeled.targets)
    return rows, columns, weights[rows] * labeled.targets[rows, columns]


def some(labeled: LabeledSet, rows: npt.NDArray[np.bool_]) -> LabeledSet:
    """Give the rows marked in (n,)."""
    return LabeledSet(
        labeled.image_ids[rows], labeled.embeddings[rows], labeled.targets[rows],
        labeled.weights[rows], labeled.groups[rows], labeled.label_order,
    )  # fmt: skip


def out_of_group_loss(
    fit: FitHead, labeled: LabeledSet, *, unlabeled: Unlabeled | None, rng: np.random.Generator
) -> float:
    """Give the weighted log-loss of every row by a head fitted without its fold of split groups.

    Unlabeled images of the left-out groups are left out with them. Infinite with fewer than
    `FOLDS` groups: nothing is known then.
    """
    if len(np.unique(labeled.groups)) < FOLDS:
        return float("inf")
    fold_of = splits.group_folds(labeled.groups, FOLDS, rng)
    said = np.full(labeled.targets.shape, 1.0 / labeled.targets.shape[1])
    for fold in range(FOLDS):
        out = fold_of == fold
        pool = unlabeled and _without(unlabeled, labeled.groups[out])
        fitted = fit(some(labeled, ~out), unlabeled=pool, rng=rng)
        said[out] = fitted.probabilities(labeled.embeddings[out])
    return log_loss(decided(labeled.targets), said, labeled.weights)


def _without(unlabeled: Unlabeled, groups: Groups) -> Unlabeled:
    kept = ~np.isin(unlabeled.groups, groups)
    return Unlabeled(unlabeled.embeddings[kept], unlabeled.groups[kept])
