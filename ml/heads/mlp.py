"""A small neural network (scikit-learn) on standardised rows: a challenger where labels are many.

Below about twenty labels a class it loses to the ridge (`methods.md` §3.2).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ml.heads.classifier import Standard, certain_rows

if TYPE_CHECKING:
    from ml.heads.classifier import Unlabeled
    from ml.types import Embeddings, Indices, LabeledSet, Probabilities

HIDDEN = 256
PENALTY = 1.0
MOST_EPOCHS = 60


@dataclass(frozen=True, slots=True)
class Network:
    """A fitted network; labels it has not seen get probability 0."""

    standard: Standard
    model: Any
    seen: Indices
    k: int

    def probabilities(self, embeddings: Embeddings) -> Probabilities:
        """Give its probabilities."""
        said = np.zeros((len(embeddings), self.k))
        if len(self.seen) == 1:
            said[:, self.seen] = 1.0
        elif len(embeddings):
            said[:, self.seen] = self.model.predict_proba(self.standard.rows(embeddings))
        return said


def fit_mlp(
    labeled: LabeledSet, *, unlabeled: Unlabeled | None = None, rng: np.random.Generator
) -> Network:
    """Fit one hidden layer of 256 by Adam.

    Args:
        labeled: as for `ridge.fit_ridge`.
        unlabeled: not used.
        rng: draws the first weights and the order of the rows.
    """
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415 (two seconds)

    rows, columns, weights = certain_rows(labeled)
    standard, seen = Standard.of(labeled.embeddings), np.unique(columns)
    model = MLPClassifier(
        hidden_layer_sizes=(HIDDEN,),
        alpha=PENALTY,
        max_iter=MOST_EPOCHS,
        n_iter_no_change=MOST_EPOCHS,  # a fixed number of epochs: no warning, no luck
        tol=0.0,
        random_state=int(rng.integers(2**31)),
    )
    if len(seen) > 1:
        x = standard.rows(labeled.embeddings)[rows]
        _fit_quietly(model, x, columns, weights)
    return Network(standard, model, seen, labeled.targets.shape[1])


def _fit_quietly(model: Any, x: Any, columns: Indices, weights: Any) -> None:
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are the plan
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        model.fit(x, columns, sample_weight=weights)
